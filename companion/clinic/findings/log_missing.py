"""The logarithm was forgotten."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.fits or chart.foreign is None or chart.foreign[0] != "linear":
        return None
    return Evidence(
        "The logarithm is missing: it is linear in the probability of the right answer.",
        smallest(chart),
    )


FINDING = Finding(
    name="log-missing",
    page="value",
    severity=CRITICAL,
    title="The logarithm is missing",
    symptom="the loss lies between -1 and 0",
    why=(
        "Minus the probability of the right answer is bounded: a confident mistake costs "
        "only 0.5 more than a doubt, and its gradient is no larger."
    ),
    fix="Take the logarithm of each probability.",
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(y * p + (1 - y) * (1 - p))
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
