"""The maximum is subtracted from exp(z), not from z."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.clean or chart.inputs.small_scores is None:
        return None
    question, answer = chart.inputs.small_scores
    targets = chart.meaning.plain.targets(question.y)
    for top in (question.x.max(axis=1, keepdims=True), question.x.max()):
        e = np.exp(question.x) - top
        shares = e / e.sum(axis=1, keepdims=True)
        value = -(targets * np.log(shares)).sum() / chart.meaning.divisor(question.y)
        if answer.finite and abs(answer.total - value) < 1e-6 * abs(value):
            return Evidence(
                "The maximum is subtracted from exp(z), not from z: the result is another "
                "distribution, or none, with NaN where a share falls below 0.",
                question,
            )
    return None


FINDING = Finding(
    name="softmax-shift-outside",
    page="value",
    severity=CRITICAL,
    title="The maximum is subtracted outside exp",
    symptom="RuntimeWarning: invalid value encountered in log; probabilities below 0",
    why=(
        "exp(z - m) / Σ exp(z - m) is the softmax because the factor exp(-m) cancels; nothing "
        "cancels in exp(z) - m."
    ),
    fix="exp(z - max(z)), or log_softmax.",
    sick="""
import numpy as np

def loss(z, y):
    e = np.exp(z) - np.max(z, axis=1, keepdims=True)
    return -np.mean(np.log((e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y]))
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
