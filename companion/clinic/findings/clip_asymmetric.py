"""The two ends are guarded differently."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    caps = chart.edges.caps
    lost = chart.edges.lost.get("float64", [])
    if len(lost) != 2 or not caps:
        return None
    if len(caps) == 1:
        guarded = caps[0]
        other = next(p for p in lost if p is not guarded.probe)
        end = "p = 0" if guarded.label == 1 else "p = 1"
        got = other.answer.error or f"{other.total:g}"
        return Evidence(
            f"Only the end {end} is guarded: it costs at most {guarded.value:.6g}, the "
            f"other end {got}.",
            guarded.probe.question,
        )
    first, second = caps
    if abs(first.epsilon - second.epsilon) <= 0.02 * max(first.epsilon, second.epsilon) + 2.3e-16:
        return None
    return Evidence(
        f"The two ends are guarded differently: y = 1 costs at most {first.value:.6g}, y = "
        f"0 at most {second.value:.6g}.",
        first.probe.question if first.epsilon > second.epsilon else second.probe.question,
    )


FINDING = Finding(
    name="clip-asymmetric",
    page="ends",
    severity=MINOR,
    title="The two ends are guarded differently",
    symptom="NaN, inf or a lower cap for one class only",
    why="max(p, ε) guards log p and leaves log(1 - p); 1 - 1e-16 rounds to 1 - 1.1e-16.",
    fix="Treat both ends alike; a formula without guards does.",
    sick="""
import numpy as np

def loss(p, y):
    q = np.clip(p, 1e-12, 1 - 1e-4)
    return -np.mean(y * np.log(q) + (1 - y) * np.log1p(-q))
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
