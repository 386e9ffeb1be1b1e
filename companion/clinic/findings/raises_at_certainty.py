"""A probability of exactly 0 or 1 raises."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for probe in [*chart.edges.certain.get("float64", []), *chart.edges.lost.get("float64", [])]:
        if probe.answer.error:
            return Evidence(
                f"A probability of exactly 0 or 1 raises {probe.answer.error.split(':')[0]}.",
                probe.question,
                holds=lambda answer: bool(answer.error),
            )
    return None


FINDING = Finding(
    name="raises-at-certainty",
    page="ends",
    severity=MAJOR,
    title="A probability of 0 or 1 raises",
    symptom="ValueError: math domain error; from Python 3.14 on: expected a positive input",
    why="math.log refuses 0, so that a perfect prediction stops the evaluation.",
    fix=(
        "Use SciPy's xlogy and xlog1py. With math, leave out the term whose label is 0, and return "
        "math.inf where the probability of the label itself is 0."
    ),
    sick="""
import math

def loss(p, y):
    total = 0.0
    for a, b in zip(p, y):
        total -= b * math.log(a) + (1 - b) * math.log(1 - a)
    return total / len(p)
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
