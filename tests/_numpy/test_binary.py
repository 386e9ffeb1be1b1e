"""The formulas for one block: what they fill, and that they are the ones SymPy proves."""

import mpmath
import numpy as np
import pytest
import sympy

from companion import symbolic
from companion._numpy.binary import LOGITS, PROBABILITIES
from companion._numpy.formula import Rows

LABELS = np.array([0.0, 1.0, 0.25, 0.75])
FORMULAS = [
    pytest.param(
        LOGITS,
        np.array([-2.0, 0.5, 0.0, 3.0]),
        symbolic.z,
        symbolic.binary_cross_entropy_with_logits(symbolic.z, symbolic.y),
        id="logits",
    ),
    pytest.param(
        PROBABILITIES,
        np.array([0.125, 0.5, 0.25, 0.9]),
        symbolic.p,
        symbolic.binary_cross_entropy(symbolic.p, symbolic.y),
        id="probabilities",
    ),
]


KINDS = Rows._fields


def fill(formula, x, wanted, labels=LABELS):
    rows = Rows(**{kind: np.full(x.shape, np.nan) for kind in wanted})
    with np.errstate(all="ignore"):
        formula.fill(x, labels, None, rows, np.empty((formula.scratch, x.size)))
    return rows._asdict()


@pytest.mark.parametrize(("formula", "x", "symbol", "loss"), FORMULAS)
@pytest.mark.parametrize("order", range(3), ids=KINDS)
def test_block_fills_the_derivative_of_the_definition(formula, x, symbol, loss, order):
    exact = sympy.lambdify((symbol, symbolic.y), sympy.diff(loss, symbol, order), "mpmath")
    with mpmath.workdps(50):
        expected = [float(exact(mpmath.mpf(a), b)) for a, b in zip(x, LABELS, strict=True)]
    # A handful of roundings, each half a unit in the last place; at p = y the slope is exactly 0.
    np.testing.assert_allclose(
        fill(formula, x, {KINDS[order]})[KINDS[order]], expected, rtol=1e-15, atol=0
    )


@pytest.mark.parametrize(("formula", "x", "symbol", "loss"), FORMULAS)
def test_block_fills_the_same_alone_and_together(formula, x, symbol, loss):
    together = fill(formula, x, set(KINDS))
    for kind in KINDS:
        np.testing.assert_array_equal(fill(formula, x, {kind})[kind], together[kind])


@pytest.mark.parametrize(("formula", "x", "symbol", "loss"), FORMULAS)
def test_block_leaves_its_operands_as_they_are(formula, x, symbol, loss):
    before, labels = x.copy(), LABELS.copy()
    fill(formula, x, set(KINDS))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(LABELS, labels)


def test_limits_at_the_ends_hold_beside_other_elements():
    p, y = np.array([0.0, 0.5, 1.0, 0.25]), np.array([0.0, 1.0, 1.0, 0.25])
    gradient = fill(PROBABILITIES, p, ["gradient"], y)["gradient"]
    np.testing.assert_array_equal(gradient, [1, -2, -1, 0])
