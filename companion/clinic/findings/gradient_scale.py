"""The gradient is that of another reduction or base."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    factor = chart.slopes.factor if chart.slopes.measurable else None
    if factor is None or factor < 0 or abs(factor - 1) < 1e-5:
        return None
    n = chart.size
    cause = {
        n: f": that of the sum, N = {n} times too large",
        1 / n: f": divided by N = {n} once too often",
        np.log(2): ": that of nats beside a loss in bits",
    }
    words = next((text for value, text in cause.items() if abs(factor / value - 1) < 1e-4), "")
    return Evidence(
        f"The gradient is {factor:.5g} times that of the loss{words}.",
        chart.slopes.question,
        exact=chart.slopes.own,
    )


FINDING = Finding(
    name="gradient-scale",
    page="derivatives",
    severity=MAJOR,
    title="The gradient is a multiple of the right one",
    symptom=(
        "the learning rate must be N times smaller than in the library, and again with another "
        "batch size"
    ),
    why="A mean has its 1/N in the gradient too; a loss in bits has 1 / log 2.",
    fix="Divide the gradient as the loss is divided.",
    sick="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return expit(z) - y
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
