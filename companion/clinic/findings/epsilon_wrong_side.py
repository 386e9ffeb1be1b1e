"""log(1 - (p + ε)): the epsilon makes the argument negative."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.meaning.binary:  # in a row it is another 0 · log 0
        return None
    for probe in chart.edges.lost.get("float64", []):
        if probe.nan:
            return Evidence(
                "A certain and wrong prediction gives NaN: the logarithm of a negative number.",
                probe.question,
            )
    return None


FINDING = Finding(
    name="epsilon-wrong-side",
    page="ends",
    severity=MAJOR,
    title="The epsilon is on the wrong side",
    symptom="RuntimeWarning: invalid value encountered in log",
    why="1 - (p + ε) is negative at p = 1, where the guard was to help.",
    fix="(1 - p) + ε at least; better no ε.",
    sick="""
import numpy as np

def loss(p, y, eps=1e-9):
    return -np.mean(y * np.log(p + eps) + (1 - y) * np.log(1 - (p + eps)))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
from companion.torch_losses import binary_cross_entropy as loss
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
