"""What a loss does with other labels, shapes and batches: soft, bad, columns, one element."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.patient import Answer, Question

__all__ = ["Inputs"]


class Inputs:
    """The answers of one loss to other labels and shapes."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    @cached_property
    def soft(self) -> tuple[Question, Answer] | None:
        """Soft labels; None where they are not meant."""
        if self._chart.meaning.labels not in ("soft", "one-hot"):
            return None
        question = self._chart.batches.soft
        return question, self._chart.ask(question)

    @cached_property
    def single(self) -> dict[int, list[tuple[Question, Answer]]]:
        """Two batches of one element for each label."""
        chart = self._chart
        return {
            label: [(question, chart.ask(question)) for question in chart.batches.single(label)]
            for label in range(chart.expected.shape[1])
        }

    @cached_property
    def alone(self) -> list[Answer]:
        """The answer to each element of the ordinary batch by itself."""
        batch = self._chart.batches.ordinary
        parts = [slice(i, i + 1) for i in range(self._chart.size)]
        return [self._chart.ask(batch.but(x=batch.x[part], y=batch.y[part])) for part in parts]

    @cached_property
    def exchangeable(self) -> tuple[Question, Answer] | None:
        """Predictions and labels that are both probabilities, and differ."""
        meaning = self._chart.meaning
        if meaning.labels not in ("soft", "hard", "one-hot"):
            return None
        if meaning.binary:
            x, y = np.array([0.8, 0.35, 0.6]), np.array([0.7, 0.25, 0.15])
        elif meaning.classes != 3:
            soft = self._chart.batches.soft
            x, y = np.asarray(soft.y)[::-1], np.asarray(soft.y)
        else:
            x = np.array([[0.7, 0.2, 0.1], [0.25, 0.3, 0.45]])
            y = np.array([[0.6, 0.3, 0.1], [0.2, 0.35, 0.45]])
        question = Question(x, y)
        return question, self._chart.ask(question)

    @cached_property
    def reordered(self) -> tuple[Question, Answer]:
        """The ordinary predictions with the labels in another order."""
        batch, labels = self._chart.batches.ordinary, self._chart.labels
        order = np.argsort(labels, kind="stable")[::-1]
        if np.array_equal(labels[order], labels):
            order = order[::-1]
        question = batch.but(y=batch.y[order])
        return question, self._chart.ask(question)

    @cached_property
    def small_scores(self) -> tuple[Question, Answer] | None:
        """Two rows of three logits so small that exp(z) - max(z) is positive."""
        meaning = self._chart.meaning
        if meaning.binary or meaning.classes != 3 or not meaning.logits:
            return None
        y = np.array([1, 0])
        x = np.array([[0.2, 0.85, 0.4], [0.7, 0.3, 0.55]])
        question = Question(x, np.eye(3)[y] if meaning.labels == "one-hot" else y)
        return question, self._chart.ask(question)

    @cached_property
    def integers(self) -> list[tuple[Question, Answer]]:
        """The ordinary labels as other dtypes."""
        if self._chart.meaning.labels not in ("soft", "hard"):
            return []
        batch = self._chart.batches.ordinary
        questions = [batch.but(label_dtype=kind) for kind in ("int64", "uint8", "bool")]
        return [(question, self._chart.ask(question)) for question in questions]

    @cached_property
    def out_of_range(self) -> list[tuple[Question, Answer]]:
        """Labels that are none: 255 and -1, for classes -1 and K."""
        meaning, batch = self._chart.meaning, self._chart.batches.ordinary
        if meaning.labels in ("signs", "one-hot"):
            return []
        bad = (255, -1) if meaning.binary else (-1, meaning.classes)
        questions = []
        for value in bad:
            if value != meaning.ignore:
                y = batch.y.copy()
                y[0] = value
                questions.append(batch.but(y=y))
        return [(question, self._chart.ask(question)) for question in questions]

    @cached_property
    def column(self) -> list[tuple[Question, Answer]]:
        """Predictions (N,) with labels (N, 1), and the reverse; binary losses alone."""
        if not self._chart.meaning.binary or self._chart.patient.manner.shape != "flat":
            return []
        batch = self._chart.batches.ordinary
        questions = [batch.but(y=batch.y[:, None]), batch.but(x=batch.x[:, None])]
        return [(question, self._chart.ask(question)) for question in questions]

    @cached_property
    def columns(self) -> tuple[Question, Answer] | None:
        """Predictions and labels both (N, 1); binary losses alone."""
        if not self._chart.meaning.binary or self._chart.patient.manner.shape != "flat":
            return None
        batch = self._chart.batches.ordinary
        question = Question(batch.x[:, None], batch.y[:, None])
        return question, self._chart.ask(question)

    @cached_property
    def matrix(self) -> tuple[Question, Answer] | None:
        """Three rows of four elements, where a binary loss does not want one row."""
        shape = self._chart.patient.manner.shape
        if not self._chart.meaning.binary or shape in ("row", "list", "scalar"):
            return None
        question = self._chart.batches.matrix
        return question, self._chart.ask(question)

    @cached_property
    def one_class(self) -> list[tuple[Question, Answer]]:
        """Batches in which one class is absent."""
        if not self._chart.meaning.binary:
            return []
        batch = self._chart.batches.ordinary
        questions = [Question(batch.x[:2], np.full(2, label)) for label in (1.0, 0.0)]
        return [(question, self._chart.ask(question)) for question in questions]

    @cached_property
    def scaled_rows(self) -> tuple[Question, Answer] | None:
        """Probabilities of several classes whose rows add up to 0.4."""
        if self._chart.meaning.binary or self._chart.meaning.logits:
            return None
        batch = self._chart.batches.ordinary
        question = batch.but(x=0.4 * batch.x)
        return question, self._chart.ask(question)

    @cached_property
    def ignored(self) -> tuple[Question, Answer, Answer] | None:
        """A batch whose first element is to be ignored, and the same with another value there."""
        meaning, batch = self._chart.meaning, self._chart.batches.ordinary
        if meaning.ignore is None or meaning.labels == "one-hot":
            return None
        y = batch.y.copy()
        y[0] = meaning.ignore
        question = batch.but(y=y)
        x = batch.x.copy()
        x[0] = self._chart.batches.substitutes[0]
        return question, self._chart.ask(question), self._chart.ask(question.but(x=x))

    @cached_property
    def within_unit(self) -> tuple[Question, Answer] | None:
        """Logits that all lie between 0 and 1, where some losses leave out their sigmoid."""
        if not self._chart.meaning.logits:
            return None
        batch = self._chart.batches.ordinary
        x = np.array([0.8, 0.3, 0.6, 0.45, 0.15])
        if not self._chart.meaning.binary:
            x = np.resize([0.8, 0.3, 0.6, 0.45, 0.15, 0.7, 0.25], batch.x.shape)
        question = batch.but(x=x)
        return question, self._chart.ask(question)

    @cached_property
    def beyond_unit(self) -> tuple[Question, Answer] | None:
        """Probabilities with one beyond 1, for losses that then apply a sigmoid."""
        if self._chart.meaning.logits or not self._chart.meaning.binary:
            return None
        batch = self._chart.batches.ordinary
        x = batch.x.copy()
        x[0] = 1.7
        question = batch.but(x=x)
        return question, self._chart.ask(question)

    @cached_property
    def many(self) -> list[tuple[Question, Answer]]:
        """Batches of 2 to 131 elements, with both classes."""
        questions = [self._chart.batches.of(n) for n in (2, 3, 11, 33, 70, 131)]
        return [(question, self._chart.ask(question)) for question in questions]
