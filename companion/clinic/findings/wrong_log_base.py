"""Another base of the logarithm."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    first, second = chart.scale, chart.scale_of_larger
    if not first or not second or abs(first / second - 1) > 1e-4:
        return None
    for base, name in ((2.0, "base 2 (bits)"), (10.0, "base 10"), (np.e, "base e (nats)")):
        if (
            abs(first * np.log(base) / np.log(chart.meaning.base) - 1) < 1e-4
            and abs(first - 1) > 1e-4
        ):
            meant = (
                "the natural one" if chart.meaning.base == np.e else f"base {chart.meaning.base:g}"
            )
            return Evidence(
                f"The logarithm is of {name}, {meant} is declared: every value is "
                f"{first:.4f} times what it should be.",
                smallest(chart),
            )
    return None


FINDING = Finding(
    name="wrong-log-base",
    page="value",
    severity=MAJOR,
    title="The logarithm has another base",
    symptom="an untrained model costs 1.0 or 0.30 instead of 0.69",
    why=(
        "log2 measures bits and log10 decimal digits; libraries measure nats, and the gradient "
        "p - y belongs to nats."
    ),
    fix="Use np.log; or declare the base, and divide the gradient by its logarithm too.",
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(np.log2(np.where(y == 1, p, 1 - p)))
""",
    mended="""
import numpy as np

def loss(p, y):
    return -np.mean(np.log(np.where(y == 1, p, 1 - p)))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={
        "inputs": "probabilities",
        "labels": "hard",
        "reduction": "mean",
        "base": 2.718281828459045,
    },
    examine=_examine,
)
