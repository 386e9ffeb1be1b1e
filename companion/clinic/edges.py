"""What a loss does at the edges: certain predictions, far logits, infinities, tiny losses."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.patient import Answer, Question

__all__ = ["Edges", "Probe"]

_LADDER = {
    "float64": (20.0, 36.0, 40.0, 90.0, 300.0, 800.0),
    "float32": (10.0, 17.0, 40.0, 90.0, 800.0),
    "float16": (8.0, 10.0, 12.0),
}


class Probe:
    """One question at an edge with its answer and the right value, on the scale of the loss."""

    def __init__(self, chart: Any, question: Question) -> None:
        self.question = question
        self.answer: Answer = chart.ask(question)
        x = np.asarray(question.x)
        self.right = np.nan if np.isnan(x).any() else float(np.sum(chart.should_be(question)))

    @property
    def nan(self) -> bool:
        """Whether the answer is NaN."""
        return self.answer.values is not None and bool(np.isnan(self.answer.values).any())

    @property
    def total(self) -> float:
        """The number that came back."""
        return self.answer.total

    def off(self, rtol: float) -> bool:
        """Whether the answer is a number that differs from the right one by more than `rtol`."""
        if self.answer.values is None or self.nan:
            return False
        return bool(abs(self.total - self.right) > rtol * abs(self.right))


class Edges:
    """The edges of one loss; empty where one element alone is already wrong."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    @property
    def measurable(self) -> bool:
        """Whether one ordinary element alone has its right value, a scale aside."""
        return self._chart.unit is not None and bool((self._chart.unit > 0).all())

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes to try: float64, float32, and float16 if it is declared."""
        declared = self._chart.meaning.dtype
        return ("float64", "float32", *((declared,) if declared == "float16" else ()))

    def probe(self, x: Any, label: int, dtype: str = "float64") -> Probe:
        """Ask for one prediction, a number, or a row of three for several classes."""
        return Probe(self._chart, self.question(x, label, dtype))

    def question(self, x: Any, label: int, dtype: str = "float64") -> Question:
        """Return the question of `probe`."""
        meaning = self._chart.meaning
        if meaning.binary:
            return Question(np.array([x]), np.array([float(label)]), dtype)
        y, k = np.array([label]), meaning.classes
        if meaning.logits:
            x = [*x, *[-0.7] * k][:k]
        elif k == 2:
            x = [x[0], x[1] + x[2]]
        else:
            x = [*x[:2], *[x[2] / (k - 2)] * (k - 2)]
        return Question(np.array([x]), np.eye(k)[y] if meaning.labels == "one-hot" else y, dtype)

    # Probabilities --------------------------------------------------------------------------------

    @cached_property
    def certain(self) -> dict[str, list[Probe]]:
        """Certain and right predictions, by dtype; they cost 0."""
        return {dtype: [self.probe(*e, dtype) for e in self._ends(True)] for dtype in self.dtypes}

    @cached_property
    def lost(self) -> dict[str, list[Probe]]:
        """Certain and wrong predictions, by dtype; they cost inf. The end p = 0 first."""
        return {dtype: [self.probe(*e, dtype) for e in self._ends(False)] for dtype in self.dtypes}

    def _ends(self, right: bool) -> list[tuple[Any, int]]:
        if not self.measurable or self._chart.meaning.logits:
            return []
        if self._chart.meaning.binary:
            return [(1.0, 1), (0.0, 0)] if right else [(0.0, 1), (1.0, 0)]
        return [([1.0, 0.0, 0.0], 0)] if right else [([0.0, 0.6, 0.4], 0)]

    @cached_property
    def caps(self) -> list[_Cap]:
        """The largest loss at each end, where it is finite; the end p = 0 first."""
        found = []
        for probe in self.lost.get("float64", []):
            if probe.answer.finite:
                label = 1 if self._chart.meaning.binary and probe.question.x[0] == 0 else 0
                found.append(_Cap(self, probe, label))
        return found

    # Logits ---------------------------------------------------------------------------------------

    @cached_property
    def far(self) -> dict[str, list[Probe]]:
        """Logits far out, on the wrong side and the right one, by dtype, nearest first."""
        if not self.measurable or not self._chart.meaning.logits:
            return {}
        found = {}
        for dtype in self.dtypes:
            found[dtype] = []
            for z in _LADDER[dtype]:
                found[dtype] += [
                    self.probe(*e, dtype) for e in self._at(z, False) + self._at(z, True)
                ]
        return found

    def _at(self, z: float, right: bool) -> list[tuple[Any, int]]:
        if self._chart.meaning.binary:
            return [(z, int(right)), (-z, int(not right))]
        return [([z, 0.0, -0.5], 0 if right else 1), ([-z, 0.0, -0.5], 1 if right else 0)]

    def onset(self, probe: Probe) -> float:
        """Return the logit from which on there is no number, between 0 and that of a probe."""
        x = np.array(probe.question.x, np.float64)
        good, bad = 0.0, float(x.flat[0])
        for _ in range(12):  # to 1/4000 of the way: four digits are shown
            middle = (good + bad) / 2
            other = x.copy()
            other.flat[0] = middle
            if self._chart.ask(probe.question.but(x=other)).finite:
                good = middle
            else:
                bad = middle
        return bad

    @cached_property
    def crowd(self) -> Probe | None:
        """A far row beside an ordinary one, for losses that shift all rows by one maximum."""
        meaning = self._chart.meaning
        if not self.far or meaning.binary or not self._chart.right:
            return None
        first, second = self.question([800.0, 0.0, -0.5], 0), self.question([0.4, 1.1, -0.3], 1)
        question = first.but(x=np.concatenate([first.x, second.x]),
                             y=np.concatenate([first.y, second.y]))  # fmt: skip
        return Probe(self._chart, question)

    @cached_property
    def infinite(self) -> list[Probe]:
        """Infinite logits, or none."""
        if not self.measurable or not self._chart.meaning.logits:
            return []
        sides = (True, False) if self._chart.meaning.binary else (True,)
        return [self.probe(*e) for right in sides for e in self._at(np.inf, right)]

    # Both -----------------------------------------------------------------------------------------

    @cached_property
    def tails(self) -> list[Probe]:
        """Nearly certain and right predictions, whose small loss a dtype can hold."""
        if not (self.measurable and self._chart.right):
            return []
        meaning = self._chart.meaning
        if meaning.logits:
            ends = [(z, dtype) for dtype, z in (("float64", 40.0), ("float32", 20.0))]
            return [self.probe(*e, dtype) for z, dtype in ends for e in self._at(z, True)]
        if not meaning.binary:
            return []
        return [self.probe(p, 0, dtype) for p, dtype in ((1e-20, "float64"), (1e-20, "float32"))]

    @cached_property
    def of_nan(self) -> Probe | None:
        """A prediction that is NaN; None where nothing can be measured."""
        if not self.measurable:
            return None
        return self.probe(np.nan if self._chart.meaning.binary else [0.3, np.nan, 0.2], 1)


class _Cap:
    """A largest loss: how a certain and wrong prediction comes to cost a finite number."""

    def __init__(self, edges: Edges, probe: Probe, label: int) -> None:
        self.probe = probe
        self.label = label
        chart = edges._chart
        unit = chart.unit[label] if chart.meaning.binary else chart.unit[0]
        self.value = probe.total
        self.epsilon = float(np.exp(-min(self.value / unit, 745.0)))
        self.clamped = (
            self.value / unit > 45 and abs(self.value / unit - round(self.value / unit)) < 1e-9
        )
        """Whether it looks like a bound of the logarithm, as PyTorch's -100."""
        self.plateau = self.biased = False
        if self.clamped or not 0 < self.epsilon < 0.2:
            self.plateau = True
            return
        if label == 0 and chart.meaning.binary and 1 - self.epsilon / 8 == 1:
            return  # so near to 1 there is no number to ask at
        near = self._at(edges, self.epsilon / 8)
        self.plateau = abs(near.total - self.value) <= 1e-9 * abs(self.value)
        above = self._at(edges, 3 * self.epsilon)
        self.biased = above.off(0.05 / abs(np.log(3 * self.epsilon)))

    def _at(self, edges: Edges, p: float) -> Probe:
        if not edges._chart.meaning.binary:
            return edges.probe([p, 0.6 * (1 - p), 0.4 * (1 - p)], 0)
        return edges.probe(p if self.label == 1 else 1 - p, self.label)
