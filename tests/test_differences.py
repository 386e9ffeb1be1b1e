"""Numerical slopes against mpmath: the true error lies below the bound, and the bound is small."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from companion import _differences
from companion._differences import as_returned, differentiate
from companion.contracts import as_point
from companion.gradient_check import numerical_gradient, numerical_jacobian

EPS = np.finfo(np.float64).eps
signed = st.floats(-2, 2).map(lambda e: 10**e) | st.floats(-2, 2).map(lambda e: -(10**e))


def float32_sine(a):
    """A function that computes in float32 and returns a Python float, as loss.item() does."""
    return lambda x: float(np.sin(np.float32(a) * np.float32(x)))


# name: a -> function, a -> the same in mpmath, the points
FAMILIES = {
    "sin": (
        lambda a: lambda x: np.sin(a * x),
        lambda a: lambda x: mpmath.sin(a * x),
        st.floats(-100, 100),
    ),
    "exp": (
        lambda a: lambda x: np.exp(a * x),
        lambda a: lambda x: mpmath.exp(a * x),
        st.floats(-5, 5),
    ),
    "log": (
        lambda a: lambda x: np.log(abs(a) * x),
        lambda a: lambda x: mpmath.log(abs(a) * x),
        st.floats(-12, 8).map(lambda e: 10**e),
    ),
    "reciprocal": (
        lambda a: lambda x: a / x,
        lambda a: lambda x: a / x,
        st.floats(-12, 8).map(lambda e: 10**e),
    ),
    "softplus": (
        lambda a: lambda x: np.logaddexp(0, a * x),
        lambda a: lambda x: mpmath.log1p(mpmath.exp(a * x)),
        st.floats(-40, 40),
    ),
    "cubic": (
        lambda a: lambda x: a * x**3 - x,
        lambda a: lambda x: a * x**3 - x,
        st.floats(-1e3, 1e3),
    ),
    "exp cos": (
        lambda a: lambda x: np.exp(np.cos(a * x)),
        lambda a: lambda x: mpmath.exp(mpmath.cos(a * x)),
        st.floats(-50, 50),
    ),
    "cross-entropy of a probability": (
        lambda a: (
            lambda p: -(0.25 * np.log(p) + 0.75 * np.log(1 - p))
        ),  # NumPy 1.26 has a bad log1p
        lambda a: lambda p: -(mpmath.log(p) + 3 * mpmath.log1p(-p)) / 4,
        st.floats(-9, -0.01).map(lambda e: 10**e) | st.floats(-9, -1).map(lambda e: 1 - 10**e),
    ),
    "cancelling": (
        lambda a: lambda x: (x + 1e6) ** 2 - 1e12,
        lambda a: lambda x: (x + 10**6) ** 2 - 10**12,
        st.floats(-5, 5),
    ),
    "float32 inside": (
        float32_sine,
        lambda a: lambda x: mpmath.sin(mpmath.mpf(float(np.float32(a))) * x),
        st.floats(-5, 5),
    ),
}


def exact_slope(function, x):
    with mpmath.workdps(200):
        return mpmath.diff(function, mpmath.mpf(x))


@pytest.mark.parametrize("slope", [0.0, 1e-6, 1e-4, 1e-2, 0.1, 0.5])
@pytest.mark.parametrize("x", [0.25, 1.0, 3.0])
def test_flat_place_of_a_float32_is_no_slope_of_zero(x, slope):
    def narrow(p):
        return float(np.float32(np.sin(p - x + np.arccos(slope))))

    found, bound = numerical_gradient(narrow, x)
    assert abs(found - slope) <= bound <= 1e-4


TENTH = float(np.float32(0.1))
STAIRS = {
    "ones and zeros": (lambda x: float(x > 1.96), 2.02),
    "many": (lambda x: np.floor(1000 * x), 2.0205),
    "two of all digits": (lambda x: 0.1 * (x > 2.06), 2.02),
    "three of a float32": (lambda x: TENTH * (x > 2.06) + TENTH * (x > 2.1), 2.02),
    "infinite on one side": (lambda x: np.where(x > 1, 2.0, np.inf), 1.03),
    "a float32's, where the domain ends": (lambda x: np.where(x < 1, TENTH, np.nan), 0.97),
}


@pytest.mark.parametrize(("function", "x"), STAIRS.values(), ids=STAIRS)
def test_stairs_have_a_slope_of_zero_and_warn_of_nothing(function, x):
    slope, bound = numerical_gradient(function, x)
    assert abs(slope) <= bound < 1e-6


def test_complex_steps_stay_near_x():
    def double(p):
        if np.real(p) > 1:
            raise ValueError("no probability")
        return 2 * p

    slope, bound = numerical_gradient(double, 0.97, method="complex")
    assert abs(slope - 2) <= bound < 1e-13


@pytest.mark.parametrize("method", ["central", "complex"])
@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data())
def test_true_error_lies_below_the_bound(family, method, data):
    function, exact, points = FAMILIES[family]
    if method == "complex" and family in ("float32 inside", "softplus"):
        return  # they take no complex numbers
    a, x = data.draw(signed), data.draw(points)
    assume(abs(x) > 1e-30)  # mpmath's own difference quotient needs room, too
    slope, bound = numerical_gradient(function(a), x, method=method)
    error = abs(mpmath.mpf(float(slope)) - exact_slope(exact(mpmath.mpf(a)), x))
    assert error <= bound


@pytest.mark.parametrize(
    ("function", "x", "relative"),
    [
        (np.exp, 1.0, 1e-10),
        (lambda x: np.exp(100 * x), 4.0, 1e-8),
        (lambda x: np.exp(x), -700.0, 1e-8),
        (np.log, 1e-9, 1e-9),
        (np.log, 1e9, 1e-9),
        (np.sin, 1e-9, 1e-10),
        (np.sin, 0.0, 1e-10),
        (lambda x: np.sin(1000 * x), 1.0, 1e-8),
        (lambda x: np.sin(2 * np.pi * 1024 * x), 0.0, 1e-8),
        (lambda p: -np.log1p(-p), 1 - 1e-9, 1e-3),
        (lambda x: np.float32(np.exp(x)), 1.0, 3e-4),
        (float32_sine(1.0), 1.0, 3e-4),
    ],
)
def test_bound_is_small_where_the_function_lets_it_be(function, x, relative):
    slope, bound = numerical_gradient(function, x)
    assert bound <= relative * abs(slope)


def test_complex_step_is_exact_to_the_last_digits():
    slope, bound = numerical_gradient(np.exp, 1.0, method="complex")
    assert abs(slope - np.e) <= 2 * EPS * np.e
    assert bound <= 40 * EPS * np.e


def test_zero_slope_of_a_constant_is_found_with_a_tiny_bound():
    slope, bound = numerical_gradient(lambda x: 3.0, 1.0)
    assert slope == 0
    assert 0 < bound < 1e-12


def test_function_that_is_zero_everywhere_has_the_smallest_bound():
    slope, bound = numerical_gradient(lambda x: 0.0, 1.0)
    assert slope == 0
    assert bound < 1e-300


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_function_sees_the_dtype_and_shape_of_x(dtype):
    seen = set()

    def function(x):
        seen.add((x.dtype, x.shape))
        return np.sum(x)

    numerical_gradient(function, np.ones((2, 1), dtype))
    assert seen == {(np.dtype(dtype), (2, 1))}


def test_complex_step_keeps_the_width_of_the_float():
    seen = set()

    def function(x):
        seen.add(x.dtype)
        return np.sum(x * x)

    slope, _ = numerical_gradient(function, np.ones(2, np.float32), method="complex")
    assert seen == {np.dtype(np.float32), np.dtype(np.complex64)}
    np.testing.assert_allclose(slope, [2, 2], rtol=1e-6)


def test_integers_become_float64():
    slope, _ = numerical_gradient(lambda x: np.sum(x**2), [1, 2])
    np.testing.assert_allclose(slope, [2, 4], rtol=1e-9)


def test_function_may_write_to_its_argument_and_the_callers_array_stays():
    x = np.array([1.0, 2.0])

    def function(x):
        x *= 2
        return np.sum(x)

    slope, _ = numerical_gradient(function, x)
    np.testing.assert_allclose(slope, [2, 2], rtol=1e-9)
    np.testing.assert_array_equal(x, [1, 2])


def test_jacobian_has_the_shape_of_the_values_and_then_of_x():
    matrix = np.arange(24.0).reshape(2, 3, 4)
    slope, bound = numerical_jacobian(lambda x: matrix @ x.ravel(), np.ones((2, 2)))
    assert slope.shape == bound.shape == (2, 3, 2, 2)
    np.testing.assert_allclose(slope, matrix.reshape(2, 3, 2, 2), atol=1e-9)
    assert np.all(abs(slope - matrix.reshape(2, 3, 2, 2)) <= bound)


def test_step_that_is_given_is_the_smallest_of_three_that_are_taken():
    points = set()

    def function(x):
        points.add(float(x))
        return x**5

    slope, bound = numerical_gradient(function, 1.0, step=2.0**-10)
    far = sorted(p - 1 for p in points if p - 1 > 1e-4)
    assert {2.0**-10, 2.0**-8, 2.0**-6} <= set(far)
    assert abs(slope - 5) <= bound < 1e-3


def test_extrapolation_cancels_the_error_of_second_order():
    # D(h) of x⁵ at 1 is 5 + 10 h² + h⁴; (16 D(h) − D(4h)) / 15 keeps −16 h⁴, here of h = 2⁻⁴
    slope, _ = numerical_gradient(lambda x: x**5, 1.0, step=2.0**-4)
    assert slope == pytest.approx(5 - 16 * 2.0**-16, abs=1e-12)


@pytest.mark.parametrize(
    ("function", "x", "left", "right"),
    [
        (abs, 0.0, -1, 1),
        (lambda x: np.maximum(x, 0), 0.0, 0, 1),
        (lambda x: np.maximum(x - 0.3, 0) + x**2, 0.3, 0.6, 1.6),
        (lambda x: abs(x) + np.exp(x), 0.0, 0, 2),
        (lambda x: abs(x) * 1e-3, 0.0, -1e-3, 1e-3),
    ],
)
def test_kink_shows_both_slopes_and_a_bound_that_holds_both(function, x, left, right):
    found = differentiate(function, as_point("x", x), "central", None)
    assert found.kink
    np.testing.assert_allclose(
        [found.left, found.right], [left, right], rtol=0.05, atol=0.05 * right
    )
    assert found.slope - found.bound <= left + 1e-9
    assert right - 1e-9 <= found.slope + found.bound


@pytest.mark.parametrize(
    ("function", "x", "slope"),
    [
        (abs, 1e-3, 1),
        (abs, -1e-20, -1),
        (lambda x: np.maximum(x, 0), 1e-20, 1),
        (lambda x: np.logaddexp(0, 1000 * x) / 1000, 0.0, 0.5),
        (lambda x: x**2, 0.0, 0),
        (lambda x: abs(x) ** 3, 0.0, 0),
    ],
)
def test_smooth_point_near_a_kink_is_no_kink(function, x, slope):
    found = differentiate(function, as_point("x", x), "central", None)
    assert not found.kink
    assert abs(found.slope - slope) <= found.bound < 1e-6


def test_pole_nearby_is_not_stepped_over():
    slope, bound = numerical_gradient(lambda x: 1 / x, 1e-11)
    assert abs(slope + 1e22) <= bound < 1e14


def test_steps_out_of_the_domain_are_left_out():
    def strict(p):
        if not 0 <= p <= 1:
            raise ValueError("outside")
        return -np.log(p)

    slope, bound = numerical_gradient(strict, 1e-5)
    assert abs(slope + 1e5) <= bound < 1e-3


def test_jump_of_the_value_leaves_a_large_bound():
    _, bound = numerical_gradient(lambda x: np.floor(x), 2.0)
    assert bound > 1


@pytest.mark.parametrize(
    ("x", "by_one"), [(0.0, True), (0.04, True), (0.06, False), (19.0, False), (25.0, True)]
)
def test_steps_go_by_the_size_of_x_and_also_by_one_where_that_is_far_from_it(x, by_one):
    steps = set()

    def function(p):
        steps.add(round(abs(float(p) - x), 9))
        return np.exp(p)

    differentiate(function, as_point("x", x), "central", None)
    first = _differences._FIRST
    assert round(first * (x or 1), 9) in steps
    assert (round(first, 9) in steps) == by_one


# Refused ----------------------------------------------------------------------------------------


def alternating():
    values = iter(range(1000))
    return lambda x: float(next(values))


@pytest.mark.parametrize("name", ["function", "gradient"])
def test_what_a_function_returns_is_refused_with_what_it_should_return(name):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=rf"{name}: .* NumPy numbers, got Tensor; .*numpy\(\)"):
        as_returned(name, torch.ones(2))
    with pytest.raises(TypeError, match=rf"{name}: .*without a mask, .* compressed\(\)"):
        as_returned(name, np.ma.masked_array([1.0], [True]))


BAD = {
    "string": (np.sum, ["a"], {}, TypeError, "x: expected real numbers"),
    "complex x": (np.sum, [1j], {}, TypeError, "x: expected real numbers"),
    "empty": (np.sum, [], {}, ValueError, "x: expected at least one number"),
    "infinite": (np.sum, [1.0, np.inf], {}, ValueError, "x: expected finite numbers, got inf"),
    "NaN": (np.sum, [np.nan], {}, ValueError, "x: expected finite numbers, got nan"),
    "complex value": (lambda x: 1j, 1.0, {}, TypeError, "function: expected real numbers"),
    "None": (lambda x: None, 1.0, {}, TypeError, "function: expected real numbers"),
    "array": (np.exp, [1.0, 2.0], {}, ValueError, r"function: expected one number, got shape \(2,"),
    "infinite value": (np.log, 0.0, {}, ValueError, "expected finite values at x, got -inf"),
    "NaN value": (np.log, -1.0, {}, ValueError, "expected finite values at x, got nan"),
    "end of the domain": (np.sqrt, 0.0, {}, ValueError, "finite values on both sides of x = 0.0"),
    "end, named": (
        lambda x: np.sum(np.sqrt(x)), [[1.0, 0.0]], {}, ValueError, r"sides of x\[0, 1\] = 0.0"),
    "random": (alternating(), 1.0, {}, ValueError, "expected the same value for the same x"),
    "unknown method": (np.exp, 1.0, {"method": "forward"}, ValueError,
                       "method: expected one of 'central', 'complex', got 'forward'"),
    "step of zero": (np.exp, 1.0, {"step": 0.0}, ValueError, "step: expected a number in"),
    "infinite step": (np.exp, 1.0, {"step": np.inf}, ValueError, "step: expected a number in"),
    "two steps": (np.exp, 1.0, {"step": [1, 2]}, ValueError, "step: expected one number"),
    "step too small": (np.exp, 1.0, {"step": 1e-17}, ValueError, "expected a step that changes"),
    "refuses complex": (lambda x: float(x), 1.0, {"method": "complex"}, TypeError,
                        "complex numbers for method 'complex'"),
    "not analytic": (abs, 1.0, {"method": "complex"}, ValueError, "expected an analytic function"),
    "conjugated": (lambda x: np.conj(x) ** 2, 1.0, {"method": "complex"}, ValueError,
                   "expected an analytic function"),
}  # fmt: skip


@pytest.mark.parametrize(("function", "x", "options", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_refused_by_name(function, x, options, kind, message):
    with pytest.raises(kind, match=message):
        numerical_gradient(function, x, **options)


def test_value_that_changes_its_shape_is_refused():
    with pytest.raises(ValueError, match=r"values of one shape, got \(2,\) at x and \(1,\)"):
        numerical_jacobian(lambda x: np.ones(1 + int(x == 1)), 1.0)


@pytest.mark.parametrize(
    ("function", "x", "method", "message"),
    [
        (lambda x: np.stack([np.exp(x), abs(x)]), 1.0, "complex", "expected an analytic function"),
        (lambda x: np.stack([1 + x, np.log(x)]), 0.0, "central", "finite values at x, got -inf"),
        (lambda x: np.stack([1 + x, np.sqrt(x)]), 0.0, "central", "on both sides of x = 0.0"),
    ],
)
def test_one_bad_value_of_several_is_enough_to_refuse(function, x, method, message):
    with pytest.raises(ValueError, match=message):
        numerical_jacobian(function, x, method=method)


def test_error_of_another_kind_is_the_functions_own():
    with pytest.raises(KeyError):
        numerical_gradient(lambda x: {1.0: 0.0}[float(x)], 1.0)


def test_floating_point_warnings_of_trial_steps_stay_inside():
    slope, _ = numerical_gradient(np.log, 0.01)
    assert slope == pytest.approx(100, rel=1e-9, abs=0)


def test_formulas_are_the_quotients_they_say():
    x = np.array([1.0, 2.0])

    def function(v):
        return v[0] ** 2 * v[1]

    quotient = _differences.difference
    assert quotient("central", function, x, (0,), 0.5) == (1.5**2 - 0.5**2) * 2 / 1
    assert quotient("forward", function, x, (0,), 0.5) == (1.5**2 - 1) * 2 / 0.5
    assert quotient("complex", function, x, (1,), 0.5) == 1
