"""The formulas for one block of rows are the derivatives of the definition that SymPy proves."""

import mpmath
import numpy as np
import pytest
import sympy

from companion._numpy.categorical import LOGITS, PROBABILITIES
from companion._numpy.class_axis import ClassAxis
from companion._numpy.formula import BOTH, HESSIAN
from companion._numpy.targets import Targets

K = 3
Z = np.array([[-2.0, 0.5, 0.25], [0.0, 3.0, -1.0]])
P = np.array([[0.125, 0.5, 0.375], [0.7, 0.2, 0.1]])
X, Q, W = sympy.symbols("x:3"), sympy.symbols("q:3"), sympy.symbols("w:3")
LOG_P = {
    "logits": [x - sympy.log(sum(map(sympy.exp, X))) for x in X],
    "probabilities": list(map(sympy.log, X)),
}
LABELS = {"indices": np.array([2, 0]), "probabilities": np.array([[0.5, 0.25, 0.25], [0, 1, 0]])}


def derivatives(argument, x, q, w):
    """Return value, gradient and Hessian of -Σ w_k q_k log p_k at one row, by SymPy and mpmath."""
    loss = -sum(w * q * log_p for w, q, log_p in zip(W, Q, LOG_P[argument], strict=True))
    gradient = [sympy.diff(loss, a) for a in X]
    hessian = [[sympy.diff(g, b) for b in X] for g in gradient]
    point = [mpmath.mpf(float(v)) for v in (*x, *q, *w)]
    with mpmath.workdps(40):
        return [
            np.array(sympy.lambdify([*X, *Q, *W], part, "mpmath")(*point), dtype=float)
            for part in (loss, gradient, hessian)
        ]


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("weight", [None, np.array([0.5, 1.0, 2.0])], ids=["plain", "weighted"])
@pytest.mark.parametrize(("formula", "x"), [(LOGITS, Z), (PROBABILITIES, P)])
def test_block_holds_the_derivatives_of_the_definition(formula, x, weight, labels):
    y = LABELS[labels]
    targets = Targets(y, ClassAxis(x.shape, 1), weight, None, 0.0)
    call = x.T.copy(), targets, slice(0, len(x))
    found = formula.fill(*call, BOTH, True) | formula.fill(*call, HESSIAN, True)
    q = np.eye(K)[y] if y.ndim == 1 else y
    for row in range(len(x)):
        expected = derivatives(
            formula.argument, x[row], q[row], np.ones(K) if weight is None else weight
        )
        # A dozen roundings; an entry that vanishes is 0 up to those of its terms, which are below 4
        computed = found["value"][row], found["gradient"][:, row], found["hessian"][row]
        for ours, exact in zip(computed, expected, strict=True):
            np.testing.assert_allclose(ours, exact, rtol=4e-15, atol=4e-15)
