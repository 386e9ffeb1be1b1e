"""The smallest call that shows a wrong value: one number before five, round ones before others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.patient import Question

__all__ = ["smallest"]

_SHOWS = 1e-3


def smallest(chart: Chart) -> Question:
    """Return the first call of a ladder whose value is off by a thousandth of the right one."""
    for question in _ladder(chart):
        answer = chart.ask(question)
        right = chart.meaning.value(question.x, question.y)
        if answer.values is None:
            continue
        if answer.values.shape != right.shape and answer.values.size > 1:
            return question
        if not abs(answer.total - right.sum()) <= _SHOWS * abs(right.sum()):
            return question
    return chart.batches.ordinary


def _ladder(chart: Chart) -> Iterator[Question]:
    meaning, batch = chart.meaning, chart.batches.ordinary
    if meaning.binary:
        values = [2.0, -1.0, 0.5] if meaning.logits else [0.9, 0.2, 0.7]
        labels = [1.0, 0.0, 1.0]
        for i in range(2):
            yield Question(np.array(values[i : i + 1]), np.array(labels[i : i + 1]))
        for size in (2, 3):
            yield Question(np.array(values[:size]), np.array(labels[:size]))
        if meaning.labels == "soft":
            yield Question(np.array(values[:1]), np.array([0.5]))
        yield batch
        if chart.patient.manner.shape == "flat":
            yield Question(np.array([values[:2], values[1:]]), np.array([labels[:2], labels[1:]]))
            yield Question(np.array(values[:2])[:, None], np.array(labels[:2])[:, None])
        return
    if meaning.classes != 3:
        for size in (1, 2):
            yield Question(batch.x[:size], batch.y[:size])
        yield batch
        return
    rows = np.array([[2.0, -1.0, 0.5], [0.5, 1.0, -1.5]])
    x = rows if meaning.logits else np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    y = np.eye(3)[[0, 2]] if meaning.labels == "one-hot" else np.array([0, 2])
    for size in (1, 2):
        yield Question(x[:size], y[:size])
    yield batch
