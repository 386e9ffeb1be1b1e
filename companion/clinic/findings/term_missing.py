"""One of the two terms is absent."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.by_class is None:
        return None
    size = abs(chart.by_class)
    if not (size.max() > 0 and size.min() < 1e-6 * size.max()):
        return None
    lost = int(np.argmin(size))
    certain = "p = 1" if lost == 0 else "p = 0"
    if not chart.meaning.binary:
        return Evidence(
            f"Rows of class {lost} cost nothing, whatever is predicted.", smallest(chart)
        )
    return Evidence(
        f"Predictions for y = {lost} cost nothing: {certain} everywhere is a perfect score.",
        smallest(chart),
    )


FINDING = Finding(
    name="term-missing",
    page="value",
    severity=CRITICAL,
    title="One of the two terms is absent",
    symptom="the model gives one answer to everything and the loss goes to 0",
    why=(
        "-Σ yₖ log pₖ over two classes has two terms; with one sigmoid output the second is (1 "
        "- y) log(1 - p), and it must be written."
    ),
    fix="Add the term: y log p + (1 - y) log(1 - p).",
    sick="""
import numpy as np
from scipy.special import xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p))
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
    declared={"inputs": "probabilities", "labels": "soft"},
    examine=_examine,
)
