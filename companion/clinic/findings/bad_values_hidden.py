"""NaN and inf are replaced by other numbers."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    for dtype, probes in chart.edges.far.items():
        for probe in probes:
            if probe.answer.finite and probe.total > 1.05 * probe.right and probe.right > 1:
                return Evidence(
                    f"An infinite loss is replaced by {probe.total:g} in {dtype}, where it is "
                    f"{probe.right:.6g}.",
                    probe.question,
                )
    probe = chart.edges.of_nan
    if probe is not None and probe.answer.finite and chart.right:
        return Evidence(
            f"A prediction of NaN gives {probe.total:g}: what has gone wrong before is hidden.",
            probe.question,
            exact=np.nan,
            holds=lambda answer: answer.finite,
        )
    return None


FINDING = Finding(
    name="bad-values-hidden",
    page="ends",
    severity=MAJOR,
    title="NaN and inf are replaced by other numbers",
    symptom="the loss shows 0 or a huge number now and then, and the model does not learn",
    why=(
        "nan_to_num and nansum keep the training running on a number that is nobody's loss; "
        "the gradient there is NaN or 0."
    ),
    fix="Remove the cause: the loss from logits is finite for every finite logit.",
    sick="""
import numpy as np

def loss(p, y):
    return -np.nansum(y * np.log(p) + (1 - y) * np.log(1 - p)) / p.size
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
