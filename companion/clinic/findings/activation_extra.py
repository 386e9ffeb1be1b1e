"""A sigmoid or softmax too many."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.fits or chart.foreign is None or not chart.foreign[0].startswith("activation t"):
        return None
    name = "sigmoid" if chart.meaning.binary else "softmax"
    if chart.foreign[0].endswith("a sigmoid first"):
        words = "A sigmoid is applied before the softmax"
    elif chart.meaning.logits:
        words = f"A {name} is applied twice"
    else:
        words = (
            f"Probabilities are declared, and a {name} is applied to them as if they were logits"
        )
    floor = np.log(np.e + chart.expected.shape[1] - 1) - 1
    costs = "0.3133 (y = 1) and 0.6931 (y = 0)" if chart.meaning.binary else f"{floor:.4f}"
    return Evidence(
        f"{words}: a certain and right answer still costs {costs} or more.",
        smallest(chart),
        fix=None
        if chart.meaning.binary or words.startswith("A sigmoid")
        else "Drop the softmax before a loss that takes logits.",
    )


FINDING = Finding(
    name="activation-extra",
    page="value",
    severity=CRITICAL,
    title="A sigmoid or softmax too many",
    symptom="the loss does not fall below 0.31 (or 0.69 for the negatives), and learning is slow",
    why="After a first sigmoid every value lies in (0, 1); the second makes at most 0.73 of it.",
    fix="Drop the sigmoid before a loss that takes logits.",
    sick="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    z = expit(z)
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
