"""Differentiating twice raises, or is wrong."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.slopes.second is None:
        return None
    answer, own = chart.slopes.second
    if answer.values is not None and chart.slopes.near(answer.values, own, 1e-4):
        return None
    words = answer.error.split(":")[0] if answer.error else "another number"
    sentence = f"Differentiating twice gives {words}."
    if answer.note == "detached":
        sentence = (
            "Its derivative is a constant to autograd: a second one raises, or leaves this "
            "loss out where it is a part of something larger."
        )
    return Evidence(
        sentence,
        chart.slopes.question.but(want="second"),
        exact=np.round(own, 7),
        holds=lambda again: again.values is None or not chart.slopes.near(again.values, own, 1e-4),
    )


FINDING = Finding(
    name="not-twice-differentiable",
    page="derivatives",
    severity=MINOR,
    title="It cannot be differentiated twice",
    symptom="gradient penalties, Hessians and gradgradcheck fail or are silently wrong",
    why="A backward that works on detached numbers has no derivative of its own.",
    fix="Write backward in differentiable operations on the saved tensors.",
    sick="""
import torch

class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y):
        ctx.slope = (torch.sigmoid(z) - y).detach() / z.numel()
        return (torch.logaddexp(z, torch.zeros_like(z)) - z * y).mean()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * ctx.slope, None

loss = Loss.apply
""",
    mended="""
import torch

class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y):
        ctx.save_for_backward(z, y)
        return (torch.logaddexp(z, torch.zeros_like(z)) - z * y).mean()

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        return grad_output * (torch.sigmoid(z) - y) / z.numel(), None

loss = Loss.apply
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
