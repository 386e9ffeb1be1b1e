"""The compiled losses of K classes: against exact values, against NumPy's, and in threads."""

import math

import mpmath
import numpy as np
import pytest

from companion import _numba, categorical, engine, reference
from companion._numba.categorical import _run
from companion._numba.tiles import LANES, LONG
from companion._numpy import blockwise
from tests.tables.grids import worst_ulp

EPS = np.finfo(np.float64).eps
DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32])
ON_LOGITS = categorical.cross_entropy_value_and_gradient
ON_PROBABILITIES = categorical.cross_entropy_from_probabilities_value_and_gradient


@pytest.fixture(autouse=True)
def _compiled():
    with engine.use("numba"):
        yield


def rows(k, dtype):
    """Rows of k logits: close, apart, tied at the top, and with tails down to the subnormals."""
    rng = np.random.default_rng(k)
    z = [rng.normal(0, scale, k) for scale in (1e-8, 0.3, 3, 30, 300)]
    z.append(np.where(np.arange(k) % 2, 20.7, -0.1))
    z.append(np.linspace(0, np.log(float(np.finfo(dtype).tiny)) - 20, k))
    z.append(1e4 - np.arange(k) / 7)
    return np.array(z).astype(dtype)


@DTYPES
@pytest.mark.parametrize("k", [2, 3, 10])
def test_value_and_gradient_are_within_their_errors_whichever_class_is_right(k, dtype):
    # Of a float32 only the last rounding is seen; a gradient has a division and a product more
    value_bound, gradient_bound = (2, 2.5) if dtype == np.float64 else (0.51, 0.51)
    for z in rows(k, dtype):
        for y in range(k):
            value, gradient = ON_LOGITS(z, y, reduction="none")
            assert value.dtype == gradient.dtype == dtype
            assert worst_ulp(value, reference.cross_entropy(z, y)) <= value_bound
            assert worst_ulp(gradient, reference.cross_entropy_gradient(z, y)) <= gradient_bound


@DTYPES
@pytest.mark.parametrize("k", [LONG + 5])
def test_a_row_of_many_classes_is_as_accurate(k, dtype):
    value_bound, gradient_bound = (3, 3) if dtype == np.float64 else (0.51, 0.51)
    for z in rows(k, dtype)[[2, 3, 5]]:
        for y in (int(np.argmax(z)), k - 1):
            value, gradient = ON_LOGITS(z, y, reduction="none")
            assert worst_ulp(value, reference.cross_entropy(z, y)) <= value_bound
            assert worst_ulp(gradient, reference.cross_entropy_gradient(z, y)) <= gradient_bound


@DTYPES
@pytest.mark.parametrize("k", [3, LONG + 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["index", "soft"])
def test_smoothed_and_weighted_labels_have_the_value_and_gradient_of_the_definition(
    kind, smoothing, k, dtype
):
    rng = np.random.default_rng(2)
    z, q = rng.normal(0, 3, k).astype(dtype), rng.random(k).astype(dtype)
    weight = rng.uniform(0.5, 2, k).astype(dtype)
    y = k // 2 if kind == "index" else q
    value, gradient = ON_LOGITS(z, y, weight=weight, label_smoothing=smoothing, reduction="none")
    options = {"weight": weight, "label_smoothing": smoothing}
    exact = reference.cross_entropy(z, y, **options)
    slopes = np.array([float(s) for s in reference.cross_entropy_gradient(z, y, **options)])
    # Sums of k products, each of a few roundings; a slope is a difference of two such
    assert worst_ulp(value, exact) <= 8
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=4 * eps * max(1, abs(slopes).max()))


@DTYPES
@pytest.mark.parametrize("k", [3, LONG + 5])
def test_probabilities_have_the_value_and_gradient_of_the_definition(k, dtype):
    rng = np.random.default_rng(3)
    p, q = rng.uniform(1e-3, 1, k).astype(dtype), rng.random(k).astype(dtype)
    p[0] = np.finfo(dtype).smallest_subnormal
    value, gradient = ON_PROBABILITIES(p, q, reduction="none")
    with mpmath.workdps(40):
        terms = [-mpmath.mpf(float(a)) * mpmath.log(float(b)) for a, b in zip(q, p, strict=True)]
        slopes = [-mpmath.mpf(float(a)) / mpmath.mpf(float(b)) for a, b in zip(q, p, strict=True)]
    assert worst_ulp(value, mpmath.fsum(terms)) <= 8  # a sum of k terms of one sign
    assert worst_ulp(gradient[1:], slopes[1:]) <= 1
    assert gradient[0] == -np.inf


@pytest.mark.parametrize("k", [4, LONG + 5])
@pytest.mark.parametrize("labels", ["index", "soft"])
def test_rows_without_a_limit_are_nan_and_infinite_ones_have_it(k, labels):
    z = np.full((5, k), -1.0)
    z[0, 1] = np.inf
    z[1, :2] = np.inf
    z[2] = -np.inf
    z[3, k - 1] = np.nan
    z[4, 0] = -np.inf
    y = np.zeros(5, int)
    q = y if labels == "index" else np.eye(k)[y]
    value, gradient = ON_LOGITS(z, q, reduction="none")
    np.testing.assert_array_equal(value, [np.inf, np.nan, np.nan, np.nan, np.inf])
    np.testing.assert_array_equal(gradient[0], np.eye(k)[1] - np.eye(k)[0])
    assert np.isnan(gradient[1:4]).all()
    np.testing.assert_allclose(gradient[4], [-1, *[1 / (k - 1)] * (k - 1)], rtol=1e-14)


def test_sum_of_losses_is_infinite_where_one_is_and_nan_where_one_is():
    z = np.zeros((3, 2))
    z[1, 0] = -np.inf
    assert categorical.cross_entropy(z, [0, 0, 0], reduction="sum") == np.inf
    z[2] = np.nan
    assert np.isnan(categorical.cross_entropy(z, [0, 0, 0], reduction="sum"))


@pytest.mark.parametrize("k", [2, LONG])
def test_sum_of_losses_carries_its_rounding_errors(k):
    z = np.full((1600, k), -np.inf)
    z[:, 0], z[:640, 1], z[640:, 1] = 0, 2.0**53, 100.0 + np.arange(960) / 1024
    exact = math.fsum(z[:, 1])
    total = categorical.cross_entropy(z, np.zeros(1600, int), reduction="sum")
    assert total == pytest.approx(exact, rel=4 * EPS, abs=0)


def test_impossible_class_without_a_label_has_no_gradient():
    value, gradient = ON_PROBABILITIES([0.0, 1.0], 1)
    assert value == 0
    np.testing.assert_array_equal(gradient, [0, -1])


SHAPES = [
    ((3 * LANES + 5, 3), 1),
    ((2, 4, 3 * LANES + 7), 1),
    ((7, LONG + 5), 1),
    ((5, 6, 3), 0),
    ((30, 2, 7), 1),
]


def arguments(shape, axis, kind, dtype):
    rng = np.random.default_rng(4)
    rest = shape[:axis] + shape[axis + 1 :]
    z, q = rng.normal(0, 3, shape).astype(dtype), rng.random(shape).astype(dtype)
    index = rng.integers(-1, shape[axis], rest)
    options = {
        "axis": axis,
        "weight": rng.uniform(0.5, 2, shape[axis]).astype(dtype),
        "sample_weight": rng.integers(0, 3, rest),
    }
    if kind == "soft":
        return z, q, options
    return z, index, options | {"ignore_index": -1}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "weighted_mean", "batchmean"])
@pytest.mark.parametrize("kind", ["index", "soft"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_weights_ignored_rows_and_reductions_are_those_of_numpy(
    shape, axis, kind, reduction, dtype
):
    z, labels, options = arguments(shape, axis, kind, dtype)
    p = np.abs(z) / np.abs(z).max()
    for function, x in ((ON_LOGITS, z), (ON_PROBABILITIES, p)):
        found = function(x, labels, reduction=reduction, **options)
        with engine.use("numpy"):
            expected = function(x, labels, reduction=reduction, **options)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours.dtype == theirs.dtype
            # Both are within a few ULP of the same number, or of its two large terms
            eps = np.finfo(ours.dtype).eps
            largest = np.abs(theirs).max()
            np.testing.assert_allclose(ours, theirs, rtol=40 * eps, atol=4 * eps * min(largest, 9))


def test_flags_and_strides_of_arguments_need_no_code_of_their_own():
    z, y, weight = np.zeros((8, 3)), np.zeros(16, int)[::2], np.ones(6)[::2]
    categorical.cross_entropy(z, y.copy(), weight=weight.copy())
    compiled = list(_run.signatures)
    for array in (z, y, weight):
        array.flags.writeable = False
    categorical.cross_entropy(z, y, weight=weight)
    assert _run.signatures == compiled


@DTYPES
@pytest.mark.parametrize("k", [4, LONG])
def test_an_array_that_is_not_contiguous_has_the_results_of_its_copy(k, dtype):
    z = np.random.default_rng(5).normal(0, 3, (2 * LANES + 6, k)).astype(dtype)[::2]
    for labels in (np.arange(len(z)) % k, abs(z) / abs(z).max()):
        found = ON_LOGITS(z, labels, reduction="none")
        for ours, copy in zip(found, ON_LOGITS(z.copy(), labels, reduction="none"), strict=True):
            np.testing.assert_array_equal(ours, copy)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
@pytest.mark.parametrize(
    ("shape", "calls"), [((78, 5000), 3), ((2, 5000, 48), 3), ((40, 1), 1), ((70_000, 2), 2)]
)
def test_a_call_of_the_kernel_has_many_rows_however_many_the_classes(
    shape, calls, dtype, monkeypatch
):
    seen, run = [], _numba.run_rows
    monkeypatch.setattr(_numba, "run_rows", lambda *given: seen.append(given[-1]) or run(*given))
    labels = np.zeros((shape[0], *shape[2:]), int)
    categorical.cross_entropy_from_probabilities(np.ones(shape, dtype), labels, axis=1)
    most = calls if dtype == np.float64 else 5 * calls  # a copy has shorter blocks
    assert 1 <= len(seen) <= most


@pytest.mark.parametrize("kind", ["index", "soft"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((90_001, 3), 1), ((3, 5, 30_007), 1), ((600, 700), 1)], ids=str
)
def test_results_do_not_depend_on_the_workers_nor_value_on_the_gradient(
    shape, axis, kind, monkeypatch
):
    monkeypatch.setattr(blockwise, "SHARE", 1)  # so that little work has threads
    z, labels, options = arguments(shape, axis, kind, np.float64)
    for reduction in ("none", "mean"):
        one = ON_LOGITS(z, labels, reduction=reduction, workers=1, **options)
        for workers in (2, 3):
            many = ON_LOGITS(z, labels, reduction=reduction, workers=workers, **options)
            for a, b in zip(one, many, strict=True):
                np.testing.assert_array_equal(a, b)
        alone = categorical.cross_entropy(z, labels, reduction=reduction, **options)
        np.testing.assert_array_equal(alone, one[0])
