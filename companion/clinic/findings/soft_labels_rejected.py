"""Labels between 0 and 1 are refused."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import LIMIT, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.inputs.soft is None or chart.ordinary.error:
        return None
    question, answer = chart.inputs.soft
    if not answer.error:
        return None
    return Evidence(
        f"Labels between 0 and 1 raise {answer.error.split(':')[0]}.",
        question,
        holds=lambda again: bool(again.error),
    )


FINDING = Finding(
    name="soft-labels-rejected",
    page="labels",
    severity=LIMIT,
    title="Labels between 0 and 1 are refused",
    symptom="ValueError with label smoothing or mixup",
    why="The loss is written for 0 and 1 alone, and says so.",
    fix="-y log p - (1 - y) log(1 - p) for any y in [0, 1], in rows of classes -Σ yₖ log pₖ.",
    sick="""
import numpy as np

def loss(p, y):
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 or 1")
    return -np.mean(np.log(np.where(y == 1, p, 1 - p)))
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
    declared={"inputs": "probabilities", "labels": "soft"},
    examine=_examine,
)
