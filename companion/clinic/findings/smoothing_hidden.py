"""Smoothing that was not declared."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.fits or chart.clean or chart.meaning.smoothing or chart.meaning.weight:
        return None
    totals = chart.rows.sum(axis=1, keepdims=True)
    if np.ptp(totals) > 1e-4 * abs(totals).max():
        return None
    shares = chart.rows / totals
    wrong = 1 - shares[np.arange(chart.size), chart.labels]
    if wrong.min() < -1e-6 or not 1e-9 < wrong.max() < 0.45:
        return None
    if any(np.ptp(wrong[chart.labels == k]) > 1e-4 for k in set(chart.labels.tolist())):
        return None
    e = wrong.max() * shares.shape[1] / (shares.shape[1] - 1)
    return Evidence(
        f"Labels are smoothed by {e:.3g}, which was not declared: a right label counts "
        f"{1 - wrong.max():.4g}.",
        smallest(chart),
    )


FINDING = Finding(
    name="smoothing-hidden",
    page="labels",
    severity=MAJOR,
    title="Label smoothing that was not declared",
    symptom="the training loss stops at 0.2 or so, above the loss of another framework",
    why=(
        "Smoothed labels have an entropy of their own below which the loss cannot fall, and no "
        "certain prediction is right."
    ),
    fix="Say so (label_smoothing=...), or take the labels as they are.",
    sick="""
import numpy as np

def loss(z, y):
    y = y * 0.9 + 0.05
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
    declared={"inputs": "logits", "label_smoothing": 0.0},
    examine=_examine,
)
