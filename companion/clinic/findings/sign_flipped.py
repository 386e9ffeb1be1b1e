"""The whole loss has the wrong sign."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.scale is None or chart.scale >= 0:
        return None
    return Evidence(
        "It has the wrong sign: it falls as the predictions get worse.", smallest(chart)
    )


FINDING = Finding(
    name="sign-flipped",
    page="value",
    severity=CRITICAL,
    title="The minus sign is missing",
    symptom="the loss is negative and the model gets worse",
    why="The mean of the log-likelihood is a score to maximise; a loss is its negative.",
    fix="Put the minus sign in front.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
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
