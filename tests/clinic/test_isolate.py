"""In a child of its own a loss may hang, die, flood and fail: what it did comes back by name.

A child costs its import again. Each test says how long the whole may take: the budget, the time
that one silent call is waited for, and a start for each child.
"""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import companion
from companion.clinic import assert_healthy, diagnose, isolate
from companion.clinic.catalogue import BY_NAME
from companion.clinic.inference import declare
from companion.clinic.isolate import Place, in_a_child, load, place_of

LOGITS = declare(inputs="logits", labels="hard")
RIGHT = "np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))"


def write(tmp_path, body, name="loss.py"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"import numpy as np\n{body}\n", encoding="utf-8")
    return path


def ask(path, name="loss", budget=6.0, declared=LOGITS, **options):
    return in_a_child(Place(str(path), name), declared, {}, budget, **options)


def names(report):
    return [each.name for each in report.findings]


@pytest.mark.parametrize("name", ["hangs", "kills-the-process"])
def test_a_sick_example_is_named_and_its_mended_one_is_not(tmp_path, name):
    finding = BY_NAME[name]
    declared = declare(**finding.declared)
    sick, mended = (
        write(tmp_path, getattr(finding, kind), f"{kind}.py") for kind in ("sick", "mended")
    )
    report = ask(sick, declared=declared)
    assert names(report) == [name]
    assert "800.0" in report.findings[0].call
    assert ask(mended, declared=declared).ok


# Each is caught where it goes wrong, with that call.
LOSSES = {
    "os._exit": ("import os; os._exit(0)", "kills-the-process"),
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", "kills-the-process"),
    "a signal": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "kills-the-process"),
    "closed files": ("import os; os.closerange(3, 100)", "kills-the-process"),
    "a lock in C": ("import threading; lock = threading.Lock(); lock.acquire(); "
                    "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM}); "
                    "lock.acquire()", "hangs"),
    "sys.exit": ("raise SystemExit(3)", "overflow"),
    "input": ("input()", "overflow"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "name"), LOSSES.values(), ids=LOSSES)
def test_what_happens_far_out_is_named(tmp_path, statement, name):
    path = write(
        tmp_path,
        f"def loss(z, y):\n    if np.abs(z).max() > 300:\n        {statement}\n    return {RIGHT}",
    )
    report = ask(path)
    assert names(report)[:1] == [name], str(report)
    assert "800.0" in report.findings[0].call


def test_a_loss_that_dies_at_once_is_told(tmp_path):
    report = ask(write(tmp_path, "import os\ndef loss(z, y):\n    os._exit(1)"))
    assert names(report) == ["kills-the-process"]


def test_a_loss_that_dies_again_and_again_is_told_with_what_came_before(tmp_path):
    # Each size of batch is another question, so no answer covers another.
    path = write(
        tmp_path,
        "import os\ndef loss(z, y):\n"
        "    if np.size(z) not in (1, 5, 7):\n        os._exit(1)\n"
        f"    return 2 * {RIGHT}",
    )
    report = ask(path, budget=20.0)
    assert "kills-the-process" in names(report)
    assert "wrong-divisor" in names(report)
    assert report.not_tried


def test_floods_of_output_go_nowhere(tmp_path, capfd):
    path = write(
        tmp_path,
        "import os, sys\ndef loss(z, y):\n"
        "    os.write(1, b'x' * 100000); os.write(2, b'y' * 100000); print('z' * 1000)\n"
        f"    return {RIGHT}",
    )
    assert "prints" in names(ask(path))
    assert capfd.readouterr() == ("", "")


def test_the_whole_takes_little_longer_than_its_budget(tmp_path):
    path = write(
        tmp_path, f"import time\ndef loss(z, y):\n    time.sleep(0.05)\n    return {RIGHT}"
    )
    start = time.perf_counter()
    ask(write(tmp_path, f"def loss(z, y):\n    return {RIGHT}", "quick.py"))
    one_child = time.perf_counter() - start
    start = time.perf_counter()
    report = ask(path, budget=1.0)
    took = time.perf_counter() - start
    assert len(report.not_tried) > 3
    # Over the budget: one start and import, and the end of one call, which is waited for up to 2 s.
    assert took < 1.0 + 2.0 + 2 * one_child


def test_a_call_in_c_that_hangs_is_waited_for_once(tmp_path):
    path = write(tmp_path, LOSS_IN_C)
    start = time.perf_counter()
    report = ask(path, budget=4.0)
    took = time.perf_counter() - start
    assert names(report) == ["hangs"]
    # 2 s of silence, and two children; a second silence would make it 2 s more.
    assert took < 4.0 + 2.0 + 6.0


LOSS_IN_C = (
    "import signal, threading\n"
    "def loss(z, y):\n"
    "    if np.abs(z).max() > 300:\n"
    "        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})\n"
    "        threading.Event().wait()\n"
    f"    return {RIGHT}"
)


# What cannot be examined --------------------------------------------------------------------------

FAILURES = {
    "raises": ("raise ValueError('out of luck')", "ValueError: out of luck"),
    "has another name": ("def other(z, y):\n    return 1.0", "has no attribute 'loss'"),
    "a wrong import": ("import no_such_package_here", "No module named 'no_such_package_here'"),
    "exits": ("import sys; sys.exit('stop')", "SystemExit: stop"),
    "ends the process": ("import os; os._exit(1)", "kills the process"),
    "wrong syntax": ("def loss(:", "SyntaxError"),
    "no loss": ("loss = 3", "must be callable"),
}


@pytest.mark.parametrize(("body", "words"), FAILURES.values(), ids=FAILURES)
def test_a_file_that_cannot_be_imported_says_why(tmp_path, body, words):
    with pytest.raises(RuntimeError, match="could not be examined") as caught:
        ask(write(tmp_path, body))
    assert words in str(caught.value)


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="no file"):
        ask(tmp_path / "nothing.py")


def test_an_import_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(isolate, "_TO_START", 1.0)
    with pytest.raises(RuntimeError, match="hangs"):
        ask(write(tmp_path, "import time; time.sleep(600)"))


def test_a_child_that_dies_before_it_reads_its_order_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(isolate, "_PROGRAM", "import sys; sys.exit(1)")
    with pytest.raises(RuntimeError, match="kills the process"):
        ask(write(tmp_path, "loss = 3"))


# What a child has of its parent -------------------------------------------------------------------

PROBE = """
import os, sys, json
found = sorted(set(os.listdir("/proc/self/fd")) - {str(os.open("/proc/self/fd", os.O_RDONLY))})
open(__file__ + ".json", "w").write(json.dumps({
    "files": [os.readlink(f"/proc/self/fd/{n}") for n in found
              if os.path.exists(f"/proc/self/fd/{n}")],
    "input": sys.stdin.read(), "argv": sys.argv, "group": os.getpgid(0) == os.getpid(),
    "environment": [name for name in os.environ if "CLINIC" in name],
}))
def loss(z, y):
    return 1.0
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc")
def test_a_child_has_no_file_of_its_parent(tmp_path):
    secret = tmp_path / "secret"
    with secret.open("w") as stream:
        os.set_inheritable(stream.fileno(), True)
        path = write(tmp_path, PROBE)
        ask(path)
    found = json.loads((tmp_path / "loss.py.json").read_text())
    assert not any("secret" in name for name in found["files"])
    assert found["input"] == ""
    assert found["argv"] == ["-c"]
    assert found["environment"] == []
    assert found["group"]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups")
def test_what_a_loss_starts_ends_with_it(tmp_path):
    path = write(
        tmp_path,
        "import subprocess, sys\nfrom pathlib import Path\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "Path(__file__ + '.pid').write_text(str(child.pid))\n"
        f"def loss(z, y):\n    return {RIGHT}",
    )
    ask(path)
    pid = int((tmp_path / "loss.py.pid").read_text())
    for _ in range(50):
        state = subprocess.run(["ps", "-o", "stat=", str(pid)], capture_output=True, text=True)
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} is still there: {state.stdout}")


def test_no_zombie_and_no_thread_is_left(tmp_path, monkeypatch):
    path = write(tmp_path, f"def loss(z, y):\n    return {RIGHT}")
    started, start = [], subprocess.Popen

    def recorded(*arguments, **options):
        started.append(start(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", recorded)
    threads = threading.active_count()
    ask(path)
    assert len(started) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(started[0].pid, os.WNOHANG)
    for _ in range(100):
        if threading.active_count() == threads:
            break
        time.sleep(0.05)
    assert threading.active_count() == threads


def test_progress_counts_the_questions(tmp_path):
    seen = []
    report = ask(write(tmp_path, f"def loss(z, y):\n    return {RIGHT}"), progress=seen.append)
    assert seen == list(range(1, report.calls + 1))


# Where a loss is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "name"),
    [
        ("a/b.py:loss", "a/b.py", "loss"),
        ("package.module:Class.method", "package.module", "Class.method"),
        ("C:\\losses\\b.py:loss", "C:\\losses\\b.py", "loss"),
    ],
)
def test_a_place_is_read(text, where, name):
    assert Place.of(text) == Place(where, name)


@pytest.mark.parametrize("text", ["loss", "a.py:", ":loss", ""])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ValueError, match=r"expected file\.py:function"):
        Place.of(text)


@pytest.fixture
def imports(monkeypatch):
    """Keep the path and the modules of this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


CLASS = "class Holder:\n    @staticmethod\n    def loss(z, y):\n        return 2.5"
FILES = {
    "a file": ("one.py", "def loss(z, y):\n    return 2.5", "loss"),
    "a method": ("two.py", CLASS, "Holder.loss"),
    "a name that is taken": ("json.py", "def loss(z, y):\n    return 2.5", "loss"),
    "a name with a blank and a quote": ("it's one.py", "def loss(z, y):\n    return 2.5", "loss"),
    "a file of a package": ("pack/inner/three.py", "from ..beside import loss", "loss"),
}


@pytest.mark.usefixtures("imports")
@pytest.mark.parametrize(("path", "body", "name"), FILES.values(), ids=FILES)
def test_a_loss_is_loaded_and_its_setup_line_pastes(tmp_path, path, body, name):
    file = write(tmp_path, body, path)
    for folder in ("pack", "pack/inner"):
        if (tmp_path / folder).exists():
            (tmp_path / folder / "__init__.py").write_text("")
            (tmp_path / "pack/beside.py").write_text("def loss(z, y):\n    return 2.5")
    place = Place(str(file), name)
    assert load(place)(1, 1) == 2.5
    scope = {}
    exec(place.setup, scope)
    assert scope[place.short](1, 1) == 2.5
    assert json.loads("1") == 1


@pytest.mark.usefixtures("imports")
def test_a_module_is_loaded_by_its_name():
    place = Place("scipy.special", "expit")
    assert load(place)(0.0) == 0.5
    assert place.setup == "from scipy.special import expit"


def test_a_function_is_found_where_it_was_defined():
    assert place_of(np.mean) == Place("numpy", "mean")


@pytest.mark.parametrize("loss", [lambda z, y: 0.0, 3, None], ids=["lambda", "number", "None"])
def test_what_has_no_place_is_refused(loss):
    with pytest.raises(ValueError, match="can be imported"):
        place_of(loss)


def test_isolate_asks_a_function_of_a_package_and_the_gradient_that_it_returns():
    loss = companion.binary_cross_entropy_with_logits_value_and_gradient
    report = diagnose(
        loss, inputs="logits", reduction="mean", gradient="returned", isolate=True, budget=30
    )
    assert report.ok, str(report)
    assert "the gradient and its ends" in report.tried
    assert_healthy(
        companion.binary_cross_entropy, gradient=companion.binary_cross_entropy_gradient,
        inputs="probabilities", isolate=True, budget=30,
    )  # fmt: skip
