"""Small losses lose their digits."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for probe in chart.edges.tails:
        if probe.off(1e-3):
            x = float(np.ravel(probe.question.x)[0])
            name = "z" if chart.meaning.logits else "p"
            return Evidence(
                f"A nearly certain right prediction, {name} = {x:g} in "
                f"{probe.question.dtype}, costs "
                f"{probe.total:.3g}, where {probe.right:.6g} fits into the dtype.",
                probe.question,
            )
    return None


FINDING = Finding(
    name="tail-digits-lost",
    page="ends",
    severity=MINOR,
    title="Small losses lose their digits",
    symptom="the loss reads exactly 0 while the model still improves",
    why=(
        "log(1 + e) is 0 for e below 1.1e-16, and 1 - p drops the digits of a small p. "
        "Training is not hurt where the gradient is right; a report of tiny losses is."
    ),
    fix="log1p(e), np.logaddexp(0, z), log1p(-p).",
    sick="""
import numpy as np

def loss(z, y):
    return np.mean(np.maximum(z, 0) - z * y + np.log(1 + np.exp(-np.abs(z))))
""",
    mended="""
import numpy as np

def loss(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))
""",
    in_torch="""
from companion.torch_losses import binary_cross_entropy_with_logits as loss
""",
    declared={"inputs": "logits"},
    examine=_examine,
)
