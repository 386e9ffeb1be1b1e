"""Another function under the name."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.changes.finite and not np.abs(chart.changes.moved).max():
        return Evidence("It returns the same number for all ordinary predictions.", smallest(chart))
    if chart.fits or chart.foreign is None:
        return None
    name = chart.foreign[0]
    if name == "square":
        words = "It is the squared error (the Brier score), not a cross-entropy."
    elif name == "square of the logit":
        words = "It is the squared error of the logit, not a cross-entropy."
    elif name.startswith("focal"):
        words = f"It is a focal loss with γ = {name.split()[1]}: easy predictions count less."
    elif "hinge" in name:
        words = f"It is the {name} loss: a right answer beyond the margin costs nothing."
    elif name == "exponential":
        words = (
            "It is the exponential loss, e^-z for a positive: one outlier can outweigh the rest."
        )
    else:
        return None
    return Evidence(words, smallest(chart))


FINDING = Finding(
    name="not-cross-entropy",
    page="value",
    severity=CRITICAL,
    title="It is another loss",
    symptom="the loss of an untrained model is 0.25, or 0.17",
    why=(
        "The squared error is bounded by 1 and its slope in the logit fades for confident "
        "mistakes; a focal loss is minimised by other probabilities than the true ones."
    ),
    fix="Call it by its name, or write the cross-entropy.",
    sick="""
import numpy as np

def loss(p, y):
    return np.mean((p - y) ** 2)
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
