"""A block is cut into chunks, weighed, divided and summed, whatever its length and its operands."""

import math

import numba
import numpy as np
import pytest

from companion._numba import blocks
from companion._numba.binary import Logits, logits
from companion._numba.blocks import CHUNK, number, part, run, run_block, smoothing
from companion.elementary import sigmoid, softplus

PLAIN = logits(0.0, np.dtype(np.float64))
SIZES = [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]


def draw(size):
    rng = np.random.default_rng(size)
    return rng.normal(0, 3, size), rng.random(size), rng.uniform(0.1, 2, size)


def rows(size, kinds="vgh"):
    return [np.full(size, np.nan) if kind in kinds else None for kind in "vgh"]


def by_hand(x, y, weight, divisor):
    """Return what NumPy makes of the definitions."""
    p = sigmoid(x)
    return (
        softplus(x) * weight - x * y * weight,
        (p - y) * weight / divisor,
        p * sigmoid(-x) * weight / divisor,
    )


@pytest.mark.parametrize("divisor", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["all", "one", "none"])
def test_every_element_is_filled_weighed_and_divided(kind, size, divisor):
    x, y, weights = draw(size)
    weight = {"all": weights, "one": np.float64(0.7), "none": None}[kind]
    filled = rows(size)
    run_block(PLAIN, x, y, weight, divisor, filled, size)
    expected = by_hand(x, y, 1.0 if weight is None else weight, divisor)
    for row, other in zip(filled, expected, strict=True):
        np.testing.assert_allclose(row, other, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("size", SIZES)
def test_sum_is_that_of_the_row_and_only_where_it_is_asked_for(size):
    x, y, weight = draw(size)
    filled = rows(size)
    assert run_block(PLAIN, x, y, weight, 3.0, filled, size) == (0, 0, 0, 0)
    *sums, _ = run_block(PLAIN, x, y, weight, 3.0, [True] * 3, size)
    for total, row in zip(sums, filled, strict=True):
        # Each term is rounded once when it is added, in any order.
        bound = size * np.finfo(float).eps * math.fsum(abs(row))
        assert abs(total - math.fsum(row)) <= bound


@pytest.mark.parametrize("asked", ["v", "g", "h", "vg", "vgh"])
def test_what_is_not_asked_for_changes_nothing(asked):
    size = CHUNK + 1
    x, y, weight = draw(size)
    everything, some = rows(size), rows(size, asked)
    run_block(PLAIN, x, y, weight, 2.0, everything, size)
    run_block(PLAIN, x, y, weight, 2.0, some, size)
    for row, other in zip(some, everything, strict=True):
        if row is not None:
            np.testing.assert_array_equal(row, other)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_one_number_is_there_for_all(dtype):
    options, size = logits(0.0, np.dtype(dtype)), CHUNK + 1
    x, y, _ = (operand.astype(dtype) for operand in draw(size))
    for one_x, one_y in [(x, y[5]), (x[5], y)]:
        filled, whole = (
            [row.astype(dtype) if row is not None else None for row in rows(size)] for _ in range(2)
        )
        run_block(options, np.asarray(one_x), np.asarray(one_y), None, 1.0, filled, size)
        full = [np.full(size, one) if np.ndim(one) == 0 else one for one in (one_x, one_y)]
        run_block(options, *full, None, 1.0, whole, size)
        for row, other in zip(filled, whole, strict=True):
            np.testing.assert_array_equal(row, other)


def test_weight_zero_times_an_infinite_loss_is_zero_and_nan_stays():
    x = np.array([np.inf, -np.inf, np.nan, 1.0])
    filled = rows(4)
    run_block(PLAIN, x, np.array([0.0, 1.0, 0.0, 0.0]), np.zeros(4), 1.0, filled, 4)
    for row in filled:
        np.testing.assert_array_equal(row, [0, 0, np.nan, 0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("bad", ["below 0", "above 1", np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("size", [1, CHUNK + 1])
def test_labels_out_of_range_are_counted(size, bad, dtype):
    ends = {"below 0": -np.finfo(dtype).smallest_subnormal, "above 1": 1 + np.finfo(dtype).eps}
    options, bad = logits(0.0, np.dtype(dtype)), dtype(ends.get(bad, bad))
    x, y, _ = (operand.astype(dtype) for operand in draw(size))
    y[[0, -1]] = bad
    assert run_block(options, x, y, None, 1.0, [True, None, None], size)[3] == min(size, 2)
    one = np.asarray(bad)
    assert run_block(options, x, one, None, 1.0, [True, None, None], size)[3] == size
    for good in (0.0, -0.0, 1.0):
        y[[0, -1]] = good
        assert run_block(options, x, y, None, 1.0, [True, None, None], size)[3] == 0


def test_flags_of_an_operand_compile_nothing_and_the_operand_stays_as_it_was():
    size = 8
    x, y, weight = draw(size)
    run_block(PLAIN, x, y, weight, 1.0, [True, None, None], size)
    expected = run_block(PLAIN, x, y, weight, 1.0, [True, None, None], size)
    known = len(run.signatures)
    sealed = x.copy()
    sealed.flags.writeable = False
    crooked = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float64)
    assert not crooked.flags.aligned
    for operand in (sealed, crooked):
        assert run_block(PLAIN, operand, y, weight, 1.0, [True, None, None], size) == expected
    assert len(run.signatures) == known
    assert x.flags.writeable


def test_options_are_a_part_of_the_types():
    assert isinstance(PLAIN, Logits)
    assert smoothing(0.0, np.dtype(float)) is None
    smoothed = smoothing(0.1, np.dtype(np.float32))
    assert (type(smoothed.keep), type(smoothed.spread)) == (np.float32, np.float32)
    np.testing.assert_array_equal(smoothed, np.array([0.9, 0.05], np.float32))


def test_pieces_are_for_compiled_code():
    for function in (number, part, blocks.labels, blocks.fill):
        with pytest.raises(NotImplementedError):
            function(*[None] * function.__code__.co_argcount)


@numba.njit
def read(operand, start, stop):
    return part(operand, start, stop), number(operand, 0)


def test_pieces_read_arrays_and_single_numbers():
    piece, first = read(np.arange(5.0), 1, 3)
    assert (piece.tolist(), first) == ([1.0, 2.0], 0.0)
    piece, first = read(np.asarray(7.0), 1, 3)
    assert (piece[()], first) == (7.0, 7.0)
