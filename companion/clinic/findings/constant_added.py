"""A constant is added to the loss."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.clean or abs(chart.constant) <= chart.nearness:
        return None
    return Evidence(
        f"{chart.constant:.6g} is added to the loss, whatever is predicted.", smallest(chart)
    )


FINDING = Finding(
    name="constant-added",
    page="value",
    severity=MINOR,
    title="A constant is added",
    symptom="the loss of a perfect model is not 0",
    why="A constant trains nothing, and the number cannot be compared with anybody's.",
    fix="Leave it out.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return 0.5 - np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
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
