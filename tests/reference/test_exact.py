"""How an exact value is made: bits enough for the options too, and 0 times what."""

import mpmath
import numpy as np
import pytest

from companion import reference
from companion.reference._exact import mp, times


@pytest.mark.parametrize("smoothing", [1e-30, 1e-100, 1e-300, 5e-324])
def test_tiny_option_is_not_lost_beside_one(smoothing):
    # The label becomes 1 - ε/2, and its side weighs nothing
    value = reference.binary_cross_entropy_with_logits(
        0.0, 1, pos_weight=0, label_smoothing=smoothing
    )
    with mpmath.workdps(50):
        assert mpmath.almosteq(value, mpmath.mpf(smoothing) / 2 * mpmath.log(2), 1e-45, abs_eps=0)


def test_zero_times_infinity_is_zero_and_zero_times_nan_is_not():
    assert times(mp.zero, mp.inf) == 0
    assert mp.isnan(times(mp.zero, mp.nan))


def test_undefined_loss_of_one_class_is_undefined_for_the_judge_too():
    assert np.isnan(float(reference.cross_entropy([-mpmath.inf], [0.0])))


def test_infinite_weight_of_label_one_makes_the_loss_infinite():
    assert reference.binary_cross_entropy_with_logits(0.3, 1, pos_weight=mpmath.inf) == mpmath.inf
