"""A sigmoid is applied only if some value lies outside [0, 1]."""

from __future__ import annotations

import dataclasses

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not (chart.meaning.binary and chart.clean):
        return None
    for found, other in (
        (chart.inputs.within_unit, "probabilities"),
        (chart.inputs.beyond_unit, "logits"),
    ):
        if found is None:
            continue
        question, answer = found
        as_other = dataclasses.replace(chart.meaning, inputs=other)
        value = as_other.value(question.x, question.y).sum()
        if answer.finite and abs(answer.total - value) < 1e-5 * abs(value):
            return Evidence(
                f"It takes its argument for {other} or not by looking at the values: the same "
                "prediction costs something else beside other ones.",
                question,
                exact="an exception: 1.7 is no probability"
                if other == "logits"
                else chart.meaning.value(question.x, question.y).sum(),
                holds=lambda again, value=value: abs(again.total - value) < 1e-5 * abs(value),
            )
    return None


FINDING = Finding(
    name="activation-by-range",
    page="value",
    severity=CRITICAL,
    title="It guesses from the values whether they are logits",
    symptom="the loss jumps from batch to batch",
    why=(
        "Logits that happen to lie in [0, 1] are then taken for probabilities: the function "
        "depends on who else is in the batch."
    ),
    fix="Decide once what the argument is, and write two functions.",
    sick="""
import numpy as np
from scipy.special import expit, xlog1py, xlogy

def loss(z, y):
    p = expit(z) if z.min() < 0 or z.max() > 1 else z
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
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
