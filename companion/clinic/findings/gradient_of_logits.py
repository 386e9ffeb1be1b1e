"""p - y is returned as the derivative by the probability."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    slopes = chart.slopes
    if chart.meaning.logits or not slopes.measurable or not slopes.wrong or not slopes.given.finite:
        return None
    batch = chart.batches.ordinary
    fused = batch.x - (
        np.eye(chart.meaning.classes)[batch.y] if chart.meaning.labels == "index" else batch.y
    )
    factor = (slopes.given.values * fused).sum() / (fused**2).sum()
    if not factor or not slopes.near(slopes.given.values, factor * fused):
        return None
    return Evidence(
        "p - y is the derivative by the logit; it is returned as the derivative by the "
        "probability.",
        slopes.question,
        exact=slopes.own,
    )


FINDING = Finding(
    name="gradient-of-logits",
    page="derivatives",
    severity=MAJOR,
    title="p - y is returned as the derivative by the probability",
    symptom=(
        "a gradient check fails, or the network learns slowly because a factor p (1 - p) "
        "stays that should have cancelled"
    ),
    why=(
        "The factor p (1 - p) of the sigmoid cancels in p - y. By the probability it is (p - "
        "y) / (p (1 - p))."
    ),
    fix=(
        "Divide by p (1 - p), or in rows of classes return -y / p; or skip the activation's "
        "backward, and say that the derivative is by the logit."
    ),
    sick="""
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p)).mean()

def gradient(p, y):
    return (p - y) / p.size
""",
    mended="""
from companion import binary_cross_entropy as loss
from companion import binary_cross_entropy_gradient as gradient
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)

gradient = torch.func.grad(loss)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
