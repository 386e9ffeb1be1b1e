"""What was measured of a loss on ordinary input, each thing once, when a finding first asks.

`Chart` holds the values: the table of `companion.clinic.table` for hard labels, soft labels and a
larger batch, and the scale. Its parts measure the rest: `edges` (certain predictions, far logits,
tails), `inputs` (other labels, shapes and numbers of elements), `slopes` and `state`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.batches import Batches, rounded
from companion.clinic.costs import categorical_families, families
from companion.clinic.edges import Edges
from companion.clinic.formulas import describe
from companion.clinic.inputs import Inputs
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Answer, Patient, Question
from companion.clinic.slopes import Slopes
from companion.clinic.state import State
from companion.clinic.table import Changes, Table, changes, fit

__all__ = ["Chart"]

# A right loss in float64 leaves 1e-14; the next wrong constant is 1e-2 away.
_TOLERANCES = {"float64": 3e-6, "float32": 1e-4, "float16": 0.04, "bfloat16": 0.1}
_SHIFTED = ("linear", "activation missing, linear")  # their costs add up to a constant


class Chart:
    """The measurements of one loss under one meaning."""

    def __init__(self, patient: Patient, meaning: Meaning, variation: int = 0) -> None:
        self.patient = patient
        self.meaning = meaning
        self.batches = Batches(meaning, variation)
        self.edges = Edges(self)
        self.inputs = Inputs(self)
        self.slopes = Slopes(self)
        self.state = State(self)

    def ask(self, question: Question) -> Answer:
        """Ask the loss."""
        return self.patient.ask(question)

    def lost_by(self, how: str) -> Question | None:
        """Return the first question that "hangs" or "kills the process"."""
        return next((question for question, end in self.patient.trouble if end == how), None)

    @cached_property
    def ordinary(self) -> Answer:
        """The answer to the ordinary batch."""
        return self.ask(self.batches.ordinary)

    @cached_property
    def precision(self) -> str:
        """The precision that the values show: "float64", or what the input is rounded to inside."""
        batch = self.batches.ordinary
        # Not one factor for all: rows that are divided by their sum would not move.
        factors = np.linspace(1.01, 1.05, batch.x.size).reshape(batch.x.shape)
        moved = self.ask(batch.but(x=batch.x * factors))
        if not (self.ordinary.finite and moved.finite) or moved.same(self.ordinary, 0):
            return "float64"
        for kind in ("bfloat16", "float16", "float32"):
            x = rounded(batch.x, kind)
            if self.ask(batch.but(x=x)).same(self.ordinary, 0) and not np.array_equal(x, batch.x):
                return kind
        return "float64"

    @cached_property
    def coarse(self) -> Answer:
        """The answer to the ordinary batch where it is rounded to that precision before."""
        batch = self.batches.ordinary
        return self.ask(batch.but(x=rounded(batch.x, self.precision)))

    @property
    def tolerance(self) -> float:
        """How far a coefficient may be off, as a share of the largest."""
        return _TOLERANCES[self.precision]

    @property
    def nearness(self) -> float:
        """How far two coefficients may be apart: some roundings more than one may be off."""
        return max(1e-5, self.tolerance)

    # The table ------------------------------------------------------------------------------------

    @cached_property
    def changes(self) -> Changes:
        """How the ordinary value moves with each element."""
        return changes(self.patient, self.batches.ordinary, self.batches.substitutes)

    @cached_property
    def table(self) -> Table:
        """The coefficients of the costs that are meant."""
        return fit(self.changes, self.plain.costs)

    @cached_property
    def plain(self) -> Meaning:
        """What is meant, without weights; with the epsilon that the loss adds, if it adds one."""
        plain = self.meaning.plain
        misfit = fit(self.changes, plain.costs).residual
        if misfit <= 1e-10 or plain.gamma:
            return plain
        if self.meaning.binary:
            end = 800.0 if plain.logits else 1.0
            worst = [
                Question(np.array([-end if plain.logits else 0.0]), np.array([1.0])),
                Question(np.array([end]), np.array([0.0])),
            ]
        else:
            row = [-800.0, 0, -1] if plain.logits else [0.0, 0.7, 0.3]
            worst = [self.edges.question(row, 0)]
        caps = [self.ask(question).total for question in worst]
        found = [float(np.exp(-cap)) if 0.7 < cap < 600 else 0.0 for cap in caps]
        choices: list[Any] = [e for e in found[:1] if e]
        if any(found[1:]) and found[0] != found[1]:
            choices.append((found[1], found[0]))
        for epsilon in choices:
            with_epsilon = replace(plain, epsilon=epsilon)
            better = fit(self.changes, with_epsilon.costs)
            # An epsilon of 1e-6 leaves a misfit that rounding could leave.
            if better.fits(self.tolerance) and better.residual < misfit / 100:
                return with_epsilon
        return plain

    @property
    def size(self) -> int:
        """The number of elements, or rows, of the ordinary batch."""
        return len(self.batches.ordinary.x)

    @property
    def labels(self) -> np.ndarray:
        """The class of each element of the ordinary batch."""
        return _classes(self.batches.ordinary.y)

    @cached_property
    def rows(self) -> np.ndarray:
        """The table as the labels that it amounts to: times N where a mean is meant; (N, K)."""
        return self._scaled(self.table, self.batches.ordinary)

    @cached_property
    def expected(self) -> np.ndarray:
        """What `rows` should be: the labels with weights, smoothing and base."""
        return self.meaning.targets(self.batches.ordinary.y)

    @property
    def fits(self) -> bool:
        """Whether the costs are those that are meant, whatever multiplies them."""
        return self.table.fits(self.tolerance)

    @property
    def linear(self) -> bool:
        """Whether a loss from logits is linear in them: softplus(z) - softplus(-z) = z."""
        if not (self.meaning.binary and self.meaning.logits and self.fits):
            return False
        sums = np.abs(self.rows.sum(axis=1)).max()
        return bool(np.abs(self.rows).max() > 0 and sums < 1e-6 * np.abs(self.rows).max())

    @property
    def clean(self) -> bool:
        """Whether the value is right on ordinary input, a constant aside."""
        return self.fits and self.near(self.rows, self.expected)

    @property
    def right(self) -> bool:
        """Whether the value is right on ordinary input."""
        return self.clean and abs(self.constant) <= self.tolerance

    @cached_property
    def constant(self) -> float:
        """What the ordinary value has beside its costs."""
        batch = self.batches.ordinary
        costs = float((self.table.rows * self.plain.costs(batch.x)).sum())
        return self.changes.base - costs

    def near(self, rows: np.ndarray, others: np.ndarray) -> bool:
        """Whether two tables agree, to the tolerance of the precision."""
        with np.errstate(all="ignore"):
            largest = max(np.abs(rows).max(), np.abs(others).max())
            return bool(np.isfinite(largest)) and bool(
                np.abs(rows - others).max() <= self.nearness * largest
            )

    @cached_property
    def factors(self) -> np.ndarray | None:
        """What multiplies each row of the labels without options; None if one is no multiple."""
        return self._factors(self.rows, self.batches.ordinary)

    @property
    def labels_of_larger(self) -> np.ndarray:
        """The classes of the first three elements of the larger batch."""
        return _classes(self.batches.larger.y[:3])

    @cached_property
    def factors_of_larger(self) -> np.ndarray | None:
        """The same for one element of each label in a larger batch."""
        batch = self.batches.larger
        moved = changes(self.patient, batch, self.batches.substitutes, range(3))
        table = fit(moved, self.plain.costs)
        if not table.fits(self.tolerance):
            return None
        return self._factors(self._scaled(table, batch), batch)

    @cached_property
    def by_label(self) -> dict[int, float] | None:
        """What multiplies each class that is there; None if elements of one class differ."""
        if self.factors is None:
            return None
        found = {}
        for k in sorted(set(self.labels.tolist())):
            own = self.factors[self.labels == k]
            if not self._alike(own, self.factors):
                return None
            found[k] = float(own.mean())
        return found

    @property
    def by_class(self) -> np.ndarray | None:
        """The same for all K classes; None where some are not there, as there are many."""
        found = self.by_label
        if found is None or len(found) < self.expected.shape[1]:
            return None
        return np.array(list(found.values()))

    @cached_property
    def scale(self) -> float | None:
        """What multiplies all that is meant; None if it is not one number."""
        ratios = self._factors(self.rows, self.batches.ordinary, self.meaning)
        return None if ratios is None else self._one(ratios)

    @cached_property
    def scale_of_larger(self) -> float | None:
        """The same for the larger batch, by one element of each label."""
        if self.factors_of_larger is None:
            return None
        weights = self.meaning.weight or (1.0,) * self.expected.shape[1]
        own = np.array(weights)[self.labels_of_larger]
        return self._one(self.factors_of_larger / own * np.log(self.meaning.base))

    @cached_property
    def soft(self) -> Table:
        """The table for labels between 0 and 1."""
        return fit(
            changes(self.patient, self.batches.soft, self.batches.substitutes),
            self.plain.costs,
        )

    @cached_property
    def soft_rows(self) -> np.ndarray:
        """That table as the labels that it amounts to."""
        return self._scaled(self.soft, self.batches.soft)

    @cached_property
    def foreign(self) -> tuple[str, np.ndarray] | None:
        """Other costs that explain the changes, and their rows; None if none of those known do."""
        kinds = families if self.meaning.binary else categorical_families
        for name, costs in kinds(self.meaning).items():
            table = fit(self.changes, costs)
            if not table.fits(self.tolerance):
                continue
            rows = self._scaled(table, self.batches.ordinary)
            if name.endswith(_SHIFTED):
                rows = rows - rows.min(axis=1, keepdims=True)
            if self._readable(rows):
                return name, rows
        return None

    def _readable(self, rows: np.ndarray) -> bool:
        """Whether each label pays its own cost, so that the family is a true reading."""
        k = self.expected.shape[1]
        pure = np.eye(k)[self.labels]
        if rows.shape[1] == 2 * k and not self.meaning.binary:
            pure = np.concatenate([1 - pure, pure], axis=1)
        multiples = (rows * pure).sum(axis=1) / pure.sum(axis=1)
        return bool(np.abs(multiples).max() > 0) and self.near(rows, multiples[:, None] * pure)

    def _alike(self, numbers: np.ndarray, among: np.ndarray) -> bool:
        """Whether numbers are one number, as near as the largest `among` all lets them be."""
        return bool(np.ptp(numbers) <= self.nearness * np.abs(among).max())

    def _one(self, ratios: np.ndarray) -> float | None:
        """Return the number that all ratios are; None if they differ or are 0."""
        return (float(ratios.mean()) or None) if self._alike(ratios, ratios) else None

    def _scaled(self, table: Table, batch: Question) -> np.ndarray:
        return table.rows * self.meaning.divisor(batch.y)

    def _factors(
        self, rows: np.ndarray, batch: Question, meaning: Meaning | None = None
    ) -> np.ndarray | None:
        targets = (meaning or self.meaning.plain).targets(batch.y)[: len(rows)]
        factors = (rows * targets).sum(axis=1) / (targets**2).sum(axis=1)
        return factors if self.near(rows, factors[:, None] * targets) else None

    # Beyond the table -----------------------------------------------------------------------------

    @cached_property
    def halves(self) -> dict[int, list[tuple[float, str]] | None]:
        """What each label pays, as a formula; None where no short one is found."""
        found = {}
        for label in (0, 1):
            first, second = (self._half(i) for i in np.flatnonzero(self.labels == label)[:2])
            found[label] = first if first == second else None
        return found

    def _half(self, i: int) -> list[tuple[float, str]] | None:
        x = np.concatenate([[self.batches.ordinary.x[i]], self.changes.points])
        moved = np.concatenate([[0.0], self.changes.moved[i]])
        moved *= self.meaning.divisor(self.batches.ordinary.y)
        terms = describe(x, moved, self.meaning.logits)
        return terms and [(float(f"{factor:.7g}"), term) for factor, term in terms]

    def value(self, question: Question) -> float:
        """Return the sum of what should come, with the epsilon that the loss adds, if any."""
        meant = replace(self.meaning, epsilon=self.plain.epsilon)
        return float(meant.value(question.x, question.y).sum())

    @cached_property
    def unit(self) -> np.ndarray | None:
        """What multiplies the loss of one element alone, by class; None if it is no number."""
        found = []
        for asked in self.inputs.single.values():
            ratios = []
            for question, answer in asked:
                right = self.value(question)
                ratios.append(answer.total / right if answer.finite else np.nan)
            if not np.isfinite(ratios).all() or not self.near(
                np.array(ratios[:1]), np.array(ratios[1:])
            ):
                return None
            found.append(ratios[0])
        return np.array(found)

    def should_be(self, question: Question) -> np.ndarray:
        """Return the right value of one element, on the scale of the loss, to some roundings.

        The judge is asked about witnesses; here float64 does, in a thirtieth of the time.
        """
        assert self.unit is not None
        y = np.asarray(question.y).ravel()
        label = int(np.argmax(question.y)) if self.meaning.labels == "one-hot" else int(y[0])
        x = np.array(question.x, question.dtype).astype(np.float64)
        if not np.isfinite(x).all():
            return self.meaning.exact(question) * self.unit[label]
        return self.meaning.value(x, question.y) * self.unit[label]


def _classes(y: np.ndarray) -> np.ndarray:
    return (y.argmax(axis=-1) if y.ndim == 2 else y).astype(int)
