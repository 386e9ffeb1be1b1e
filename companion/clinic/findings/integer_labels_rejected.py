"""Integer or boolean labels are refused."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import LIMIT, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.ordinary.finite:
        return None
    for question, answer in chart.inputs.integers:
        if answer.error:
            return Evidence(
                f"Labels of dtype {question.label_dtype} raise {answer.error.split(':')[0]}.",
                question,
                exact=chart.ordinary.values,
                holds=lambda again: bool(again.error),
            )
    return None


FINDING = Finding(
    name="integer-labels-rejected",
    page="labels",
    severity=LIMIT,
    title="Integer or boolean labels are refused",
    symptom=(
        "RuntimeError: result type Float can't be cast to the desired output type Long; "
        "TypeError: numpy boolean subtract"
    ),
    why=(
        "-y and np.ones_like(y) - y of booleans raise in NumPy, 1 - y of them in PyTorch, several "
        "of whose functions want one dtype."
    ),
    fix="Convert the labels where they come in: y.to(p.dtype), y.astype(float).",
    sick="""
import numpy as np

def loss(z, y):
    if y.dtype != z.dtype:
        raise TypeError("labels must have the dtype of the logits")
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y):
    y = np.asarray(y, float)
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y.to(z.dtype))
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
