"""The exact focal loss: its definition written out, and its gradient from differences."""

import itertools

import mpmath
import pytest

from companion import reference
from companion.reference import focal

LOGITS = [0.0, *(s * z for s in (1, -1) for z in (1e-300, 1e-8, 0.3, 1.0, 30.0, 100.0, 745.0))]
LABELS = [0.0, 1.0, 0.3, 0.5, 1 - 1e-9]


@pytest.mark.parametrize(("gamma", "alpha"), [(2, None), (0.5, 0.25), (0, 1.0)])
def test_focal_value_is_the_definition_and_the_gradient_its_derivative(gamma, alpha):
    value = focal.binary_focal_cross_entropy_with_logits
    slope = focal.binary_focal_cross_entropy_with_logits_gradient
    step = mpmath.mpf("1e-25")
    with mpmath.workdps(90):
        for z, y in itertools.product(LOGITS, LABELS):
            options = {"gamma": gamma, "alpha": alpha, "digits": 90}
            p = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
            y = mpmath.mpf(y)
            miss = y * (1 - p) + (1 - y) * p
            share = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
            plain = reference.binary_cross_entropy_with_logits(z, y, digits=90)
            by_hand = share * miss ** mpmath.mpf(gamma) * plain
            assert abs(value(z, y, **options) - by_hand) <= mpmath.mpf(10) ** -60
            ahead, behind = (value(z + s * step, y, **options) for s in (1, -1))
            # The third derivative is below 1: see test_focal
            assert abs((ahead - behind) / (2 * step) - slope(z, y, **options)) < step**2


FUNCTIONS = [
    focal.binary_focal_cross_entropy_with_logits,
    focal.binary_focal_cross_entropy_with_logits_gradient,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_focus_is_two_and_digits_are_fifty_unless_told(function):
    assert function(0.3, 0.25) == function(0.3, 0.25, gamma=2, alpha=None, digits=50)
    assert function(0.7, 0.25) != function(0.7, 0.25, digits=51)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_right_answer_of_an_infinite_logit_has_neither_loss_nor_gradient(function):
    assert function(mpmath.inf, 1, gamma=0.5) == function(-mpmath.inf, 0, gamma=0.5) == 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_label_outside_the_unit_interval_is_refused(function):
    with pytest.raises(ValueError, match=r"y must lie in \[0, 1\]"):
        function(0.3, 1.5)
