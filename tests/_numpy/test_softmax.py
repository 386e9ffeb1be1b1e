"""The softmax of a block: against mpmath, with its complement, and its limits."""

import mpmath
import numpy as np
import pytest

from companion._numpy.softmax import Shifted
from tests.tables.grids import worst_ulp

Z = np.array(
    [[0.0, 1e4, -700.1, 3.0], [0.1, 1e4 - 40.3, 20.7, 3.0], [40.7, -1e4, 0.3, 3.0]]
)  # one row a column: close, far apart, spread, all equal


def exact(column):
    with mpmath.workdps(9000):  # exp(-20000) beside 1
        e = [mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(max(column)))) for x in column]
        p = [x / mpmath.fsum(e) for x in e]
        return p, [1 - x for x in p], [-mpmath.log(x) for x in p]


@pytest.mark.parametrize("column", range(Z.shape[1]))
def test_softmax_complement_and_log_loss_are_right_to_the_last_digits(column):
    z = Z[:, [column]]
    with np.errstate(all="ignore"):
        shifted = Shifted(z, exact=True)
        computed = shifted.softmax(), shifted.complement(), shifted.log_loss()
    for ours, theirs in zip(computed, exact(z[:, 0]), strict=True):
        assert worst_ulp(ours[:, 0], theirs) <= 2.5


def test_narrow_logits_need_no_correction():
    z = Z.astype(np.float32).astype(np.float64)
    for name in ("softmax", "complement", "log_loss"):
        one, other = (getattr(Shifted(z, exact=exact), name)() for exact in (False, True))
        np.testing.assert_allclose(one, other, rtol=1e-11)


@pytest.mark.parametrize("exact", [False, True])
def test_columns_with_a_limit_take_it_and_the_others_are_nan(exact):
    inf = np.inf
    z = np.array([[inf, inf, -inf, 0.0, np.nan], [0.0, inf, -inf, -inf, 0.0]])
    with np.errstate(all="ignore"):
        p = Shifted(z, exact=exact).softmax()
    np.testing.assert_array_equal(p[0], [1, np.nan, np.nan, 1, np.nan])
    np.testing.assert_array_equal(p[1], [0, np.nan, np.nan, 0, np.nan])


def test_rows_with_two_top_classes_are_counted_beside_a_row_that_is_nan():
    z = np.array([[3.0, np.nan, 0.0], [3.0, 0.0, 1.0]])  # one row a column: 2, 0 and 1 tops
    with np.errstate(all="ignore"):
        shifted = Shifted(z, exact=True)
    np.testing.assert_array_equal(shifted.rest[:2], [1, np.nan])
    np.testing.assert_allclose(shifted.softmax()[:, 0], 0.5, rtol=0)


def test_memory_that_is_handed_in_is_used_and_changes_nothing():
    handed = []

    def new():
        handed.append(np.full_like(Z, np.nan))
        return handed[-1]

    shifted, plain = Shifted(Z, exact=True, new=new), Shifted(Z, exact=True)
    for name in ("log_loss", "softmax", "complement"):
        np.testing.assert_array_equal(getattr(shifted, name)(), getattr(plain, name)())
    assert any(np.shares_memory(shifted.high, block) for block in handed)
    assert not any(np.shares_memory(Z, block) for block in handed)
