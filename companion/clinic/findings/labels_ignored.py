"""The value does not depend on which label is whose."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.changes.finite or chart.clean:
        return None
    moved = chart.changes.moved - chart.changes.moved[:, :1]
    if not np.abs(moved).max() or np.ptp(moved, axis=0).max() > 1e-3 * np.abs(moved).max():
        return None  # the same change costs one element more than another
    question, answer = chart.inputs.reordered
    if not answer.same(chart.ordinary, 1e-12):
        return None
    return Evidence(
        "The order of the labels makes no difference: another one gives the same value.",
        question,
        exact=chart.meaning.exact(question),
    )


FINDING = Finding(
    name="labels-ignored",
    page="labels",
    severity=CRITICAL,
    title="The order of the labels makes no difference",
    symptom="the loss falls while the accuracy stays at chance",
    why=(
        "What does not depend on which label is whose cannot teach that: an entropy of the "
        "predictions, a label that was overwritten, each prediction beside all labels."
    ),
    fix="Look for the line where the labels get lost.",
    sick="""
import numpy as np
from scipy.special import entr

def loss(p, y):
    return np.mean(entr(p) + entr(1 - p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
