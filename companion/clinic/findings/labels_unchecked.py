"""Labels that are none are accepted."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import LIMIT, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for question, answer in chart.inputs.out_of_range:
        if answer.finite:
            value = np.ravel(question.y)[0]
            return Evidence(
                f"A label of {value:g} is accepted, and gives {answer.total:.6g}.",
                question,
                exact="a refusal",
                holds=lambda again: again.finite,
            )
    return None


FINDING = Finding(
    name="labels-unchecked",
    page="labels",
    severity=LIMIT,
    title="Labels out of range are accepted",
    symptom="the loss is hugely negative and falls without bound",
    why=(
        "A mask of 0 and 255, or a mark of -1, enters the formula as a label: the loss is then "
        "a number about nothing."
    ),
    fix=(
        "Check once: `if not ((y >= 0) & (y <= 1)).all(): raise ValueError(...)`; for class "
        "indices `(y >= 0) & (y < K)`."
    ),
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y):
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError(f"labels must lie in [0, 1], got {y.min()} to {y.max()}")
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError(f"labels must lie in [0, 1], got {y.min()} to {y.max()}")
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
