"""An infinite logit gives NaN."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import LIMIT, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for probe in chart.edges.infinite:
        if probe.nan:
            return Evidence(
                "An infinite logit gives NaN, where the limit is 0 or inf.", probe.question
            )
    return None


FINDING = Finding(
    name="inf-logit-nan",
    page="ends",
    severity=LIMIT,
    title="An infinite logit gives NaN",
    symptom="masking with -inf makes the loss NaN",
    why="0 · inf: the term whose label is 0 is multiplied, not left out.",
    fix="Leave the term out where its label is 0, as companion does.",
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    mended="""
from companion import binary_cross_entropy_with_logits as loss
""",
    in_torch="""
from companion.torch_losses import binary_cross_entropy_with_logits as loss
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
