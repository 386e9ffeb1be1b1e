"""Binary cross-entropy as others tell it: SymPy's derivatives, PyTorch's autograd, scikit-learn."""

import mpmath
import numpy as np
import pytest
import sympy
import torch
from sklearn.metrics import log_loss
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import symbolic
from companion.binary import (
    binary_cross_entropy,
    binary_cross_entropy_jacobian,
)
from companion.elementary import sigmoid
from tests.tables.grids import absolute_errors, draw_batch, logits, probabilities
from tests.tables.losses import ON_LOGITS, ON_PROBABILITIES

EPS = np.finfo(np.float64).eps

# SymPy ------------------------------------------------------------------------------------------


def derivative_in_sympy(expression, variables, order):
    derivative = sympy.diff(expression, variables[0], order)
    return sympy.lambdify(variables, derivative, modules="mpmath")


@pytest.mark.parametrize(("part", "order"), [("value", 0), ("gradient", 1), ("hessian", 2)])
@pytest.mark.parametrize("kind", ["logits", "probabilities"])
def test_derivatives_are_those_that_sympy_finds(kind, part, order):
    y = symbolic.y
    if kind == "logits":
        a = sympy.Symbol("a", positive=True)
        expression = symbolic.binary_cross_entropy_with_logits(symbolic.z, y, pos_weight=a)
        judge = derivative_in_sympy(expression, (symbolic.z, y, a), order)
        points, function, extra = logits()[::4], ON_LOGITS[part], (2.5,)
        options = {"pos_weight": 2.5}
    else:
        judge = derivative_in_sympy(
            symbolic.binary_cross_entropy(symbolic.p, y), (symbolic.p, y), order
        )
        points, function, extra, options = probabilities()[::4], ON_PROBABILITIES[part], (), {}
    points = points[(abs(points) <= 750) & (abs(points) >= 1e-30)]
    for label in (0.0, 1.0, 0.25):
        computed = function(points, label, reduction="none", **options)
        with mpmath.workdps(800):  # exp(750) squared, and what 1 − σ cancels
            exact = [judge(mpmath.mpf(x), mpmath.mpf(label), *extra) for x in points]
        size = abs(computed)
        if part == "gradient" and kind == "logits" and label == 0.25:
            size = np.maximum(0.75 * sigmoid(points), 2.5 * 0.25 * sigmoid(-points))
        # The promised 5 ULP and the 4 roundings of pos_weight, as above; an ULP is at most EPS.
        np.testing.assert_array_less(absolute_errors(computed, exact), 8 * EPS * size + 1e-307)


# PyTorch and scikit-learn, where they are at ease -----------------------------------------------

# Both sides are off by some ULP in each of 24 elements; PyTorch's value adds three rounded
# terms, and its sums run in another order.
PEERS = {"rtol": 1e-13, "atol": 1e-15}


def torch_derivatives(loss, first):
    """Return value, gradient and the diagonal of the Hessian by double backward."""
    value = loss(first)
    (gradient,) = torch.autograd.grad(value.sum(), first, create_graph=True)
    # Each gradient depends on its own element alone, so the sum's gradient is the diagonal.
    (hessian,) = torch.autograd.grad(gradient.sum(), first)
    return [t.detach().numpy() for t in (value, gradient, hessian)]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weights", [(), ("weight",), ("pos_weight",), ("weight", "pos_weight")])
def test_on_logits_agrees_with_pytorch_and_its_autograd(weights, reduction):
    batch = draw_batch()
    options = {name: batch[name] for name in weights}
    tensors = {name: torch.tensor(value) for name, value in batch.items()}

    def judge(first):
        return F.binary_cross_entropy_with_logits(
            first,
            tensors["labels"],
            reduction=reduction,
            **{name: tensors[name] for name in weights},
        )

    expected = torch_derivatives(judge, tensors["logits"].requires_grad_())
    for function, exact in zip(ON_LOGITS.values(), expected, strict=True):
        result = function(batch["logits"], batch["labels"], reduction=reduction, **options)
        np.testing.assert_allclose(result, exact, **PEERS)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weights", [(), ("weight",)])
def test_on_probabilities_agrees_with_pytorch_and_its_autograd(weights, reduction):
    batch = draw_batch()
    options = {name: batch[name] for name in weights}
    tensors = {name: torch.tensor(value) for name, value in batch.items()}

    reduce = {"none": lambda t: t, "sum": torch.sum, "mean": torch.mean}[reduction]
    labels, weight = tensors["labels"], tensors["weight"] if weights else 1.0

    def definition(p):
        return reduce(-weight * (labels * torch.log(p) + (1 - labels) * torch.log1p(-p)))

    def pytorchs(p):
        return F.binary_cross_entropy(
            p, labels, weight=tensors["weight"] if weights else None, reduction=reduction
        )

    # PyTorch's double backward adds 1e-12 to its denominator: take the definition's Hessian.
    first = tensors["probabilities"].requires_grad_()
    expected = [*torch_derivatives(pytorchs, first)[:2], torch_derivatives(definition, first)[2]]
    for function, exact in zip(ON_PROBABILITIES.values(), expected, strict=True):
        result = function(batch["probabilities"], batch["labels"], reduction=reduction, **options)
        np.testing.assert_allclose(result, exact, **PEERS)


def test_weighted_mean_is_scikit_learns_log_loss_with_sample_weight():
    batch = draw_batch()
    labels, probabilities, weight = (
        batch[name].ravel() for name in ("labels", "probabilities", "weight")
    )
    labels = np.round(labels)  # scikit-learn wants classes
    for sample_weight in (None, weight):
        expected = log_loss(labels, probabilities, sample_weight=sample_weight)
        result = binary_cross_entropy(
            probabilities, labels, weight=sample_weight, reduction="weighted_mean"
        )
        np.testing.assert_allclose(result, expected, **PEERS)
        total = log_loss(labels, probabilities, sample_weight=sample_weight, normalize=False)
        result = binary_cross_entropy(probabilities, labels, weight=sample_weight, reduction="sum")
        np.testing.assert_allclose(result, total, **PEERS)


def test_jacobian_agrees_with_pytorchs():
    batch = draw_batch()
    first, labels, weight = (batch[n].ravel() for n in ("probabilities", "labels", "weight"))
    judge = torch.autograd.functional.jacobian(
        lambda p: F.binary_cross_entropy(
            p, torch.tensor(labels), weight=torch.tensor(weight), reduction="none"
        ),
        torch.tensor(first),
    )
    jacobian = binary_cross_entropy_jacobian(first, labels, weight=weight)
    np.testing.assert_allclose(jacobian, judge.numpy(), **PEERS)
