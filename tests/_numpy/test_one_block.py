"""The short way of small arrays gives what the long way gives, and checks as it does."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import engine
from companion._numpy import elementwise
from companion._numpy.blockwise import BLOCK
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE
from tests.tables.losses import EVERY_WANT, PLAIN, draw, evaluate


@pytest.mark.parametrize("loss", PLAIN, ids=str)
@EVERY_WANT
@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    reduction=st.sampled_from(["none", "sum", "mean", "batchmean"]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_small_plain_arrays_give_what_a_weight_of_one_gives(
    want, loss, reduction, dtype, seed, shape
):
    first, labels, _ = (array.astype(dtype) for array in draw(loss, shape, seed))
    short = evaluate(loss, want, first, labels, reduction)
    long = evaluate(loss, want, first, labels, reduction, weight=1)
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
        assert type(one) is type(other)


@pytest.mark.parametrize("loss", PLAIN, ids=str)
@EVERY_WANT
@pytest.mark.parametrize("size", [BLOCK + 1, 3 * BLOCK - 5])
def test_several_blocks_are_what_the_long_way_makes_of_them(size, want, loss):
    first, labels, _ = draw(loss, (size,), seed=1)
    short = evaluate(loss, want, first, labels, "mean")
    long = evaluate(loss, want, first, labels, "mean", weight=1)
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@EVERY_WANT
@pytest.mark.parametrize("size", [1, 1000, BLOCK, BLOCK + 1, 7 * BLOCK, 7 * BLOCK + 1])
def test_short_way_is_taken_up_to_one_block_or_what_a_thread_takes_of_them(size, want, monkeypatch):
    calls = []

    def watched(*args, **kwargs):
        calls.append(args)
        return original(*args, **kwargs)

    original = elementwise.evaluate
    monkeypatch.setattr(elementwise, "evaluate", watched)
    most = BLOCK if engine.current() == "numpy" else 7 * BLOCK
    evaluate(PLAIN[1], want, np.zeros(size), np.ones(size), "mean")
    assert len(calls) == (size > most)


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


@pytest.mark.parametrize("loss", PLAIN, ids=str)
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("want", [GRADIENT, HESSIAN], ids="+".join)
def test_derivatives_of_a_mean_are_divided_by_the_number(want, size, loss):
    first, labels, weight = draw(loss, (size,))
    for weights in (None, weight):
        (each,) = evaluate(loss, want, first, labels, "none", weights)
        (mean,) = evaluate(loss, want, first, labels, "mean", weights)
        np.testing.assert_allclose(mean, each / size, rtol=4e-16)


@pytest.mark.parametrize("loss", PLAIN, ids=str)
def test_losses_of_float32_are_summed_in_float64(loss):
    first, labels, _ = (array.astype(np.float32) for array in draw(loss, (BLOCK,)))
    (each,) = evaluate(loss, VALUE, first, labels, "none")
    (total,) = evaluate(loss, VALUE, first, labels, "sum")
    assert total == np.float32(math.fsum(each.tolist()))


@pytest.mark.parametrize("loss", [loss for loss in PLAIN if loss.argument == "logits"], ids=str)
@EVERY_WANT
def test_nan_logits_give_nan_at_their_place(want, loss):
    logits, labels = np.array([1.0, np.nan, 2.0]), np.array([0.0, 1.0, 1.0])
    for weight in (None, np.array([1.0, 2.0, 3.0])):
        for result in evaluate(loss, want, logits, labels, "mean", weight):
            expected = np.isnan(logits) if result.shape else True
            np.testing.assert_array_equal(np.isnan(result), expected)
