"""Any arguments are read alike, checked before the arithmetic, and shared with nobody."""

import dataclasses
import threading

import numpy as np
import pytest

from companion import (
    binary_cross_entropy_gradient,
    binary_cross_entropy_with_logits,
    engine,
)
from companion._numpy.binary import LOGITS
from companion._numpy.blockwise import BLOCK
from companion._numpy.elementwise import evaluate_elementwise
from companion._numpy.formula import BOTH, VALUE
from tests.tables.engines import INSIDE_NUMPY
from tests.tables.losses import EVERY_WANT, PLAIN, draw, evaluate


@pytest.mark.parametrize("loss", PLAIN, ids=str)
@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[::2],
        lambda a: a.astype(">f8"),
        lambda a: a.astype(np.float16),
        lambda a: a.tolist(),
        lambda a: a[0, 0],
        lambda a: a[:0],
    ],
    ids=["transposed", "strided", "big endian", "float16", "list", "scalar", "empty"],
)
@EVERY_WANT
def test_all_other_arguments_give_what_a_weight_of_one_gives(want, view, loss):
    first, labels, _ = draw(loss, (4, 4))
    first, labels = np.round(first * 64) / 64, np.round(labels * 64) / 64  # exact in float16
    expected = evaluate(loss, want, np.array(view(first)), np.array(view(labels)), "sum", weight=1)
    results = evaluate(loss, want, view(first), view(labels), "sum")
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, other, strict=True)


def test_threads_share_nothing():
    loss = PLAIN[1]
    cases = [draw(loss, 500, seed) for seed in range(8)]
    expected = [evaluate(loss, BOTH, first, labels, "mean") for first, labels, _ in cases]
    wrong = []

    def work(case, right):
        for _ in range(200):
            value, gradient = evaluate(loss, BOTH, case[0], case[1], "mean")
            if value != right[0] or (gradient != right[1]).any():
                wrong.append(case)

    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(cases, expected, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("spoilt", [pytest.param("labels", marks=INSIDE_NUMPY), "weight"])
def test_arguments_are_checked_before_the_arithmetic_starts(spoilt):
    def too_early(*args, **kwargs):
        raise AssertionError("the formula ran")

    formula = dataclasses.replace(LOGITS, fill=too_early, kernel="none, so a compiled one fails")
    arguments = {"labels": np.zeros(BLOCK + 1), "weight": np.ones(BLOCK + 1)}
    arguments[spoilt][-1] = -1
    with pytest.raises(ValueError, match=rf"{spoilt}: .*-1\.0"):
        evaluate_elementwise(
            formula, VALUE, np.zeros(BLOCK + 1), **arguments, reduction="mean", workers=None
        )


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("place", [0, BLOCK, 9 * BLOCK])
@pytest.mark.parametrize("loss", PLAIN, ids=str)
def test_a_bad_label_of_many_is_found_with_its_place(loss, place, workers):
    first, labels, _ = draw(loss, 9 * BLOCK + 1, 0)
    for reduction in ("none", "mean"):
        for bad in (1.5, np.nan):
            spoilt = labels.copy()
            spoilt[place] = bad
            with pytest.raises(ValueError, match=rf"labels: .*{bad} at index {place} "):
                evaluate(loss, BOTH, first, spoilt, reduction, workers=workers)


def test_a_bad_label_is_found_beside_a_derivative_that_is_too_steep():
    p, labels = np.full(BLOCK + 1, 0.5), np.zeros(BLOCK + 1)
    p[0], labels[0], labels[1] = 0, 1, 2
    with pytest.raises(ValueError, match=r"labels: .*2\.0 at index 1 "):
        binary_cross_entropy_gradient(p, labels)


@pytest.mark.parametrize("weight", [None, 2.0])
def test_formula_without_a_kernel_runs_on_numpy_whatever_the_engine(weight):
    pytest.importorskip("numba")
    rng = np.random.default_rng(0)
    first, labels = rng.normal(0, 3, 500), rng.random(500)
    formula = dataclasses.replace(LOGITS, kernel="")
    results = []
    for name in ("numpy", "numba"):
        with engine.use(name):
            results += evaluate_elementwise(formula, VALUE, first, labels, weight, "none", None)
    np.testing.assert_array_equal(*results)


def test_weighted_mean_keeps_the_digits_of_what_smoothing_leaves():
    # Label 1 weighs nothing, so that both sums count what its smoothing gives to the other answer
    z = np.array([2.0, -1.0])
    value = binary_cross_entropy_with_logits(
        z, np.ones(2), pos_weight=0, label_smoothing=1e-10, reduction="weighted_mean"
    )
    np.testing.assert_allclose(value, np.mean(np.log1p(np.exp(z))), rtol=1e-14)
