"""The loss changes settings for the code that runs after it."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import MAJOR, Evidence, Finding

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if not chart.state.settings:
        return None
    names = ", ".join(chart.state.settings)
    return Evidence(
        f"A call changes {names} for the code that runs after it.",
        chart.batches.ordinary,
        exact="no change",
        holds=lambda answer: True,
    )


FINDING = Finding(
    name="global-state-changed",
    page="behaviour",
    severity=MAJOR,
    title="It changes settings for the code after it",
    symptom="warnings vanish elsewhere; other code's random numbers change",
    why=(
        "`np.seterr`, a seeded global generator or a switched-off grad mode stay in force "
        "after the call, for code that never asked for it."
    ),
    fix=(
        "Use the context: `with np.errstate(...)`, `with torch.no_grad()`, a generator of your own."
    ),
    sick="""
import numpy as np

def loss(z, y):
    np.seterr(all="ignore" if np.geterr()["over"] != "ignore" else "warn")
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))
""",
    mended="""
import numpy as np

def loss(z, y):
    with np.errstate(all="ignore"):
        return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
