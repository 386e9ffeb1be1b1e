"""The weights are divided by their sum."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    weight = chart.meaning.weight
    if weight is None or chart.by_label is None or chart.clean:
        return None
    if chart.meaning.binary:
        found = np.array(list(chart.by_label.values())) * np.log(chart.meaning.base)
        w = weight[1]
        shares = np.array([1 - w, w]), np.array([1, w]) / (1 + w)
        if any(chart.near(found, each) for each in shares):
            return Evidence(
                f"The weights are {_words(found)}, where pos_weight {w:g} means 1 and {w:g}.",
                smallest(chart),
                fix=f"Multiply the positives by {w:g} and the negatives by 1.",
            )
    each = np.array(weight)[chart.labels]
    if chart.scale is not None and abs(chart.scale * each.mean() - 1) < 1e-4:
        return Evidence(
            "It divides by the sum of the weights, where the declared mean divides by the number "
            "of elements: the scale of the loss changes with the classes in the batch.",
            smallest(chart),
        )
    return None


def _words(weights: np.ndarray) -> str:
    return " and ".join(f"{w:.4g}" for w in weights)


FINDING = Finding(
    name="pos-weight-normalised",
    page="counts",
    severity=MINOR,
    title="The weights are divided by their sum",
    symptom=(
        "the loss differs from PyTorch's with the same pos_weight, by another factor in each batch "
        "(a pos_weight above 1 makes it smaller)"
    ),
    why=(
        "PyTorch's pos_weight leaves the divisor alone. Dividing by the sum of the weights "
        "makes each batch count differently. With class weights PyTorch's cross_entropy does "
        "divide, by the weights of the labels in the batch."
    ),
    fix="Divide by the number of elements.",
    sick="""
import numpy as np

def loss(z, y, pos_weight=3.0):
    w = 1 + (pos_weight - 1) * y
    each = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    return np.sum(w * each) / np.sum(w)
""",
    mended="""
import numpy as np

def loss(z, y, pos_weight=3.0):
    w = 1 + (pos_weight - 1) * y
    each = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    return np.mean(w * each)
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y, pos_weight=3.0):
    return F.binary_cross_entropy_with_logits(z, y, pos_weight=torch.tensor(pos_weight))
""",
    declared={"inputs": "logits", "pos_weight": 3.0},
    examine=_examine,
)
