"""log(1 + p) where log(p) is meant."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.fits or chart.foreign is None or chart.foreign[0] != "log1p":
        return None
    return Evidence("It takes log(1 + p) where log(p) is meant.", smallest(chart))


FINDING = Finding(
    name="log1p-for-log",
    page="value",
    severity=CRITICAL,
    title="log1p where log is meant",
    symptom="the loss lies between -0.69 and 0",
    why="log1p(p) is log(1 + p), not a logarithm that survives 0: it is 0 at p = 0.",
    fix="log p; with SciPy xlogy(y, p) and xlog1py(1 - y, -p), which make 0 · log 0 a 0.",
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(y * np.log1p(p) + (1 - y) * np.log1p(1 - p))
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
