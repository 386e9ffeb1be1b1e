"""No gradient reaches the predictions."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    slopes = chart.slopes
    if not (slopes.available and chart.ordinary.finite) or slopes.own is None:
        return None
    given = slopes.given
    if given.note != "detached" and not (
        given.finite and not given.values.any() and slopes.own.any()
    ):
        return None
    return Evidence(
        "No gradient reaches the predictions: the loss is cut off from them.",
        slopes.question,
        exact=np.round(slopes.own, 9),
        holds=lambda answer: answer.values is None or not answer.values.any(),
    )


FINDING = Finding(
    name="gradient-detached",
    page="derivatives",
    severity=CRITICAL,
    title="No gradient reaches the predictions",
    symptom="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
    why=(
        ".item(), .detach() or torch.tensor(value) leave the graph: the number is right and "
        "teaches nothing."
    ),
    fix="Stay in tensors from the predictions to the loss.",
    sick="""
import torch
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z.detach(), y)
""",
    mended="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
