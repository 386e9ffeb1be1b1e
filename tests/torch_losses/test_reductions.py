"""What the twins share: sums, old flags, smoothing, weights."""

import itertools

import mpmath
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import reference, torch_losses
from tests.tables.tensors import (
    BINARY,
    PEER,
    draw,
    first_of,
)

FLAGS = list(itertools.product([None, True, False], repeat=2))[1:]


def test_float32_sums_run_in_float64(device):
    # 2**24 + 1 is no float32: a sum that runs in float32 loses every one of the small losses.
    z = torch.full((4097,), 1.0, device=device)
    z[0] = 2.0**24
    y = torch.zeros_like(z)
    small = float(reference.softplus(1.0))
    for reduction, divisor in (("sum", 1), ("mean", 4097)):
        total = torch_losses.binary_cross_entropy_with_logits(z, y, reduction=reduction)
        assert total.dtype == torch.float32
        exact = np.float32((2.0**24 + 4096 * small) / divisor)
        assert abs(total.item() - exact) <= np.spacing(exact)


def test_weight_0_times_an_infinite_loss_is_0_in_value_and_gradient(device):
    z = torch.tensor([torch.inf, 1.0], device=device, requires_grad=True)
    y = torch.tensor([0.0, 1.0], device=device)
    loss = torch_losses.binary_cross_entropy_with_logits(
        z, y, weight=torch.tensor([0.0, 1.0], device=device), reduction="sum"
    )
    assert loss.item() == pytest.approx(float(reference.softplus(-1.0)), rel=1e-6)
    (gradient,) = torch.autograd.grad(loss, z)
    assert gradient[0].item() == 0
    loss = torch_losses.binary_cross_entropy_with_logits(
        -z, 1 - y, pos_weight=torch.tensor(0.0, device=device), reduction="none"
    )
    assert loss[0].item() == 0


def test_nothing_has_pytorchs_mean(device):
    empty = torch.empty(0, 3, device=device)
    for function in (F, torch_losses):
        for name in BINARY:
            assert getattr(function, name)(empty, empty).isnan()
            assert getattr(function, name)(empty, empty, reduction="sum").item() == 0
            assert getattr(function, name)(empty, empty, reduction="none").shape == (0, 3)
        none = torch.empty(0, dtype=torch.long, device=device)
        assert function.cross_entropy(empty, none).isnan()
        assert function.cross_entropy(empty, none, reduction="sum").item() == 0
        ignored = torch.full((2,), -100, device=device)
        assert function.cross_entropy(torch.zeros(2, 3, device=device), ignored).isnan()


@pytest.mark.parametrize("name", BINARY)
def test_smoothing_is_the_loss_of_smoothed_labels(name, device):
    z, y, _ = draw((5, 3), device)
    first = first_of(name, z)
    for epsilon in (0.0, 0.1, 1.0):
        ours = getattr(torch_losses, name)(first, y, label_smoothing=epsilon)
        theirs = getattr(F, name)(first, y * (1 - epsilon) + epsilon / 2)
        torch.testing.assert_close(ours, theirs, **PEER)


@pytest.mark.parametrize(("logit", "label"), [(270.0, 1.0), (-270.0, 0.0)])
def test_smoothing_keeps_the_digits_of_either_answer(logit, label, device):
    z = torch.tensor([logit], dtype=torch.float64, device=device)
    y = torch.tensor([label], dtype=torch.float64, device=device)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, label_smoothing=1e-10)
    assert loss.item() == pytest.approx(270 * 1e-10 / 2, rel=4e-16)
    p = torch.tensor([1e-9 if label == 0 else 1 - 1e-9], dtype=torch.float64, device=device)
    loss = torch_losses.binary_cross_entropy(p, y, label_smoothing=1e-12)
    with mpmath.workdps(40):
        q, e = mpmath.mpf(p.item()), mpmath.mpf(1e-12) / 2
        yes = 1 - e if label else e
        exact = float(-(yes * mpmath.log(q) + (1 - yes) * mpmath.log(1 - q)))
    assert loss.item() == pytest.approx(exact, rel=8e-16)


@pytest.mark.parametrize("epsilon", [0.25, 1.0])
def test_smoothing_of_an_infinite_logit_is_the_limit(epsilon, device):
    z = torch.tensor([torch.inf, -torch.inf], device=device)
    for label in (0.0, 1.0):
        for reduction in ("none", "sum"):
            loss = torch_losses.binary_cross_entropy_with_logits(
                z, torch.full_like(z, label), reduction=reduction, label_smoothing=epsilon
            )
            assert (loss == torch.inf).all()


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_legacy_flags_choose_the_reduction_with_a_warning(flags, device):
    average, reduce = flags
    z, y, _ = draw((4,), device)
    for name in BINARY:
        first = first_of(name, z)
        with pytest.warns(UserWarning, match="reduction"):
            expected = getattr(F, name)(first, y, None, average, reduce)
        with pytest.warns(UserWarning, match="reduction"):
            ours = getattr(torch_losses, name)(first, y, None, average, reduce)
        torch.testing.assert_close(ours, expected, **PEER)
    with pytest.warns(UserWarning, match="reduction"):
        module = torch_losses.BCEWithLogitsLoss(None, average, reduce)
    with pytest.warns(UserWarning, match="reduction"):
        assert module.reduction == torch.nn.BCEWithLogitsLoss(None, average, reduce).reduction


def test_elementwise_mean_is_mean_with_a_warning():
    z, y, _ = draw((4,))
    with pytest.warns(UserWarning, match="mean"):
        ours = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="elementwise_mean")
    torch.testing.assert_close(ours, F.binary_cross_entropy_with_logits(z, y), **PEER)
