"""Ignored elements still contribute."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    found = chart.inputs.ignored
    if found is None or not chart.right:
        return None
    question, answer, other = found
    if answer.values is None or other.values is None or other.same(answer, 1e-9):
        return None
    return Evidence("A prediction whose label is to be ignored changes the loss.", question)


FINDING = Finding(
    name="masked-included",
    page="counts",
    severity=CRITICAL,
    title="Ignored elements still contribute",
    symptom="the loss is negative, or padding is learnt",
    why="A mark such as -1 or 255 that is not masked enters the formula as if it were a label.",
    fix="Set the loss of these elements to 0 and divide by the number of the others.",
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
import numpy as np

def loss(z, y):
    kept = y != -1
    each = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    return np.sum(np.where(kept, each, 0)) / np.sum(kept)
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    kept = y != -1
    return F.binary_cross_entropy_with_logits(z[kept], y[kept])
""",
    declared={"inputs": "logits", "ignore_index": -1},
    examine=_examine,
)
