"""A call does not come back."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    question = chart.lost_by("hangs")
    if question is None:
        return None
    return Evidence(
        "A call did not come back in the time that one may take, and was given up.",
        question,
        exact="an answer",
        holds=lambda answer: answer.lost,
    )


FINDING = Finding(
    name="hangs",
    page="behaviour",
    severity=CRITICAL,
    title="A call does not come back",
    symptom="training stands still",
    why="A loop whose condition never becomes false, or one that waits for input.",
    fix="Interrupt it: the traceback shows the loop.",
    sick="""
import numpy as np

def loss(z, y):
    while np.abs(z).max() > 300:
        pass
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
