"""A sum for a mean, an array for a number, and the like."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    return _shape(chart) or _scale(chart) or _one_of_them(chart)


def _one_of_them(chart: Chart) -> Evidence | None:
    """Look for the largest, the smallest or the middle one of the losses of the elements."""
    batch = chart.batches.ordinary
    if chart.fits or not chart.ordinary.finite or chart.ordinary.values.size > 1:
        return None
    if not all(answer.finite for answer in chart.inputs.alone):
        return None
    each = np.sort([answer.total for answer in chart.inputs.alone])
    if each[-1] - each[0] <= 1e-3 * abs(each[-1]):
        return None
    middle = each[[(len(each) - 1) // 2, len(each) // 2]]
    for word, values in (
        ("largest", each[-1:]),
        ("smallest", each[:1]),
        ("middle one", [middle.mean(), middle[0]]),
    ):
        if np.isclose(chart.ordinary.total, values, rtol=1e-9, atol=0).any():
            return Evidence(
                f"It returns the {word} of the losses of the elements, not their "
                f"{chart.meaning.reduction}.",
                batch,
                fix=f"Reduce it by `.{chart.meaning.reduction}()`.",
            )
    return None


def _shape(chart: Chart) -> Evidence | None:
    declared, answer = chart.meaning.reduction, chart.ordinary
    if answer.values is None:
        return None
    if declared == "none":
        if answer.values.size == 1 and chart.fits:
            return Evidence(
                "Declared per element, it returns one number: every weight that you apply to it "
                "multiplies the same one.",
                chart.batches.ordinary,
                fix="Return the array, without `.mean()` or `.sum()`.",
            )
        return None
    article = {"mean": "a mean", "sum": "a sum"}[declared]
    columns = chart.inputs.columns or (chart.batches.ordinary, answer)
    matrix = chart.inputs.matrix or columns
    if chart.meaning.by_row:
        matrix = columns = (chart.batches.ordinary, answer)
    for question, each in ((chart.batches.ordinary, answer), matrix, columns):
        if each.values is not None and each.values.size > 1:
            shape, given = each.values.shape, np.shape(question.x)
            meant, how = "", f".{declared}()"
            if declared == "mean" and not chart.meaning.binary and shape == given:
                how = ".sum(axis=-1).mean()"  # a row of K entries is one element
            if answer.values.size == 1:  # then it need not have been declared
                meant = " Under Keras, which averages the rows itself, it is meant."
            return Evidence(
                f"It returns an array of shape {shape} for predictions of shape {given}, where "
                f"{article} is one number.",
                question,
                exact=chart.meaning.exact(question),
                fix=f"Reduce it over all axes: `{how}`.{meant}",
                holds=lambda again: again.values is not None and again.values.size > 1,
            )
    return None


def _scale(chart: Chart) -> Evidence | None:
    declared, n, m = chart.meaning.reduction, chart.size, len(chart.batches.larger.x)
    first, second = chart.scale, chart.scale_of_larger
    if first is None or second is None or declared == "none":
        return None
    if declared == "mean" and abs(first / n - 1) < 1e-4 and abs(second / m - 1) < 1e-4:
        return Evidence("Declared a mean, it returns the sum: 1/N is missing.", smallest(chart))
    if declared == "sum" and abs(first * n - 1) < 1e-4 and abs(second * m - 1) < 1e-4:
        return Evidence(
            "Declared a sum, it returns the mean.",
            smallest(chart),
            fix="Add the elements up and do not divide: `.sum()`.",
        )
    return None


FINDING = Finding(
    name="reduction",
    page="counts",
    severity=MAJOR,
    title="A sum, a mean and an array are mixed up",
    symptom=(
        "the loss grows with the batch size, or backward says: grad can be implicitly created "
        "only for scalar outputs"
    ),
    why=(
        "With a sum the step of gradient descent is N times as long, and losses of two batch "
        "sizes cannot be compared."
    ),
    fix="Divide the sum by the number of elements: `.mean()`.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.sum(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y, reduction="mean")
""",
    declared={"inputs": "probabilities", "reduction": "mean"},
    examine=_examine,
)
