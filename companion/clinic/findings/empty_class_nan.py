"""A batch of one class gives NaN."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.ordinary.finite:
        return None
    for question, answer in chart.inputs.one_class:
        said = answer.error.lower()
        if said.startswith("valueerror") and not ("empty" in said or "zero-size" in said):
            continue  # it refuses such a batch, and says so
        if answer.error or not answer.finite:
            return Evidence(
                f"A batch whose labels are all {question.y[0]:g} gives "
                f"{answer.error.split(':')[0] or format(answer.total, 'g')}: it averages "
                "over a class that is absent.",
                question,
                holds=lambda again: not again.finite,
            )
    return None


FINDING = Finding(
    name="empty-class-nan",
    page="counts",
    severity=MAJOR,
    title="A batch of one class gives NaN",
    symptom="RuntimeWarning: Mean of empty slice; the loss is NaN in small batches",
    why="The mean over the positives of a batch without any is 0 / 0.",
    fix="Divide by the number of elements, and weight the classes by fixed numbers.",
    sick="""
import numpy as np

def loss(z, y):
    each = np.logaddexp(0, (1.0 - 2 * y) * z)
    return (each[y == 1].mean() + each[y == 0].mean()) / 2
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
