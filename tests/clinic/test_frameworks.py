"""What losses of other frameworks do: they compute in float32, and reduce the last axis alone."""

import numpy as np

from companion.clinic import diagnose


def names(loss, **declared):
    """Return what is found in a loss, withheld findings included."""
    report = diagnose(loss, budget=30, **declared)
    return {each.name for each in (*report.findings, *report.withheld)}


def row_means(z, y):
    return np.mean(np.logaddexp(0, z) - y * z, axis=-1)


def in_float32(p, y):
    p = np.asarray(p, np.float32)
    return -np.log(p / p.sum(axis=1, keepdims=True))[np.arange(len(y)), y]


CLASSES = {"inputs": "probabilities", "labels": "index", "reduction": "none"}


def test_means_over_the_last_axis_are_a_mistake_where_a_mean_is_declared_alone():
    assert "reduction" not in names(row_means, inputs="logits")
    assert "reduction" in names(row_means, inputs="logits", reduction="mean")


def test_rows_divided_by_their_sum_are_seen_in_float32():
    assert {"low-precision-inside", "renormalises"} <= names(in_float32, **CLASSES)


def test_float32_is_no_finding_where_it_is_declared():
    def loss(z, y):
        return row_means(np.asarray(z, np.float32), np.asarray(y, np.float32))

    assert "low-precision-inside" in names(loss, inputs="logits")
    assert "low-precision-inside" not in names(loss, inputs="logits", dtype="float32")
