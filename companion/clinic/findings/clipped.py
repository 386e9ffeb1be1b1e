"""The loss is capped: probabilities, logits or the logarithm are clipped."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for cap in chart.edges.caps:
        if cap.plateau and not cap.biased:
            kind = (
                "The logarithm is bounded"
                if cap.clamped
                else f"Probabilities are clipped at {cap.epsilon:.2g}"
            )
            return Evidence(
                f"{kind}: a certain mistake about y = {cap.label} costs only {cap.value:.6g}.",
                cap.probe.question,
            )
    if chart.plain.epsilon:
        return None
    ends = [p for p in chart.edges.far.get("float64", []) if p.answer.finite and p.right > 1]
    if len(ends) > 2 and ends[-1].total < 0.99 * ends[-1].right:
        first = next(p for p in ends if p.total < 0.99 * p.right)
        return Evidence(
            "Logits or probabilities are clipped, or the loss is: the farthest mistake asked about "
            f"costs only {ends[-1].total:.6g}.",
            first.question,
        )
    return None


FINDING = Finding(
    name="clipped",
    page="ends",
    severity=MINOR,
    title="The loss is capped",
    symptom="the loss never exceeds 16.1 (1e-7), 27.6 (1e-12), 34.5 (1e-15) or 100",
    why=(
        "Beyond the clip the worst mistakes cost the same. Where clamp cuts the probability, "
        "their gradient is exactly 0; PyTorch's binary_cross_entropy, capped at 100, has a huge "
        "one."
    ),
    fix=(
        "Use the loss from logits, which needs no clip; from probabilities SciPy's xlogy and "
        "xlog1py."
    ),
    sick="""
import numpy as np

def loss(p, y):
    q = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(y * np.log(q) + (1 - y) * np.log(1 - q))
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
