"""The loss of the right class and its slopes: against mpmath, whatever the shift, and limits."""

import mpmath
import numpy as np
import pytest

from companion import categorical
from companion._numpy.right_class import RightClass
from tests.tables.grids import worst_ulp
from tests.tables.right_class import ROWS, exact, limits


def block(*rows, dtype=np.float64):
    return np.array(rows, dtype).T.copy()


def computed(z, index, exact=True):
    with np.errstate(all="ignore"):
        right = RightClass(z, np.asarray(index), exact=exact)
        return right.loss().astype(z.dtype), right.slope()


BOTH = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@BOTH
@pytest.mark.parametrize("right", range(4))
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_loss_and_slope_have_their_digits_whatever_the_shift(row, right, dtype):
    z = block(row, dtype=dtype)
    loss, slope = exact(z[:, 0].tolist(), right)
    ours, slopes = computed(z, [right])
    assert slopes.dtype == dtype
    assert worst_ulp(ours, [loss]) <= 3
    assert worst_ulp(slopes[:, 0], slope) <= 4


@pytest.mark.parametrize("lead", [0, 20.3, 50, 58.7, 70.3, 87.3, 96.3])
@pytest.mark.parametrize("lowest", [0, -60.7, -88, -95.7, 3e4])
def test_narrow_exponentials_of_many_classes_keep_the_digits_of_their_sum(lead, lowest):
    z = np.float32([[lowest + lead, *[lowest] * 40_000]])
    each = mpmath.exp(-mpmath.mpf(float(z[0, 0]) - float(z[0, 1])))
    for given in (z, z.astype(">f4")):
        loss, slope = categorical.cross_entropy_value_and_gradient(given, [0], reduction="none")
        assert worst_ulp(loss, [mpmath.log1p(40_000 * each)]) <= 6
        p = each / (1 + 40_000 * each)
        assert worst_ulp(slope[0, :2], [-40_000 * p, p]) <= 8


def test_narrow_sums_lose_no_more_than_pairs_do():
    # Each eighth of 128 begins with a power of two, to which 15 others add less than is seen
    first, others, right = -2.0780563354492188, -18.71507453918457, 10.459558486938477
    z = np.full((1, 1024), others, np.float32)
    z[0, np.arange(1024) % 128 < 8], z[0, -1] = first, right
    e = [mpmath.exp(mpmath.mpf(float(x)) - float(z[0, -1])) for x in z[0]]
    loss, slope = categorical.cross_entropy_value_and_gradient(z, [1023], reduction="none")
    rest = mpmath.fsum(e[:-1])
    assert worst_ulp(loss, [mpmath.log1p(rest)]) <= 18
    assert worst_ulp(slope[0, -1:], [-rest / (1 + rest)]) <= 18


@BOTH
def test_a_row_is_the_same_alone_and_beside_rows_that_are_shifted(dtype):
    z = block(*ROWS.values(), dtype=dtype)
    index = np.arange(z.shape[1]) % 4
    loss, slope = computed(z, index)
    for row, right in enumerate(index):
        alone = computed(z[:, [row]], [right])
        np.testing.assert_array_equal(alone[0], loss[[row]])
        np.testing.assert_array_equal(alone[1], slope[:, [row]])


@pytest.mark.parametrize("k", [8, 10, 181, 182, 500])
def test_a_row_of_many_classes_is_the_same_alone(k):
    rng = np.random.default_rng(k)
    z, p, index = rng.normal(0, 3, (20, k)), rng.random((20, k)), np.arange(20) % k
    of_logits = categorical.cross_entropy_value_and_gradient
    of_probabilities = categorical.cross_entropy_from_probabilities_value_and_gradient
    narrow, wide = z.astype(np.float32), 30 * z.astype(np.float32)
    losses = (of_logits, z, index), (of_logits, z, p), (of_probabilities, p, p)
    for loss, x, labels in (*losses, (of_logits, narrow, index), (of_logits, wide, index)):
        together = loss(x, labels, reduction="none")
        for row in range(20):
            alone = loss(x[row], labels[row], reduction="none")
            np.testing.assert_array_equal(alone[0], together[0][row])
            np.testing.assert_array_equal(alone[1], together[1][row])


def test_narrow_logits_need_no_correction():
    z = block(*ROWS.values()).astype(np.float32).astype(np.float64)
    for right in range(4):
        index = np.full(z.shape[1], right)
        for one, other in zip(computed(z, index, exact=False), computed(z, index), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=0)


@BOTH
@pytest.mark.parametrize("exact", [False, True])
def test_rows_with_a_limit_take_it_and_the_others_are_nan(exact, dtype):
    for row, (losses, p) in limits(dtype).items():
        for right in range(3):
            loss, slope = computed(block(row, dtype=dtype), [right], exact=exact)
            np.testing.assert_array_equal(loss, [losses[right]])
            np.testing.assert_array_equal(slope[:, 0], p - np.eye(3)[right])


def test_one_class_costs_nothing():
    for logit in (0.0, -1000.0, 1e300, np.inf):
        loss, slope = computed(np.array([[logit]]), [0])
        np.testing.assert_array_equal([*loss, *slope[0]], [0, 0])
    assert np.isnan(computed(np.array([[-np.inf]]), [0])[0]).all()


@BOTH
def test_memory_that_is_handed_in_is_used_and_the_logits_stay(dtype):
    z, handed = block(*ROWS.values(), dtype=dtype), []
    before, index = z.copy(), np.zeros(z.shape[1], int)

    def new():
        handed.append(np.full_like(z, np.nan))
        return handed[-1]

    with np.errstate(all="ignore"):
        right, plain = RightClass(z, index, exact=True, new=new), computed(z, index)
        np.testing.assert_array_equal(right.loss().astype(dtype), plain[0])
        slope = right.slope()
    np.testing.assert_array_equal(slope, plain[1])
    np.testing.assert_array_equal(z, before)
    assert any(np.shares_memory(slope, block) for block in handed)
