"""The gradient is not that of the loss beside it."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    slopes = chart.slopes
    if not slopes.measurable or slopes.own is None:
        return None
    given = slopes.given
    if given.note == "detached":
        return None
    if given.error:
        return Evidence(
            f"The gradient raises {given.error}.", slopes.question, exact=slopes.own,
            holds=lambda answer: bool(answer.error),
        )  # fmt: skip
    if not slopes.wrong:
        return None
    off = np.abs(given.values - slopes.own) > 1e-6 * np.abs(slopes.own).max()
    if not given.finite:
        words = "is not finite on ordinary input"
    elif (
        off.shape == chart.labels.shape
        and len(set(chart.labels[off].tolist())) == 1
        and len(set(chart.labels[~off].tolist()) - set(chart.labels[off].tolist()))
    ):
        words = f"is wrong where y = {chart.labels[off][0]}, and right elsewhere"
    else:
        words = "is not that of the loss beside it"
    return Evidence(f"The gradient {words}.", slopes.question, exact=slopes.own)


FINDING = Finding(
    name="gradient-wrong",
    page="derivatives",
    severity=CRITICAL,
    title="The gradient is not that of the loss",
    symptom="training stalls above the loss of another implementation; a gradient check fails",
    why=(
        "A lost parenthesis, a second term with the sign of the first, the gradient of another "
        "function."
    ),
    fix="p - y by the logit, (p - y) / (p (1 - p)) by the probability, over N for a mean.",
    sick="""
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p)).mean()

def gradient(p, y):
    return -(y / p + (1 - y) / (1 - p)) / p.size
""",
    mended="""
from companion import binary_cross_entropy as loss
from companion import binary_cross_entropy_gradient as gradient
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)

gradient = torch.func.grad(loss)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
