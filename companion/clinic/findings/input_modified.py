"""The loss writes into the caller's arrays."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.state.written is None:
        return None
    question, answer = chart.state.written
    what = " and ".join(answer.changed)
    return Evidence(
        f"It writes into your {what}: after the call they hold other numbers.",
        question,
        exact=f"the {what} as they were",
        holds=lambda again: bool(again.changed),
        calls=(answer.changed[0],),
    )


FINDING = Finding(
    name="input-modified",
    page="behaviour",
    severity=MAJOR,
    title="It writes into the caller's arrays",
    symptom=(
        "metrics computed after the loss differ from those before; one of the variables needed "
        "for gradient computation has been modified by an inplace operation"
    ),
    why=(
        "An in-place guard such as `p[p == 1] -= 1e-12` or `p.clamp_()` changes what the rest "
        "of the program works with."
    ),
    fix=(
        "Make a new array: `p = np.clip(p, ...)`, `p = p.clamp(...)`; or use a formula that "
        "needs no guard."
    ),
    sick="""
import numpy as np

def loss(p, y):
    p[p == 1.0] -= 1e-12
    p[p == 0.0] += 1e-12
    return -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))
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
