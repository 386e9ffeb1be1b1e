"""Float64 input is computed in less."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MINOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.precision in ("float64", chart.meaning.dtype):
        return None
    digits = {"float32": "7", "float16": "3", "bfloat16": "2"}[chart.precision]
    return Evidence(
        f"Float64 input is rounded to {chart.precision} inside: about {digits} digits come back, "
        "and a finite-difference check with a small step fails for no visible reason.",
        chart.batches.ordinary,
        holds=lambda answer: chart.coarse.same(answer, 0),
    )


FINDING = Finding(
    name="low-precision-inside",
    page="behaviour",
    severity=MINOR,
    title="Float64 input is computed in less",
    symptom="the gradient check fails, or the loss has seven right digits at most",
    why=(
        "A cast to float32 or float16 inside a float64 program drops digits that the caller "
        "paid for."
    ),
    fix="Compute in the dtype of the input: drop the cast, or give it the input's own dtype.",
    sick="""
import numpy as np

def loss(z, y):
    z, y = np.asarray(z, np.float32), np.asarray(y, np.float32)
    return float(np.mean(np.logaddexp(np.float32(0), (1.0 - 2 * y) * z)))
""",
    mended="""
import numpy as np

def loss(z, y):
    return float(np.mean(np.logaddexp(0, (1.0 - 2 * y) * z)))
""",
    in_torch="""
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
