"""The twin over K classes: mpmath's digits, PyTorch's numbers, the two kinds of target."""

import mpmath
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import reference, torch_losses
from tests.tables.grids import logits, worst_ulp
from tests.tables.tensors import (
    BOUND,
    PEER,
    draw,
    gradients,
    leaf,
)

SHAPES = [(4,), (6, 4), (3, 4, 5), (2, 4, 3, 2)]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_categorical_value_and_gradient_keep_the_digits_of_confident_answers(dtype, device):
    gaps = [0.0, 1e-8, 0.5, 3.3, 17.1, 37.2, 87.0, 300.0, 700.0]
    offsets = [0.0, 1.1, -1000.3]
    rows = [[o, o - gap, o - 0.7 * gap] for gap in gaps for o in offsets]
    z = torch.tensor(rows, dtype=dtype, device=device).requires_grad_()
    for target in range(3):
        index = torch.full((len(rows),), target, device=device)
        loss = torch_losses.cross_entropy(z, index, reduction="none")
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        exact = [-reference.log_softmax(row)[target] for row in z.tolist()]
        assert worst_ulp(loss.detach().cpu(), exact) <= BOUND[dtype]
        for k in range(3):
            exact = [
                -mpmath.fsum(np.delete(np.array(reference.softmax(row)), target))
                if k == target
                else reference.softmax(row)[k]
                for row in z.tolist()
            ]
            # e, the sum and the quotient round once more than in the value
            assert worst_ulp(gradient[:, k].cpu(), exact) <= 4


def test_two_classes_are_the_binary_loss_of_the_difference(device):
    z = torch.tensor(logits(), device=device)
    pair = torch.stack([torch.zeros_like(z), z], 1).requires_grad_()
    z = z.clone().requires_grad_()
    for label in (0, 1):
        categorical = torch_losses.cross_entropy(
            pair, torch.full((len(z),), label, device=device), reduction="sum"
        )
        binary = torch_losses.binary_cross_entropy_with_logits(
            z, torch.full_like(z, label), reduction="sum"
        )
        torch.testing.assert_close(categorical, binary, rtol=1e-14, atol=0)
        (of_pair,) = torch.autograd.grad(categorical, pair)
        (of_one,) = torch.autograd.grad(binary, z)
        torch.testing.assert_close(of_pair[:, 1], of_one, rtol=2e-15, atol=1e-300)


def test_one_infinite_class_gives_the_limit_and_more_give_nan(device):
    inf = torch.inf
    rows = [[inf, 0.0, 1.0], [-inf, 0.0, -inf], [inf, inf, 0.0], [-inf, -inf, -inf]]
    z = torch.tensor(rows, device=device)
    loss = torch_losses.cross_entropy(
        z, torch.tensor([0, 1, 0, 0], device=device), reduction="none"
    )
    assert loss[:2].tolist() == [0, 0]
    assert loss[2:].isnan().all()
    soft = torch.tensor([[1.0, 0, 0], [0, 1, 0]], device=device)
    loss = torch_losses.cross_entropy(z[:2], soft, reduction="none")
    assert loss.tolist() == [0, 0]


def indices(shape, device):
    classes = shape[1] if len(shape) > 1 else shape[0]
    generator = torch.Generator().manual_seed(2)
    rest = (shape[0], *shape[2:]) if len(shape) > 1 else ()
    return torch.randint(0, classes, rest, generator=generator).to(device)


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weight"])
@pytest.mark.parametrize("ignore_index", [-100, 1])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_class_indices_are_pytorchs(shape, reduction, ignore_index, weighted, smoothing, device):
    z, _, _ = draw(shape, device)
    target = indices(shape, device)
    if target.ndim == 0 and ignore_index == target.item():
        ignore_index = 0
    w = 2 * draw((4,), device, 3)[2] if weighted else None

    def with_(functions):
        return gradients(
            lambda z: functions.cross_entropy(
                z, target, w, ignore_index=ignore_index, reduction=reduction,
                label_smoothing=smoothing,
            ),
            z,
        )  # fmt: skip

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weight"])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_class_probabilities_and_their_gradient_are_pytorchs(
    shape, reduction, weighted, smoothing, device
):
    z, q, _ = draw(shape, device)
    w = 2 * draw((4,), device, 3)[2] if weighted else None

    def with_(functions):
        return gradients(
            lambda z, q: functions.cross_entropy(
                z, q, w, reduction=reduction, label_smoothing=smoothing
            ),
            z, q,
        )  # fmt: skip

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_categorical_derivatives_pass_gradcheck_twice(smoothing, device):
    z = leaf([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5], [40.0, 0.0, 1.0], [0.0, 0.0, -30.0]], device)
    w = leaf([0.5, 1.0, 2.0], device)
    q = leaf(np.linspace(0.1, 0.8, 12).reshape(4, 3), device)
    index = torch.tensor([0, 2, 0, 1], device=device)

    def of_index(z, w):
        return torch_losses.cross_entropy(z, index, w, label_smoothing=smoothing)

    def of_probabilities(z, q, w):
        return torch_losses.cross_entropy(z, q, w, label_smoothing=smoothing)

    for loss, leaves in ((of_index, (z, w)), (of_probabilities, (z, q, w))):
        assert torch.autograd.gradcheck(loss, leaves, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(loss, leaves)


def test_vmap_over_class_indices_and_weights(device):
    z, _, w = draw((4, 5, 3), device)
    index = torch.tensor([0, 2, -100, 1, 1], device=device)
    ours = torch.func.vmap(torch_losses.cross_entropy, (0, None, 0))(z, index, w[:, 0])
    theirs = [F.cross_entropy(a, index, b) for a, b in zip(z, w[:, 0], strict=True)]
    torch.testing.assert_close(ours, torch.stack(theirs), **PEER)


@pytest.mark.parametrize("options", [{}, {"weight": torch.tensor([1.0, 2, 3]).double()}], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_nothing_of_an_ignored_row_is_seen(options, smoothing):
    rows = [[0.5, -1.0, 2.0], [torch.nan] * 3, [torch.inf, 0, -torch.inf]]
    z, index = torch.tensor(rows, dtype=torch.float64), torch.tensor([2, -100, -100])
    options = options | {"label_smoothing": smoothing}
    mine, alone = (x.requires_grad_() for x in (z, z[:1].clone()))
    loss = torch_losses.cross_entropy(mine, index, **options)
    expected = torch_losses.cross_entropy(alone, index[:1], **options)
    torch.testing.assert_close(loss, expected)
    (gradient,), (own,) = (torch.autograd.grad(*pair) for pair in ((loss, mine), (expected, alone)))
    torch.testing.assert_close(gradient, torch.cat([own, torch.zeros(2, 3)]))


def test_class_masked_by_minus_infinity_costs_nothing():
    z = torch.tensor([-torch.inf, 0.0, 0.0])
    loss = torch_losses.cross_entropy(z, torch.tensor(1))
    torch.testing.assert_close(loss, torch.tensor(2.0).log())


@pytest.mark.parametrize("target", [torch.tensor([0, 1]), torch.full((2, 3), 1 / 3)], ids=str)
def test_one_weight_for_all_classes_is_refused(target):
    with pytest.raises(ValueError, match="weight: expected one number for each class"):
        torch_losses.cross_entropy(torch.zeros(2, 3), target, torch.ones(1))
