"""Clipped, and an epsilon is added as well."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for cap in chart.edges.caps:
        if cap.biased and cap.plateau:
            return Evidence(
                "Probabilities are clipped and an epsilon is added as well: capped at "
                f"{cap.value:.6g}, and biased near it.",
                cap.probe.question,
            )
    return None


FINDING = Finding(
    name="epsilon-double",
    page="ends",
    severity=MINOR,
    title="Clipped, and an epsilon added",
    symptom="the cap is not -log of the ε in the code",
    why="Two guards for one problem: the second biases what the first has made safe.",
    fix="Neither: SciPy's xlogy and xlog1py, or the loss from logits.",
    sick="""
import numpy as np

def loss(p, y):
    q = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(y * np.log(q + 1e-7) + (1 - y) * np.log(1 - q + 1e-7))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
from companion.torch_losses import binary_cross_entropy as loss
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
