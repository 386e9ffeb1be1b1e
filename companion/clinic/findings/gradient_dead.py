"""The gradient is exactly 0 for a confident mistake."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for question, answer, right in chart.slopes.far:
        alive = chart.unit is not None and np.abs(right) > 1e-3 * chart.unit.max()
        if answer.note == "detached" or not answer.finite or not np.isfinite(question.x).all():
            continue
        half = 0.0 if chart.meaning.logits else 0.5
        if chart.meaning.binary and ((question.x > half) == (question.y == 1)).all():
            continue  # the right answer
        if (alive & (answer.values == 0)).any():
            x = np.ravel(question.x)[0]
            name = "logit" if chart.meaning.logits else "probability"
            return Evidence(
                f"At a {name} of {x:g} the gradient is exactly 0 for the wrong answer: the worst "
                "mistakes teach nothing.",
                question,
                exact=right,
            )
    return None


FINDING = Finding(
    name="gradient-dead",
    page="derivatives",
    severity=MAJOR,
    title="The worst mistakes have no gradient",
    symptom="a few examples stay wrong for ever; the loss stops at a plateau",
    why=(
        "clamp has the derivative 0 beyond its ends, and a probability that rounded to 1 does "
        "not move."
    ),
    fix="The loss from logits: its gradient for a confident mistake has size 1.",
    sick="""
import torch

def loss(p, y):
    q = p.clamp(1e-4, 1 - 1e-4)
    return -(y * q.log() + (1 - y) * torch.log1p(-q)).mean()
""",
    mended="""
from companion.torch_losses import binary_cross_entropy as loss
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
