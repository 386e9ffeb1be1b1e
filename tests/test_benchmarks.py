"""The benchmarks run, find what is known, and say what they could not measure."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def accuracy(tmp_path_factory):
    path = tmp_path_factory.mktemp("accuracy") / "records.json"
    text = run("accuracy.py", "--points", 24, "--json", path)
    return text, json.loads(path.read_text(encoding="utf-8"))


def worst(records, **wanted):
    chosen = [r for r in records if all(r.get(key) == value for key, value in wanted.items())]
    assert chosen, wanted
    return max(r["ulp"] for r in chosen), max(r["lost"] for r in chosen)


@pytest.mark.parametrize(
    ("argument", "quantity", "dtype", "bound"),
    [
        ("logits", "value", "float64", 2),
        ("logits", "value", "float32", 3),
        ("logits", "value", "float16", 0.51),
        ("logits", "Hessian", "float64", 4),
        ("probabilities", "value", "float64", 2),
        ("probabilities", "gradient", "float64", 3),
        ("logits of 3 classes", "value", "float64", 2),
        ("logits of 3 classes", "gradient", "float64", 2.5),
    ],
)
def test_promises_of_the_docstrings_hold(accuracy, argument, quantity, dtype, bound):
    records = accuracy[1]["records"]
    wanted = {"argument": argument, "quantity": quantity, "dtype": dtype}
    ulp, lost = worst(records, **wanted, method="companion")
    assert ulp <= bound
    assert lost == 0


@pytest.mark.parametrize("method", ["PyTorch", "seeds: clip to 1e-7", "np.logaddexp(0, z) - zy"])
def test_peers_that_lose_all_digits_are_seen_losing_them(accuracy, method):
    wanted = {"argument": "logits", "quantity": "value", "dtype": "float64"}
    ulp, lost = worst(accuracy[1]["records"], **wanted, method=method)
    assert ulp > 1e14
    assert lost > 0


def test_tables_name_the_versions_and_what_is_missing(accuracy):
    text, stored = accuracy
    assert f"numpy {stored['versions']['numpy']}" in text
    assert "not installed, and so not measured:" in text
    assert "| companion " in text


OVER_CLASSES = "cross-entropy over classes"
NUMBA = {"companion, Numba", "companion, Numba, workers=2"}


def test_speed_measures_every_implementation_and_names_the_targets(tmp_path):
    path = tmp_path / "records.json"
    path.write_text('{"another machine": {"records": []}}')
    options = ["--seconds", 0, "--no-compile", "--no-memory", "--store", path]
    sizes = ["--sizes", 1000, "--rows", "256x5000", "--shapes", "16x10", "4x3x5"]
    text = run("speed.py", *sizes, *options)
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored.pop("another machine") == {"records": []}
    (measured,) = stored.values()
    assert measured["versions"]["numpy"] in text
    assert measured["date"] >= "2026"
    records = measured["records"]
    ours = {"companion", "companion, workers=2"} | (NUMBA if find_spec("numba") else set())
    for quantity in ("value", "value and gradient"):
        methods = {r["method"] for r in records if r["quantity"] == quantity}
        assert {"NumPy one-liner", "PyTorch, 1 threads", "torch twin, 1 threads"} | ours <= methods
    classes = {(r["size"], r["method"]) for r in records if r["quantity"] == OVER_CLASSES}
    assert classes == {(s, m) for s in ("16x10", "4x3x5") for m in ("PyTorch", "torch twin")}
    assert "N = 4 x 3 x 5, float32" in text
    assert all(r["nanoseconds"] > 0 for r in records)
    of_classes = {r["method"] for r in records if r["quantity"] == "value over classes"}
    assert of_classes >= {"NumPy one-liner", "SciPy, log_softmax", "PyTorch, 2 threads"} | ours
    assert "reached" in text or "missed" in text


def test_cross_entropy_over_classes_makes_one_tensor_of_the_logits_and_pytorch_three():
    quantity, shape = OVER_CLASSES, "1000x4000"  # 30.5 MiB in float64
    peaks = {
        name: float(run("speed.py", "--peak-of", quantity, name, "float64", shape).split()[-1])
        for name in ("PyTorch", "torch twin")
    }
    assert peaks["torch twin"] < 40 < 85 < peaks["PyTorch"]


COMPILED = """
import machine

machine.keep_compiled_apart()

import torch

x = torch.arange(256000, dtype=torch.float64).reshape(256, 1000) % 7
lowest = torch.compile(lambda x: torch.logsumexp(x, 1), dynamic=False)(x).min().item()
print(lowest, torch.logsumexp(x, 1).min().item())
"""


@pytest.mark.parametrize("vectors", ["all", "avx2"])
def test_code_that_pytorch_compiled_for_other_vectors_is_not_taken(vectors):
    environment = {key: value for key, value in os.environ.items() if "INDUCTOR" not in key}
    environment |= {"PYTHONPATH": str(BENCHMARKS), "OMP_NUM_THREADS": "1"}
    if vectors != "all":
        environment["ATEN_CPU_CAPABILITY"] = vectors
    command = [sys.executable, "-c", COMPILED]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    ours, theirs = map(float, result.stdout.split())
    assert ours == pytest.approx(theirs, rel=1e-12, abs=0)


def test_peak_is_that_of_the_temporaries():
    size = 4_000_000  # 30.5 MiB in float64
    peaks = {
        name: float(run("speed.py", "--peak-of", "value", name, "float64", size).split()[-1])
        for name in ("NumPy one-liner", "companion")
    }
    assert peaks["companion"] < 20 < 60 < peaks["NumPy one-liner"]
