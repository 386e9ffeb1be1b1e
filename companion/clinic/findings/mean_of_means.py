"""Means of unequal parts are averaged."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.reduction != "mean":
        return None
    if chart.fits and chart.by_class is not None and not chart.clean:
        counts = np.bincount(chart.labels, minlength=len(chart.by_class))
        if (counts > 0).all():
            shares = chart.by_class * counts / chart.size
            constant = chart.factors_of_larger is not None and chart.near(
                chart.factors_of_larger, chart.by_class[chart.labels_of_larger]
            )
            if np.ptp(shares) < 1e-5 * abs(shares).max() and not constant:
                return Evidence(
                    "It averages each class by itself and then the averages: a class of "
                    "two weighs as much as one of three.",
                    chart.batches.ordinary,
                )
    if chart.fits and _by_place(chart) and not chart.clean:
        return Evidence(
            "Elements of one batch count differently by their place: parts of unequal size are "
            "averaged as if they were equal.",
            chart.batches.ordinary,
        )
    if chart.right:
        for question, answer in chart.inputs.many:
            right = chart.value(question)
            off = abs(answer.total - right) > chart.nearness * abs(right)
            if answer.finite and off:
                return Evidence(
                    f"A batch of {len(question.x)} has another mean than its elements have: "
                    "parts of unequal size are averaged as if they were equal.",
                    question,
                )
    return None


def _by_place(chart: Chart) -> bool:
    """Whether the elements share a whole, none left out, and those of one class differ."""
    factors = chart.factors
    if factors is None:
        return False
    own = [factors[chart.labels == k] for k in set(chart.labels.tolist())]
    if max(np.ptp(each) for each in own) <= 1e-5 * np.abs(factors).max():
        return False
    return bool((factors > 0).all() and abs(factors.mean() - 1) < 1e-5)


FINDING = Finding(
    name="mean-of-means",
    page="counts",
    severity=MAJOR,
    title="Means of unequal parts are averaged",
    symptom="the loss changes with the batch size or the order of the data",
    why=(
        "The mean of means is the mean if the parts are of one size; else a last batch of 3 weighs "
        "as much as one of 64."
    ),
    fix="Add the losses and the counts, and divide once at the end.",
    sick="""
import numpy as np

def loss(z, y):
    each = np.logaddexp(0, (1.0 - 2 * y) * z)
    return np.mean([each[i : i + 4].mean() for i in range(0, len(each), 4)])
""",
    mended="""
import numpy as np

def loss(z, y):
    each = np.logaddexp(0, (1.0 - 2 * y) * z)
    return sum(each[i : i + 4].sum() for i in range(0, len(each), 4)) / each.size
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    parts = zip(z.split(4), y.split(4))
    sums = [F.binary_cross_entropy_with_logits(a, b, reduction="sum") for a, b in parts]
    return sum(sums) / z.numel()
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
