"""One of the two terms has the wrong sign."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.by_class is None or len(chart.by_class) != 2:
        return None
    if chart.by_class.min() >= 0 or chart.by_class.max() <= 0:
        return None
    wrong = int(np.argmin(chart.by_class))
    more = abs(chart.by_class).max() / abs(chart.by_class).min()
    beside = f", and {more:.3g} times the size of the other" if more > 1.001 else ""
    return Evidence(
        f"The term of y = {wrong} has the wrong sign{beside}: worse predictions of that class "
        "lower the loss.",
        smallest(chart),
    )


FINDING = Finding(
    name="one-term-sign",
    page="value",
    severity=CRITICAL,
    title="One of the two terms has the wrong sign",
    symptom="the loss is negative, or one class is never learnt",
    why="A minus sign or a factor 1/N binds to the first sum only.",
    fix="Put the whole sum in parentheses, and the minus sign before it.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return (-1 / len(p)) * np.sum(xlogy(y, p)) + np.sum(xlog1py(1 - y, -p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return (-1 / p.size) * (np.sum(xlogy(y, p)) + np.sum(xlog1py(1 - y, -p)))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
