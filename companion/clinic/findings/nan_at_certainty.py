"""0 · log 0 is NaN for a certain and right prediction."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for probe in chart.edges.certain.get("float64", []):
        if probe.nan:
            return Evidence("A certain and right prediction gives NaN: 0 · log 0.", probe.question)
    return None


FINDING = Finding(
    name="nan-at-certainty",
    page="ends",
    severity=MAJOR,
    title="0 · log 0 is NaN",
    symptom=(
        "RuntimeWarning: divide by zero encountered in log; RuntimeWarning: invalid value "
        "encountered in multiply; the loss becomes NaN late in training"
    ),
    why=(
        "For p = 1 and y = 1 the absent term is 0 · log 0 = 0 · (-inf) = NaN. One such element "
        "makes the mean NaN, and the next step the weights."
    ),
    fix=(
        "-xlogy(y, p) - xlog1py(1 - y, -p), which is 0 there (by SciPy; the gradient of PyTorch's "
        "is NaN); better, the loss from logits."
    ),
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
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
