"""A declared weight has no effect."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.weight is None or chart.by_label is None or chart.clean:
        return None
    found = np.array(list(chart.by_label.values()))
    weight = np.array(chart.meaning.weight)[list(chart.by_label)]
    if chart.meaning.binary and abs(found[1] / weight[1] - 1) < 1e-4 and weight[1] != 1:
        return None  # both terms are weighted
    if np.ptp(found) > 1e-5 * abs(found).max() or np.ptp(weight) == 0 or not _by_itself(chart):
        return None
    which = (
        f"The declared weight {weight[1]:g} makes"
        if chart.meaning.binary
        else f"The declared weights, {weight.min():g} to {weight.max():g}, make"
    )
    return Evidence(f"{which} no difference: each class weighs the same.", smallest(chart))


def _by_itself(chart: Chart) -> bool:
    """Whether no row by itself is weighted, of the classes that are not in the batch either."""
    if chart.by_class is not None:
        return True
    alone = None if chart.unit is None else chart.unit * np.array(chart.meaning.weight)
    return alone is not None and bool(np.ptp(alone) <= 1e-4 * abs(alone).max())


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
