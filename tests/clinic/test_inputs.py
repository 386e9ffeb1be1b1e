"""A loss is asked with other labels and shapes where they are meant, and nowhere else."""

import numpy as np
import pytest

from companion.clinic.chart import Chart
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient


def inputs(*meaning, **options):
    calls = []

    def loss(x, y):
        calls.append((x, y))
        return float(np.sum(x))

    return Chart(Patient(loss), Meaning(*meaning, **options)).inputs, calls


def test_soft_labels_are_asked_where_they_are_meant():
    assert inputs("logits", "hard")[0].soft is None
    assert inputs("logits", "signs")[0].soft is None
    question, _ = inputs("logits", "soft")[0].soft
    assert 0 < question.y.min() <= question.y.max() < 1


def test_other_dtypes_hold_the_same_labels():
    found, calls = inputs("logits", "soft")
    assert [answer.error for _, answer in found.integers] == [""] * 3
    ordinary = found._chart.batches.ordinary.y
    assert [y.dtype.name for _, y in calls] == ["int64", "uint8", "bool"]
    assert all(np.array_equal(y, ordinary) for _, y in calls)


@pytest.mark.parametrize(
    ("options", "bad"),
    [
        ({}, {255.0, -1.0}),
        ({"ignore": -1}, {255.0}),
        ({"labels": "index", "classes": 4}, {-1, 4}),
        ({"labels": "index", "ignore": -1}, {3}),
        ({"labels": "one-hot"}, set()),
    ],
    ids=["numbers", "numbers, -1 ignored", "classes", "classes, -1 ignored", "rows"],
)
def test_labels_out_of_range_are_those_that_nobody_means(options, bad):
    found, _ = inputs("logits", **options)
    assert {question.y[0] for question, _ in found.out_of_range} == bad


def test_columns_are_asked_of_binary_losses():
    found, calls = inputs("logits", "soft")
    assert len(found.column) == 2
    assert [(x.shape, y.shape) for x, y in calls] == [((5,), (5, 1)), ((5, 1), (5,))]
    assert inputs("logits", "index")[0].column == []


def test_one_class_alone_is_asked_with_each():
    found, _ = inputs("logits", "soft")
    assert [question.y.tolist() for question, _ in found.one_class] == [[1, 1], [0, 0]]


def test_an_ignored_element_takes_two_values():
    found, _ = inputs("logits", "soft", ignore=-100)
    question, first, second = found.ignored
    assert question.y[0] == -100
    assert first.total != second.total
    assert inputs("logits", "soft")[0].ignored is None


def test_rows_that_add_up_to_less_are_asked_of_probabilities():
    question, _ = inputs("probabilities", "one-hot")[0].scaled_rows
    assert question.x.sum(axis=1) == pytest.approx(np.full(4, 0.4))
    assert inputs("logits", "one-hot")[0].scaled_rows is None


def test_batches_reach_beyond_a_power_of_two():
    assert [len(q.x) for q, _ in inputs("logits", "soft")[0].many] == [2, 3, 11, 33, 70, 131]
