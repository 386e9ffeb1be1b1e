"""The guard is below the resolution of the dtype."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    certain = chart.edges.certain
    if any(probe.nan for probe in certain.get("float64", [])):
        return None
    for dtype, probes in certain.items():
        for probe in probes:
            if probe.nan:
                return Evidence(
                    f"In {dtype} the guard does nothing: ε rounds away, and a certain right "
                    "prediction is NaN.",
                    probe.question,
                    begins=dtype,
                )
    return None


FINDING = Finding(
    name="epsilon-vanishes",
    page="ends",
    severity=MAJOR,
    title="The guard does nothing in this dtype",
    symptom="NaN in float32 or under autocast, not in float64",
    why="1 - 1e-12 is 1 in float32 and 1 - 1e-7 is 1 in float16: the upper end is not guarded.",
    fix="The loss from logits; or SciPy's xlogy and xlog1py, which need no guard.",
    sick="""
import numpy as np

def loss(p, y):
    q = np.clip(p, 1e-12, 1 - 1e-12).astype(p.dtype)
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
    declared={"inputs": "probabilities", "dtype": "float32"},
    examine=_examine,
)
