"""The formulas under autograd: every order of derivative, against SymPy."""

import mpmath
import pytest
import sympy
import torch

from companion import symbolic
from companion.torch_formulas import loss_of_logits, loss_of_probabilities, sigmoid

# PyTorch's own compiler and forward mode warn of what they use themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
F64 = torch.float64


def derivatives(function, x, orders):
    results = [function(x)]
    for _ in range(orders):
        results.append(torch.autograd.grad(results[-1], x, create_graph=True)[0])
    return [float(result.detach()) for result in results]


@pytest.mark.parametrize("at", [0.0, 0.3, -2.5, 8.0])
def test_four_derivatives_of_loss_and_sigmoid_are_those_of_the_definition(at):
    z = symbolic.z
    for function, definition in (
        (sigmoid, symbolic.sigmoid(z)),
        (
            lambda x: loss_of_logits(x, torch.full_like(x, 0.3)),
            symbolic.binary_cross_entropy_with_logits(z, sympy.Rational(3, 10)),
        ),
    ):
        ours = derivatives(function, torch.tensor(at, dtype=F64, requires_grad=True), 4)
        for order, value in enumerate(ours):
            exact = sympy.lambdify(z, sympy.diff(definition, z, order), "mpmath")
            with mpmath.workdps(40):
                assert value == pytest.approx(float(exact(mpmath.mpf(at))), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(("p", "y", "slope"), [(0, 0, 1), (1, 1, -1), (0, 1, -torch.inf)])
def test_slope_at_the_ends_is_the_limit_from_inside(p, y, slope):
    p = torch.tensor(float(p), dtype=F64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss_of_probabilities(p, torch.tensor(float(y)).double()), p)
    assert gradient == slope
