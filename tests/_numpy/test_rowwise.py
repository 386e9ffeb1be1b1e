"""How a call is run: in blocks, with little memory, in float64, with the labels checked first."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from companion import engine
from companion._numpy.blockwise import BLOCK
from companion._numpy.categorical import LOGITS, PROBABILITIES
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE
from companion._numpy.rowwise import evaluate_rowwise

FORMULAS = {"logits": LOGITS, "probabilities": PROBABILITIES}


def evaluate(name, want, x, labels, weight=None, reduction="mean", workers=None):
    formula = FORMULAS[name] if isinstance(name, str) else name
    return evaluate_rowwise(formula, want, x, labels, weight, -1, reduction, workers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["logits", "probabilities"])
def test_extra_memory_is_a_few_mebibytes_whatever_the_size(name, workers, dtype):
    x = np.full((2_000_000, 3), 0.3, dtype)  # 45.8 MiB in float64
    labels = np.zeros(len(x), np.int8)
    evaluate(name, VALUE, x, labels, workers=workers)  # what compiles for it is not counted
    tracemalloc.start()
    try:
        evaluate(name, VALUE, x, labels, workers=workers)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < workers * 12 * BLOCK * 8 == workers * 6 * 2**20


def test_only_what_is_wanted_is_made():
    x, labels = np.zeros((4, 3)), np.zeros(4, int)
    for want, shapes in [
        (VALUE, [()]),
        (GRADIENT, [(4, 3)]),
        (HESSIAN, [(4, 3, 3)]),
        (BOTH, [(), (4, 3)]),
    ]:
        assert [np.shape(result) for result in evaluate("logits", want, x, labels)] == shapes


def test_labels_are_checked_before_the_arithmetic_starts():
    def too_early(*args):
        raise AssertionError("the formula ran")

    formula = dataclasses.replace(LOGITS, fill=too_early, kernel="none, so a compiled one fails")
    labels = np.zeros(BLOCK + 1, int)
    labels[-1] = 2
    with pytest.raises(IndexError, match=str(BLOCK)):
        evaluate(formula, VALUE, np.zeros((BLOCK + 1, 2)), labels)


def test_formula_without_a_kernel_runs_on_numpy_whatever_the_engine():
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    x, labels = rng.normal(0, 3, (500, 4)), rng.integers(0, 4, 500)
    formula = dataclasses.replace(LOGITS, fill=lambda x, *_: {"value": x[0] + 7}, kernel="")
    with engine.use("numba"):
        (value,) = evaluate(formula, VALUE, x, labels, reduction="none")
    np.testing.assert_array_equal(value, x[:, 0] + 7)


def test_arguments_are_left_as_they_were():
    x = np.random.default_rng(0).normal(size=(5, 3))
    labels, weight = np.full((5, 3), 0.25), np.arange(3.0)
    for array in (x, labels, weight):
        array.flags.writeable = False
    before = x.copy(), labels.copy(), weight.copy()
    evaluate("logits", BOTH, x, labels, weight, "weighted_mean")
    for array, copy in zip((x, labels, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)
