"""The same call gives another value."""

from __future__ import annotations

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.state import MANY

__all__ = ["FINDING"]

_FIX_OF_RANDOM = (
    "Draw the numbers outside of the loss and hand them in, or switch dropout off where losses are "
    "compared (`model.eval()`)."
)


def _examine(chart: Chart) -> Evidence | None:
    if chart.ordinary.values is None:
        return None
    other = [each for each in chart.state.again if not each[1][-1].same(each[1][0], 1e-9)]
    if other:
        question, answers = min(other, key=lambda each: len(each[1]))
        first, count = answers[0], len(answers)
        when = "the second time" if count == 2 else f"in call {count}"
        why = ", and it draws random numbers" if chart.state.draws else ""
        return Evidence(
            f"The same call with the same arguments gives another value {when}{why}.",
            question,
            exact=first.values,
            calls=("call", "call") if count == 2 else (f"{2 * count} calls",),
            holds=lambda answer: not answer.same(first, 1e-9),
            tries=MANY,
            fix=_FIX_OF_RANDOM if chart.state.draws else None,
        )
    gradients = chart.state.gradients
    if gradients and gradients[0].values is not None and not gradients[1].same(gradients[0], 1e-9):
        first = gradients[0]
        return Evidence(
            "The gradient is another one when it is asked for twice after one forward pass.",
            chart.state.question.but(want="gradient"),
            exact=first.values,
            calls=("call", "gradient", "gradient"),
            holds=lambda answer: not answer.same(first, 1e-9),
        )
    if gradients and not chart.state.between.same(chart.ordinary, 1e-9):
        return Evidence(
            "The value is another one after a gradient was asked for.",
            chart.batches.ordinary,
            exact=chart.ordinary.values,
            calls=("call", "gradient", "call"),
            holds=lambda answer: not answer.same(chart.ordinary, 1e-9),
        )
    return None


FINDING = Finding(
    name="stateful",
    page="behaviour",
    severity=CRITICAL,
    title="The same call gives another value the second time",
    symptom="results cannot be repeated; a gradient is right once and then wrong",
    why=(
        "The loss draws random numbers, counts its calls, or a backward pass writes into what "
        "the forward pass has kept."
    ),
    fix=(
        "Compute from the arguments alone, or on a copy of what forward kept (`p.copy()`); keep "
        "no running state in a loss."
    ),
    sick="""
import numpy as np
from scipy.special import expit

class Loss:
    def __call__(self, z, y):
        self.p = expit(z)
        return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))

    def gradient(self, z, y):
        self.p -= y
        return self.p / len(y)

loss = Loss()
gradient = loss.gradient
""",
    mended="""
import numpy as np
from scipy.special import expit

def loss(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))

def gradient(z, y):
    return (expit(z) - y) / len(y)
""",
    in_torch="""
import torch
import torch.nn.functional as F

def loss(z, y):
    return F.binary_cross_entropy_with_logits(z, y)

gradient = torch.func.grad(loss)
""",
    declared={"inputs": "logits", "labels": "hard"},
    examine=_examine,
)
