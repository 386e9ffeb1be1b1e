"""The first argument is read as the labels."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.patient import Question

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    meaning = chart.meaning
    if meaning.labels not in ("soft", "hard", "one-hot") or chart.clean:
        return None
    if meaning.binary:
        x, y = np.array([0.8, 0.35, 0.6]), np.array([0.7, 0.25, 0.15])
    elif meaning.classes != 3:
        soft = chart.batches.soft
        x, y = np.asarray(soft.y)[::-1], np.asarray(soft.y)
    else:
        x = np.array([[0.7, 0.2, 0.1], [0.25, 0.3, 0.45]])
        y = np.array([[0.6, 0.3, 0.1], [0.2, 0.35, 0.45]])
    question = Question(x, y)
    answer = chart.ask(question)
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
    severity=CRITICAL,
    title="Predictions and labels have changed places",
    symptom="the loss is infinite, NaN or stuck at a cap such as 15.9 or 34.5",
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
    declared={"inputs": "probabilities", "labels": "soft"},
    examine=_examine,
)
