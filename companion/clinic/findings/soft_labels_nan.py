"""Labels between 0 and 1 give NaN."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.inputs.soft is None or not chart.ordinary.finite:
        return None
    question, answer = chart.inputs.soft
    if answer.values is None or np.isfinite(answer.values).all():
        return None
    return Evidence("Labels between 0 and 1 give NaN or inf.", question)


FINDING = Finding(
    name="soft-labels-nan",
    page="labels",
    severity=MAJOR,
    title="Labels between 0 and 1 give NaN",
    symptom="label smoothing makes the loss NaN",
    why="A branch for y = 1 and one for y = 0 leave the rest undefined.",
    fix=(
        "-y log p - (1 - y) log(1 - p) for any y in [0, 1], in rows of classes -Σ yₖ log pₖ; or "
        "refuse labels other than 0 and 1."
    ),
    sick="""
import numpy as np

def loss(p, y):
    out = np.full(p.shape, np.nan)
    out[y == 1] = -np.log(p[y == 1])
    out[y == 0] = -np.log1p(-p[y == 0])
    return out.mean()
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
