"""A custom backward ignores the incoming gradient."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    scaled = chart.slopes.scaled
    if scaled is None or chart.slopes.wrong or not chart.slopes.given.finite:
        return None
    question, answer = scaled
    right = 0.1 * chart.slopes.given.values
    if answer.values is None or not right.any() or chart.slopes.near(answer.values, right):
        return None
    return Evidence(
        "0.1 times the loss has the gradient of the loss: backward ignores what comes from above.",
        question,
        exact=right,
    )


FINDING = Finding(
    name="gradient-ignores-upstream",
    page="derivatives",
    severity=CRITICAL,
    title="backward ignores what comes from above",
    symptom=(
        "a weight on the loss has no effect; with the scaler of autocast SGD learns next to nothing"
    ),
    why=(
        "By the chain rule backward returns grad_output times the derivative. A scaler divides by "
        "what it thinks it has multiplied by."
    ),
    fix="Multiply by it: grad_output * (p - y), over N for a mean.",
    sick="""
import torch

class Loss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, y):
        ctx.save_for_backward(z, y)
        return (torch.logaddexp(z, torch.zeros_like(z)) - z * y).mean()

    @staticmethod
    def backward(ctx, grad_output):
        z, y = ctx.saved_tensors
        return (torch.sigmoid(z) - y) / z.numel(), None

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
