"""The binary formula on each entry of a row of classes."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.binary or chart.fits or chart.foreign is None:
        return None
    words = {
        "sigmoids": (
            "Each class has a sigmoid of its own: K yes-or-no questions, not one choice among K."
        ),
        "two terms": (
            "The two-term formula is applied to each entry of the softmax: the other classes "
            "pay -log(1 - p) as well."
        ),
    }.get(chart.foreign[0])
    return Evidence(words, smallest(chart)) if words else None


FINDING = Finding(
    name="two-term-on-categorical",
    page="value",
    severity=CRITICAL,
    title="The binary formula on several classes",
    symptom=(
        "the loss is not that of cross_entropy: with all scores 0 sigmoids give K ln 2, or ln 2 if "
        "averaged over the classes, where cross_entropy gives ln K"
    ),
    why=(
        "Classes that exclude each other share one softmax and one term, -log p of the right "
        "one; K sigmoids are another model."
    ),
    fix="-log_softmax(z) of the right class.",
    sick="""
import numpy as np

def loss(z, y):
    t = np.eye(z.shape[1])[y]
    return np.mean(np.sum(t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z), axis=1))
""",
    mended="""
import numpy as np
from scipy.special import log_softmax

def loss(z, y):
    return -np.mean(log_softmax(z, axis=1)[np.arange(len(y)), y])
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.cross_entropy(z, y)
""",
    declared={"inputs": "logits", "labels": "index"},
    examine=_examine,
)
