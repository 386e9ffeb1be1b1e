"""The declared weight multiplies the other term."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    weight = chart.meaning.weight
    if weight is None or not chart.meaning.binary or chart.by_class is None or chart.clean:
        return None
    found = chart.by_class * np.log(chart.meaning.base)
    if chart.near(found, np.array(weight)[::-1]):
        return Evidence(
            f"The weight {weight[1]:g} multiplies the negatives: it moves recall the wrong way.",
            smallest(chart),
        )
    if chart.near(found, np.full(2, weight[1])) and weight[0] != weight[1]:
        return Evidence(
            f"The weight {weight[1]:g} multiplies both terms: it only scales the loss.",
            smallest(chart),
        )
    return None


FINDING = Finding(
    name="pos-weight-wrong-term",
    page="counts",
    severity=CRITICAL,
    title="pos_weight multiplies the wrong term",
    symptom="raising pos_weight lowers recall",
    why="pos_weight is what a missed positive costs more: it belongs to y, not to 1 - y.",
    fix="Multiply y · (-log p) by it, and nothing else.",
    sick="""
import numpy as np

def loss(z, y, pos_weight=3.0):
    return np.mean(y * np.logaddexp(0, -z) + pos_weight * (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y, pos_weight=3.0):
    return np.mean(pos_weight * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y, pos_weight=3.0):
    return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight))
""",
    declared={"inputs": "logits", "pos_weight": 3.0},
    examine=_examine,
)
