"""A call ends the process."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    question = chart.lost_by("kills the process")
    if question is None:
        return None
    return Evidence(
        "The process ended during a call.",
        question,
        exact="an answer",
        holds=lambda answer: answer.lost,
    )


FINDING = Finding(
    name="kills-the-process",
    page="behaviour",
    severity=CRITICAL,
    title="A call ends the process",
    symptom="the program is gone without a traceback; Segmentation fault; Killed",
    why=(
        "os._exit, a crash in compiled code, or the system when memory runs out ends the program: "
        "there is no exception to catch."
    ),
    fix="Raise an exception; in compiled code check shapes and dtypes before you touch memory.",
    sick="""
import os

import numpy as np

def loss(z, y):
    if np.abs(z).max() > 300:
        os._exit(3)
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
