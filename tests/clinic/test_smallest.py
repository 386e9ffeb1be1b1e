"""The smallest call that shows a wrong value comes first."""

import numpy as np
import pytest
from scipy.special import xlog1py, xlogy

from companion.clinic.chart import Chart
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient
from companion.clinic.smallest import smallest


def each(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p))


# The loss, and the labels of the call that shows it.
LOSSES = {
    "the first number": (lambda p, y: 2 * each(p, y).mean(), [1.0]),
    "a negative": (lambda p, y: np.where(y == 1, each(p, y), 3 * each(p, y)).mean(), [0.0]),
    "two numbers": (lambda p, y: each(p, y).sum(), [1.0, 0.0]),
    "one for each": (each, [1.0, 0.0]),
    "three numbers": (lambda p, y: each(p[:2], y[:2]).mean(), [1.0, 0.0, 1.0]),
    "a soft label": (lambda p, y: each(p, y > 0.4).mean(), [0.5]),
    "rows and columns": (lambda p, y: each(p, y).sum() / len(p), [[1.0, 0.0], [0.0, 1.0]]),
}


@pytest.mark.parametrize(("loss", "labels"), LOSSES.values(), ids=LOSSES)
def test_smallest_call_that_shows_it(loss, labels):
    assert smallest(Chart(Patient(loss), Meaning("probabilities"))).y.tolist() == labels


def test_several_classes_begin_with_one_row():
    loss = lambda p, y: 2 * -np.log(p[np.arange(len(y)), y]).mean()  # noqa: E731
    question = smallest(Chart(Patient(loss), Meaning("probabilities", "index")))
    assert question.x.shape == (1, 3)


def test_where_nothing_is_wrong_it_is_the_ordinary_batch():
    one = Chart(Patient(lambda p, y: each(p, y).mean()), Meaning("probabilities"))
    assert smallest(one).x.tolist() == one.batches.ordinary.x.tolist()
