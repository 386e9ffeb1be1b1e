"""The declared smoothing distributes another mass."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    e = chart.meaning.smoothing
    if not e and _lopsided(chart):
        return Evidence(
            "One class is smoothed and the other is not, so that the labels add up to "
            "another number on average: two classes share ε.",
            smallest(chart),
        )
    if not e or not chart.fits or chart.clean or chart.meaning.weight is not None:
        return None
    rows = chart.rows * np.log(chart.meaning.base)
    labels = [rows[chart.labels == k].mean(axis=0) for k in range(rows.shape[1])]
    if any(np.abs(rows[chart.labels == k] - each).max() > 1e-4 for k, each in enumerate(labels)):
        return None
    if not np.allclose(rows.sum(axis=1), rows.sum(axis=1)[0], rtol=1e-4):
        return None
    k = rows.shape[1]
    found = ", ".join(f"{each[i]:.4g}" for i, each in enumerate(labels))
    return Evidence(
        f"A right label counts {found} (by class); smoothing by {e:g} over {k} classes makes it "
        f"{1 - e + e / k:.4g}.",
        smallest(chart),
    )


def _lopsided(chart: Chart) -> bool:
    """Whether labels of one class alone are moved towards the other."""
    if not chart.meaning.binary or not chart.fits or chart.meaning.weight is not None:
        return False
    wrong = 1 - chart.rows[np.arange(chart.size), chart.labels]
    by_class = np.array([wrong[chart.labels == k].mean() for k in (0, 1)])
    whole = np.allclose(chart.rows.sum(axis=1), 1, atol=1e-5)
    return bool(whole and by_class.min() < 1e-6 and 0.005 < by_class.max() < 0.45
                and np.allclose(wrong, by_class[chart.labels], atol=1e-6))  # fmt: skip


FINDING = Finding(
    name="smoothing-wrong",
    page="labels",
    severity=MAJOR,
    title="Label smoothing with another mass",
    symptom="the loss differs from PyTorch's with the same label_smoothing",
    why=(
        "K classes share ε: each gets ε / K, the right one included. ε / (K - 1), or ε for two "
        "classes, is another target."
    ),
    fix="y (1 - ε) + ε / K, with K = 2 for one sigmoid output.",
    sick="""
import numpy as np

def loss(z, y, e=0.1):
    y = y * (1 - e) + e
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y, e=0.1):
    y = y * (1 - e) + e / 2
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y, e=0.1):
    y = y * (1 - e) + e / 2
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits", "label_smoothing": 0.1},
    examine=_examine,
)
