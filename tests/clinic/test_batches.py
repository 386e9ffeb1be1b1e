"""The points of the clinic tell apart what they must: N, K, the classes, and none is special."""

import itertools

import numpy as np
import pytest

from companion.clinic.batches import Batches, rounded
from companion.clinic.meaning import Meaning

MEANINGS = {
    f"{inputs} {labels} {classes}": Meaning(inputs, labels, classes=classes)
    for inputs in ("logits", "probabilities")
    for labels, classes in (("soft", 2), ("signs", 2), ("index", 3), ("one-hot", 3), ("index", 5))
    if (inputs, labels) != ("probabilities", "signs")
}
BINARY = {name: meaning for name, meaning in MEANINGS.items() if meaning.binary}
VARIATIONS = (0, 1, 7)
all_of = pytest.mark.parametrize("meaning", MEANINGS.values(), ids=MEANINGS)
varied = pytest.mark.parametrize("variation", VARIATIONS)


@varied
@all_of
def test_both_batches_and_the_classes_differ_in_number(meaning, variation):
    batches = Batches(meaning, variation)
    n, m, k = len(batches.ordinary.x), len(batches.larger.x), meaning.classes
    assert len({n, m, k, n * k, m * k}) >= 4
    assert n != m


@varied
@pytest.mark.parametrize("meaning", BINARY.values(), ids=BINARY)
def test_classes_are_unequal_in_number(meaning, variation):
    y = Batches(meaning, variation).ordinary.y
    assert y.sum() * 2 != len(y)
    assert 0 < y.sum() < len(y)


@varied
@pytest.mark.parametrize("meaning", BINARY.values(), ids=BINARY)
def test_no_prediction_is_special(meaning, variation):
    batches = Batches(meaning, variation)
    x = np.concatenate([batches.larger.x, batches.substitutes])
    mirror = -x if meaning.logits else 1 - x
    assert len(np.unique(x)) == len(x)
    assert not np.isin(mirror.round(9), x.round(9)).any()
    assert np.abs(x).min() > 0.01


@varied
@all_of
def test_probabilities_are_ordinary_and_rows_add_up_to_1(meaning, variation):
    batches = Batches(meaning, variation)
    if meaning.logits:
        assert np.abs(batches.substitutes).max() < 5
        return
    points = np.concatenate([batches.larger.x, batches.substitutes])
    assert 0.01 < points.min() <= points.max() < 0.99
    if not meaning.binary:
        assert np.abs(points.sum(axis=-1) - 1).max() < 1e-12


@all_of
def test_a_variation_moves_each_point_a_little(meaning):
    for a, b in itertools.pairwise(VARIATIONS):
        first, second = Batches(meaning, a), Batches(meaning, b)
        moved = np.abs(first.substitutes - second.substitutes)
        assert 0 < moved.max() < 0.1


@pytest.mark.parametrize("size", [1, 2, 3, 11, 131])
@all_of
def test_a_batch_of_some_size_has_it(meaning, size):
    question = Batches(meaning).of(size)
    assert len(question.x) == len(question.y) == size


def test_soft_labels_of_several_classes_are_shares():
    for classes in (3, 5):
        question = Batches(Meaning("logits", "one-hot", classes=classes)).soft
        assert np.abs(question.y.sum(axis=-1) - 1).max() < 1e-12
        assert question.y.shape == question.x.shape == (len(question.y), classes)


@pytest.mark.parametrize("classes", [3, 5, 12, 13, 100])
def test_classes_that_weigh_the_least_and_the_most_are_in_each_batch(classes):
    weight = (2.0,) * (classes - 2) + (3.0, 1.0)
    batches = Batches(Meaning("logits", "index", classes=classes, weight=weight))
    for question in (batches.ordinary, batches.larger):
        assert {classes - 2, classes - 1} <= set(question.y.tolist())


@pytest.mark.parametrize(
    ("value", "near"),
    [(1.0, 1.0), (1 + 2**-8, 1.0), (1 + 3 * 2**-8, 1 + 2**-6), (3.14159, 3.140625)],
    ids=["itself", "half to even, down", "half to even, up", "pi"],
)
def test_bfloat16_rounds_to_eight_bits(value, near):
    assert rounded(np.array([value]), "bfloat16")[0] == near
