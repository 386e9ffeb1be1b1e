"""The first call of a kernel: in a fresh process, from the disk, in threads, without a disk.

Each test runs copies of the package in processes of their own (`make test-numba`).
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import companion
from companion import reference

CALL = """
import json, sys, threading
import numpy as np
from companion import binary_cross_entropy_with_logits, engine
engine.use("numba")
from companion._numba.blocks import run
logits, labels = np.array([-2.0, 40.0]), np.array([1.0, 0.25])
barrier, losses = threading.Barrier({threads}), []

def call():
    barrier.wait()
    losses.append(float(binary_cross_entropy_with_logits(logits, labels)))

threads = [threading.Thread(target=call) for _ in range({threads})]
for thread in threads: thread.start()
for thread in threads: thread.join()
hits, misses = (sum(count.values()) for count in run.stats[1:])
print(json.dumps([losses, run.stats.cache_path, hits, misses]))
"""


class Installation:
    """A copy of the package with a home of its own."""

    def __init__(self, folder):
        self.packages, self.home = folder / "site-packages", folder / "home"
        self.home.mkdir()
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(companion.__file__).parent, self.packages / "companion", ignore=skip)
        self.kernels = self.packages / "companion" / "_numba"

    def call(self, threads=1, **environment):
        """Return the losses of a new process, its cache, and how often it hit and missed that."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("NUMBA_", "XDG_", "PYTHON"))
        }
        places = {"HOME": str(self.home), "LOCALAPPDATA": str(self.home)}
        run = subprocess.run(
            [sys.executable, "-c", CALL.format(threads=threads)],
            env=kept | places | {"PYTHONPATH": str(self.packages)} | environment,
            cwd=self.home,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        losses, path, hits, misses = json.loads(run.stdout)
        return losses, path and Path(path), (hits, misses)

    def seal(self):
        """Let nothing be written beside the kernels, not even by the superuser."""
        (self.kernels / "__pycache__").write_text("a file where Numba wants a folder")
        for path in [*self.packages.rglob("*"), self.packages]:
            path.chmod(0o555 if path.is_dir() else 0o444)


posix = pytest.mark.skipif(sys.platform == "win32", reason="moves the user's folder by HOME")


@pytest.fixture
def installation(tmp_path):
    return Installation(tmp_path)


# mean of the losses of the two elements of CALL
EXACT = float(
    sum(
        reference.binary_cross_entropy_with_logits(logit, label)
        for logit, label in [(-2.0, 1.0), (40.0, 0.25)]
    )
    / 2
)


def assert_right(losses):
    np.testing.assert_allclose(losses, EXACT, rtol=1e-15)
    assert len(set(losses)) == 1


def test_second_process_compiles_nothing(installation):
    losses, path, counts = installation.call()
    assert_right(losses)
    assert path == installation.kernels / "__pycache__"
    assert counts == (0, 1)
    assert installation.call() == (losses, path, (1, 0))


def test_eight_threads_at_once_compile_once(installation):
    losses, _, counts = installation.call(threads=8)
    assert len(losses) == 8
    assert_right(losses)
    assert counts == (0, 1)


def test_four_processes_at_once_leave_a_whole_cache(installation):
    with ThreadPoolExecutor(4) as pool:
        for losses, _, _ in pool.map(lambda _: installation.call(), range(4)):
            assert_right(losses)
    losses, _, counts = installation.call()
    assert_right(losses)
    assert counts == (1, 0)


@pytest.mark.parametrize("module", ["arithmetic", "binary"])
def test_kernel_on_disk_is_not_used_once_any_module_has_changed(installation, module):
    right, _, _ = installation.call()
    path = installation.kernels / f"{module}.py"
    old, new = {
        "arithmetic": ("return multiply_add(-s,", "return multiply_add(s,"),
        "binary": ("value[i] = of_no if of_no > loss else loss", "value[i] = loss"),
    }[module]
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    wrong, _, counts = installation.call()
    assert counts == (0, 1)
    assert wrong != right


@posix
def test_read_only_installation_uses_the_cache_of_the_user(installation):
    installation.seal()
    losses, path, counts = installation.call()
    assert_right(losses)
    assert path.is_relative_to(installation.home)
    assert counts == (0, 1)
    assert installation.call() == (losses, path, (1, 0))


def test_read_only_installation_uses_the_folder_that_the_environment_names(installation, tmp_path):
    installation.seal()
    folder = tmp_path / "shared"
    losses, path, counts = installation.call(NUMBA_CACHE_DIR=str(folder))
    assert_right(losses)
    assert path.is_relative_to(folder)
    assert counts == (0, 1)
    assert installation.call(NUMBA_CACHE_DIR=str(folder)) == (losses, path, (1, 0))


@posix
def test_without_any_place_to_write_each_process_compiles(installation):
    installation.seal()
    blocked = installation.home / "a file, no folder"
    blocked.touch()
    nowhere = {"HOME": str(blocked), "LOCALAPPDATA": str(blocked), "XDG_CACHE_HOME": str(blocked)}
    for _ in range(2):
        losses, path, counts = installation.call(**nowhere)
        assert_right(losses)
        assert path is None
        assert counts == (0, 1)
