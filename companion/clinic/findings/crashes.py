"""The loss raises on ordinary input."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


_MORE = "It is called with predictions and labels: fix the rest with functools.partial."


def _examine(chart: Chart) -> Evidence | None:
    error = chart.ordinary.error
    if not error or chart.ordinary.lost:
        return None
    return Evidence(
        f"It raises {error.split(':')[0]} on an ordinary batch ({error}).",
        chart.batches.ordinary,
        holds=lambda answer: bool(answer.error),
        fix=_MORE if "required positional argument" in error else None,
    )


FINDING = Finding(
    name="crashes",
    page="behaviour",
    severity=CRITICAL,
    title="It raises on ordinary input",
    symptom="RecursionError, NameError, IndexError or TypeError at the first call",
    why=(
        "A name that is not defined, a setting read without `self`, or a function named like "
        "the library's that calls itself: no call that reaches it can succeed."
    ),
    fix="Read the last line of the traceback; give a function another name than the one it calls.",
    sick="""
import numpy as np

def loss(p, y):
    q = np.where(y == 1, p, 1 - p)
    return -np.log(probability).mean()
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
