"""The derivatives of a loss, judged on ordinary input by differences of its own values.

So a wrong value there cannot cause a finding about its gradient, nor the reverse. At the edges the
exact derivative judges.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.patient import Answer, Question

__all__ = ["Slopes"]

_STEP = 2e-3  # the stencil's error is h⁴ f⁽⁵⁾ / 30, about 1e-12, and rounding about 1e-13
_FIRST = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}
_SECOND = {-2: -1 / 12, -1: 16 / 12, 0: -30 / 12, 1: 16 / 12, 2: -1 / 12}
_SECOND_STEP = 1e-2


class Slopes:
    """The gradient and the second derivative of one loss."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    @property
    def available(self) -> bool:
        """Whether a gradient can be asked for."""
        return self._chart.patient.has_gradient

    @property
    def returned(self) -> bool:
        """Whether the loss is said to return it beside the value."""
        return self._chart.patient.gradient == "returned"

    @property
    def measurable(self) -> bool:
        """Whether there is a gradient, and values smooth enough to judge it."""
        chart = self._chart
        return self.available and chart.ordinary.finite and chart.precision == "float64"

    @property
    def question(self) -> Question:
        """The ordinary batch, asked for its gradient."""
        return self._chart.batches.ordinary.but(want="gradient")

    @cached_property
    def given(self) -> Answer:
        """The gradient at the ordinary batch."""
        return self._chart.ask(self.question)

    @cached_property
    def own(self) -> np.ndarray | None:
        """The gradient made of the loss's own values there; None without finite ones."""
        return self.differences(self.question)

    def differences(self, question: Question, second: bool = False) -> np.ndarray | None:
        """Differentiate the sum of what the loss returns, by a stencil of five points.

        For `second` it is the sum of each row of the second derivatives: the diagonal, for a loss
        whose elements do not meet.
        """
        stencil, step = (_SECOND, _SECOND_STEP) if second else (_FIRST, _STEP)
        x = np.array(question.x, np.float64)
        found = np.zeros(x.size)
        for i in range(x.size):
            total = 0.0
            for steps, weight in stencil.items():
                other = x.copy()
                other.flat[i] += steps * step
                answer = self._chart.ask(question.but(x=other, want="value", upstream=1.0))
                if not answer.finite:
                    return None
                total += weight * answer.total
            found[i] = total / step ** (2 if second else 1)
        return found.reshape(x.shape)

    @cached_property
    def wrong(self) -> bool:
        """Whether the gradient on ordinary input is not that of the values."""
        return (
            self.given.values is not None
            and self.own is not None
            and not self.near(self.given.values, self.own)
        )

    def near(self, slope: np.ndarray, other: np.ndarray, rtol: float = 1e-6) -> bool:
        """Whether two gradients agree, relative to each element, or 1 % of the largest."""
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(other), 0.01 * np.abs(other).max())
            return bool((np.abs(slope - other) <= rtol * size).all())

    @cached_property
    def factor(self) -> float | None:
        """What the given gradient is a multiple of its right value by; None if it is none."""
        if self.given.values is None or self.own is None or not self.given.finite:
            return None
        slope, own = self.given.values, self.own
        factor = float((slope * own).sum() / (own**2).sum()) if own.any() else np.nan
        return factor if np.isfinite(factor) and self.near(slope, factor * own) and factor else None

    @cached_property
    def at_zero(self) -> list[tuple[Question, Answer, np.ndarray]]:
        """The gradient at logits of 0, and the slope of the values there."""
        meaning = self._chart.meaning
        if not (self.measurable and meaning.logits and meaning.binary) or self.wrong:
            return []
        question = Question(np.array([0.0, 0.0]), np.array([0.0, 1.0]), want="gradient")
        own = self.differences(question)
        return [] if own is None else [(question, self._chart.ask(question), own)]

    def at(self, x: Any, label: int, dtype: str = "float64") -> tuple[Question, Answer]:
        """Ask for the gradient at one prediction."""
        question = self._chart.edges.question(x, label, dtype).but(want="gradient")
        return question, self._chart.ask(question)

    @cached_property
    def far(self) -> list[tuple[Question, Answer, np.ndarray]]:
        """The gradient at the edges, with the exact one on the scale of the loss."""
        chart = self._chart
        if not (self.measurable and chart.edges.measurable) or self.wrong:
            return []
        meaning, unit = chart.meaning, chart.unit
        if not meaning.binary:
            if not meaning.logits:
                return []
            points = [
                ([s * z, 0.0, -0.5], k) for z in (40.0, 800.0) for s in (1, -1) for k in (0, 1)
            ]
        elif meaning.logits:
            points = [(s * z, k) for z in (40.0, 800.0) for s in (1, -1) for k in (0, 1)]
        else:
            points = [(p, k) for p in (1e-6, 1e-12, 0.0, 1 - 1e-6, 1.0) for k in (0, 1)]
        found = []
        for x, label in points:
            question, answer = self.at(x, label)
            found.append((question, answer, meaning.exact(question) * unit[label]))
        return found

    @cached_property
    def scaled(self) -> tuple[Question, Answer] | None:
        """The gradient where what comes from above is 0.1; by autograd alone."""
        if not self.measurable or self._chart.patient.gradient is not None:
            return None
        question = self.question.but(upstream=0.1)
        return question, self._chart.ask(question)

    @cached_property
    def hessian(self) -> tuple[Answer, np.ndarray] | None:
        """The given second derivative and that of the values."""
        if self._chart.patient.hessian is None or not self._chart.ordinary.finite:
            return None
        answer = self._chart.ask(self.question.but(want="hessian"))
        own = self.differences(self.question, second=True)
        return None if own is None else (answer, own)

    @cached_property
    def second(self) -> tuple[Answer, np.ndarray] | None:
        """The gradient differentiated by PyTorch, and the second derivative of the values."""
        chart = self._chart
        if not self.measurable or chart.patient.gradient is not None or self.wrong:
            return None
        if self.given.values is None or not chart.meaning.binary:
            return None
        own = self.differences(self.question, second=True)
        return None if own is None else (chart.ask(self.question.but(want="second")), own)
