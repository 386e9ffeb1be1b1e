"""The labels are changed before use."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, MINOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]

_SIGMOID_OF_ONE = 1 / (1 + np.exp(-1))


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.clean or chart.meaning.smoothing or chart.meaning.weight:
        return None
    totals = chart.rows.sum(axis=1, keepdims=True)
    if np.ptp(totals) > 1e-4 * abs(totals).max():
        return None
    shares = chart.rows / totals
    k, right = shares.shape[1], shares[np.arange(chart.size), chart.labels]
    softmax = np.e / (np.e + k - 1)
    if np.allclose(right, softmax, atol=1e-4):
        return Evidence(
            f"The labels go through a softmax: the right class counts {softmax:.4f}, not 1.",
            smallest(chart),
        )
    if k == 2 and np.allclose(
        shares[:, 1], np.where(chart.labels, _SIGMOID_OF_ONE, 0.5), atol=1e-4
    ):
        return Evidence(
            "The labels go through a sigmoid: 0 counts as 0.5 and 1 as 0.731.", smallest(chart)
        )
    if k == 2 and not np.allclose(right, 1, atol=1e-12) and chart.soft.fits(chart.tolerance):
        soft = chart.soft_rows / chart.soft_rows.sum(axis=1, keepdims=True)
        if np.allclose(soft[:, 1], chart.batches.soft.y, atol=1e-9):
            return Evidence(
                f"The labels are clipped: 0 counts as {1 - right[chart.labels == 0][0]:.3g}.",
                smallest(chart),
                severity=MINOR,
                fix="Leave the labels as they are: the formula takes 0 and 1.",
            )
    return None


FINDING = Finding(
    name="labels-transformed",
    page="labels",
    severity=CRITICAL,
    title="The labels are changed before use",
    symptom="the loss cannot fall below 0.58 (labels through a sigmoid); the model stays unsure",
    why=(
        "A sigmoid, a softmax or a clip over the labels makes other targets of them; through a "
        "sigmoid 0 and 1 become 0.5 and 0.731."
    ),
    fix="Leave the labels as they are; an activation belongs to the predictions alone.",
    sick="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    y = expit(y)
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
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
