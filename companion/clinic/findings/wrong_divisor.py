"""It divides by something else than the declared count."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.meaning.reduction == "none":
        return None
    return _constant(chart) or _of_a_matrix(chart)


def _constant(chart: Chart) -> Evidence | None:
    first, second = chart.scale, chart.scale_of_larger
    if first is None or second is None or first <= 0 or chart.clean:
        return None
    n, m = chart.size, len(chart.batches.larger.x)
    found = n / first if chart.meaning.reduction == "mean" else 1 / first
    if abs(first * n - 1) < 1e-4 and abs(second * m - 1) < 1e-4:
        words = "It divides by N twice"
    elif abs(first / second - 1) < 1e-4:
        k = chart.expected.shape[1]
        words = f"Every value is {first:.4g} times what it should be"
        if not chart.meaning.binary and abs(first * k - 1) < 1e-4:
            words += f": it divides by the {n * k} entries of the table, not by its {n} rows"
        if chart.meaning.reduction == "sum":
            return Evidence(words + ".", smallest(chart), fix="Take the factor out.")
    elif chart.meaning.reduction == "sum":
        words = f"It divides by {found:.4g} for {n} elements, and by {1 / second:.4g} for {m}"
        return Evidence(words + ".", smallest(chart), fix="Add the elements up: `.sum()`.")
    else:
        words = f"It divides by {found:.4g} for {n} elements, and by {m / second:.4g} for {m}"
    return Evidence(words + ".", smallest(chart))


def _of_a_matrix(chart: Chart) -> Evidence | None:
    if not chart.right or chart.inputs.matrix is None:
        return None
    question, answer = chart.inputs.matrix
    if not answer.finite:
        return None
    right = chart.value(question)
    ratio = answer.total / right
    if answer.values.size > 1 or abs(ratio - 1) < chart.nearness:
        return None
    divisor = 12 / ratio if chart.meaning.reduction == "mean" else 1 / ratio
    if abs(divisor - round(divisor)) > 1e-4:
        return None  # it takes the rows for something else than elements
    counted = {3: "the rows", 4: "the columns", 1: "nothing"}.get(round(divisor), f"{divisor:.4g}")
    return Evidence(
        f"For predictions of shape (3, 4) it divides by {counted}, not by the 12 elements.",
        question,
    )


FINDING = Finding(
    name="wrong-divisor",
    page="counts",
    severity=MAJOR,
    title="The sum is divided by another count",
    symptom="the loss is K or N times too small, and the learning rate must be turned up",
    why=(
        "A mean over the N × K table of one-hot labels divides by K once too often; `len(y)` "
        "counts rows where there are columns too; a library's mean divided by N again vanishes."
    ),
    fix=(
        "Divide by the number of predictions once: `.mean()`, for several classes "
        "`.sum(axis=1).mean()`."
    ),
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p)) / len(p)
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
