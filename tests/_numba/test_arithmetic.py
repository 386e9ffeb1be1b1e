"""exp and logarithms of the compiled kernels, against mpmath, and their coefficients."""

import mpmath
import numba
import numpy as np
import pytest

from companion._numba import arithmetic
from companion._numba.arithmetic import (
    CONSTANTS,
    exp_minus,
    exp_minus_short,
    exp_minus_sum,
    log1p_unit,
    log_unit,
    multiply_add,
)
from tests.tables.grids import worst_ulp

compiled = numba.njit(error_model="numpy")


@compiled
def exps(numbers, out):
    for i in range(numbers.size):
        out[i] = exp_minus(numbers[i])


@compiled
def log1ps(numbers, out):
    for i in range(numbers.size):
        out[i] = log1p_unit(numbers[i])


@compiled
def logs(numbers, out):
    for i in range(numbers.size):
        out[i] = log_unit(numbers[i], numbers[i] * 0)


def unit(dtype):
    """Numbers of [0, 1]: each binade down to the subnormals, and near 1 and its powers of √½."""
    rng = np.random.default_rng(0)
    tiny = np.finfo(dtype).smallest_subnormal
    spread = np.exp(rng.uniform(np.log(float(tiny)), 0, 1500))
    near = 1 - np.exp(rng.uniform(-36, 0, 1500))
    middle = np.sqrt(0.5) * (1 + rng.uniform(-1e-6, 1e-6, 200))
    ends = [tiny, np.finfo(dtype).tiny, np.nextafter(dtype(1), dtype(0)), 1.0, 0.5]
    return np.unique(np.concatenate([spread, near, middle, ends]).astype(dtype))


def large(dtype):
    """Numbers of [0, 745.2]: where exp(-a) is a normal number, a subnormal one, and 0."""
    rng = np.random.default_rng(1)
    end = -float(mpmath.log(mpmath.mpf(float(np.finfo(dtype).smallest_subnormal)) / 2)) + 1
    small = np.exp(rng.uniform(-40, 0, 500))
    return np.unique(np.concatenate([small, rng.uniform(0, end, 2500), [0.0, end]]).astype(dtype))


def worst(function, numbers, judge):
    """Return the largest error in ULP, where 1 ULP is at least the smallest float."""
    out = np.empty_like(numbers)
    function(numbers, out)
    with mpmath.workprec(200):
        exact = [judge(mpmath.mpf(float(x))) for x in numbers]
        nearest = np.array([float(x) for x in exact]).astype(numbers.dtype)
        gaps = np.spacing(np.abs(nearest)).astype(float)
        errors = [
            abs(mpmath.mpf(float(a)) - b) / g for a, b, g in zip(out, exact, gaps, strict=True)
        ]
    return float(max(errors))


CASES = {
    "exp": (exps, large, lambda a: mpmath.exp(-a), 1.3),
    "log1p": (log1ps, unit, mpmath.log1p, 1.3),
    "log": (logs, unit, mpmath.log, 1.0),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES)
def test_function_is_within_its_error_over_its_range(case, dtype):
    function, grid, judge, bound = CASES[case]
    assert worst(function, grid(dtype), judge) < bound


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ends_and_nan(dtype):
    out = np.empty(3, dtype)
    exps(np.array([0, np.inf, np.nan], dtype), out)
    np.testing.assert_array_equal(out, [1, 0, np.nan])
    log1ps(np.array([0, 1, np.nan], dtype), out)
    np.testing.assert_allclose(out, [0, np.log(2), np.nan], rtol=np.finfo(dtype).eps)
    logs(np.array([0, 1, np.nan], dtype), out)
    np.testing.assert_array_equal(out, [-np.inf, 0, np.nan])


@compiled
def logs_of_sums(numbers, rests, out):
    for i in range(numbers.size):
        out[i] = log_unit(numbers[i], rests[i])


@compiled
def sums(numbers, rests, out):
    for i in range(numbers.size):
        out[i] = exp_minus_sum(numbers[i], rests[i])


@compiled
def shorts(numbers, out):
    for i in range(numbers.size):
        out[i] = exp_minus_short(numbers[i])


def test_sum_s_logarithm_is_within_its_error():
    rng = np.random.default_rng(2)
    numbers = unit(np.float64)[unit(np.float64) > 1e-300]
    numbers = np.concatenate([numbers, np.exp(rng.uniform(0, 690, 1500))])
    rests = np.spacing(numbers) * rng.uniform(-0.5, 0.5, numbers.size)
    out = np.empty_like(numbers)
    logs_of_sums(numbers, rests, out)
    with mpmath.workprec(200):
        pairs = zip(numbers.tolist(), rests.tolist(), strict=True)
        exact = [mpmath.log(mpmath.mpf(p) + mpmath.mpf(rest)) for p, rest in pairs]
    assert worst_ulp(out, exact) < 1


def test_sum_s_exponential_is_within_its_error():
    numbers = np.concatenate([large(np.float64), np.linspace(-300, 0, 500)])
    rests = np.spacing(numbers) * np.random.default_rng(1).uniform(-0.5, 0.5, numbers.size)
    out = np.empty_like(numbers)
    sums(numbers, rests, out)
    with mpmath.workprec(200):
        pairs = zip(numbers.tolist(), rests.tolist(), strict=True)
        exact = [mpmath.exp(-(mpmath.mpf(a) + mpmath.mpf(rest))) for a, rest in pairs]
    # Half an ULP of the last sum, and a part of one of what is added there, below √2 - 1
    assert worst_ulp(out, exact) < 0.9


def test_short_exponential_is_within_its_error():
    numbers = large(np.float64)[large(np.float64) <= 700]
    numbers = np.concatenate([numbers, np.linspace(-300, 0, 500)])
    out = np.empty_like(numbers)
    shorts(numbers, out)
    with mpmath.workprec(200):
        exact = np.array([float(mpmath.exp(-mpmath.mpf(a))) for a in numbers.tolist()])
    np.testing.assert_allclose(out, exact, rtol=5e-12)


def atanh_series(w):
    root = mpmath.sqrt(w)
    return (mpmath.atanh(root) / root - 1) / w if w else mpmath.mpf(1) / 3


def exp_series(r):
    return (mpmath.exp(r) - 1 - r) / r**2 if r else mpmath.mpf(1) / 2


def ranges():
    half = mpmath.log(2) / 2 * mpmath.mpf("1.0001")
    yield "exp", exp_series, (-half, half)
    yield "log1p", atanh_series, (mpmath.mpf(0), mpmath.mpf(1) / 9 + mpmath.mpf("1e-9"))
    yield "log", atanh_series, (mpmath.mpf(0), mpmath.mpf("0.02945"))


@pytest.mark.parametrize("constants", CONSTANTS.values(), ids=lambda c: c.number.__name__)
def test_coefficients_are_the_fits_that_their_comments_name(constants):
    with mpmath.workdps(60):
        for name, series, interval in ranges():
            given = getattr(constants, name)
            fit = mpmath.chebyfit(series, list(interval), len(given))[::-1]
            np.testing.assert_array_equal(given, [float(c) for c in fit])


def test_short_exponential_s_coefficients_are_the_fit():
    with mpmath.workdps(60):
        half = mpmath.log(2) / 2 * mpmath.mpf("1.0001")
        fit = mpmath.chebyfit(exp_series, [-half, half], len(arithmetic.SHORT_EXP))[::-1]
        np.testing.assert_array_equal(arithmetic.SHORT_EXP, [float(c) for c in fit])


@compiled
def fused(a, b, c):
    return multiply_add(a, b, c)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_multiply_add_keeps_the_dtype_and_rounds_once_or_twice(dtype):
    a, c = dtype(1 + np.finfo(dtype).eps), dtype(-1)
    result = fused(a, a, c)
    assert type(dtype(result)) is dtype
    eps = float(np.finfo(dtype).eps)
    assert float(result) in (2 * eps + eps**2, 2 * eps)  # a² - 1, and a² rounded - 1


def test_functions_are_for_compiled_code():
    for name in ("exp_minus", "exp_minus_short", "exp_minus_sum", "log1p_unit", "log_unit"):
        function = getattr(arithmetic, name)
        with pytest.raises(NotImplementedError):
            function(*[1.0] * function.__code__.co_argcount)
