"""What the twins share: sums, old flags, smoothing, weights."""

import itertools

import mpmath
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

import companion
from companion import reference, torch_losses
from tests.tables.tensors import (
    BINARY,
    PEER,
    draw,
    first_of,
    gradients,
)

# What a call may bring, and which of the twins takes it.
OPTIONS = {
    "plain": {},
    "weight": {"weight": (5, 3)},
    "weight that repeats": {"weight": (3,)},
    "pos_weight": {"pos_weight": (3,)},
    "smoothing": {"label_smoothing": 0.1},
    "all": {"weight": (5, 1), "pos_weight": (5, 3), "label_smoothing": 0.1},
}
CALLS = [
    (name, options)
    for name in BINARY
    for options in OPTIONS.values()
    if name == BINARY[1] or "pos_weight" not in options
]
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


LOGIT, LABEL = torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    "call",
    [
        lambda: torch_losses.binary_cross_entropy(LOGIT, LOGIT, size_average=True),
        lambda: torch_losses.binary_cross_entropy_with_logits(LOGIT, LOGIT, reduce=False),
        lambda: torch_losses.cross_entropy(torch.zeros(2, 3), LABEL, reduce=True),
        lambda: torch_losses.cross_entropy(torch.zeros(2, 3), LABEL, reduction="elementwise_mean"),
        lambda: torch_losses.cross_entropy(LOGIT, LABEL),
        lambda: torch_losses.cross_entropy(LOGIT, torch.ones(2, 1)),
    ],
)
def test_warning_points_at_the_line_of_the_caller(call):
    with pytest.warns(UserWarning, match="deprecated|two classes or more") as told:
        call()
    (line,) = [each.lineno for each in told if each.filename == __file__]
    assert line == call.__code__.co_firstlineno


def test_weight_0_times_an_infinite_loss_is_0_in_value_and_gradient(device):
    z = torch.tensor([torch.inf, 1.0], device=device, requires_grad=True)
    y = torch.tensor([0.0, 1.0], device=device)
    loss = torch_losses.binary_cross_entropy_with_logits(
        z, y, weight=torch.tensor([0.0, 1.0], device=device), reduction="sum"
    )
    assert loss.item() == pytest.approx(float(reference.softplus(-1.0)), rel=1e-6, abs=0)
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


def drawn(options, device):
    """Return the options with tensors for the shapes."""
    return {
        name: draw(value, device, 1)[2] if isinstance(value, tuple) else value
        for name, value in options.items()
    }


def by_definition(name, first, y, known, reduction, weight=None, pos_weight=None, epsilon=0.0):
    """Reduce the losses of the known elements, all by their definitions."""
    y = torch.where(known, y, 0) * (1 - epsilon) + epsilon / 2
    of_label = torch.ones_like(y) if pos_weight is None else pos_weight * y + 1 - y
    yes, no = y if pos_weight is None else pos_weight * y, 1 - y
    if name == "binary_cross_entropy":
        losses = -yes * torch.log(first) - no * torch.log1p(-first)
    else:
        losses = yes * F.softplus(-first) + no * F.softplus(first)
    weight = torch.ones_like(y) if weight is None else weight
    losses, mass = weight * losses, weight * of_label
    divisor = {"sum": 1, "mean": known.sum(), "weighted_mean": (mass * known).sum()}[reduction]
    return torch.where(known, losses, 0).sum() / divisor


@pytest.mark.parametrize("reduction", ["sum", "mean", "weighted_mean"])
@pytest.mark.parametrize("mark", [None, -1, 255, torch.nan])
@pytest.mark.parametrize(("name", "options"), CALLS, ids=str)
def test_means_and_marks_are_those_of_the_definition(name, options, mark, reduction, device):
    z, y, _ = draw((5, 3), device)
    options, first, y = drawn(options, device), first_of(name, z), y.clamp(0.01, 0.99)
    weights = [options[key] for key in ("weight", "pos_weight") if key in options]
    known = torch.ones_like(y, dtype=torch.bool)
    if mark is not None:
        known[1, 1:] = known[3] = False

    def with_weights(given):
        return options | dict(zip([key for key in options if "weight" in key], given, strict=True))

    def ours(first, y, *given):
        y = y if mark is None else torch.where(known, y, mark)
        call = {"reduction": reduction, "ignore_index": mark, **with_weights(given)}
        return getattr(torch_losses, name)(first, y, **call)

    def judge(first, y, *given):
        call = with_weights(given)
        call["epsilon"] = call.pop("label_smoothing", 0.0)
        return by_definition(name, first, y, known, reduction, **call)

    result, expected = (gradients(loss, first, y, *weights) for loss in (ours, judge))
    torch.testing.assert_close(result, expected, **PEER)
    numpys = {key: np.asarray(value.cpu()) for key, value in options.items() if "weight" in key}
    weight = known.cpu().numpy() * numpys.pop("weight", 1.0)
    value = getattr(companion, name)(
        first.cpu().numpy(),
        y.cpu().numpy(),
        weight=weight,
        label_smoothing=options.get("label_smoothing", 0.0),
        reduction="sum" if reduction == "mean" else reduction,
        **numpys,
    )
    value = value / known.sum().item() if reduction == "mean" else value
    torch.testing.assert_close(result[0].cpu(), torch.tensor(value), **PEER)


@pytest.mark.parametrize("alpha", [-1, 0.25])
def test_weighted_mean_of_the_focal_loss_counts_alpha(alpha, device):
    z, y, _ = draw((5, 3), device)
    known = torch.arange(3, device=device) != 1
    losses = torch_losses.sigmoid_focal_loss(z, y, alpha)
    mass = alpha * y + (1 - alpha) * (1 - y) if alpha > 0 else torch.ones_like(y)
    result = torch_losses.sigmoid_focal_loss(
        z, torch.where(known, y, -1), alpha, reduction="weighted_mean", ignore_index=-1
    )
    expected = (losses * known).sum() / (mass * known).sum()
    torch.testing.assert_close(result, expected, **PEER)


def test_everything_ignored_is_a_mean_of_nothing(device):
    z = torch.tensor([0.3, torch.nan], device=device, requires_grad=True)
    y = torch.full((2,), 255.0, device=device)
    weight = torch.ones(2, device=device)
    for options in ({}, {"reduction": "weighted_mean", "weight": weight}):
        for name in BINARY:
            loss = getattr(torch_losses, name)(z, y, ignore_index=255, **options)
            (gradient,) = torch.autograd.grad(loss, z)
            assert loss.isnan()
            assert gradient.tolist() == [0, 0]  # as PyTorch's cross_entropy has it
            total = getattr(torch_losses, name)(z, y, ignore_index=255, reduction="sum")
            assert total.item() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
def test_weighted_mean_holds_weights_whose_sum_or_product_leaves_the_dtype(dtype, device):
    largest = torch.finfo(dtype).max
    z = torch.tensor([1.0, -2.0], device=device, dtype=dtype)
    y, weight = torch.ones_like(z), torch.full_like(z, largest)
    loss = torch_losses.binary_cross_entropy_with_logits(
        z, y, weight, pos_weight=torch.full_like(z, 1000), reduction="weighted_mean"
    )
    exact = float((reference.softplus(-1) + reference.softplus(2)) / 2)
    assert loss.item() == pytest.approx(exact, rel=2 * torch.finfo(dtype).eps, abs=0)


def test_sum_of_weights_that_overflows_is_refused(device):
    z = torch.zeros(2, dtype=torch.float64, device=device)
    weight = torch.full_like(z, 1e308)

    def loss(weight):
        return torch_losses.binary_cross_entropy(z + 0.5, z, weight, reduction="weighted_mean")

    words = "sum of the weights: expected .* any finite number, got inf .*; scale the weights down"
    with pytest.raises(ValueError, match=words):
        loss(weight)
    with pytest.raises(ValueError, match=words):
        torch.func.vmap(loss)(weight[None])
    torch.testing.assert_close(loss(weight / 2), torch.log(z[0] + 2), **PEER)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    assert compiled(weight).isnan()


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
    assert loss.item() == pytest.approx(270 * 1e-10 / 2, rel=4e-16, abs=0)
    p = torch.tensor([1e-9 if label == 0 else 1 - 1e-9], dtype=torch.float64, device=device)
    loss = torch_losses.binary_cross_entropy(p, y, label_smoothing=1e-12)
    with mpmath.workdps(40):
        q, e = mpmath.mpf(p.item()), mpmath.mpf(1e-12) / 2
        yes = 1 - e if label else e
        exact = float(-(yes * mpmath.log(q) + (1 - yes) * mpmath.log(1 - q)))
    assert loss.item() == pytest.approx(exact, rel=8e-16, abs=0)


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
