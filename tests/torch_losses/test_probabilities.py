"""The twin on probabilities: mpmath's digits, and the limits at 0 and 1."""

import functools
import math

import mpmath
import pytest
import torch
from torch.func import grad, jacfwd, jacrev, vmap

from companion import reference, torch_losses
from companion.torch_losses._probabilities import loss_of_probabilities
from tests.tables.grids import LABELS, probabilities, worst_ulp
from tests.tables.tensors import BOUND, FLOATS, leaf, points_of


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_value_and_gradient_from_probabilities_are_as_accurate_as_promised(dtype, label, device):
    p = points_of(probabilities, dtype).to(device)
    p = p[(p > 0) & (p < 1)].requires_grad_()
    y = torch.full_like(p, label)
    loss = torch_losses.binary_cross_entropy(p, y, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), p)
    pairs = list(zip(p.double().tolist(), y.double().tolist(), strict=True))
    exact = [reference.binary_cross_entropy(a, b) for a, b in pairs]
    assert worst_ulp(loss.detach().cpu(), exact) <= BOUND[dtype]
    exact = [reference.binary_cross_entropy_gradient(a, b) for a, b in pairs]
    assert worst_ulp(gradient.cpu(), exact) <= max(3, BOUND[dtype])


def near_zero(test):
    """Give a test probabilities at which the gradient of one loss overflows."""
    numbers = [(torch.float64, 1e-310), (torch.float64, 3e-311), (torch.float32, 2.0**-130)]
    for name, values in [("weight", [None, 0.0, 0.5]), ("label", [1.0, 0.25, 0.0])]:
        test = pytest.mark.parametrize(name, values)(test)
    return pytest.mark.parametrize(("dtype", "p"), numbers, ids=str)(test)


def mean_near_zero(dtype, p, label, weight, device):
    """Return a thousand probabilities, the seventh near 0, their mean loss and its slope there."""
    first = torch.full((1000,), 0.5, dtype=dtype, device=device)
    first[7], target = p, torch.full_like(first, label)
    w = None if weight is None else torch.full_like(first, weight)
    with mpmath.workdps(60):
        q = mpmath.mpf(first[7].item())
        exact = (q - label) / (q * (1 - q)) * (1 if weight is None else weight) / 1000
    loss = lambda first: torch_losses.binary_cross_entropy(first, target, w)  # noqa: E731
    return first.requires_grad_(), loss, float(exact)


@near_zero
def test_gradient_of_a_mean_is_finite_where_that_of_its_loss_overflows(
    dtype, p, label, weight, device
):
    first, loss, exact = mean_near_zero(dtype, p, label, weight, device)
    (gradient,) = torch.autograd.grad(loss(first), first)
    assert gradient[7].item() == pytest.approx(exact, rel=8 * torch.finfo(dtype).eps, abs=0)


def reverse_twice(loss):
    return lambda first: torch.autograd.grad(loss(first), first, create_graph=True)[0][7].detach()


TRANSFORMS = {
    "grad": lambda loss: lambda first: grad(loss)(first.detach())[7],
    "vmap of grad": lambda loss: lambda first: vmap(grad(loss))(first.detach()[None])[0, 7],
    "with a graph": reverse_twice,
}


@near_zero
@pytest.mark.parametrize("derive", TRANSFORMS.values(), ids=TRANSFORMS)
def test_transformed_gradient_of_a_mean_is_finite_where_that_of_its_loss_overflows(
    derive, dtype, p, label, weight, device
):
    first, loss, exact = mean_near_zero(dtype, p, label, weight, device)
    assert derive(loss)(first).item() == pytest.approx(exact, rel=8 * torch.finfo(dtype).eps, abs=0)


# Each end with each answer, and one question that is open.
ENDS = [0.0, 1.0, 0.0, 1.0, 0.3, 0.0]
ANSWERS = [0.0, 1.0, 1.0, 0.0, 0.25, 0.25]


def limits(order, in_label, p, y):
    """Return the derivatives of -y log p - (1 - y) log(1 - p), the limits at the ends."""

    def quotient(a, b):
        return torch.where(a == 0, 0, a / b**order)

    sign, factorial = (-1) ** order, math.factorial(order - 1)
    if in_label:  # and order times in p
        return factorial * (sign / p**order - 1 / (1 - p) ** order)
    return factorial * (sign * quotient(y, p) + quotient(1 - y, 1 - p))


@pytest.mark.parametrize("modes", ["R", "F", "RR", "RF", "FR", "FF", "RRR", "RFF", "FFR", "FFF"])
@pytest.mark.parametrize("reduction", ["sum", "mean", "weighted_mean"])
@pytest.mark.parametrize("in_label", [False, True], ids=["in p", "in p and then in y"])
def test_forward_and_reverse_mode_have_the_limits_at_the_ends(modes, reduction, in_label, device):
    p, y = leaf(ENDS, device).detach(), leaf(ANSWERS, device).detach()
    derivative = functools.partial(torch_losses.binary_cross_entropy, reduction=reduction)
    for mode in modes:
        derivative = {"R": jacrev, "F": jacfwd}[mode](derivative)
    if in_label:
        derivative = jacfwd(derivative, 1)
    found, divisor = derivative(p, y), 1 if reduction == "sum" else len(ENDS)
    expected = limits(len(modes), in_label, p, y) / divisor
    for _ in range(len(modes) + in_label - 1):
        expected = torch.diag_embed(expected)  # an element has no part in another's derivative
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("marked", [None, 0.25])
@pytest.mark.parametrize("argument", [0, 1], ids=["in p", "in y"])
@pytest.mark.parametrize("derive", [jacrev, jacfwd])
def test_weight_0_leaves_no_derivative_in_either_mode(derive, argument, marked, smoothing, device):
    p, y = leaf(ENDS, device), leaf(ANSWERS, device)
    weight = torch.tensor([1.0, 2.0, 0.0, 1.0, 3.0, 0.0], device=device)

    def loss(p, y):
        return torch_losses.binary_cross_entropy(
            p, y, weight, label_smoothing=smoothing, ignore_index=marked
        )

    eager = torch.autograd.grad(loss(p, y), (p, y))[argument]
    assert eager[weight == 0].tolist() == [0, 0]
    assert not eager.isnan().any()
    found = derive(loss, argument)(p.detach(), y.detach())
    torch.testing.assert_close(found, eager, rtol=1e-14, atol=0.0)


def test_gradients_beside_one_that_overflows_are_as_ever(device):
    p = torch.tensor([1e-310, 0.25, 0.75], dtype=torch.float64, device=device, requires_grad=True)
    loss = torch_losses.binary_cross_entropy(p, torch.ones_like(p))
    (gradient,) = torch.autograd.grad(loss, p)
    torch.testing.assert_close(gradient.tolist()[1:], [-4 / 3, -4 / 9], rtol=1e-15, atol=0.0)


def test_weight_0_leaves_no_derivative_of_an_infinite_loss(device):
    p = torch.tensor([0.0, 1.0, 0.0, 0.5], device=device, requires_grad=True)
    y = torch.tensor([1.0, 0.0, 1.0, 1.0], device=device)
    weight = torch.tensor([0.0, 0.0, 1.0, 0.0], device=device)
    loss = torch_losses.binary_cross_entropy(p, y, weight, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, p)
    assert gradient.tolist() == [0, 0, -torch.inf, 0]


@pytest.mark.parametrize("label", LABELS)
def test_second_derivative_in_probabilities_keeps_its_digits(label, device):
    p = points_of(probabilities, torch.float64).to(device).requires_grad_()
    y = torch.full_like(p, label)
    loss = torch_losses.binary_cross_entropy(p, y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, p, create_graph=True)
    (hessian,) = torch.autograd.grad(gradient.sum(), p)
    exact = [reference.binary_cross_entropy_hessian(a, label) for a in p.tolist()]
    assert worst_ulp(hessian.cpu(), exact) <= 4


def test_probabilities_0_and_1_give_the_limit(device):
    p = torch.tensor([0.0, 1.0, 0.0, 1.0], device=device).requires_grad_()
    y = torch.tensor([0.0, 1.0, 1.0, 0.0], device=device)
    loss = torch_losses.binary_cross_entropy(p, y, reduction="none")
    assert loss.tolist() == [0, 0, torch.inf, torch.inf]
    (gradient,) = torch.autograd.grad(loss.sum(), p)
    assert gradient.tolist() == [1, -1, -torch.inf, torch.inf]


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_derivatives_in_probabilities_pass_gradcheck_twice(reduction, device):
    p, y = leaf([0.2, 0.5, 0.9, 0.3], device), leaf([0.1, 0.5, 0.8, 0.3], device)
    w = leaf([1.0, 2.0, 0.5, 1.0], device)

    def loss(p, y, w):
        return torch_losses.binary_cross_entropy(p, y, w, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (p, y, w), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (p, y, w))


@pytest.mark.parametrize(("p", "y", "slope"), [(0, 0, 1), (1, 1, -1), (0, 1, -torch.inf)])
def test_slope_at_the_ends_is_the_limit_from_inside(p, y, slope):
    p = torch.tensor(float(p), dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss_of_probabilities(p, torch.tensor(float(y)).double()), p)
    assert gradient == slope


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_second_derivative_at_a_certain_right_answer_is_one(end, device):
    # y / p² where p = y = 1, and (1 - y) / (1 - p)² where p = y = 0; the other term is 0 / 0
    p = torch.tensor([end], dtype=torch.float64, device=device, requires_grad=True)
    loss = torch_losses.binary_cross_entropy(p, p.detach(), reduction="sum")
    (slope,) = torch.autograd.grad(loss, p, create_graph=True)
    (bend,) = torch.autograd.grad(slope, p)
    assert bend.item() == 1
