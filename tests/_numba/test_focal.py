"""The compiled focal loss against mpmath, and its options."""

import numpy as np
import pytest

from companion import engine
from companion._numba.blocks import CHUNK
from companion._numba.focal import focal
from companion.focal import (
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
    binary_focal_cross_entropy_with_logits_value_and_gradient,
)
from companion.reference import focal as exact_focal
from tests.tables.grids import logits, worst_ulp

FUNCTIONS = [
    binary_focal_cross_entropy_with_logits,
    binary_focal_cross_entropy_with_logits_gradient,
]


@pytest.fixture(autouse=True)
def compiled_losses():
    with engine.use("numba"):
        yield


@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", FUNCTIONS, ids=["value", "gradient"])
def test_hard_labels_are_as_accurate_as_promised(function, dtype, label, gamma):
    points = np.random.default_rng(5).normal(0, 12, 300).astype(dtype)
    points = np.concatenate([logits(dtype), points])
    computed = function(points, dtype(label), gamma=gamma, reduction="none")
    judge = getattr(exact_focal, function.__name__)
    exact = [judge(z, label, gamma=gamma) for z in points]
    bound = {np.float64: 4 + 3 * gamma, np.float32: 5 + 4 * gamma}[dtype]
    assert worst_ulp(computed, exact) <= bound


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_soft_labels_have_the_results_of_numpys_engine(alpha, gamma):
    x = np.repeat(np.random.default_rng(1).normal(0, 6, 300), 3)
    y = np.tile([0.1, 0.5, 0.8], 300)
    missed = abs(y - 1 / (1 + np.exp(-x)))  # where it is 0 the gradient's terms cancel
    for function, terms in zip(FUNCTIONS, (0, missed**gamma + 2.0**-52), strict=True):
        ours = function(x, y, gamma=gamma, alpha=alpha, reduction="none")
        with engine.use("numpy"):
            theirs = function(x, y, gamma=gamma, alpha=alpha, reduction="none")
        bound = 2 * (4 + 3 * gamma) * np.finfo(float).eps  # twice the promise of each engine
        assert np.max(abs(ours - theirs) / (bound * (abs(theirs) + terms))) <= 1


def test_every_chunk_of_a_block_is_filled_by_its_own_elements():
    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 3, CHUNK + 5), rng.random(CHUNK + 5)
    for function in FUNCTIONS:
        whole = function(z, y, reduction="none")
        np.testing.assert_array_equal(whole[-7:], function(z[-7:], y[-7:], reduction="none"))


@pytest.mark.parametrize("gamma", [2.0, 1e4])
@pytest.mark.parametrize("alpha", [None, 0.0, 0.25])
@pytest.mark.parametrize("label", [0.0, 1.0, 0.25])
@pytest.mark.parametrize("end", [np.inf, -np.inf])
def test_infinite_logits_give_the_limit(end, label, alpha, gamma):
    value, slope = binary_focal_cross_entropy_with_logits_value_and_gradient(
        end, label, gamma=gamma, alpha=alpha
    )
    share = 1 if alpha is None else alpha * label + (1 - alpha) * (1 - label)
    wrong = abs((end > 0) - label)  # the share of the answer that is wrong for certain
    assert value == (np.inf if wrong and share else 0)
    np.testing.assert_allclose(slope, np.sign(end) * share * wrong ** (gamma + 1), rtol=1e-15)


def test_options_are_of_the_dtype_and_a_huge_gamma_stays_finite():
    dtype = np.dtype(np.float32)
    assert focal(0.0, dtype, gamma=2.0, alpha=None) == (2, None, None)
    options = focal(0.0, dtype, gamma=1e300, alpha=0.99)
    assert [option.dtype for option in options] == [dtype] * 3
    assert options.gamma == np.finfo(np.float32).max
    assert options.rest == np.float32(0.01)  # not 1 - float32(0.99), which has lost digits
