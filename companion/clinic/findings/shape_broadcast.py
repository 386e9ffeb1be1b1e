"""(N,) against (N, 1) becomes an average over N × N pairs."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, LIMIT, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.fits and chart.meaning.binary and not chart.clean:
        mean = chart.labels.mean()
        if chart.near(chart.rows / chart.rows.sum(axis=1, keepdims=True),
                      np.tile([1 - mean, mean], (chart.size, 1))):  # fmt: skip
            return Evidence(
                "Each prediction is compared with every label: the mean runs over N × N pairs.",
                smallest(chart),
            )
    for question, answer in chart.inputs.column:
        if not (answer.finite and chart.ordinary.finite and answer.values.size == 1):
            continue
        if abs(answer.total - chart.ordinary.total) > 1e-6 * abs(chart.ordinary.total):
            return Evidence(
                "(N,) with (N, 1) is averaged over N × N pairs without a word.",
                question,
                exact=chart.ordinary.values,
                severity=LIMIT,
            )
    return None


FINDING = Finding(
    name="shape-broadcast",
    page="counts",
    severity=CRITICAL,
    title="A vector meets a column: N × N pairs",
    symptom="the loss sticks near the loss of the base rate, however long you train",
    why=(
        "(N,) with (N, 1) broadcasts to (N, N): each prediction is compared with the label of "
        "everybody."
    ),
    fix="Give both the same shape (`y = y.reshape(p.shape)`), and refuse shapes that differ.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    y = y.reshape(-1, 1)
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    if p.shape != y.shape:
        raise ValueError(f"shapes differ: {p.shape} and {y.shape}")
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)  # refuses shapes that differ
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
