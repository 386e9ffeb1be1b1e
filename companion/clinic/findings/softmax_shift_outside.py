"""The maximum is subtracted from exp(z), not from z."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.patient import Question

__all__ = ["FINDING"]

_NEAR = np.array([[0.2, 0.85, 0.4], [0.7, 0.3, 0.55]])  # exp(z) - max(z) is positive


def _examine(chart: Chart) -> Evidence | None:
    if (
        chart.meaning.binary
        or chart.meaning.classes != 3
        or not chart.meaning.logits
        or chart.clean
    ):
        return None
    y = np.array([1, 0])
    question = Question(_NEAR, np.eye(3)[y] if chart.meaning.labels == "one-hot" else y)
    answer = chart.ask(question)
    for top in (_NEAR.max(axis=1, keepdims=True), _NEAR.max()):
        e = np.exp(_NEAR) - top
        value = -np.log(e[[0, 1], y] / e.sum(axis=1)).sum() / chart.meaning.divisor(question.y)
        if answer.finite and abs(answer.total - value) < 1e-6 * abs(value):
            return Evidence(
                "The maximum is subtracted from exp(z), not from z: the result is no distribution, "
                "and NaN for small scores.",
                question,
            )
    return None


FINDING = Finding(
    name="softmax-shift-outside",
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
    declared={"inputs": "logits", "labels": "index"},
    examine=_examine,
)
