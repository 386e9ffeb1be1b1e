"""The loss prints."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.ordinary.printed:
        return None
    return Evidence(
        "It prints at each call.",
        chart.batches.ordinary,
        exact="nothing printed",
        holds=lambda answer: answer.printed,
    )


FINDING = Finding(
    name="prints",
    page="behaviour",
    severity=MINOR,
    title="It prints",
    symptom="the log is full of numbers",
    why="Who calls it cannot switch it off, short of redirecting the output.",
    fix="Return it, or use `logging`.",
    sick="""
import numpy as np

def loss(z, y):
    print("loss!")
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
