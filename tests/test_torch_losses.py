"""The twins: PyTorch's numbers where PyTorch is right, mpmath's everywhere."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from companion import reference, torch_losses

# PyTorch's own compiler and forward mode warn of what they use themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
]
LOGITS = [0.0, 1e-300, -1e-8, 0.3, -3.0, 17.0, -17.0, 40.0, -40.0, 700.0, -700.0]
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
F64 = torch.float64
REDUCTIONS = ["none", "mean", "sum"]


def worst(computed, exact, dtype):
    tiny = torch.finfo(dtype).tiny
    computed = computed.detach().cpu().numpy()
    return max(
        (
            float(reference.ulp_error(one, other))
            for one, other in zip(computed, exact, strict=True)
            if abs(other) >= tiny
        ),
        default=0.0,
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_loss_gradient_and_hessian_keep_their_digits_in_both_tails(dtype, label, device):
    largest = torch.finfo(dtype).max
    points = [z for z in LOGITS if abs(z) < largest]
    z = torch.tensor(points, dtype=dtype, device=device, requires_grad=True)
    y = torch.full_like(z, label)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    (gradient,) = torch.autograd.grad(loss.sum(), z, create_graph=True)
    (hessian,) = torch.autograd.grad(gradient.sum(), z)
    assert loss.dtype == gradient.dtype == hessian.dtype == dtype
    at = [float(x) for x in z.detach().cpu()]
    bounds = {torch.float64: (2, 2, 4), torch.float32: (3, 3, 4), torch.float16: (0.51, 0.51, 0.51)}
    for computed, exact, bound in zip(
        (loss, gradient, hessian),
        (
            reference.binary_cross_entropy_with_logits,
            reference.binary_cross_entropy_with_logits_gradient,
            reference.binary_cross_entropy_with_logits_hessian,
        ),
        bounds[dtype],
        strict=True,
    ):
        assert worst(computed, [exact(x, label) for x in at], dtype) <= bound


def pair(seed=0, shape=(5, 3, 4)):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(shape, dtype=F64, generator=generator, requires_grad=True)
    y = torch.rand(shape, dtype=F64, generator=generator, requires_grad=True)
    index = torch.randint(0, 3, (5, 4), generator=generator)
    index[0, 0] = -100
    return z, y, index, torch.rand(4, dtype=F64, generator=generator)


def assert_same(ours, theirs, variables):
    torch.testing.assert_close(ours, theirs)
    ours = torch.autograd.grad(ours.sum(), variables)
    theirs = torch.autograd.grad(theirs.sum(), variables)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_on_logits_are_pytorch_s_at_a_comfortable_point_by_position(reduction):
    z, y, _, weight = pair()
    arguments = (z, y, weight, None, None, reduction, torch.tensor([[0.5], [2.0], [3.0]]).double())
    assert_same(
        torch_losses.binary_cross_entropy_with_logits(*arguments),
        functional.binary_cross_entropy_with_logits(*arguments),
        (z, y),
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_on_probabilities_are_pytorch_s_at_a_comfortable_point(reduction):
    z, y, _, weight = pair()
    p = torch.sigmoid(z).detach().requires_grad_()
    arguments = (p, y, weight, None, None, reduction)
    assert_same(
        torch_losses.binary_cross_entropy(*arguments),
        functional.binary_cross_entropy(*arguments),
        (p, y),
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_is_pytorch_s_at_a_comfortable_point(reduction, weighted, smoothing):
    z, y, index, weight = pair()
    options = {
        "weight": weight[:3] if weighted else None,
        "reduction": reduction,
        "label_smoothing": smoothing,
    }
    for target, variables in ((index, (z,)), (y, (z, y))):
        assert_same(
            torch_losses.cross_entropy(z, target, **options),
            functional.cross_entropy(z, target, **options),
            variables,
        )


@pytest.mark.parametrize("at", [0.0, 0.7, -30.0, 200.0])
def test_gradcheck_at_zero_and_far_out(at):
    z = torch.full((3,), at, dtype=F64, requires_grad=True)
    y = torch.tensor([0.0, 1.0, 0.3], dtype=F64, requires_grad=True)

    def loss(z, y):
        return torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")

    inside = torch.tensor([0.2, 0.7, 0.3], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(loss, (z, inside), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (z, inside))
    (gradient,) = torch.autograd.grad(loss(z, y).sum(), z)
    torch.testing.assert_close(gradient, torch.sigmoid(z.detach()) - y.detach())


def test_gradcheck_of_cross_entropy():
    z = torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 30.0]], dtype=F64, requires_grad=True)
    index = torch.tensor([1, 2])
    q = torch.tensor([[0.2, 0.3, 0.5], [0.1, 0.9, 0.0]], dtype=F64)
    for target in (index, q):

        def loss(z, target=target):
            return torch_losses.cross_entropy(z, target, reduction="none")

        assert torch.autograd.gradcheck(loss, (z,), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, (z,))


def test_small_loss_of_a_confident_right_class_keeps_its_digits():
    z = torch.tensor([0.0, 40.0], dtype=F64, requires_grad=True)
    loss = torch_losses.cross_entropy(z, torch.tensor(1))
    (gradient,) = torch.autograd.grad(loss, z)
    expected = float(reference.softplus(-40))
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-15)
    np.testing.assert_allclose(gradient, [expected, -expected], rtol=1e-15)


def test_infinite_logits_give_the_limit():
    z = torch.tensor([torch.inf, -torch.inf, torch.inf], requires_grad=True)
    y = torch.tensor([1.0, 0.0, 0.0])
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    assert loss.tolist() == [0, 0, torch.inf]
    assert torch.autograd.grad(loss.sum(), z)[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize("backend", ["aot_eager"])
def test_compiles_without_a_graph_break(backend):
    z, y, index, _ = pair()
    y = y.detach()
    for function, target in (
        (torch_losses.binary_cross_entropy_with_logits, y),
        (torch_losses.cross_entropy, index),
    ):
        compiled = torch.compile(function, fullgraph=True, backend=backend)
        assert_same(compiled(z, target), function(z, target), (z,))


def test_values_are_refused_in_eager_mode_and_under_func():
    z, y, _, _ = pair()
    loss = torch_losses.binary_cross_entropy_with_logits
    z = z.detach()
    for call in (
        lambda: loss(z, y + 1),
        lambda: torch.func.vmap(loss)(z, y + 1),
        lambda: torch.func.grad(lambda z: loss(z, z * 0 + 2))(z),
    ):
        with pytest.raises(ValueError, match=r"target: expected values from 0 to 1, got .*; use"):
            call()
    with pytest.raises(IndexError, match="from 0 to 2, got 3"):
        torch_losses.cross_entropy(z, torch.full((5, 4), 3))
