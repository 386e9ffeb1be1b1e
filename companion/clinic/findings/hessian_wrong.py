"""The second derivative is wrong."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.slopes.hessian is None:
        return None
    answer, own = chart.slopes.hessian
    if answer.values is not None and chart.slopes.near(answer.values, own, 1e-4):
        return None
    words = ""
    if answer.finite and own.any():
        factor = (answer.values * own).sum() / (own**2).sum()
        if chart.slopes.near(answer.values, factor * own, 1e-4):
            words = f" It is {factor:.5g} times the right one."
    return Evidence(
        f"The second derivative is not that of the loss beside it.{words}",
        chart.slopes.question.but(want="hessian"),
        exact=np.round(own, 7),
    )


FINDING = Finding(
    name="hessian-wrong",
    page="derivatives",
    severity=MAJOR,
    title="The second derivative is wrong",
    symptom="Newton's method or a booster takes steps that are too long or too short",
    why=(
        "By the logit it is p (1 - p), with p = σ(z) and the 1/N of the mean; p (1 - p) of the "
        "margin itself is something else."
    ),
    fix="p * (1 - p) with p = σ(z), over N for a mean.",
    sick="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.sum(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return expit(z) - y

def hessian(z, y):
    return z * (1 - z)
""",
    mended="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.sum(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return expit(z) - y

def hessian(z, y):
    return expit(z) * expit(-z)
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y, reduction="sum")

gradient = torch.func.grad(loss)

def hessian(z, y):
    return torch.sigmoid(z) * torch.sigmoid(-z)
""",
    declared={"inputs": "logits", "labels": "hard", "reduction": "sum"},
    examine=_examine,
)
