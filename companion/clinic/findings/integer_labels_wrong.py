"""Labels of another dtype give another number."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.ordinary.finite:
        return None
    for question, answer in chart.inputs.integers:
        if answer.values is not None and not answer.same(chart.ordinary, 1e-6):
            return Evidence(
                f"The same labels as {question.label_dtype} give {answer.total:.6g} instead of "
                f"{chart.ordinary.total:.6g}.",
                question,
                exact=chart.ordinary.values,
            )
    return None


FINDING = Finding(
    name="integer-labels-wrong",
    page="labels",
    severity=CRITICAL,
    title="Integer labels give another number",
    symptom="the loss is negative and large with masks of uint8",
    why=(
        "-y of an unsigned array wraps: -1 is 255. A result made with zeros_like(labels) holds "
        "integers and cuts off the decimals."
    ),
    fix="Write -(y * log(p)), or convert the labels first: y = np.asarray(y, float).",
    sick="""
import numpy as np

def loss(p, y):
    return np.mean(-y * np.log(p) - (1 - y) * np.log1p(-p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    y = np.asarray(y, float)
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y.to(p.dtype))
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
