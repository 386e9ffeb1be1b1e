"""The loss returns something else than numbers."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    answer = chart.ordinary
    if answer.error or not answer.note or chart.slopes.returned:
        return None
    pair = answer.values is not None
    sentence = (
        "It returns a tuple; the first of it is taken for the loss."
        if pair
        else f"It returns {answer.note}, not a number or an array of numbers."
    )
    return Evidence(
        sentence,
        chart.batches.ordinary,
        exact="a number",
        holds=lambda again: bool(again.note),
        severity=MINOR if pair else CRITICAL,
        fix='Say gradient="returned" if the second is the gradient.' if pair else None,
    )


FINDING = Finding(
    name="returns-no-number",
    page="behaviour",
    severity=CRITICAL,
    title="It returns something else than a number",
    symptom=(
        "TypeError: unsupported operand, or AttributeError: 'NoneType' object has no attribute "
        "'backward'"
    ),
    why=(
        "A loss that prints its value and returns None cannot be minimised, averaged or compared; "
        "of a pair, the caller must know which part is the loss."
    ),
    fix="Return the number itself.",
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    print(-np.mean(xlogy(y, p) + xlog1py(1 - y, -p)))
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
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
