"""y = 1 pays for "no", and y = 0 for "yes"."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not (chart.meaning.binary and chart.fits):
        return None
    other = chart.meaning.targets(chart.batches.ordinary.y)[:, ::-1]
    scale = (chart.rows * other).sum() / (other**2).sum()
    if scale <= 0 or not chart.near(chart.rows, scale * other):
        return None
    no, yes = (
        ("log(1 + e^z)", "log(1 + e^-z)") if chart.meaning.logits else ("-log(1 - p)", "-log p")
    )
    return Evidence(
        f"y = 1 pays {no} and y = 0 pays {yes}: the better the model, the higher the loss.",
        smallest(chart),
    )


FINDING = Finding(
    name="branches-swapped",
    page="value",
    severity=CRITICAL,
    title="The two branches have changed places",
    symptom="the loss falls and the accuracy falls below chance: the model learns the opposite",
    why="A positive pays for p and a negative for 1 - p, which rewards the wrong answer.",
    fix="Exchange the two branches: where y is 1 it is -log p that is paid.",
    sick="""
import numpy as np

def loss(p, y):
    return np.mean(-np.log(np.where(y == 1, 1 - p, p)))
""",
    mended="""
import numpy as np

def loss(p, y):
    return np.mean(-np.log(np.where(y == 1, p, 1 - p)))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities", "labels": "hard"},
    examine=_examine,
)
