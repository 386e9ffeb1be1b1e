"""The twin on logits: mpmath's digits, PyTorch's numbers, SymPy's derivatives."""

import math

import mpmath
import numpy as np
import pytest
import sympy
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import reference, symbolic, torch_losses
from companion.torch_losses._logits import loss_of_logits, sigmoid
from companion.torch_losses._pieces import PIECE
from tests.tables.grids import LABELS, logits, worst_ulp
from tests.tables.tensors import (
    BOUND,
    DIGITS,
    FAR,
    FLOATS,
    PEER,
    draw,
    gradients,
    leaf,
    points_of,
)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_value_from_logits_is_as_accurate_as_promised(dtype, label, device):
    z = points_of(logits, dtype).to(device)
    y = torch.full_like(z, label)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    assert loss.dtype == dtype
    exact = [
        reference.binary_cross_entropy_with_logits(a, b)
        for a, b in zip(z.double().tolist(), y.double().tolist(), strict=True)
    ]
    assert worst_ulp(loss.cpu(), exact) <= BOUND[dtype]


@pytest.mark.parametrize("graph", [False, True], ids=["first order", "create_graph"])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_gradient_in_logits_for_hard_labels_is_as_accurate_as_promised(dtype, label, graph, device):
    z = points_of(logits, dtype).to(device).requires_grad_()
    y = torch.full_like(z, label)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), z, create_graph=graph)
    exact = [
        reference.binary_cross_entropy_with_logits_gradient(a, label) for a in z.double().tolist()
    ]
    assert worst_ulp(gradient.detach().cpu(), exact) <= BOUND[dtype]


@pytest.mark.parametrize("label", [0.3, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_gradient_in_logits_for_soft_labels_is_off_by_two_ulp_of_its_terms(dtype, label, device):
    z = points_of(logits, dtype).to(device).requires_grad_()
    y = torch.full_like(z, label)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    for a, b, got in zip(*(t.double().tolist() for t in (z, y, gradient)), strict=True):
        exact = reference.binary_cross_entropy_with_logits_gradient(a, b)
        size = max(float(reference.sigmoid(a)), b)
        unit = 2.0 ** (np.floor(np.log2(size)) + 1 - DIGITS[dtype])
        assert abs(float(mpmath.mpf(got) - exact)) <= 2.5 * unit, (a, b)


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize(
    ("dtype", "bound"), [(torch.float64, 4), (torch.float32, 4), (torch.float16, 0.51)], ids=str
)
def test_second_derivative_in_logits_keeps_its_digits(dtype, bound, label, device):
    z = points_of(logits, dtype).to(device).requires_grad_()
    y = torch.full_like(z, label)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), z, create_graph=True)
    (hessian,) = torch.autograd.grad(gradient.sum(), z)
    exact = [
        reference.binary_cross_entropy_with_logits_hessian(a, label) for a in z.double().tolist()
    ]
    assert worst_ulp(hessian.cpu(), exact) <= bound


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_infinite_logits_give_the_limit(dtype, device):
    inf = torch.inf
    z = torch.tensor([inf, inf, -inf, -inf, inf, -inf, torch.nan], dtype=dtype, device=device)
    y = torch.tensor([1, 0, 0, 1, 0.5, 0.5, 1], dtype=dtype, device=device)
    z.requires_grad_()
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    assert loss[:6].tolist() == [0, inf, 0, inf, inf, inf]
    assert loss[6].isnan()
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    assert gradient[:6].tolist() == [0, 1, 0, -1, 0.5, -0.5]


@pytest.mark.parametrize("positive", [None, 3.0], ids=["plain", "pos_weight"])
@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_compiled_value_and_derivatives_are_those_of_the_definition(label, positive, device):
    z = torch.cat([points_of(logits, torch.float64), torch.tensor([-0.0])]).to(device)
    y, given = torch.full_like(z, label), []
    if positive is not None:
        given.append(torch.full_like(z, positive))
    tensors = [each.requires_grad_() for each in (z, y, *given)]
    loss = torch.compile(lambda *t: loss_of_logits(*t), backend="aot_eager")(*tensors)
    slopes = [slope.cpu() for slope in torch.autograd.grad(loss.sum(), tensors)]
    w, points = positive or 1, z.tolist()
    with mpmath.workdps(50):
        y = mpmath.mpf(label)
        yes, no = ([reference.softplus(s * a) for a in points] for s in (-1, 1))
        p, q = ([reference.sigmoid(s * a) for a in points] for s in (1, -1))
        values = [w * y * a + (1 - y) * b for a, b in zip(yes, no, strict=True)]
        in_logits = [(1 - y) * a - w * y * b for a, b in zip(p, q, strict=True)]
        in_labels = [(w - 1) * a - z for a, z in zip(yes, points, strict=True)]
    assert worst_ulp(loss.detach().cpu(), values) <= 4
    if label in (0, 1):
        assert worst_ulp(slopes[0], in_logits) <= 3
    else:  # two terms may cancel, each off by an ULP of 1 or of its weight
        np.testing.assert_allclose(slopes[0], list(map(float, in_logits)), rtol=0, atol=4e-16 * w)
    np.testing.assert_allclose(slopes[1], list(map(float, in_labels)), rtol=2e-15, atol=0)
    if given:
        assert worst_ulp(slopes[2], [label * a for a in yes]) <= 3


@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_slope_in_a_program_is_that_of_the_definition(label, device):
    z = torch.tensor([-40.0, -1.0, 0.0, 2.0, 40.0], dtype=torch.float64, device=device)
    y = torch.full_like(z, label)

    def slope(z):
        return torch.func.grad(lambda z: loss_of_logits(z, y).sum())(z)

    exact = [reference.binary_cross_entropy_with_logits_gradient(a, label) for a in z.tolist()]
    program = make_fx(slope)(z)
    soft = {"rtol": 0, "atol": 4e-16}  # two terms may cancel
    precise = soft if 0 < label < 1 else {"rtol": 1e-15, "atol": 0}
    np.testing.assert_allclose(program(z).cpu(), [float(a) for a in exact], **precise)
    bend = [reference.binary_cross_entropy_with_logits_hessian(a, label) for a in z.tolist()]
    many = torch.func.vmap(torch.func.grad(lambda a: program(a.expand(5)).sum() / 5))(z)
    # PyTorch differentiates the program's sigmoid, as σ (1 - σ): what rounds to 1 leaves nothing
    np.testing.assert_allclose(many.cpu(), [float(b) for b in bend], rtol=0, atol=2.0**-53)


def test_losses_under_vmap_are_those_without_it(device):
    z, y, a = draw((3, 5), device)
    losses = loss_of_logits(z, y, 2 * a)
    torch.testing.assert_close(torch.func.vmap(loss_of_logits)(z, y, 2 * a), losses, **PEER)


def test_traced_mean_is_that_of_any_size(device):
    def pair(size):
        return draw((size,), device)[:2]

    traced = torch.jit.trace(torch_losses.binary_cross_entropy_with_logits, pair(3))
    ours, theirs = (gradients(f, *pair(7)) for f in (traced, F.binary_cross_entropy_with_logits))
    torch.testing.assert_close(ours, theirs, **PEER)


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
def test_gradient_at_logit_0_is_one_half_minus_the_label(zero, label, device):
    z = torch.tensor([zero], dtype=torch.float64, device=device, requires_grad=True)
    y = torch.tensor([label], dtype=torch.float64, device=device)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y)
    (gradient,) = torch.autograd.grad(loss, z, create_graph=True)
    assert gradient.item() == 0.5 - label
    (second,) = torch.autograd.grad(gradient, z)
    assert second.item() == 0.25


def test_third_derivative_at_0_is_that_of_the_sigmoid(device):
    z = leaf([0.0, 2.0], device)
    value = torch_losses.binary_cross_entropy_with_logits(z, torch.ones_like(z), reduction="sum")
    for _ in range(3):
        (value,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    s = float(reference.sigmoid(2.0))
    torch.testing.assert_close(value.tolist(), [0.0, s * (1 - s) * (1 - 2 * s)], rtol=1e-14, atol=0)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", [(5, 3), (3,), (5, 1), ()], ids=str)
def test_pos_weight_is_pytorchs(shape, reduction, device):
    z, y, w = draw((5, 3), device)
    a = 2 * draw(shape, device, 1)[2]

    def with_(functions):
        return gradients(
            lambda z, y: functions.binary_cross_entropy_with_logits(
                z, y, w, reduction=reduction, pos_weight=a
            ),
            z, y,
        )  # fmt: skip

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


@pytest.mark.parametrize(
    "loss",
    [
        torch_losses.binary_cross_entropy_with_logits,
        lambda z, y: torch_losses.binary_cross_entropy_with_logits(z, y, pos_weight=1 + 0 * y),
        lambda z, y: torch_losses.sigmoid_focal_loss(z, y, gamma=0, alpha=-1, reduction="mean"),
    ],
    ids=["plain", "pos_weight", "focal"],
)
def test_forward_mode_at_infinite_logits_gives_the_limit(loss, device):
    z = torch.tensor([-torch.inf, torch.inf, -torch.inf, torch.inf, 0.0], device=device)
    y = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.5], device=device)
    expected = torch.tensor([0.0, 0.0, -0.2, 0.2, 0.0], device=device)
    torch.testing.assert_close(torch.func.jacfwd(loss)(z, y), expected)
    v = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], device=device)
    slope = torch.func.jvp(lambda z: loss(z, y), (z,), (v,))[1]
    torch.testing.assert_close(slope, v @ expected)


def test_weight_that_meets_no_loss_has_no_gradient(device):
    z = torch.tensor([-torch.inf, torch.inf, 0.0], device=device)
    y, a = torch.tensor([0.0, 1.0, 1.0], device=device), torch.ones_like(z, requires_grad=True)

    def loss(a):
        return torch_losses.binary_cross_entropy_with_logits(z, y, reduction="sum", pos_weight=a)

    expected = torch.tensor([0.0, 0.0, math.log(2)], device=device)
    for made in (loss, torch.compile(loss, backend="aot_eager")):
        torch.testing.assert_close(torch.autograd.grad(made(a), a)[0], expected)
    torch.testing.assert_close(torch.func.jacfwd(loss)(a.detach()), expected)


@pytest.mark.parametrize("logit", [0.0, 1e-8, -1e-8, 40.0, -700.0])
def test_gradient_in_the_target_is_minus_the_logit(logit, device):
    z = torch.tensor([logit], dtype=torch.float64, device=device)
    y = torch.tensor([0.3], dtype=torch.float64, device=device, requires_grad=True)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y)
    (gradient,) = torch.autograd.grad(loss, y)
    assert gradient.item() == -logit


@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_large_tensors_are_pytorchs_in_every_piece(reduction, device):
    size = 2 * PIECE + 7  # three pieces, the last one short
    z, y, _ = draw((size,), device)

    def with_(functions):
        return gradients(
            lambda z, y: functions.binary_cross_entropy_with_logits(z, y, reduction=reduction), z, y
        )

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


@pytest.mark.parametrize("shape", [(3, 1), (PIECE,), ()], ids=str)
def test_pos_weight_of_another_shape_meets_each_piece(shape, device):
    z, y, _ = draw((3, PIECE), device)
    a = 2 * draw(shape, device, 1)[2]

    def with_(functions):
        return gradients(
            lambda z, y: functions.binary_cross_entropy_with_logits(z, y, pos_weight=a), z, y
        )

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_binary_derivatives_pass_gradcheck_twice(reduction, device):
    def loss(z, y, w, a):
        return torch_losses.binary_cross_entropy_with_logits(
            z, y, w, reduction=reduction, pos_weight=a, label_smoothing=0.1
        )

    def plain(z, y):
        return torch_losses.binary_cross_entropy_with_logits(z, y, reduction=reduction)

    # In pairs, since the work of a check grows with the square of the number of elements
    for pair in np.reshape(FAR, (-1, 2)):
        z, y = leaf(pair, device), leaf([0.1, 0.9], device)
        w, a = leaf([0.5, 2.0], device), leaf([1.5], device)
        assert torch.autograd.gradcheck(loss, (z, y, w, a), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, (z, y, w, a))
        assert torch.autograd.gradcheck(plain, (z, y), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(plain, (z, y))


def test_gradients_can_be_batched(device):
    z, y, t = draw((3, 4), device)
    z.requires_grad_()
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    many = torch.stack([torch.ones_like(t), t])
    (batched,) = torch.autograd.grad(loss, z, many, is_grads_batched=True)
    (gradient,) = torch.autograd.grad(F.binary_cross_entropy_with_logits(z, y, reduction="sum"), z)
    torch.testing.assert_close(batched, many * gradient, **PEER)


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
        ours = derivatives(function, torch.tensor(at, dtype=torch.float64, requires_grad=True), 4)
        for order, value in enumerate(ours):
            exact = sympy.lambdify(z, sympy.diff(definition, z, order), "mpmath")
            with mpmath.workdps(40):
                assert value == pytest.approx(float(exact(mpmath.mpf(at))), rel=1e-12, abs=1e-15)
