"""One class weighs more, undeclared."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.by_class is None or chart.clean or len(chart.by_class) != 2:
        return None
    found = chart.by_class * np.log(chart.meaning.base)
    if found.min() <= 0 or np.ptp(found) < 1e-4 * found.max():
        return None
    if chart.meaning.weight is not None and chart.scale is not None:
        return None  # they are those declared, divided by something
    words = "" if chart.meaning.weight is None else ", which is not what is declared"
    return Evidence(
        f"A negative weighs {found[0]:.4g} and a positive {found[1]:.4g}{words}.", smallest(chart)
    )


FINDING = Finding(
    name="class-weight-hidden",
    page="counts",
    severity=MAJOR,
    title="One class weighs more than the other",
    symptom="the predicted probabilities are too high or too low on average",
    why=(
        "A weight, or another base of the logarithm in one term, moves the optimum away from "
        "the base rate."
    ),
    fix="Declare the weights (weight=(w0, w1)) if they are meant; else use one base and no factor.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) / np.log(2) + xlog1py(1 - y, -p))
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
