"""The focal twin: torchvision's formula where that is right, mpmath elsewhere."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import focal, reference, torch_losses
from companion.reference import focal as exact_focal
from companion.torch_losses._focal import focal_loss_of_logits
from tests.tables.grids import logits, worst_ulp
from tests.tables.tensors import FAR, PEER, draw, gradients, leaf, points_of

EPS = np.finfo(np.float64).eps
GAMMAS = [0.0, 0.5, 1, 2, 3.3]


def as_published(z, y, alpha, gamma):
    """Return the usual lines, elementwise."""
    p = torch.sigmoid(z)
    p_t = p * y + (1 - p) * (1 - y)
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none") * (1 - p_t) ** gamma
    return loss if alpha < 0 else (alpha * y + (1 - alpha) * (1 - y)) * loss


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 3.3])
@pytest.mark.parametrize("alpha", [-1, 0, 0.25, 1])
def test_value_and_gradients_are_those_of_the_usual_lines(alpha, gamma, device):
    z, y, _ = draw((5, 3), device)
    y = y.clamp(0.01, 0.99)
    ours = gradients(lambda z, y: torch_losses.sigmoid_focal_loss(z, y, alpha, gamma), z, y)
    theirs = gradients(lambda z, y: as_published(z, y, alpha, gamma), z, y)
    torch.testing.assert_close(ours, theirs, **PEER)


def test_usual_numbers_are_the_defaults(device):
    z, y, _ = draw((5, 3), device)
    losses = torch_losses.sigmoid_focal_loss(z, y)
    torch.testing.assert_close(losses, as_published(z, y, 0.25, 2), **PEER)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_hard_labels_keep_their_digits_in_both_tails(dtype, label, gamma, device):
    z = points_of(logits, dtype).to(device).requires_grad_()
    loss = torch_losses.sigmoid_focal_loss(z, torch.full_like(z, label), -1, gamma)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    points = z.detach().double().tolist()
    for got, suffix in ((loss.detach(), ""), (gradient, "_gradient")):
        judge = getattr(exact_focal, f"binary_focal_cross_entropy_with_logits{suffix}")
        exact = [judge(point, label, gamma=gamma) for point in points]
        # m is off by up to 2 ULP, which the power multiplies by γ; beside it a few roundings
        assert worst_ulp(got.cpu(), exact) <= 4 + 2 * gamma


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("label", [1e-20, 1e-9, 0.3, 1 - 1e-9])
def test_gradient_for_soft_labels_is_off_by_a_few_ulp_of_its_terms(label, gamma, device):
    z = points_of(logits, torch.float64).to(device).requires_grad_()
    y = torch.full_like(z, label)
    loss = torch_losses.sigmoid_focal_loss(z, y, -1, gamma)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    for a, got in zip(z.tolist(), gradient.tolist(), strict=True):
        exact = exact_focal.binary_focal_cross_entropy_with_logits_gradient(a, label, gamma=gamma)
        s, c = reference.sigmoid(a), reference.sigmoid(-a)
        # Both terms of the slope, as if they did not cancel, times m^γ
        cost = reference.binary_cross_entropy_with_logits(a, label)
        attention = gamma * cost * abs(1 - 2 * label) / (label / s + (1 - label) / c)
        size = (label * c + (1 - label) * s) ** gamma * (max(s, label) + attention)
        assert abs(got - exact) <= (8 + 4 * gamma) * EPS * size + 1e-300, a


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize(("logit", "label"), [(torch.inf, 1.0), (-torch.inf, 0.0), (800.0, 1.0)])
def test_gradient_in_the_target_of_a_certain_right_answer_is_a_number(logit, label, gamma, device):
    z = torch.tensor([logit], dtype=torch.float64, device=device)
    y = torch.tensor([label], dtype=torch.float64, device=device, requires_grad=True)
    loss = torch_losses.sigmoid_focal_loss(z, y, -1, gamma)
    (gradient,) = torch.autograd.grad(loss, y)
    assert gradient.item() == (-logit if gamma == 0 else 0)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_second_derivative_of_a_hard_label_ends_at_0(label, gamma, device):
    z = torch.tensor([torch.inf, -torch.inf], dtype=torch.float64, device=device)
    z.requires_grad_()
    loss = torch_losses.sigmoid_focal_loss(z, torch.full_like(z, label), -1, gamma)
    (gradient,) = torch.autograd.grad(loss.sum(), z, create_graph=True)
    (curvature,) = torch.autograd.grad(gradient.sum(), z)
    assert curvature.tolist() == [0, 0]


def test_gamma_0_has_the_gradient_in_the_target_of_the_cross_entropy(device):
    z = torch.tensor([torch.inf, -torch.inf, 800.0, 0.3], dtype=torch.float64, device=device)
    for label in (0.0, 0.5, 1.0):
        y = torch.full_like(z, label).requires_grad_()
        loss = torch_losses.sigmoid_focal_loss(z, y, -1, 0)
        (gradient,) = torch.autograd.grad(loss.sum(), y)
        assert gradient.tolist() == (-z).tolist()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2])
@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_derivatives_pass_gradcheck_twice(hard, gamma, device):
    def loss(z, y):
        return torch_losses.sigmoid_focal_loss(z, y, 0.25, gamma)

    # In pairs, since the work of a check grows with the square of the number of elements
    for pair in np.reshape(FAR, (-1, 2)):
        z, y = leaf(pair, device), leaf([0.1, 0.8], device)
        y = (y > 0.5).double() if hard else y
        assert torch.autograd.gradcheck(loss, (z, y), check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, (z, y))


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("label", [0.0, 0.3, 1.0])
def test_infinite_logits_give_the_limits_of_numpys_twin(label, gamma, device):
    z = torch.tensor([torch.inf, -torch.inf], dtype=torch.float64, device=device)
    z.requires_grad_()
    loss = torch_losses.sigmoid_focal_loss(z, torch.full_like(z, label), -1, gamma)
    (gradient,) = torch.autograd.grad(loss.sum(), z)
    expected = focal.binary_focal_cross_entropy_with_logits_value_and_gradient(
        [np.inf, -np.inf], label, gamma=gamma, reduction="none"
    )
    np.testing.assert_allclose(loss.detach().cpu(), expected[0], rtol=4 * EPS)
    np.testing.assert_allclose(gradient.cpu(), expected[1], rtol=4 * EPS)


@pytest.mark.parametrize("backend", ["aot_eager", "eager"])
def test_compiled_without_graph_breaks_and_under_func_it_is_the_same(backend, device):
    z, y, _ = draw((4, 3), device)
    loss = torch_losses.sigmoid_focal_loss
    expected = gradients(loss, z, y)
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    torch.testing.assert_close(gradients(compiled, z, y), expected, **PEER)
    torch.testing.assert_close(torch.func.vmap(loss)(z, y), expected[0], **PEER)
    slope = torch.func.grad(lambda z: loss(z, y, reduction="sum"))(z)
    torch.testing.assert_close(slope, expected[1], **PEER)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"gamma": -1.0}, ValueError, r"gamma: expected a number in \[0, inf\), got -1.0; 2"),
        ({"alpha": 1.5}, ValueError, r"alpha: expected a number in \[-inf, 1\], got 1.5"),
        ({"reduction": "average"}, ValueError, "reduction: expected one of 'none'"),
        ({"targets": torch.tensor([2.0])}, ValueError, r"targets: .*got 2.0 .*; use 0 and 1"),
        ({"targets": torch.zeros(2)}, ValueError, "inputs and targets: expected the same shape"),
        ({"targets": torch.tensor([1])}, TypeError, r"targets: .* pass targets.float\(\)"),
        ({"inputs": [0.0]}, TypeError, "inputs: expected a torch.Tensor, got list"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_way_out(changes, error, words):
    arguments = {"inputs": torch.zeros(1), "targets": torch.ones(1)} | changes
    with pytest.raises(error, match=words):
        torch_losses.sigmoid_focal_loss(**arguments)


def test_elementwise_formula_reduces_to_the_cross_entropy():
    z, y, _ = draw((7,))
    expected = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    torch.testing.assert_close(focal_loss_of_logits(z, y, 0.0), expected, **PEER)
