"""One element of the batch enters."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    moved = np.abs(chart.changes.moved).max(axis=1) if chart.changes.finite else np.zeros(1)
    used = np.flatnonzero(moved > 1e-12 * moved.max())
    left_out = np.setdiff1d(np.arange(len(moved)), used)
    if len(moved) == 1 or not len(used) or not len(left_out):
        return None
    if len(used) > 1:
        if not set(chart.labels[used].tolist()) & set(chart.labels[left_out].tolist()):
            return None  # it is a class that costs nothing
        which = ", ".join(map(str, left_out))
        return Evidence(
            f"Some elements of the batch do not enter (here {which}): they may be anything.",
            chart.batches.ordinary,
        )
    return Evidence(
        f"Only element {used[0]} of the batch enters: the others may be anything.",
        chart.batches.ordinary,
    )


FINDING = Finding(
    name="first-sample-only",
    page="counts",
    severity=CRITICAL,
    title="Only a part of the batch enters",
    symptom="training is noisy and ignores some of the data, or most",
    why="An index [0] before the mean, a return inside the loop, a slice such as [:-1].",
    fix="Take the mean over all elements.",
    sick="""
from scipy.special import xlog1py, xlogy

def loss(p, y):
    each = -(xlogy(y, p) + xlog1py(1 - y, -p))
    return each[0] / len(each)
""",
    mended="""
from scipy.special import xlog1py, xlogy

def loss(p, y):
    each = -(xlogy(y, p) + xlog1py(1 - y, -p))
    return each.sum() / each.size
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    each = F.binary_cross_entropy(p, y, reduction="none")
    return each.mean()
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
