"""Substitute and fit: the table of a mean holds the labels, divided by N."""

import numpy as np
import pytest
from scipy.special import xlog1py, xlogy

from companion.clinic.batches import Batches
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient
from companion.clinic.table import changes, fit

MEANING = Meaning("probabilities")
BATCHES = Batches(MEANING)


def each(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p))


def table(loss):
    return fit(changes(Patient(loss), BATCHES.ordinary, BATCHES.substitutes), MEANING.costs)


Y = BATCHES.ordinary.y
RIGHT = np.stack([1 - Y, Y], axis=-1) / 5
LOSSES = {
    "mean": (lambda p, y: each(p, y).mean(), RIGHT),
    "sum": (lambda p, y: each(p, y).sum(), 5 * RIGHT),
    "one for each": (each, 5 * RIGHT),
    "a constant more": (lambda p, y: each(p, y).mean() + 3, RIGHT),
    "labels exchanged": (lambda p, y: each(p, 1 - y).mean(), RIGHT[:, ::-1]),
    "one term": (lambda p, y: -xlogy(y, p).mean(), RIGHT * [0, 1]),
    "every pair": (
        lambda p, y: each(p[:, None], y[None]).mean(),
        np.tile([1 - Y.mean(), Y.mean()], (5, 1)) / 5,
    ),
    "smoothed": (lambda p, y: each(p, 0.8 * y + 0.1).mean(), 0.8 * RIGHT + 0.02),
}


@pytest.mark.parametrize(("loss", "rows"), LOSSES.values(), ids=LOSSES)
def test_table_holds_what_each_element_pays(loss, rows):
    found = table(loss)
    np.testing.assert_allclose(found.rows, rows, atol=1e-13)  # some roundings of values near 1
    assert found.residual < 1e-13
    assert found.fits(1e-12)


def test_other_costs_leave_a_residual():
    assert table(lambda p, y: ((p - y) ** 2).mean()).residual > 1e-3


def test_a_call_without_a_number_is_kept_and_nothing_fits():
    moved = changes(
        Patient(lambda p, y: np.nan if p[1] > 0.7 else p.sum()),
        BATCHES.ordinary,
        BATCHES.substitutes,
    )
    assert not moved.finite
    question, answer = moved.failed
    assert question.x[1] > 0.7
    assert np.isnan(answer.total)
    assert fit(moved, MEANING.costs).residual == np.inf


def test_some_rows_alone_may_be_asked():
    calls = []
    moved = changes(
        Patient(lambda p, y: calls.append(1) or p.sum()),
        BATCHES.larger,
        BATCHES.substitutes,
        range(3),
    )
    assert moved.moved.shape == (3, 6)
    assert len(calls) == 1 + 3 * 6
