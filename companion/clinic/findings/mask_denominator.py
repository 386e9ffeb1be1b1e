"""Ignored elements count in the divisor."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    found = chart.inputs.ignored
    if found is None or chart.meaning.reduction != "mean" or not chart.right:
        return None
    question, answer, other = found
    right = chart.value(question)
    share = (chart.size - 1) / chart.size
    if not answer.finite or not other.same(answer, 1e-9):
        return None
    if abs(answer.total - share * right) > 1e-5 * abs(right):
        return None
    return Evidence(
        f"Ignored elements are counted in the mean: with one of {chart.size} ignored the loss is "
        f"{share:.3g} times what it should be.",
        question,
    )


FINDING = Finding(
    name="mask-denominator",
    page="counts",
    severity=MAJOR,
    title="Ignored elements count in the mean",
    symptom="the loss is smaller the more padding there is",
    why=(
        "A zero for each ignored element, divided by all of them: long padding makes a small "
        "loss and a small gradient."
    ),
    fix="Divide by the number of elements that are kept: loss.sum() / kept.sum().",
    sick="""
import numpy as np

def loss(z, y):
    kept = y != -1
    each = np.logaddexp(0, (1.0 - 2 * y) * z)
    return np.mean(np.where(kept, each, 0))
""",
    mended="""
import numpy as np

def loss(z, y):
    kept = y != -1
    each = np.logaddexp(0, (1.0 - 2 * y) * z)
    return np.sum(np.where(kept, each, 0)) / np.sum(kept)
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    kept = y != -1
    return F.binary_cross_entropy_with_logits(z[kept], y[kept])
""",
    declared={"inputs": "logits", "labels": "hard", "ignore_index": -1},
    examine=_examine,
)
