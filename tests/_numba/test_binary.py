"""The compiled binary losses against mpmath, at points drawn at random and where it is hard."""

import mpmath
import numpy as np
import pytest

from companion import engine, reference
from companion._numba.binary import logits, probabilities
from companion._numba.blocks import CHUNK
from tests.tables import grids
from tests.tables.grids import LABELS, absolute_errors, worst_ulp
from tests.tables.losses import ON_LOGITS, ON_PROBABILITIES


@pytest.fixture(autouse=True)
def compiled_losses():
    with engine.use("numba"):
        yield


def exact(function, points, label, **options):
    judge = getattr(reference, function.__name__)
    return [judge(point, label, **options) for point in points]


def drawn_logits(dtype):
    rng = np.random.default_rng(3)
    size = 300
    points = np.concatenate([rng.normal(0, 4, size), rng.uniform(-750, 750, size // 3)])
    return np.concatenate([grids.logits(dtype), points.astype(dtype)])


def drawn_probabilities(dtype):
    rng = np.random.default_rng(4)
    small = np.exp(rng.uniform(-80, 0, 200))
    points = np.concatenate([rng.uniform(0, 1, 300), small, 1 - np.exp(rng.uniform(-16, 0, 200))])
    points = points.astype(dtype)
    return np.concatenate([grids.probabilities(dtype), points[(points > 0) & (points < 1)]])


# (part, bound in ULP for float64, labels), inside the promise of `companion.binary`; 3 for float32
ON_THE_LOGIT = [("value", 2, LABELS), ("gradient", 2, LABELS[:2]), ("hessian", 4, LABELS[:1])]
ON_THE_PROBABILITY = [("value", 2, LABELS), ("gradient", 3, LABELS), ("hessian", 4, LABELS)]


def promises(rows):
    cases = [(part, label, bound) for part, bound, labels in rows for label in labels]
    return pytest.mark.parametrize(("part", "label", "bound"), cases)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@promises(ON_THE_LOGIT)
def test_loss_of_logits_is_as_accurate_as_promised(part, label, bound, dtype):
    points, label = drawn_logits(dtype), dtype(label)
    computed = ON_LOGITS[part](points, label, reduction="none")
    bound = bound if dtype is np.float64 else 3
    assert worst_ulp(computed, exact(ON_LOGITS[part], points, label)) <= bound


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@promises(ON_THE_PROBABILITY)
def test_loss_of_probabilities_is_as_accurate_as_promised(part, label, bound, dtype):
    points, label = drawn_probabilities(dtype), dtype(label)
    computed = ON_PROBABILITIES[part](points, label, reduction="none")
    bound = bound if dtype is np.float64 else 3
    assert worst_ulp(computed, exact(ON_PROBABILITIES[part], points, label)) <= bound


@pytest.mark.parametrize("label", [0.3, 0.7, 1 / 3, 1e-9])
def test_loss_of_a_probability_near_one_counts_all_of_one_minus_the_label(label):
    # 1 - y is rounded; the digits that it loses times -log(1 - p) are an ULP of the loss.
    points = 1 - np.geomspace(2**-53, 0.1, 400)
    computed = ON_PROBABILITIES["value"](points, label, reduction="none")
    assert worst_ulp(computed, exact(ON_PROBABILITIES["value"], points, label)) <= 2


@pytest.mark.parametrize("options", [{"pos_weight": 3.0}, {"label_smoothing": 0.25}], ids=str)
@pytest.mark.parametrize("part", ON_LOGITS)
def test_options_keep_the_digits(part, options):
    points = drawn_logits(np.float64)[::3]
    computed = ON_LOGITS[part](points, 0.5, reduction="none", **options)
    expected = exact(ON_LOGITS[part], points, 0.5, **options)
    size = np.maximum(np.array([abs(float(e)) for e in expected]), 0.0)
    if part == "gradient":
        size = size + 3 * np.array([float(s) for s in map(mpmath.sech, points / 2)])
    errors = absolute_errors(computed, expected)
    np.testing.assert_array_less(errors, 7 * np.finfo(float).eps * size + 1e-307)


SMOOTH, HEAVY = {"label_smoothing": 0.1}, {"pos_weight": 3.0}
ENGINES = [
    *((ON_LOGITS, options) for options in ({}, SMOOTH, HEAVY, SMOOTH | HEAVY)),
    *((ON_PROBABILITIES, options) for options in ({}, SMOOTH)),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("losses", "options"), ENGINES)
def test_results_in_several_chunks_are_those_of_numpys_engine(losses, options, dtype):
    points = drawn_logits(dtype) if losses is ON_LOGITS else drawn_probabilities(dtype)
    ends = [-np.inf, np.inf] if losses is ON_LOGITS else [0, 1, 0.3, 0.7]
    labels = np.array([0, 1, 0.3, 0.7, 1 / 3], dtype)
    x = np.repeat(np.append(points, ends).astype(dtype), len(labels))
    y = np.tile(labels, x.size // len(labels))
    assert x.size > CHUNK
    spread = np.ones_like(x)  # what a difference of two terms is made of
    if losses is ON_PROBABILITIES:
        with np.errstate(divide="ignore"):
            spread = np.nan_to_num(1 / (x * (1 - x)), posinf=0)
    for part, function in losses.items():
        ours = function(x, y, reduction="none", **options)
        with engine.use("numpy"):
            theirs = function(x, y, reduction="none", **options)
        differ = (ours != theirs) & ~(np.isnan(ours) & np.isnan(theirs))
        terms = abs(theirs) + (spread if part == "gradient" else 0)
        # twice the promise of each engine, 4 ULP of its terms
        allowed = 8 * np.finfo(dtype).eps * terms + 8 * np.finfo(dtype).smallest_subnormal
        off = abs(ours[differ] - theirs[differ])
        assert np.max(off / allowed[differ], initial=0) <= 1


@pytest.mark.parametrize("label", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("end", [np.inf, -np.inf])
def test_infinite_logits_give_the_limit(end, label):
    expected = {"value": np.inf, "gradient": (end > 0) - label, "hessian": 0}
    if label == (end > 0):
        expected["value"] = 0
    for part, limit in expected.items():
        assert ON_LOGITS[part](end, label) == limit


def test_loss_of_nothing_is_zero_without_a_sign():
    for points, labels, losses in [
        ([0.0, 1.0], [0, 1], ON_PROBABILITIES),
        ([-np.inf, np.inf, -800.0, 800.0], [0, 1, 0, 1], ON_LOGITS),
    ]:
        values = losses["value"](points, labels, reduction="none")
        np.testing.assert_array_equal(values, 0)
        assert not np.signbit(values).any()


def test_nan_comes_through():
    for part in ON_LOGITS.values():
        assert np.isnan(part(np.nan, 1.0))


def test_options_are_none_where_they_are_not_given():
    dtype = np.dtype(np.float32)
    assert logits(0.0, dtype) == (None, None)
    assert probabilities(0.0, dtype) == (None,)
    smoothed = logits(0.5, dtype, pos_weight=np.float32(2))
    assert smoothed == ((np.float32(0.5), np.float32(0.25)), np.float32(2))
