"""What people asked in public, each with its right value: worked out by hand, or by the definition.

Where the answer is a refusal, test_mends follows it.
"""

import mpmath
import numpy as np
import pytest

import companion
from companion import (
    RunningMean,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
    cross_entropy,
    cross_entropy_from_probabilities,
)

LN2 = np.log(2)


def softplus(z):
    with mpmath.workdps(50):
        return float(mpmath.log(1 + mpmath.exp(mpmath.mpf(z))))


VALUES = {
    "training with weights beside validation without": (
        lambda: binary_cross_entropy_with_logits(
            np.full(10, np.log(1 / 9)), [0] * 9 + [1], weight=[1] * 9 + [9]
        ),
        0.9 * (-np.log(0.9) - np.log(0.1)),
    ),
    "the same without weights": (
        lambda: binary_cross_entropy_with_logits(np.full(10, np.log(1 / 9)), [0] * 9 + [1]),
        -0.9 * np.log(0.9) - 0.1 * np.log(0.1),
    ),
    "a row of the ignored class 0 leaves the other row's mean": (
        lambda: cross_entropy(np.ones((2, 3)), [0, 2], ignore_index=0),
        np.log(3),
    ),
    "a class ruled out by a logit of -inf": (
        lambda: cross_entropy([[-np.inf, 1.0, 1.0]], [2]),
        LN2,
    ),
    "certain and right": (lambda: binary_cross_entropy([0.0, 1.0], [0, 1]), 0.0),
    "both halves of a GAN's loss at p = 1/2": (
        lambda: binary_cross_entropy([0.5, 0.5], [1, 0], reduction="sum"),
        2 * LN2,
    ),
    "focal loss with gamma below 1, far in the tail": (
        lambda: binary_focal_cross_entropy_with_logits(40.0, 1, gamma=0.5),
        np.exp(-60.0),  # m and the loss are both exp(-40), to 17 digits
    ),
    "its gradient": (
        lambda: binary_focal_cross_entropy_with_logits_gradient(40.0, 1, gamma=0.5),
        -1.5 * np.exp(-60.0),
    ),
    "focal loss with gamma 0": (
        lambda: binary_focal_cross_entropy_with_logits(18.0, 1, gamma=0),
        softplus(-18),
    ),
    "smoothing leaves ignored rows out": (
        lambda: cross_entropy(
            [[2.0, 0.0], [9.0, 1.0]], [1, -100], ignore_index=-100, label_smoothing=0.2
        ),
        softplus(2) - 0.1 * 2,
    ),
    "a small last batch": (
        lambda: RunningMean().update(0.7, 256).update(0.8, 256).update(0.9, 10).mean,
        (0.7 * 256 + 0.8 * 256 + 0.9 * 10) / 522,
    ),
    "ranks with different counts": (
        lambda: RunningMean().update(5.0, 1).merge(RunningMean().update(1.0, 3)).mean,
        2.0,
    ),
    "soft labels cost their entropy": (
        lambda: binary_cross_entropy([0.9, 0.2], [0.9, 0.2]),
        -np.mean([0.9 * np.log(0.9) + 0.1 * np.log(0.1), 0.2 * np.log(0.2) + 0.8 * np.log(0.8)]),
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_value_is_right(case):
    answer, expected = VALUES[case]
    np.testing.assert_allclose(answer(), expected, rtol=4e-15)


ARRAYS = {
    "pos_weight multiplies label 1 alone": (
        lambda: binary_cross_entropy_with_logits(
            [-3.0, 2.0], [1, 0], pos_weight=10, reduction="none"
        ),
        [10 * softplus(3), softplus(2)],
    ),
    "probabilities and labels swapped": (
        lambda: binary_cross_entropy([1.0, 0.0], [0, 1], reduction="none"),
        [np.inf, np.inf],
    ),
    "a row without probability": (
        lambda: cross_entropy_from_probabilities(
            [[0.2, 0.8], [0, 0], [0.9, 0.1]], [1, 0, 0], reduction="none"
        ),
        [-np.log(0.8), np.inf, -np.log(0.9)],
    ),
    "ignore_index 255": (
        lambda: cross_entropy(
            np.zeros((6, 3)), [0, 1, 255, 0, 1, 2], ignore_index=255, reduction="none"
        ),
        np.log(3) * np.array([1, 1, 0, 1, 1, 1]),
    ),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_array_is_right(case):
    answer, expected = ARRAYS[case]
    np.testing.assert_allclose(answer(), expected, rtol=4e-15)


def test_impossible_class_with_a_smoothed_label_costs_infinity():
    p, q = [0, 0.2, 0.7, 0.1, 0], [0, 2 / 15, 0.6, 2 / 15, 2 / 15]
    assert cross_entropy_from_probabilities(p, q) == np.inf


REFUSED = {
    "smoothing by a formula that leaves the range": (
        lambda: binary_cross_entropy_with_logits(np.zeros(4), [1.15, 0.25, 0.25, 0.25]),
        r"\[0, 1\], got 1\.15",
    ),
    "a class without samples weighs infinitely": (
        lambda: cross_entropy(np.zeros((2, 3)), [0, 2], weight=[0.3, np.inf, 0.1]),
        "weight: expected finite .* got inf",
    ),
    "a negative weight": (
        lambda: binary_cross_entropy_with_logits([1.0, 2.0], [1, 0], weight=[1.0, -0.5]),
        r'weight: .* got -0\.5 .*reduction="none"',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_right_value_is_refused(case):
    answer, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        answer()


def test_negative_weights_multiply_the_unreduced_losses():
    losses = companion.binary_cross_entropy_with_logits([1.0, 2.0], [1, 0], reduction="none")
    expected = softplus(-1) - 0.5 * softplus(2)
    np.testing.assert_allclose(np.sum([1.0, -0.5] * losses), expected, rtol=4e-15)
