"""Integer labels are shifted by one."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.labels != "index" or not chart.fits or chart.clean:
        return None
    for shift in (1, -1):
        if chart.near(chart.rows, np.roll(chart.expected, shift, axis=1)):
            return Evidence(
                f"The label k is read as class k {'+' if shift > 0 else '-'} 1: each row is scored "
                "by its neighbour.",
                chart.batches.ordinary,
            )
    return None


FINDING = Finding(
    name="label-off-by-one",
    page="labels",
    severity=CRITICAL,
    title="Class indices are shifted by one",
    symptom="IndexError: Target 10 is out of bounds, or an accuracy near 0 with a falling loss",
    why=(
        "A 1 is subtracted from labels that start at 0, or not subtracted from labels that "
        "start at 1: each row is scored by a neighbour of its class, and index -1 is the last."
    ),
    fix="If labels start at 1, subtract 1 once, where they are read; else nowhere.",
    sick="""
import numpy as np
from scipy.special import log_softmax

def loss(z, y):
    return -np.mean(log_softmax(z, axis=1)[np.arange(len(y)), y - 1])
""",
    mended="""
import numpy as np
from scipy.special import log_softmax

def loss(z, y):
    return -np.mean(log_softmax(z, axis=1)[np.arange(len(y)), y])
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.cross_entropy(z, y)
""",
    declared={"inputs": "logits", "labels": "index"},
    examine=_examine,
)
