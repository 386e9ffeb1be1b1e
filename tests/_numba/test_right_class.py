"""The compiled loss of the right class: as NumPy's, whatever the shift, in tiles and alone."""

import mpmath
import numpy as np
import pytest

from companion import engine, reference
from companion._numba.tiles import LONG
from companion.categorical import cross_entropy, cross_entropy_value_and_gradient
from tests.tables.grids import worst_ulp
from tests.tables.right_class import ROWS, exact, limits


@pytest.fixture(autouse=True)
def _compiled():
    with engine.use("numba"):
        yield


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_loss_and_slope_have_their_digits_whatever_the_shift(row):
    long = [*row, *[min(row) - 0.3] * 100, *[-np.inf] * LONG]
    for logits, bound in ((row, 2.5), (long, 3)):
        for right in range(len(row)):
            given = np.array(logits), right
            loss, slope = cross_entropy_value_and_gradient(*given, reduction="none")
            exact_loss, exact_slope = exact([x for x in logits if np.isfinite(x)], right)
            assert worst_ulp(loss, [exact_loss]) <= bound
            finite = np.isfinite(logits)
            assert worst_ulp(slope[finite], exact_slope) <= bound
            np.testing.assert_array_equal(slope[~finite], 0)
            assert loss == cross_entropy(*given, reduction="none")


def test_a_long_row_loses_nothing_when_its_lanes_are_added():
    rng = np.random.default_rng(0)
    for _ in range(60):
        row = rng.normal(0, rng.choice([0.1, 1, 3]), rng.integers(LONG, 2 * LONG))
        row[0] = rng.uniform(5, 45)  # so sure that the loss has the relative error of the sum
        loss = cross_entropy(row, 0, reduction="none")
        with mpmath.workdps(40):
            terms = [mpmath.exp(mpmath.mpf(z) - mpmath.mpf(row[0])) for z in row[1:].tolist()]
            assert worst_ulp(loss, mpmath.log1p(mpmath.fsum(terms))) <= 1.5


def test_a_row_is_the_same_alone_and_beside_rows_that_are_shifted():
    z = np.array(list(ROWS.values()))
    index = np.arange(len(z)) % 4
    options = {"reduction": "none"}
    loss, slope = cross_entropy_value_and_gradient(z, index, **options)
    for row, right in enumerate(index):
        alone = cross_entropy_value_and_gradient(z[row], right, **options)
        np.testing.assert_array_equal(alone[0], loss[row])
        np.testing.assert_array_equal(alone[1], slope[row])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("more", [0, LONG])
def test_rows_with_a_limit_take_it_and_the_others_are_nan(more, dtype):
    for row, (losses, p) in limits(dtype).items():
        for right in range(3):
            logits = np.array([*row, *[-np.inf] * more], dtype)
            loss, slope = cross_entropy_value_and_gradient(logits, right, reduction="none")
            np.testing.assert_array_equal(loss, losses[right])
            np.testing.assert_array_equal(slope[:3], p - np.eye(3)[right])
            np.testing.assert_array_equal(slope[3:], np.nan if np.isnan(p[0]) else 0)


def test_one_class_costs_nothing():
    for logit in (0.0, -1000.0, 1e300, np.inf):
        with pytest.warns(UserWarning, match="two classes"):
            loss, slope = cross_entropy_value_and_gradient([[logit]], [0])
        np.testing.assert_array_equal([loss, *slope[0]], [0, 0])


def test_a_class_of_no_weight_costs_nothing_where_it_is_impossible():
    loss, slope = cross_entropy_value_and_gradient([-np.inf, 0.0], 0, weight=[0, 1])
    np.testing.assert_array_equal([loss, *slope], [0, 0, 0])


@pytest.mark.parametrize(
    ("row", "right"),
    [
        ([-300.21123291080494, -302.95285181871657, -295.2962203325275], 2),
        ([997.6176135645252, 1002.3089357180769, 1003.5841658341201, 972.6882820079854], 2),
    ],
    ids=["low", "shifted"],
)
def test_what_the_ratio_of_the_exponentials_loses_is_added(row, right):
    loss = cross_entropy(row, right, reduction="none")
    assert worst_ulp(loss, reference.cross_entropy(row, right)) <= 2
