"""The softmax runs over the batch, or over everything."""

from __future__ import annotations

from companion import elementary
from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.binary or not chart.meaning.logits or chart.fits or not chart.ordinary.finite:
        return None
    batch = chart.batches.ordinary
    targets = chart.meaning.targets(batch.y)
    for axis, words in (
        (0, "over the batch: examples compete with each other"),
        (None, "over the whole array"),
    ):
        value = -(
            targets * elementary.log_softmax(batch.x, axis=axis)
        ).sum() / chart.meaning.divisor(batch.y)
        if abs(chart.ordinary.total - value) < 1e-5 * abs(value):
            return Evidence(f"The softmax runs {words}.", smallest(chart))
    return None


FINDING = Finding(
    name="softmax-wrong-axis",
    page="value",
    severity=CRITICAL,
    title="The softmax runs over the wrong axis",
    symptom=(
        "with a batch of one the loss is 0; predictions of an example change with its neighbours"
    ),
    why=(
        "Over axis 0 the columns add up to 1, not the rows: examples share one unit of probability."
    ),
    fix="axis=1 (dim=1), or -1 where the classes are last.",
    sick="""
import numpy as np
from scipy.special import log_softmax

def loss(z, y):
    return -np.mean(log_softmax(z, axis=0)[np.arange(len(y)), y])
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
