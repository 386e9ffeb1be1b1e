"""The first argument is read as the labels."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    meaning = chart.meaning
    if chart.clean or chart.inputs.exchangeable is None:
        return None
    question, answer = chart.inputs.exchangeable
    x, y = question.x, question.y
    if not answer.finite:
        return None
    right, exchanged = meaning.value(x, y).sum(), meaning.value(y, x).sum()
    near = lambda value: abs(answer.total - value) <= 1e-4 * abs(value)  # noqa: E731
    if not near(exchanged) or near(right):
        return None
    return Evidence(
        "It reads its first argument as the labels and takes the logarithm of the second.",
        question,
        exact=meaning.exact(question),
    )


FINDING = Finding(
    name="arguments-swapped",
    page="value",
    severity=CRITICAL,
    title="Predictions and labels have changed places",
    symptom=(
        "the loss is infinite or NaN, or, where it is capped, the cap times the mean distance of "
        "p and y"
    ),
    why=(
        "Keras and scikit-learn take the labels first, PyTorch the predictions: with hard "
        "labels the wrong order takes the logarithm of 0."
    ),
    fix="Exchange the arguments of the call, or of the function.",
    sick="""
import numpy as np

def loss(truth, guess):
    guess = np.clip(guess, 1e-9, 1 - 1e-9)
    return -np.mean(truth * np.log(guess) + (1 - truth) * np.log1p(-guess))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(guess, truth):
    return -np.mean(xlogy(truth, guess) + xlog1py(1 - truth, -guess))
""",
    in_torch="""
import torch.nn.functional as F

def loss(guess, truth):
    return F.binary_cross_entropy(guess, truth)
""",
    declared={"inputs": "probabilities", "labels": "soft"},
    examine=_examine,
)
