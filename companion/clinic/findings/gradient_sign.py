"""The gradient has the wrong sign."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    factor = chart.slopes.factor if chart.slopes.measurable else None
    if factor is None or factor > 0:
        return None
    return Evidence(
        "The gradient points up: it has the wrong sign.",
        chart.slopes.question,
        exact=chart.slopes.own,
    )


FINDING = Finding(
    name="gradient-sign",
    page="derivatives",
    severity=CRITICAL,
    title="The gradient has the wrong sign",
    symptom="gradient descent raises the loss",
    why="The derivative by the logit is p - y, prediction minus label.",
    fix="Turn the sign round: p - y, not y - p.",
    sick="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return (y - expit(z)) / z.size
""",
    mended="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return (expit(z) - y) / z.size
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)

gradient = torch.func.grad(loss)
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
