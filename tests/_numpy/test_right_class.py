"""The loss of the right class and its slopes: against mpmath, whatever the shift, and limits."""

import mpmath
import numpy as np
import pytest

from companion import categorical
from companion._numpy.right_class import RightClass
from tests.tables.grids import worst_ulp

ROWS = {
    "unshifted": [0.3, -0.7, 12.1, 3.0],
    "one far below the smallest float": [0.0, -740.2, -0.1, -709.3],
    "the largest sum without a shift": [230.2, 229.7, -0.3, -1.0],
    "a right class far below it": [230.2, -660.1, -457.7, -463.3],
    "the next": [230.3, 229.7, -0.3, -1.0],
    "just enough": [-0.7, -740.5, -900.0, -709.3],
    "low": [-40.2, -41.7, -299.9, -60.0],
    "one too low": [-40.2, -41.7, -300.1, -60.0],
    "lower than the smallest float": [-700.3, -1440.9, -1100.7, -1409.1],
    "high": [900.7, 160.9, 12.3, 899.9],
    "a shift that rounds": [240.3, 0.1, -3.7, 12.9],
    "far from 0": [1e6 + 0.4, 999_999.7, 1e6 - 700.1, -3.3],
    "as many digits as the shift": [2.0**52 + 1, 2.0**52, 2.0**52 - 30.5, 1.25],
    "ties": [7.5, 7.5, 7.5, -20.1],
}


def block(*rows):
    return np.array(rows).T.copy()


def computed(z, index, exact=True):
    with np.errstate(all="ignore"):
        right = RightClass(z, np.asarray(index), exact=exact)
        return right.loss(), right.slope()


@pytest.mark.parametrize("right", range(4))
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_loss_and_slope_have_their_digits_whatever_the_shift(row, right):
    with mpmath.workdps(1500):
        e = [mpmath.exp(mpmath.mpf(x) - mpmath.mpf(row[right])) for x in row]
        rest = mpmath.fsum(part for k, part in enumerate(e) if k != right)
        loss = mpmath.log1p(rest)
        slope = [-rest / (1 + rest) if k == right else p / (1 + rest) for k, p in enumerate(e)]
    (ours,), slopes = computed(block(row), [right])
    assert worst_ulp(ours, [loss]) <= 3
    assert worst_ulp(slopes[:, 0], slope) <= 4


def test_a_row_is_the_same_alone_and_beside_rows_that_are_shifted():
    z = block(*ROWS.values())
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
    for loss, x, labels in ((of_logits, z, index), (of_logits, z, p), (of_probabilities, p, p)):
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


@pytest.mark.parametrize("exact", [False, True])
def test_rows_with_a_limit_take_it_and_the_others_are_nan(exact):
    inf, nan, most = np.inf, np.nan, np.finfo(float).max
    limits = {
        (inf, 0.0, -inf): ([0, inf, inf], [1, 0, 0]),
        (inf, most, -most): ([0, inf, inf], [1, 0, 0]),
        (most, -most, -inf): ([0, inf, inf], [1, 0, 0]),
        (-most, -inf, -inf): ([0, inf, inf], [1, 0, 0]),
        (0.0, -inf, -800.0): ([0, inf, 800], [1, 0, 0]),
        (-1000.0, -1e300, -inf): ([0, 1e300, inf], [1, 0, 0]),
        (inf, inf, 0.0): ([nan] * 3, [nan] * 3),
        (-inf, -inf, -inf): ([nan] * 3, [nan] * 3),
        (nan, 0.0, 0.0): ([nan] * 3, [nan] * 3),
        (0.0, inf, nan): ([nan] * 3, [nan] * 3),
    }
    for row, (losses, p) in limits.items():
        for right in range(3):
            loss, slope = computed(block(row), [right], exact=exact)
            np.testing.assert_array_equal(loss, [losses[right]])
            np.testing.assert_array_equal(slope[:, 0], p - np.eye(3)[right])


def test_one_class_costs_nothing():
    for logit in (0.0, -1000.0, 1e300, np.inf):
        loss, slope = computed(np.array([[logit]]), [0])
        np.testing.assert_array_equal([*loss, *slope[0]], [0, 0])
    assert np.isnan(computed(np.array([[-np.inf]]), [0])[0]).all()


def test_memory_that_is_handed_in_is_used_and_the_logits_stay():
    z, handed = block(*ROWS.values()), []
    before, index = z.copy(), np.zeros(z.shape[1], int)

    def new():
        handed.append(np.full_like(z, np.nan))
        return handed[-1]

    with np.errstate(all="ignore"):
        right, plain = RightClass(z, index, exact=True, new=new), computed(z, index)
        np.testing.assert_array_equal(right.loss(), plain[0])
        slope = right.slope()
    np.testing.assert_array_equal(slope, plain[1])
    np.testing.assert_array_equal(z, before)
    assert any(np.shares_memory(slope, block) for block in handed)
