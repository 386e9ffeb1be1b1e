"""The compiled softmax of a tile: its parts against mpmath, and rows without a limit."""

import mpmath
import numba
import numpy as np
import pytest

from companion._numba import softmax as module
from companion._numba.tiles import LANES
from tests.tables.grids import worst_ulp


@numba.njit
def softmax(dtype, z, e, top, where, rest, error, alone):
    module.softmax(dtype, z, e, top, where, rest, error, alone)


@numba.njit
def two_sum(a, b):
    return module.two_sum(a, b)


@numba.njit
def log1p(x):
    return module.log1p(x)


@numba.njit
def total(numbers):
    return module.total(numbers)


def parts(z, dtype=np.float64):
    """Return e, R and the place of the top for rows of logits, (LANES, K), as columns of a tile."""
    block = z.T.astype(float).copy()
    e, top, rest, error = np.empty_like(block), *np.empty((3, LANES))
    where = np.empty(LANES, np.int64)
    pairs = [(array, array.reshape(-1)) for array in (block, e)]
    softmax(np.empty(0, dtype), *pairs, top, where, rest, error, False)
    np.testing.assert_array_equal(block, z.T)
    return e.T, rest, where // LANES


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [0.3, 30, 300])
def test_exponentials_and_their_sum_are_right_to_the_last_digits(scale, dtype):
    z = np.random.default_rng(0).normal(0, scale, (LANES, 10)).astype(dtype).astype(float)
    e, rest, where = parts(z, dtype)
    np.testing.assert_array_equal(where, z.argmax(axis=1))
    for row in range(LANES):
        with mpmath.workdps(60):
            top = mpmath.mpf(z[row].max())
            exact = [mpmath.exp(mpmath.mpf(x) - top) for x in z[row].tolist()]
            total = mpmath.fsum(x for k, x in enumerate(exact) if k != where[row])
        if dtype is np.float64:
            assert worst_ulp(e[row], exact) <= 1
            assert worst_ulp(rest[row], total) <= 1.5
        else:  # 3.3e-12, the error of the fit, over √½
            some = np.array([float(x) for x in exact])
            np.testing.assert_allclose(e[row][some > 1e-300], some[some > 1e-300], rtol=5e-12)
            np.testing.assert_allclose(rest[row], float(total), rtol=5e-12, atol=1e-300)


def test_a_row_in_all_lanes_keeps_what_the_sum_of_their_sums_loses():
    z = np.full((LANES, 3), -37.5)  # exp of it is half of what 1 would show
    z[0, :2] = 0
    block = z.T.copy()
    e, top, rest, error = np.empty_like(block), *np.empty((3, LANES))
    where = np.empty(LANES, np.int64)
    pairs = [(array, array.reshape(-1)) for array in (block, e)]
    softmax(np.empty(0), *pairs, top, where, rest, error, True)
    with mpmath.workdps(40):
        exact = 1 + (z.size - 2) * mpmath.exp(-37.5)
    assert worst_ulp(rest, [exact] * LANES) <= 0.5
    with mpmath.workdps(40):
        assert worst_ulp(e.ravel(), [mpmath.exp(a) for a in block.ravel()]) < 1


def test_rows_without_a_limit_have_no_sum_and_infinite_ones_have_it():
    inf = np.inf
    z = np.zeros((LANES, 3))
    z[:5] = [[inf, 0, 1], [inf, inf, 0], [-inf] * 3, [np.nan, 1, 2], [-inf, 0, -1e308]]
    _, rest, _ = parts(z)
    np.testing.assert_array_equal(rest[:5], [0, np.nan, np.nan, np.nan, 0])
    np.testing.assert_array_equal(rest[5:], 2)


def test_total_is_the_sum_from_the_first_number_on():
    assert total(np.array([1.0, 1e100, -1e100, 3.0])) == 3
    assert total(np.empty(0)) == 0


def test_two_sum_keeps_what_rounding_loses():
    assert two_sum(1.0, 2.0**-60) == (1.0, 2.0**-60)
    assert two_sum(2.0**-60, 1.0) == (1.0, 2.0**-60)


def test_log1p_is_within_an_ulp_of_the_logarithm_for_sums_of_any_size():
    x = np.concatenate([np.exp(np.random.default_rng(1).uniform(-700, 12, 2000)), [0, 1, 5e-324]])
    with mpmath.workdps(400):
        exact = [mpmath.log1p(mpmath.mpf(float(v))) for v in x]
    assert worst_ulp(np.array([log1p(v) for v in x]), exact) <= 1
