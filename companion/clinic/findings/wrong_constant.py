"""A constant in the logarithm is wrong."""

from __future__ import annotations

import re

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.fits or not chart.changes.finite or not chart.meaning.binary:
        return None
    for label, half in chart.halves.items():
        for _, term in half or []:
            if re.match(r"log\((?!1\+|0\+)[\d.e]+\+e\^", term):
                return Evidence(
                    f"y = {label} pays {term} where a 1 belongs in front of the exponential.",
                    smallest(chart),
                )
    return None


FINDING = Finding(
    name="wrong-constant",
    page="value",
    severity=CRITICAL,
    title="A constant in the logarithm is wrong",
    symptom="an untrained model costs 1.1 or 1.3 instead of 0.69",
    why=(
        "softplus(z) is log(1 + e^z); with log(e + e^z) or log(2 + e^z) a sure and right no "
        "costs 1 or 0.69."
    ),
    fix="log(1 + e^z), as np.logaddexp(0, z).",
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(np.log(np.e + np.exp(z)) - y * z)
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
