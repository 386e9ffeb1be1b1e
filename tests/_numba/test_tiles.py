"""Rows go into blocks and come back, wherever the class axis is, and labels are weighted there."""

import numba
import numpy as np
import pytest

from companion._numba import tiles as module
from companion._numba.tiles import LANES, LONG, is_long
from companion._numpy.class_axis import ClassAxis

# The last tile of (30, 2, 7) has 18 rows, the last of which begins 31 numbers after the first
SHAPES = [
    (1, 3, 1), (LANES + 5, 3, 1), (2, 4, LANES + 7), (3, 2, 5), (30, 2, 7), (2, LONG + 3, 1),
]  # fmt: skip


@numba.njit
def place(row, count, classes, inner, alone, base):
    return module.place(row, count, classes, inner, alone, base)


@numba.njit
def load(x, base, runs, inner, block):
    module.load(x, base, runs, inner, block)


@numba.njit
def store(block, base, count, runs, inner, x):
    module.store(block, base, count, runs, inner, x)


@numba.njit
def load_labels(labels, right, kept, spread, weight, base, runs, inner, alone, block):
    module.load_labels(labels, right, kept, spread, weight, base, runs, inner, alone, block)


def tiles(shape):
    """Yield the first row and the number of rows of each tile of an array of (before, K, after)."""
    before, k, inner = shape
    step = 1 if is_long(k, inner) else LANES
    for row in range(0, before * inner, step):
        yield row, min(step, before * inner - row)


def block_of(shape):
    _, k, inner = shape
    return np.full(-(-k // LANES) * LANES if is_long(k, inner) else k * LANES, np.nan)


def rows_in(block, count, shape):
    """Return the rows of a block, (count, K)."""
    _, k, inner = shape
    return block[np.newaxis, :k] if is_long(k, inner) else block.reshape(k, LANES)[:, :count].T


def test_a_row_fills_the_lanes_alone_where_numpys_blocks_leave_it_side_by_side():
    for k in (LONG - 1, LONG, LONG + 1):
        for inner in (1, 2):
            block = ClassAxis((3, k, inner), 1).arrange(np.empty(3 * k * inner))
            assert is_long(k, inner) == (block.strides[0] < block.strides[1])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_copied_into_blocks_and_back(shape, dtype):
    _, k, inner = shape
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    rows = x.transpose(0, 2, 1).reshape(-1, k)
    back, base, block = np.zeros_like(x), np.empty(LANES, np.int64), block_of(shape)
    for row, count in tiles(shape):
        runs = place(row, count, k, inner, is_long(k, inner), base)
        load(x.reshape(-1), base, runs, inner, block)
        np.testing.assert_array_equal(rows_in(block, count, shape), rows[row : row + count])
        store(block, base, count, runs, inner, back.reshape(-1))
    np.testing.assert_array_equal(back, x)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if not is_long(*shape[1:])], ids=str)
def test_lanes_beyond_the_last_row_repeat_it(shape):
    _, k, inner = shape
    base = np.empty(LANES, np.int64)
    *_, (row, count) = tiles(shape)
    place(row, count, k, inner, False, base)
    np.testing.assert_array_equal(base[count - 1 :], base[count - 1])


def test_lanes_beyond_the_last_row_are_not_stored():
    # After the last row is what belongs to nobody here; the lanes beyond it hold other numbers
    x, base, block = np.zeros(LANES * 3), np.empty(LANES, np.int64), np.ones(LANES * 3)
    runs = place(0, 2, 3, 1, False, base)
    block.reshape(3, LANES)[:, 2:] = 7
    store(block, base, 2, runs, 1, x)
    np.testing.assert_array_equal(x, [*[1] * 6, *[0] * (x.size - 6)])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["index", "soft"])
def test_labels_are_smoothed_and_weighted(shape, kind):
    before, k, inner = shape
    rng = np.random.default_rng(1)
    soft, weight = rng.random(shape), rng.random(k)
    index = rng.integers(0, k, before * inner)
    kept = rng.integers(0, 2, (before * inner, LANES)).astype(float)
    q = np.eye(k)[index] if kind == "index" else soft.transpose(0, 2, 1).reshape(-1, k)
    base, block = np.empty(LANES, np.int64), block_of(shape)
    alone = is_long(k, inner)
    for row, count in tiles(shape):
        runs = place(row, count, k, inner, alone, base)
        y = index[np.minimum(np.arange(row, row + LANES), row + count - 1)]
        right = np.full(LANES, y[0]) if alone else y * LANES + np.arange(LANES)
        labels = None if kind == "index" else soft.reshape(-1)
        spread = 0.75, 0.25 / k
        load_labels(labels, right, kept[row], spread, weight, base, runs, inner, alone, block)
        expected = (0.75 * q[row : row + count] + 0.25 / k) * weight
        expected *= kept[row][:count, np.newaxis]
        # A product, a sum and two products: four roundings of half an ULP
        np.testing.assert_allclose(rows_in(block, count, shape), expected, rtol=2**-50)
