"""One logarithm is taken of the label."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.by_class is None or len(chart.by_class) != 2:
        return None
    if not (abs(chart.by_class).min() < 1e-6 * abs(chart.by_class).max()):
        return None
    if chart.inputs.soft is None or not chart.soft.fits(chart.tolerance):
        return None
    question, answer = chart.inputs.soft
    costs = (chart.soft.rows * chart.meaning.plain.costs(question.x)).sum()
    rest = answer.total - costs
    if not answer.finite or abs(rest) < 1e-4 * abs(answer.total):
        return None
    lost = int(np.argmin(abs(chart.by_class)))
    return Evidence(
        f"The logarithm of the term of y = {lost} is taken of the label, not of the prediction: "
        "predictions of that class cost nothing.",
        smallest(chart),
    )


FINDING = Finding(
    name="log-of-labels",
    page="labels",
    severity=CRITICAL,
    title="A logarithm is taken of the label",
    symptom="the loss of one class is 0 whatever is predicted; the model always answers the other",
    why="xlogy(1 - y, 1 - y) is 0 for hard labels: the term is there and never pays.",
    fix="Take the logarithm of the prediction: of p beside y, of 1 - p beside 1 - y.",
    sick="""
import numpy as np
from scipy.special import xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlogy(1 - y, 1 - y))
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
