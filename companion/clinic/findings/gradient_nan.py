"""The gradient is NaN or inf where it is finite."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for question, answer, right in chart.slopes.far:
        if answer.values is None or not np.isfinite(right).all():
            continue
        if not answer.finite:
            x = np.ravel(question.x)[0]
            name = "logit" if chart.meaning.logits else "probability"
            return Evidence(
                f"At a {name} of {x:g} the gradient is {answer.values.ravel()[0]:g}, where it is "
                f"{np.ravel(right)[0]:.6g}.",
                question,
                exact=right,
                holds=lambda again: not again.finite,
            )
    return None


FINDING = Finding(
    name="gradient-nan",
    page="derivatives",
    severity=MAJOR,
    title="The gradient is NaN where the right one is finite",
    symptom=(
        "Function 'LogBackward0' returned nan values in its 0th output; all weights are NaN "
        "after one step"
    ),
    why="torch.where keeps a bad branch out of the value; backward still computes 0 · inf in it.",
    fix=(
        "Make the argument safe before the logarithm (the gradient of torch.xlogy is NaN there "
        "too); best the loss from logits."
    ),
    sick="""
import torch

def loss(p, y):
    zero = torch.zeros_like(p)
    a = torch.where(y > 0, y * p.log(), zero)
    b = torch.where(y < 1, (1 - y) * torch.log1p(-p), zero)
    return -(a + b).mean()
""",
    mended="""
from companion.torch_losses import binary_cross_entropy as loss
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
