"""A declared weight has no effect."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    weight = chart.meaning.weight
    if weight is None or chart.by_class is None or chart.clean:
        return None
    if chart.meaning.binary and abs(chart.by_class[1] / weight[1] - 1) < 1e-4 and weight[1] != 1:
        return None  # both terms are weighted
    if np.ptp(chart.by_class) > 1e-5 * abs(chart.by_class).max() or np.ptp(weight) == 0:
        return None
    return Evidence(
        f"The declared weight {np.array(weight)[-1]:g} makes no difference: each class "
        "weighs the same.",
        smallest(chart),
    )


FINDING = Finding(
    name="weight-ignored",
    page="counts",
    severity=MAJOR,
    title="A declared weight has no effect",
    symptom="pos_weight is set and recall does not move",
    why="The keyword is accepted and never used, or it is divided out again.",
    fix="Multiply the term of its class by the weight, and divide by the number of elements.",
    sick="""
import numpy as np

def loss(z, y, pos_weight=5.0):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y, pos_weight=5.0):
    return np.mean(pos_weight * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y, pos_weight=5.0):
    return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight))
""",
    declared={"inputs": "logits", "pos_weight": 5.0},
    examine=_examine,
)
