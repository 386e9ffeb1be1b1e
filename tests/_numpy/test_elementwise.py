"""The short way of small arrays gives what the long way gives; the long way reads anything."""

import dataclasses
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import binary_cross_entropy_with_logits
from companion._numpy import elementwise
from companion._numpy.binary import LOGITS
from companion._numpy.blockwise import BLOCK
from companion._numpy.elementwise import evaluate_elementwise
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE
from tests.tables.losses import LOSSES, draw

PLAIN = [loss for loss in LOSSES if not loss.options]
EVERY_WANT = pytest.mark.parametrize("want", [VALUE, GRADIENT, HESSIAN, BOTH], ids="+".join)


def evaluate(loss, want, first, labels, reduction, weight=None):
    return evaluate_elementwise(loss.formula, want, first, labels, weight, reduction, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "batchmean"])
@pytest.mark.parametrize("loss", PLAIN, ids=str)
@EVERY_WANT
@given(seed=st.integers(0, 2**32 - 1), shape=st.lists(st.integers(1, 9), min_size=1, max_size=3))
def test_small_plain_arrays_give_what_a_weight_of_one_gives(
    want, loss, reduction, dtype, seed, shape
):
    first, labels, _ = (array.astype(dtype) for array in draw(loss, shape, seed))
    short = evaluate(loss, want, first, labels, reduction)
    long = evaluate(loss, want, first, labels, reduction, weight=1)
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
        assert type(one) is type(other)


@EVERY_WANT
@pytest.mark.parametrize("size", [1, 1000, BLOCK, BLOCK + 1])
def test_short_way_is_taken_up_to_one_block(size, want, monkeypatch):
    calls = []

    def watched(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    original = elementwise.evaluate
    monkeypatch.setattr(elementwise, "evaluate", watched)
    evaluate(PLAIN[1], want, np.zeros(size), np.ones(size), "mean")
    assert len(calls) == (size > BLOCK)


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


@pytest.mark.parametrize("loss", PLAIN, ids=str)
def test_small_arrays_are_left_as_they_were_and_results_are_new(loss):
    first, labels, _ = draw(loss, (3, 4))
    first.flags.writeable = labels.flags.writeable = False
    before = first.copy(), labels.copy()
    results = evaluate(loss, BOTH, first, labels, "none")
    np.testing.assert_array_equal((first, labels), before)
    for result in results:
        assert not np.shares_memory(result, first)
        assert not np.shares_memory(result, labels)
        assert result.shape == first.shape
        assert result.flags.c_contiguous


@pytest.mark.parametrize("loss", PLAIN, ids=str)
@pytest.mark.parametrize("bad", [1.5, -1e-300, np.nan, np.inf, -np.inf])
def test_small_arrays_are_checked_with_the_place_of_the_culprit(loss, bad):
    first, labels, _ = draw(loss, (3, 4))
    labels[1, 2] = bad
    with pytest.raises(ValueError, match=r"labels: .* at index \(1, 2\) \(1 of 12 outside\)"):
        evaluate(loss, VALUE, first, labels, "mean")
    if loss.argument == "probabilities":
        with pytest.raises(ValueError, match=r"probabilities: .* at index \(1, 2\)"):
            evaluate(loss, VALUE, labels, first, "mean")


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


@pytest.mark.parametrize("spoilt", ["labels", "weight"])
def test_arguments_are_checked_before_the_arithmetic_starts(spoilt):
    def too_early(*args, **kwargs):
        raise AssertionError("the formula ran")

    formula = dataclasses.replace(LOGITS, fill=too_early)
    arguments = {"labels": np.zeros(BLOCK + 1), "weight": np.ones(BLOCK + 1)}
    arguments[spoilt][-1] = -1
    with pytest.raises(ValueError, match=rf"{spoilt}: .*-1\.0"):
        evaluate_elementwise(
            formula, VALUE, np.zeros(BLOCK + 1), **arguments, reduction="mean", workers=None
        )


def test_weighted_mean_keeps_the_digits_of_what_smoothing_leaves():
    # Label 1 weighs nothing, so that both sums count what its smoothing gives to the other answer
    z = np.array([2.0, -1.0])
    value = binary_cross_entropy_with_logits(
        z, np.ones(2), pos_weight=0, label_smoothing=1e-10, reduction="weighted_mean"
    )
    np.testing.assert_allclose(value, np.mean(np.log1p(np.exp(z))), rtol=1e-14)
