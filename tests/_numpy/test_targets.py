"""The weighted label of each class and row, from class indices and from class probabilities."""

import numpy as np
import pytest

from companion._numpy.class_axis import ClassAxis
from companion._numpy.targets import Targets, check_ignore_index, check_labels

INDEX = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 1.0, 2.0])
CLASSES = ClassAxis((4, 3), 1)


def targets(labels=INDEX, weight=WEIGHT, ignore_index=None, smoothing=0.0):
    return Targets(labels, CLASSES, weight, ignore_index, smoothing)


def weighted_by_hand(one_hot, weight, smoothing):
    return weight * ((1 - smoothing) * one_hot + smoothing / 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_indices_and_their_one_hot_rows_are_weighted_alike(smoothing):
    one_hot = np.eye(3)[INDEX]
    expected = weighted_by_hand(one_hot, WEIGHT, smoothing).T
    for labels in (INDEX, one_hot):
        a, others = targets(labels, smoothing=smoothing).weighted(slice(0, 4))
        np.testing.assert_allclose(a, expected, rtol=1e-15)
        np.testing.assert_allclose(others, expected.sum(axis=0) - expected, rtol=1e-15)


@pytest.mark.parametrize("ignore_index", [None, 0, 2, -100])
def test_count_and_mass_leave_out_the_ignored_rows(ignore_index):
    kept = INDEX[ignore_index != INDEX]
    some = targets(ignore_index=ignore_index)
    assert some.count(1) == len(kept)
    assert some.mass(None, 1) == WEIGHT[kept].sum()
    none = Targets(INDEX[:0], ClassAxis((0, 3), 1), WEIGHT, ignore_index, 0.0)
    assert none.count(1) == none.mass(None, 1) == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_marked_rows_are_the_ignored_ones(dtype):
    labels = INDEX.astype(dtype)
    assert targets(labels).marked(slice(1, 4)).tolist() == [0, 1, 2]
    marked = targets(labels, ignore_index=2).marked(slice(0, 4))
    assert marked.tolist() == [-1, 0, 1, -1]
    assert marked.dtype == np.intp


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("ignore_index", [None, 0, -100])
def test_mass_is_the_sum_of_the_weighted_labels_times_the_weight_of_the_row(
    ignore_index, smoothing
):
    one_hot, sample_weight = np.eye(3)[INDEX], np.array([3, 0, 1, 2], np.uint8)
    of_row = weighted_by_hand(one_hot, WEIGHT, smoothing).sum(axis=1) * sample_weight
    some = targets(ignore_index=ignore_index, smoothing=smoothing)
    kept = ignore_index != INDEX
    np.testing.assert_allclose(some.mass(sample_weight, 1), of_row[kept].sum(), rtol=1e-15)
    if ignore_index is None:
        soft = targets(one_hot, smoothing=smoothing)
        np.testing.assert_allclose(soft.mass(sample_weight, 1), of_row.sum(), rtol=1e-15)


def test_sum_over_the_other_classes_keeps_small_numbers_beside_a_large_one():
    labels = np.array([[1.0, 1e-30, 1e-20]] * 4)
    _, others = targets(labels, np.ones(3)).weighted(slice(0, 1))
    assert others[:, 0].tolist() == [1e-30 + 1e-20, 1.0, 1.0]


@pytest.mark.parametrize("ignore_index", [1.0, True, "1"])
def test_index_to_ignore_is_an_integer_or_none(ignore_index):
    check_ignore_index(None)
    check_ignore_index(np.int8(0))
    with pytest.raises(TypeError, match=r"ignore_index: expected an integer, got .* or None"):
        check_ignore_index(ignore_index)


def test_labels_are_told_apart_by_their_shape():
    check_labels("logits", INDEX, CLASSES, 0)
    check_labels("logits", np.ones((4, 3)), CLASSES, None)
    with pytest.raises(ValueError, match="ignore_index: expected class indices"):
        check_labels("logits", np.ones((4, 3)), CLASSES, 0)
    with pytest.raises(ValueError, match=r"got \(3,\); reshape"):
        check_labels("logits", INDEX[:3], CLASSES, None)
    with pytest.raises(TypeError, match="expected integers"):
        check_labels("logits", INDEX.astype(float), CLASSES, None)
