"""The formulas for one block: what they fill, and that they are the ones SymPy proves."""

import mpmath
import numpy as np
import pytest
import sympy

from companion import symbolic
from companion._numpy.binary import KINDS, SCRATCH, logits_block, probabilities_block

LABELS = np.array([0.0, 1.0, 0.25, 0.75])
FORMULAS = [
    pytest.param(
        logits_block,
        np.array([-2.0, 0.5, 0.0, 3.0]),
        symbolic.z,
        symbolic.binary_cross_entropy_with_logits(symbolic.z, symbolic.y),
        id="logits",
    ),
    pytest.param(
        probabilities_block,
        np.array([0.125, 0.5, 0.25, 0.9]),
        symbolic.p,
        symbolic.binary_cross_entropy(symbolic.p, symbolic.y),
        id="probabilities",
    ),
]


def fill(block, x, wanted):
    rows = {kind: np.full(x.shape, np.nan) if kind in wanted else None for kind in KINDS}
    block(x, LABELS, None, *rows.values(), np.empty((SCRATCH, x.size)))
    return rows


@pytest.mark.parametrize(("block", "x", "symbol", "loss"), FORMULAS)
@pytest.mark.parametrize("order", range(3), ids=KINDS)
def test_block_fills_the_derivative_of_the_definition(block, x, symbol, loss, order):
    exact = sympy.lambdify((symbol, symbolic.y), sympy.diff(loss, symbol, order), "mpmath")
    with mpmath.workdps(50):
        expected = [float(exact(mpmath.mpf(a), b)) for a, b in zip(x, LABELS, strict=True)]
    # A handful of roundings, each half a unit in the last place; at p = y the slope is exactly 0.
    np.testing.assert_allclose(
        fill(block, x, {KINDS[order]})[KINDS[order]], expected, rtol=1e-15, atol=0
    )


@pytest.mark.parametrize(("block", "x", "symbol", "loss"), FORMULAS)
def test_block_fills_the_same_alone_and_together(block, x, symbol, loss):
    together = fill(block, x, set(KINDS))
    for kind in KINDS:
        np.testing.assert_array_equal(fill(block, x, {kind})[kind], together[kind])


@pytest.mark.parametrize(("block", "x", "symbol", "loss"), FORMULAS)
def test_block_leaves_its_operands_as_they_are(block, x, symbol, loss):
    before, labels = x.copy(), LABELS.copy()
    fill(block, x, set(KINDS))
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(LABELS, labels)


def test_limits_at_the_ends_hold_beside_other_elements():
    p, y = np.array([0.0, 0.5, 1.0, 0.25]), np.array([0.0, 1.0, 1.0, 0.25])
    gradient = np.empty(4)
    with np.errstate(all="ignore"):
        probabilities_block(p, y, None, None, gradient, None, np.empty((SCRATCH, 4)))
    np.testing.assert_array_equal(gradient, [1, -2, -1, 0])
