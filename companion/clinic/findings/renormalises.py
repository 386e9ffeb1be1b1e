"""Rows of probabilities are divided by their sum."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    found = chart.inputs.scaled_rows
    if found is None or not chart.right:
        return None
    question, answer = found
    total = chart.ordinary.total
    if not answer.finite or not abs(answer.total - total) < chart.tolerance * abs(total):
        return None
    return Evidence(
        "Rows of probabilities are divided by their sum: (0.28, 0.08, 0.04) costs what "
        "(0.7, 0.2, 0.1) costs.",
        question,
    )


FINDING = Finding(
    name="renormalises",
    page="ends",
    severity=MINOR,
    title="Rows of probabilities are divided by their sum",
    symptom="a model whose probabilities do not add up gets a good score",
    why="What does not add up to 1 is a mistake upstream, and is repaired without a word.",
    fix="Leave the division out, and check the sums where the rows are made.",
    sick="""
import numpy as np

def loss(p, y):
    p = p / p.sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(y)), y]))
""",
    mended="""
import numpy as np

def loss(p, y):
    return -np.mean(np.log(p[np.arange(len(y)), y]))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.nll_loss(p.log(), y)
""",
    declared={"inputs": "probabilities", "labels": "index"},
    examine=_examine,
)
