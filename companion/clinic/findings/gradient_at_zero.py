"""The derivative at a logit of 0 is wrong."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for question, answer, own in chart.slopes.at_zero:
        if answer.finite and not np.allclose(answer.values, own, rtol=1e-5, atol=1e-8):
            return Evidence(
                f"At a logit of 0 the derivative is {answer.values[0]:g} for y = 0 and "
                f"{answer.values[1]:g} for y = 1.",
                question,
                exact=np.round(own, 9),
            )
    return None


FINDING = Finding(
    name="gradient-at-zero",
    page="derivatives",
    severity=MAJOR,
    title="The derivative at 0 is wrong",
    symptom=(
        "a network whose last layer starts at zero takes another first step than with the "
        "library's loss"
    ),
    why=(
        "Autograd takes clamp'(0) = 1 and |·|'(0) = 0: z.clamp(min=0) - z y + log1p(exp(-|z|)) has "
        "a smooth value, and a slope at 0 that is off by a half."
    ),
    fix="The library's function; or torch.logaddexp for softplus(z), if one derivative is enough.",
    sick="""
import torch

def loss(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()
""",
    mended="""
import torch

def loss(z, y):
    return (torch.logaddexp(z, torch.zeros_like(z)) - z * y).mean()
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
