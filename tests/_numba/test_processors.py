"""The kernels keep their digits on processors without AVX-512 and without FMA.

The tests of this folder run again in processes whose compiler takes this one for another processor
(`make test-numba`).
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCURACY = ["arithmetic", "binary", "focal", "softmax", "categorical"]
PROGRAM = """
import numpy as np
from companion import binary_cross_entropy_with_logits_value_and_gradient, engine
engine.use("numba")
from companion._numba.blocks import run
binary_cross_entropy_with_logits_value_and_gradient(np.zeros(9), np.zeros(9))
print(*run.inspect_asm().values())
"""
x86_64 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="names processors of x86-64"
)


def like(processor, folder):
    """Return the environment of a process that compiles for a processor, its cache in a folder."""
    compiler = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": ""}
    return os.environ | compiler | {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}


@x86_64
@pytest.mark.parametrize("processor", ["haswell", "ivybridge"])
def test_accuracy_holds_on(processor, tmp_path):
    files = [f"tests/_numba/test_{name}.py" for name in ACCURACY]
    # What is compared with NumPy's, or with itself, says nothing of the digits
    digits = ["-k", "not of_numpy and not workers"]
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", *digits]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        env=like(processor, tmp_path),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@x86_64
@pytest.mark.parametrize(
    ("processor", "fused"), [("haswell", True), ("ivybridge", False)], ids=lambda value: str(value)
)
def test_code_has_the_instructions_of(processor, fused, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=like(processor, tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "%zmm" not in run.stdout
    assert "%ymm" in run.stdout  # vectors, as without them it would be slow
    assert ("vfmadd" in run.stdout) is fused
