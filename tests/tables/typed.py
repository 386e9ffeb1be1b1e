"""Calls as a typed program makes them; the type checker of `make test` reads this, nobody runs it.

`assert_type` fails the check where the package would answer with another type, `Any` included.
"""

from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray

import companion
from companion import torch_losses
from companion.gradient_check import GradientReport, check_gradient
from companion.logistic_regression import LogisticRegressionResult, fit_logistic_regression

Floats = NDArray[np.floating]
logits, labels = np.array([0.5, -1.0]), [1, 0]
z, y = torch.zeros(2), torch.ones(2)


def use() -> float:
    """Call what people call, and do with the results what they do."""
    loss = assert_type(companion.binary_cross_entropy_with_logits(logits, labels), Floats)
    losses = assert_type(
        companion.binary_cross_entropy(companion.sigmoid(logits), labels, reduction="none"), Floats
    )
    value, gradient = companion.binary_cross_entropy_with_logits_value_and_gradient(logits, labels)
    assert_type(gradient, Floats)
    assert_type(companion.cross_entropy_value_and_gradient(logits, 1), tuple[Floats, Floats])
    assert_type(companion.binary_focal_cross_entropy_with_logits(logits, labels), Floats)
    assert_type(companion.RunningMean().update(losses).mean, float)
    assert_type(torch_losses.binary_cross_entropy_with_logits(z, y), torch.Tensor)
    assert_type(torch_losses.sigmoid_focal_loss(z, y), torch.Tensor)
    assert_type(check_gradient(np.sum, gradient, logits), GradientReport)
    assert_type(fit_logistic_regression(np.eye(2), labels, l2=1.0), LogisticRegressionResult)
    return float(loss) + float(value) + float(losses[losses > 0].sum() + gradient[0])
