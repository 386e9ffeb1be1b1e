"""An epsilon is added inside the logarithm."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for cap in chart.edges.caps:
        if cap.biased and not cap.plateau:
            less = ", a certain right answer less than 0" if cap.epsilon > 2.3e-16 else ""
            return Evidence(
                f"About {cap.epsilon:.2g} is added inside the logarithm: a certain mistake "
                f"about y = {cap.label} costs only {cap.value:.6g}{less}.",
                cap.probe.question,
            )
    if chart.meaning.logits and chart.plain.epsilon and chart.edges.far:
        worst = max(chart.edges.far["float64"], key=lambda probe: probe.right)
        return Evidence(
            f"About {np.max(chart.plain.epsilon):.2g} is added inside the logarithm: a certain "
            f"mistake costs only {worst.total:.6g}.",
            worst.question,
        )
    return None


FINDING = Finding(
    name="epsilon-in-log",
    page="ends",
    severity=MINOR,
    title="An epsilon inside the logarithm",
    symptom="the loss of a perfect model is slightly negative",
    why=(
        "-log(p + ε) is another function: below 0 at p = 1 unless ε is rounded away, capped at "
        "-log ε, and with a large ε biased in the middle too."
    ),
    fix="SciPy's xlogy and xlog1py need no ε; the loss from logits neither.",
    sick="""
import numpy as np

def loss(p, y, eps=1e-7):
    return -np.mean(y * np.log(p + eps) + (1 - y) * np.log(1 - p + eps))
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
