"""Logits are declared, and no sigmoid or softmax is applied."""

from __future__ import annotations

import dataclasses

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.meaning.logits or chart.clean:
        return None
    found = chart.inputs.within_unit
    if found is not None:
        question, answer = found
        as_probabilities = dataclasses.replace(chart.meaning, inputs="probabilities")
        value = as_probabilities.value(question.x, question.y).sum()
        for divisor in (1.0, 1.0 / chart.size, float(chart.expected.shape[1])):
            if answer.finite and abs(answer.total * divisor - value) < 1e-4 * abs(value):
                return Evidence(
                    "It takes the logits for probabilities: their logarithm is taken, without a "
                    "sigmoid.",
                    smallest(chart),
                )
    linear = chart.linear
    if not chart.meaning.binary:
        linear = chart.foreign is not None and chart.foreign[0].startswith("activation missing")
    if not linear:
        return None
    return Evidence(
        "It is linear in the logits, as if no sigmoid or softmax and no logarithm were applied: "
        "the loss falls without bound.",
        smallest(chart),
    )


FINDING = Finding(
    name="activation-missing",
    page="value",
    severity=CRITICAL,
    title="The sigmoid or softmax is missing",
    symptom="the loss is NaN from the first step, or negative without bound",
    why=(
        "Logits may be any number; a logarithm of a negative one is NaN, and a clip to (0, 1) "
        "throws away every negative logit."
    ),
    fix="Use the loss from logits: softplus(z) - y z, log_softmax; or put the sigmoid before it.",
    sick="""
import numpy as np

def loss(z, y):
    p = np.clip(z, 1e-8, 1 - 1e-8)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
