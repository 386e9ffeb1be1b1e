"""Substitute and fit: which costs a loss charges each element, read off its values alone.

One element is replaced by other values and the change of the loss is fitted with the costs of each
class: change = Σₖ aₖ · (change of cost k). Doing so for each element gives a `Table`, a row for
each element and a column for each class. A right mean has the labels in it, divided by N; nearly
every mistake in the value or the reduction is another table, or other costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from companion.clinic.patient import Answer, Patient, Question

__all__ = ["Changes", "Table", "changes", "fit"]


@dataclass(frozen=True, eq=False)
class Changes:
    """How the loss moves when one element (or row) takes other values."""

    question: Question
    """The batch that it starts from."""
    base: float
    """The sum of what the loss returns there."""
    points: np.ndarray
    """What each element became; (M,) or (M, K)."""
    moved: np.ndarray
    """The change of the sum, for each element and point; (N, M). NaN where there was no number."""
    failed: tuple[Question, Answer] | None = None
    """The first call that gave no number, or another shape."""

    @property
    def finite(self) -> bool:
        """Whether each call gave a number."""
        return bool(np.isfinite(self.moved).all())


@dataclass(frozen=True, eq=False)
class Table:
    """The coefficients of the costs, and how well they explain the changes."""

    rows: np.ndarray
    """(N, number of costs)."""
    residual: float
    """The largest misfit, relative to the largest change of the row; inf without numbers."""

    def fits(self, tolerance: float) -> bool:
        """Whether the costs explain the changes."""
        return self.residual <= tolerance


def changes(
    patient: Patient, question: Question, points: np.ndarray, rows: range | None = None
) -> Changes:
    """Put each point in the place of each element (or of those in `rows`), one at a time."""
    first = patient.ask(question)
    x = np.array(question.x, np.float64)
    indices = rows or range(len(x))
    moved, failed = np.full((len(indices), len(points)), np.nan), None
    if first.values is not None:
        for place, i in enumerate(indices):
            for j, point in enumerate(points):
                other = x.copy()
                other[i] = point
                call = question.but(x=other)
                answer = patient.ask(call)
                if answer.values is not None and answer.values.shape == first.values.shape:
                    with np.errstate(invalid="ignore"):  # inf - inf
                        moved[place, j] = float((answer.values - first.values).sum())
                if not np.isfinite(moved[place, j]):
                    failed = failed or (call, answer)
    return Changes(question, first.total, points, moved, failed)


def fit(changes: Changes, costs: Callable[[np.ndarray], np.ndarray]) -> Table:
    """Explain the changes by some costs, by least squares for each element."""
    x = np.array(changes.question.x, np.float64)
    with np.errstate(all="ignore"):
        at = costs(changes.points)
    if not changes.finite:
        return Table(np.full((len(changes.moved), at.shape[-1]), np.nan), np.inf)
    with np.errstate(all="ignore"):
        differences = [at - costs(row) for row in x[: len(changes.moved)]]
    rows, worst = [], 0.0
    largest = np.abs(changes.moved).max()
    for features, moved in zip(differences, changes.moved, strict=True):
        if not np.isfinite(features).all():
            return Table(np.full((len(x), at.shape[-1]), np.nan), np.inf)
        found, *_ = np.linalg.lstsq(features, moved, rcond=1e-10)
        rows.append(found)
        misfit = np.abs(features @ found - moved).max()
        worst = max(worst, misfit / largest if largest else 0.0)
    return Table(np.array(rows), worst)
