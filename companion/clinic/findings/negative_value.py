"""The loss falls below zero."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for probe in chart.edges.certain.get("float64", []):
        if probe.answer.finite and probe.total < -1e-15:
            return Evidence(
                f"A certain and right prediction costs {probe.total:.3g}, less than nothing.",
                probe.question,
            )
    return None


FINDING = Finding(
    name="negative-value",
    page="ends",
    severity=MINOR,
    title="The loss falls below zero",
    symptom="loss is negative",
    why=(
        "With labels and probabilities in [0, 1] every term is at least 0: a negative loss has "
        "a cause."
    ),
    fix=(
        "Look for a label outside [0, 1], a missing minus sign, a missing logarithm, an ε "
        "inside the logarithm."
    ),
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(np.log(np.where(y == 1, p, 1 - p) + 1e-3))
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
    declared={"inputs": "probabilities", "labels": "hard"},
    examine=_examine,
)
