"""The focal loss against mpmath, and the bounds that the laws take for granted."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy

from companion import (
    binary_cross_entropy_with_logits_value_and_gradient,
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
    binary_focal_cross_entropy_with_logits_value_and_gradient,
    symbolic,
)
from companion.focal import _formula
from companion.reference import focal as exact_focal
from companion.symbolic import focal as symbolic_focal
from tests.tables.grids import LABELS, absolute_errors, logits, worst_ulp

VALUE, GRADIENT = (
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
)
GAMMAS = [0.5, 1.0, 2.0, 5.0, 20.0]
# Where a search found the largest errors
FAR_OFF = [10.353608694196353, 7.5442758, 3.2375516601342866, 8.947303992491209]


def exact_values(function, points, label, gamma):
    judge = getattr(exact_focal, function.__name__)
    return [judge(z, label, gamma=gamma) for z in points]


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", [VALUE, GRADIENT], ids=["value", "gradient"])
def test_hard_labels_are_as_accurate_as_promised_over_the_whole_range(
    function, dtype, label, gamma
):
    points = np.append(logits(dtype), np.array([*FAR_OFF, *np.negative(FAR_OFF)], dtype))
    computed = function(points, dtype(label), gamma=gamma, reduction="none")
    assert computed.dtype == dtype
    # The error of m, multiplied by γ, and a few roundings
    bound = {np.float64: 4 + 3 * gamma, np.float32: 5 + 4 * gamma}[dtype]
    assert worst_ulp(computed, exact_values(function, points, label, gamma)) <= bound


def test_gamma_is_2_unless_another_is_named():
    z = logits()[::9]
    for function in (VALUE, GRADIENT, binary_focal_cross_entropy_with_logits_value_and_gradient):
        plain = function(z, 1, reduction="none")
        np.testing.assert_array_equal(plain, function(z, 1, gamma=2, reduction="none"))


@pytest.mark.parametrize(("gamma", "fact"), [(0, True), (0.5, False), (1, False), (2, False)])
def test_it_is_called_convex_and_proper_where_it_is_the_cross_entropy_alone(gamma, fact):
    formula = _formula(gamma)
    assert (formula.convex, formula.proper) == (fact, fact)


def test_gamma_is_rounded_to_the_dtype():
    z, gamma = np.float32(27.950033), 2.1
    computed = VALUE([z] * 2, np.float32(1), gamma=gamma, reduction="none")
    rounded = float(np.float32(gamma))
    assert worst_ulp(computed, exact_values(VALUE, [z] * 2, 1, rounded)) <= 5 + 4 * gamma
    assert worst_ulp(computed, exact_values(VALUE, [z] * 2, 1, gamma)) > 20


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("label", LABELS[2:])
def test_soft_labels_are_off_by_a_few_ulp_of_the_terms(label, gamma):
    points = logits()
    points = points[abs(points) < 700]
    value, gradient = binary_focal_cross_entropy_with_logits_value_and_gradient(
        points, label, gamma=gamma, reduction="none"
    )
    assert worst_ulp(value, exact_values(VALUE, points, label, gamma)) <= 4 + 3 * gamma
    # The two terms of the gradient may have opposite signs; each is at most 1 + γ.
    error = absolute_errors(gradient, exact_values(GRADIENT, points, label, gamma))
    assert error.max() <= (1 + gamma) * (4 + 3 * gamma) * np.finfo(np.float64).eps


@pytest.mark.parametrize("label", LABELS)
def test_gamma_0_is_the_cross_entropy_bit_for_bit(label):
    z = np.append(logits(), [np.inf, -np.inf])
    focal = binary_focal_cross_entropy_with_logits_value_and_gradient(
        z, label, gamma=0, reduction="none"
    )
    plain = binary_cross_entropy_with_logits_value_and_gradient(z, label, reduction="none")
    np.testing.assert_array_equal(focal, plain)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_alpha_weighs_label_one_and_the_rest_label_zero(alpha):
    z = np.append(logits()[::5], [np.inf, -np.inf])
    for label, weight in ((1, alpha), (0, 1 - alpha)):
        for function in (VALUE, GRADIENT):
            weighed = function(z, label, alpha=alpha, reduction="none")
            np.testing.assert_allclose(
                weighed, function(z, label, weight=weight, reduction="none"), rtol=5e-16
            )


@pytest.mark.parametrize("alpha", [0.99, 1 - 1e-6])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_alpha_near_one_keeps_its_digits_in_float32(label, alpha):
    z = logits(np.float32)[::5]
    computed = VALUE(z, np.float32(label), alpha=alpha, reduction="none")
    judge = exact_focal.binary_focal_cross_entropy_with_logits
    exact = [judge(x, label, gamma=2, alpha=alpha) for x in z]
    assert worst_ulp(computed, exact) <= 5 + 4 * 2


@pytest.mark.parametrize("alpha", [None, 0.0])
def test_nan_is_heard_even_where_alpha_is_zero(alpha):
    pair = binary_focal_cross_entropy_with_logits_value_and_gradient(
        [np.nan], [1], gamma=0, alpha=alpha
    )
    assert np.isnan(pair[0])
    assert np.isnan(pair[1]).all()


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("label", LABELS)
def test_infinite_logits_give_the_limit(label, gamma):
    value, gradient = binary_focal_cross_entropy_with_logits_value_and_gradient(
        [np.inf, -np.inf], label, gamma=gamma, reduction="none"
    )
    for end, got, slope in zip((mpmath.inf, -mpmath.inf), value, gradient, strict=True):
        judge = exact_focal.binary_focal_cross_entropy_with_logits
        assert got == judge(end, label, gamma=gamma)
        judge = exact_focal.binary_focal_cross_entropy_with_logits_gradient
        # as many ulp as at finite logits: the power multiplies the error of its base by γ
        rtol = (4 + 3 * gamma) * np.finfo(np.float64).eps
        assert slope == pytest.approx(float(judge(end, label, gamma=gamma)), rel=rtol, abs=0)


@pytest.mark.parametrize("alpha", [None, 0.25])
@pytest.mark.parametrize(
    ("dtype", "label", "gamma"),
    [("f4", 1e-30, 2), ("f4", 1e-9, 6), ("f8", 1e-9, 50), ("f2", 1e-3, 20), ("f4", 0.5, 1e39)],
)
def test_infinite_loss_stays_infinite_where_the_power_underflows(dtype, label, gamma, alpha):
    value, gradient = binary_focal_cross_entropy_with_logits_value_and_gradient(
        np.array([np.inf, -np.inf], dtype),
        np.array([label] * 2, dtype),
        gamma=gamma,
        alpha=alpha,
        reduction="none",
    )
    np.testing.assert_array_equal(value, np.inf)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("gamma", [0.5, 2])
def test_third_derivative_is_bounded_by_one_as_the_table_of_losses_says(gamma):
    z, y = symbolic.z, symbolic.y
    derivative = sympy.diff(symbolic_focal.focal_loss(z, y, sympy.Rational(gamma)), z, 3)
    judge = sympy.lambdify((z, y), derivative, "mpmath")
    with mpmath.workdps(60):
        for label, z in itertools.product(np.linspace(0, 1, 9), np.linspace(-15, 15, 121)):
            assert abs(judge(mpmath.mpf(z), mpmath.mpf(label))) < 1, (z, label)
