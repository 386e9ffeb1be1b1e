"""The twins of PyTorch's losses: PyTorch where it is right, mpmath where it is not."""

import copy
import inspect
import itertools
import pickle
import shutil

import mpmath
import numpy as np
import pytest
import torch
from grids import LABELS, logits, probabilities
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import reference, torch_losses
from companion.torch_loops import PIECE

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
HALF = [torch.float16, torch.bfloat16]
FLOATS = [torch.float64, torch.float32, *HALF]
DIGITS = {torch.float64: 53, torch.float32: 24, torch.float16: 11, torch.bfloat16: 8}
# The promise for values and hard-label gradients; a half is rounded once, from float32.
BOUND = {torch.float64: 2, torch.float32: 3, torch.float16: 0.501, torch.bfloat16: 0.501}
# Both sides are off by some ULP in each of a few dozen elements, and sum in another order.
PEER = {"rtol": 1e-12, "atol": 1e-14}
BINARY = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]
MODULES = ["BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss"]


@pytest.fixture(params=DEVICES)
def device(request):
    return request.param


def worst_ulp(computed, exact):
    """Return the largest error in units of the last place, where `exact` is a normal number."""
    info, worst = torch.finfo(computed.dtype), 0.0
    for got, want in zip(computed.double().tolist(), exact, strict=True):
        if info.tiny <= abs(want) <= info.max:
            exponent = int(mpmath.floor(mpmath.log(abs(want), 2)))
            unit = mpmath.mpf(2) ** (exponent + 1 - DIGITS[computed.dtype])
            worst = max(worst, float(abs(mpmath.mpf(got) - want) / unit))
    return worst


def points_of(grid, dtype):
    values = torch.tensor(grid(np.float64 if dtype is torch.float64 else np.float32)).to(dtype)
    return torch.unique(values[torch.isfinite(values)])


def draw(shape, device="cpu", seed=0):
    """Return logits, labels (hard and soft) and weights of one shape, in float64."""
    generator = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
    y = torch.rand(shape, generator=generator, dtype=torch.float64)
    y = torch.where(torch.rand(shape, generator=generator) < 0.5, (y > 0.5).double(), y)
    w = 0.5 + torch.rand(shape, generator=generator, dtype=torch.float64)
    return z.to(device), y.to(device), w.to(device)


def first_of(name, z):
    return torch.sigmoid(z) * 0.9 + 0.05 if name == "binary_cross_entropy" else z


def gradients(function, *tensors):
    """Return the value of a function that sums to a scalar, and its gradients."""
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    value = function(*leaves)
    return [value.detach(), *torch.autograd.grad(value.sum(), leaves)]


# Accuracy against mpmath ------------------------------------------------------------------------


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
def test_second_derivative_in_logits_keeps_its_digits(label, device):
    z = points_of(logits, torch.float64).to(device).requires_grad_()
    loss = torch_losses.binary_cross_entropy_with_logits(z, torch.full_like(z, label))
    (gradient,) = torch.autograd.grad(loss * z.numel(), z, create_graph=True)
    (hessian,) = torch.autograd.grad(gradient.sum(), z)
    exact = [
        reference.binary_cross_entropy_with_logits_hessian(a, label) for a in z.double().tolist()
    ]
    # 4 for the unweighted Hessian, and the two roundings of the mean and its inverse
    assert worst_ulp(hessian.cpu(), exact) <= 6


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


@pytest.mark.parametrize("label", LABELS)
def test_second_derivative_in_probabilities_keeps_its_digits(label, device):
    p = points_of(probabilities, torch.float64).to(device).requires_grad_()
    y = torch.full_like(p, label)
    loss = torch_losses.binary_cross_entropy(p, y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, p, create_graph=True)
    (hessian,) = torch.autograd.grad(gradient.sum(), p)
    exact = [reference.binary_cross_entropy_hessian(a, label) for a in p.tolist()]
    assert worst_ulp(hessian.cpu(), exact) <= 4


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


# The ends ---------------------------------------------------------------------------------------


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


def test_probabilities_0_and_1_give_the_limit(device):
    p = torch.tensor([0.0, 1.0, 0.0, 1.0], device=device).requires_grad_()
    y = torch.tensor([0.0, 1.0, 1.0, 0.0], device=device)
    loss = torch_losses.binary_cross_entropy(p, y, reduction="none")
    assert loss.tolist() == [0, 0, torch.inf, torch.inf]
    (gradient,) = torch.autograd.grad(loss.sum(), p)
    assert gradient.tolist() == [1, -1, -torch.inf, torch.inf]


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


# PyTorch, where it is right ---------------------------------------------------------------------


@pytest.mark.parametrize("name", [*BINARY, "cross_entropy"])
def test_parameters_have_pytorchs_names_positions_and_defaults(name):
    theirs = list(inspect.signature(getattr(F, name)).parameters.values())
    ours = list(inspect.signature(getattr(torch_losses, name)).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.default) for p in theirs
    ]
    assert [p.name for p in ours[len(theirs) :]] == (["label_smoothing"] if name in BINARY else [])


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_pytorchs_names_positions_and_defaults(name):
    theirs = list(inspect.signature(getattr(torch.nn, name)).parameters.values())
    ours = list(inspect.signature(getattr(torch_losses, name)).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.default) for p in theirs
    ]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weight", [None, (5, 3), (3,), (5, 1), ()], ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary_value_and_gradients_are_pytorchs(name, weight, reduction, device):
    z, y, w = draw((5, 3), device)
    w = None if weight is None else draw(weight, device, 1)[2]

    def with_(functions):
        def loss(first, labels):
            return getattr(functions, name)(first, labels, weight=w, reduction=reduction)

        return gradients(loss, first_of(name, z), y.clamp(0.01, 0.99))

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


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


@pytest.mark.parametrize("logit", [0.0, 1e-8, -1e-8, 40.0, -700.0])
def test_gradient_in_the_target_is_minus_the_logit(logit, device):
    z = torch.tensor([logit], dtype=torch.float64, device=device)
    y = torch.tensor([0.3], dtype=torch.float64, device=device, requires_grad=True)
    loss = torch_losses.binary_cross_entropy_with_logits(z, y)
    (gradient,) = torch.autograd.grad(loss, y)
    assert gradient.item() == -logit


@pytest.mark.parametrize("name", BINARY)
def test_smoothing_is_the_loss_of_smoothed_labels(name, device):
    z, y, _ = draw((5, 3), device)
    first = first_of(name, z)
    for epsilon in (0.0, 0.1, 1.0):
        ours = getattr(torch_losses, name)(first, y, label_smoothing=epsilon)
        theirs = getattr(F, name)(first, y * (1 - epsilon) + epsilon / 2)
        torch.testing.assert_close(ours, theirs, **PEER)


SHAPES = [(4,), (6, 4), (3, 4, 5), (2, 4, 3, 2)]


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


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64], ids=str)
def test_class_indices_of_any_integer_dtype_are_the_same(kind, device):
    z, target = draw((6, 4), device)[0], indices((6, 4), device)
    expected = F.cross_entropy(z, target)
    torch.testing.assert_close(torch_losses.cross_entropy(z, target.to(kind)), expected, **PEER)


@pytest.mark.parametrize("name", BINARY)
def test_a_scalar_meets_any_shape(name, device):
    z, y, _ = draw((5, 3), device)
    first = first_of(name, z)
    function = getattr(torch_losses, name)
    one = torch.tensor(0.25, dtype=torch.float64, device=device)
    expected = getattr(F, name)(first, one.expand(5, 3), reduction="none")
    torch.testing.assert_close(function(first, one, reduction="none"), expected, **PEER)
    expected = getattr(F, name)(one.expand(5, 3), y)
    value, gradient = gradients(lambda first: function(first, y), one)
    torch.testing.assert_close(value, expected, **PEER)
    assert gradient.shape == ()


@pytest.mark.parametrize("name", BINARY)
def test_memory_layout_does_not_matter(name, device):
    z, y, _ = draw((6, 4), device)
    first = first_of(name, z)
    function = getattr(torch_losses, name)
    expected = function(first, y, reduction="none")
    for change in (lambda t: t.t(), lambda t: t[::2, ::3], lambda t: t.flip(0)):
        result = function(change(first), change(y), reduction="none")
        torch.testing.assert_close(result, change(expected), rtol=0, atol=1e-15)
    torch.testing.assert_close(function(first.t(), y.t()), expected.mean(), **PEER)


@pytest.mark.parametrize("second", FLOATS, ids=str)
@pytest.mark.parametrize("first", FLOATS, ids=str)
def test_result_has_the_wider_dtype_and_never_a_narrower_one_than_pytorchs(first, second, device):
    z, y, _ = draw((4,), device)
    z, y = z.to(first), y.to(second)
    wide = torch.promote_types(first, second)
    assert torch_losses.binary_cross_entropy_with_logits(z, y).dtype == wide
    assert torch_losses.binary_cross_entropy(torch.sigmoid(z), y).dtype == wide
    theirs = F.binary_cross_entropy_with_logits(z, y).dtype
    assert torch.promote_types(wide, theirs) == wide


FLAGS = list(itertools.product([None, True, False], repeat=2))[1:]


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


# Derivatives of every order, and the transforms -------------------------------------------------

FAR = [0.0, -0.0, 1e-8, 0.7, -3.0, 20.0, -20.0, 40.0, -40.0, 100.0]


def leaf(values, device):
    return torch.tensor(values, dtype=torch.float64, device=device, requires_grad=True)


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_binary_derivatives_pass_gradcheck_twice(reduction, device):
    z, y = leaf(FAR, device), leaf(np.linspace(0.1, 0.9, len(FAR)), device)
    w, a = leaf(np.linspace(0.5, 2, len(FAR)), device), leaf([1.5], device)

    def loss(z, y, w, a):
        return torch_losses.binary_cross_entropy_with_logits(
            z, y, w, reduction=reduction, pos_weight=a, label_smoothing=0.1
        )

    def plain(z, y):
        return torch_losses.binary_cross_entropy_with_logits(z, y, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (z, y, w, a), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (z, y, w, a))
    assert torch.autograd.gradcheck(plain, (z, y), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(plain, (z, y))


@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_derivatives_in_probabilities_pass_gradcheck_twice(reduction, device):
    p, y = leaf([0.2, 0.5, 0.9, 0.3], device), leaf([0.1, 0.5, 0.8, 0.3], device)
    w = leaf([1.0, 2.0, 0.5, 1.0], device)

    def loss(p, y, w):
        return torch_losses.binary_cross_entropy(p, y, w, reduction=reduction)

    assert torch.autograd.gradcheck(loss, (p, y, w), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(loss, (p, y, w))


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


def test_gradients_can_be_batched(device):
    z, y, t = draw((3, 4), device)
    z.requires_grad_()
    loss = torch_losses.binary_cross_entropy_with_logits(z, y, reduction="none")
    many = torch.stack([torch.ones_like(t), t])
    (batched,) = torch.autograd.grad(loss, z, many, is_grads_batched=True)
    (gradient,) = torch.autograd.grad(F.binary_cross_entropy_with_logits(z, y, reduction="sum"), z)
    torch.testing.assert_close(batched, many * gradient, **PEER)


@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_large_tensors_are_pytorchs_in_every_piece(reduction, device):
    size = 2 * PIECE + 7  # three pieces, the last one short
    z, y, _ = draw((size,), device)

    def with_(functions):
        return gradients(
            lambda z, y: functions.binary_cross_entropy_with_logits(z, y, reduction=reduction), z, y
        )

    torch.testing.assert_close(with_(torch_losses), with_(F), **PEER)


def test_third_derivative_at_0_is_that_of_the_sigmoid(device):
    z = leaf([0.0, 2.0], device)
    value = torch_losses.binary_cross_entropy_with_logits(z, torch.ones_like(z), reduction="sum")
    for _ in range(3):
        (value,) = torch.autograd.grad(value.sum(), z, create_graph=True)
    s = float(reference.sigmoid(2.0))
    torch.testing.assert_close(value.tolist(), [0.0, s * (1 - s) * (1 - 2 * s)], rtol=1e-14, atol=0)


CASES = {
    "binary": (lambda z, y: torch_losses.binary_cross_entropy_with_logits(z, y), (5,)),
    "probabilities": (
        lambda z, y: torch_losses.binary_cross_entropy(torch.sigmoid(z), y), (5,),
    ),
    "soft classes": (lambda z, y: torch_losses.cross_entropy(z, y), (5, 3)),
    "one row": (lambda z, y: torch_losses.cross_entropy(z, y), (5,)),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "shape"), CASES.values(), ids=CASES)
def test_functional_transforms_agree_with_autograd(loss, shape, device):
    z, y, t = draw((4, *shape), device)
    each = [gradients(lambda z, y=y[i]: loss(z, y), z[i]) for i in range(4)]
    values = torch.stack([value for value, _ in each])
    grads = torch.stack([gradient for _, gradient in each])
    torch.testing.assert_close(torch.func.vmap(loss)(z, y), values, **PEER)
    batched = torch.func.vmap(loss, in_dims=(-1, None))(torch.movedim(z, 0, -1), y[0])
    torch.testing.assert_close(batched, torch.stack([loss(row, y[0]) for row in z]), **PEER)
    nested = torch.func.vmap(torch.func.vmap(loss, (None, 0)), (0, None))(z, y)
    assert nested.shape == (4, 4)
    torch.testing.assert_close(nested.diagonal(), values, **PEER)
    gradient = torch.func.vmap(torch.func.grad(loss))(z, y)
    torch.testing.assert_close(gradient, grads, **PEER)
    value, slope = torch.func.jvp(lambda z: loss(z, y[0]), (z[0],), (t[0],))
    torch.testing.assert_close((value, slope), (values[0], (grads[0] * t[0]).sum()), **PEER)
    backward = torch.func.jacrev(loss, argnums=1)(z[0], y[0])
    forward = torch.func.jacfwd(loss, argnums=1)(z[0], y[0])
    torch.testing.assert_close(backward, forward, **PEER)
    hessian = torch.func.hessian(loss)(z[0], y[0])
    judge = torch.autograd.functional.hessian(lambda z: loss(z, y[0]), z[0])
    torch.testing.assert_close(hessian, judge, **PEER)


def test_vmap_over_class_indices_and_weights(device):
    z, _, w = draw((4, 5, 3), device)
    index = torch.tensor([0, 2, -100, 1, 1], device=device)
    ours = torch.func.vmap(torch_losses.cross_entropy, (0, None, 0))(z, index, w[:, 0])
    theirs = [F.cross_entropy(a, index, b) for a, b in zip(z, w[:, 0], strict=True)]
    torch.testing.assert_close(ours, torch.stack(theirs), **PEER)


# The compiler -----------------------------------------------------------------------------------

pytestmark = pytest.mark.filterwarnings(
    # torch.compile warns of its own code: instantiated Functions, torch.jit
    "ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning",
    "ignore:.*torch.jit.*:DeprecationWarning",
)
BACKENDS = [
    "aot_eager",
    pytest.param(
        "inductor",
        marks=pytest.mark.skipif(
            not (shutil.which("g++") or shutil.which("clang++")),
            reason="torch.compile's inductor needs a C++ compiler",
        ),
    ),
]
COMPILED = {
    "binary": lambda z, y: torch_losses.binary_cross_entropy_with_logits(z, y),
    "everything": lambda z, y: torch_losses.binary_cross_entropy_with_logits(
        z, y, y + 1, pos_weight=y[:1] + 2, label_smoothing=0.1, reduction="sum"
    ),
    "probabilities": lambda z, y: torch_losses.binary_cross_entropy(torch.sigmoid(z), y),
    "indices": lambda z, y: torch_losses.cross_entropy(z, (3 * y[:, 0]).long() % 3) + y.sum(),
    "soft classes": lambda z, y: torch_losses.cross_entropy(z, y, label_smoothing=0.1),
}


@pytest.fixture(autouse=True)
def _fresh_compiler():
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("loss", COMPILED.values(), ids=COMPILED)
@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_without_graph_breaks_it_is_the_same(backend, loss, device):
    z, y, _ = draw((7, 3), device)
    expected = gradients(loss, z, y)
    compiled = torch.compile(loss, fullgraph=True, backend=backend)
    torch.testing.assert_close(gradients(compiled, z, y), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_loss_keeps_the_digits_of_both_tails(backend, device):
    z = torch.tensor(logits(), device=device)
    for label in (0.0, 1.0):
        y = torch.full_like(z, label)
        compiled = torch.compile(
            torch_losses.binary_cross_entropy_with_logits, fullgraph=True, backend=backend
        )
        value, gradient = gradients(lambda z, y=y, f=compiled: f(z, y, reduction="none"), z)
        points = z.tolist()
        exact = [reference.binary_cross_entropy_with_logits(a, label) for a in points]
        assert worst_ulp(value.cpu(), exact) <= 2
        exact = [reference.binary_cross_entropy_with_logits_gradient(a, label) for a in points]
        assert worst_ulp(gradient.cpu(), exact) <= 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_compiled_checks_are_assertions(backend):
    compiled = torch.compile(
        torch_losses.binary_cross_entropy_with_logits, fullgraph=True, backend=backend
    )
    with pytest.raises(RuntimeError, match="target: expected values from 0 to 1"):
        compiled(torch.zeros(3), torch.tensor([0.0, 2.0, 1.0]))


# Autocast ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_under_autocast_a_half_gives_float32_as_pytorch_does(dtype, device):
    z, y, _ = draw((4, 3), device)
    z, y = z.to(dtype), y.to(dtype)
    index = torch.tensor([0, 1, 2, 0], device=device)
    with torch.autocast(device, torch.bfloat16):
        for name in BINARY[1:] if device == "cuda" else BINARY:
            first = torch.sigmoid(z.float()).to(dtype) if name == BINARY[0] else z
            ours, theirs = (getattr(f, name)(first, y) for f in (torch_losses, F))
            assert ours.dtype == theirs.dtype
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
        ours, theirs = (f.cross_entropy(z, index) for f in (torch_losses, F))
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


# Modules ----------------------------------------------------------------------------------------


def modules():
    weight, pos_weight = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([1.0, 2.0, 3.0])
    return {
        "BCELoss": {"weight": weight, "label_smoothing": 0.1},
        "BCEWithLogitsLoss": {"weight": weight, "pos_weight": pos_weight, "label_smoothing": 0.1},
        "CrossEntropyLoss": {"weight": weight, "label_smoothing": 0.1, "ignore_index": 2},
    }


@pytest.mark.parametrize("name", MODULES)
def test_module_is_its_function_with_the_options_remembered(name):
    z, y, _ = draw((4, 3))
    z, y = z.float(), y.float()
    options = modules()[name]
    module = getattr(torch_losses, name)(**options)
    function = {
        "BCELoss": torch_losses.binary_cross_entropy,
        "BCEWithLogitsLoss": torch_losses.binary_cross_entropy_with_logits,
        "CrossEntropyLoss": torch_losses.cross_entropy,
    }[name]
    first = torch.sigmoid(z) if name == "BCELoss" else z
    target = torch.tensor([0, 2, 1, 0]) if name == "CrossEntropyLoss" else y
    expected = function(first, target, **options)
    assert torch.equal(module(first, target), expected)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(first, target), expected)
    assert isinstance(module, getattr(torch.nn, name))
    assert repr(module) == f"{name}()"


@pytest.mark.parametrize("name", MODULES)
def test_module_keeps_its_weights_in_pytorchs_state(name):
    options = modules()[name]
    module = getattr(torch_losses, name)(**options)
    theirs = getattr(torch.nn, name)(
        **{k: v for k, v in options.items() if name == "CrossEntropyLoss" or "smooth" not in k}
    )
    assert module.state_dict().keys() == theirs.state_dict().keys()
    module.load_state_dict(theirs.state_dict())
    assert module.double().weight.dtype == torch.float64
    assert module.to("meta").weight.is_meta
    assert not getattr(torch_losses, name)().state_dict()


@pytest.mark.parametrize("name", ["BCELoss", "BCEWithLogitsLoss"])
def test_module_trains_a_network_as_pytorchs_does(name):
    z, _, _ = draw((32, 4))
    y = (z[:, :1] + 0.5 * z[:, 1:2] > 0).double()
    states = []
    for library in (torch.nn, torch_losses):
        torch.manual_seed(0)
        layers = [torch.nn.Linear(4, 1), torch.nn.Sigmoid()][: 2 if name == "BCELoss" else 1]
        network = torch.nn.Sequential(*layers).double()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.5)
        criterion = getattr(library, name)()
        for _ in range(20):
            optimiser.zero_grad()
            criterion(network(z), y).backward()
            optimiser.step()
        states.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    torch.testing.assert_close(*states, rtol=1e-10, atol=1e-12)


# Arguments --------------------------------------------------------------------------------------


def test_the_callers_tensors_are_left_as_they_are(device):
    z, y, w = draw((5, 3), device)
    before = [t.clone() for t in (z, y, w)]
    options = {"label_smoothing": 0.5}
    torch_losses.binary_cross_entropy_with_logits(z, y, w, pos_weight=w, **options)
    torch_losses.binary_cross_entropy(torch.sigmoid(z), y, w, **options)
    torch_losses.cross_entropy(z, y, **options)
    for tensor, copied in zip((z, y, w), before, strict=True):
        assert torch.equal(tensor, copied)
