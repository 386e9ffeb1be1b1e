"""A finite loss of a far logit becomes inf or NaN."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.edges import Probe
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for dtype, probes in chart.edges.far.items():
        for probe in probes:
            if not (probe.answer.finite or probe.answer.lost) and np.isfinite(probe.right):
                return _evidence(chart, probe, dtype)
    crowd = chart.edges.crowd
    if crowd is not None and not crowd.answer.finite:
        return Evidence(
            f"A row with a logit of 800 makes the loss of the row beside it {crowd.total:g}: all "
            "rows are shifted by one maximum, and the exponentials of the others vanish.",
            crowd.question,
            holds=lambda answer: not answer.finite,
        )
    return None


def _evidence(chart: Chart, probe: Probe, dtype: str) -> Evidence:
    at = np.ravel(probe.question.x)[0]
    onset = chart.edges.onset(probe)
    got = probe.answer.error.split(":")[0] if probe.answer.error else f"{probe.total:g}"
    cause = (
        "exp(z) overflows"
        if abs(onset) > 80
        else "the probability rounds to 0 or 1, and its logarithm is infinite"
    )
    where = "y" if chart.meaning.binary else "class"
    label = (
        int(np.ravel(probe.question.y)[0])
        if chart.meaning.labels != "one-hot"
        else int(np.argmax(probe.question.y))
    )
    return Evidence(
        f"A logit of {at:g} gives {got} in {dtype} ({where} = {label}), where the loss is "
        f"{probe.right:.6g}: {cause}.",
        probe.question,
        begins=f"z = {onset:.4g} in {dtype}",
        holds=lambda answer: not answer.finite,
    )


FINDING = Finding(
    name="overflow",
    page="ends",
    severity=MAJOR,
    title="A far logit gives inf or NaN",
    symptom=(
        "RuntimeWarning: overflow encountered in exp; the loss is inf or NaN although the "
        "logits are finite"
    ),
    why=(
        "σ(z) rounds to 1 from z = 36.7 (16.6 in float32), and exp(z) overflows from 709.8 "
        "(88.7): the loss of a confident mistake is then infinite, where it is z."
    ),
    fix=(
        "Stay in logits: np.logaddexp(0, z) - y z, F.binary_cross_entropy_with_logits, log_softmax."
    ),
    sick="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
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
