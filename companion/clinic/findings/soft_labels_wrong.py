"""Labels between 0 and 1 give a wrong number."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.inputs.soft is None or not (chart.clean or _constant(chart)):
        return None
    question, answer = chart.inputs.soft
    if not answer.finite:
        return None
    scale = chart.scale if chart.scale is not None else 1.0
    right = scale * chart.value(question) + chart.constant
    if abs(answer.total - right) <= 10 * chart.tolerance * abs(right):
        return None
    return Evidence(
        "Labels between 0 and 1 give another number than the formula: they are compared or "
        "rounded, or an entropy of theirs is subtracted.",
        question,
        severity=MINOR if chart.meaning.labels == "one-hot" else None,
    )


def _constant(chart: Chart) -> bool:
    """Whether the scale depends on the number of elements at most."""
    first, second = chart.scale, chart.scale_of_larger
    if not first or not second:
        return False
    n, m = chart.size, len(chart.batches.larger.x)
    return any(abs(first / second / ratio - 1) < 1e-4 for ratio in (1, n / m, m / n))


FINDING = Finding(
    name="soft-labels-wrong",
    page="labels",
    severity=MAJOR,
    title="Labels between 0 and 1 give a wrong number",
    symptom="label smoothing or mixup has no effect, or makes the loss jump",
    why=(
        "y == 1 or y > 0 makes hard labels of soft ones without a word; subtracting their "
        "entropy gives a divergence."
    ),
    fix=(
        "-y log p - (1 - y) log(1 - p) for any y in [0, 1], in rows of classes -Σ yₖ log pₖ; or "
        "refuse labels other than 0 and 1."
    ),
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(np.logaddexp(0, -np.where(y > 0, 1, -1) * z))
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits", "labels": "soft"},
    examine=_examine,
)
