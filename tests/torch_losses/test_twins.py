"""The twins as a whole: signatures, dtypes, transforms, autocast and modules."""

import inspect

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import torch_losses
from tests.tables.tensors import (
    BINARY,
    FLOATS,
    PEER,
    draw,
    first_of,
    gradients,
)

CASES = {
    "binary": (lambda z, y: torch_losses.binary_cross_entropy_with_logits(z, y), (5,)),
    "probabilities": (
        lambda z, y: torch_losses.binary_cross_entropy(torch.sigmoid(z), y), (5,),
    ),
    "soft classes": (lambda z, y: torch_losses.cross_entropy(z, y), (5, 3)),
    "one row": (lambda z, y: torch_losses.cross_entropy(z, y), (5,)),
}  # fmt: skip


@pytest.mark.parametrize("name", [*BINARY, "cross_entropy"])
def test_parameters_have_pytorchs_names_positions_and_defaults(name):
    theirs = list(inspect.signature(getattr(F, name)).parameters.values())
    ours = list(inspect.signature(getattr(torch_losses, name)).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.default) for p in theirs
    ]
    more = ["label_smoothing", "ignore_index"] if name in BINARY else []
    assert [p.name for p in ours[len(theirs) :]] == more


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


def test_the_callers_tensors_are_left_as_they_are(device):
    z, y, w = draw((5, 3), device)
    before = [t.clone() for t in (z, y, w)]
    options = {"label_smoothing": 0.5}
    torch_losses.binary_cross_entropy_with_logits(z, y, w, pos_weight=w, **options)
    torch_losses.binary_cross_entropy(torch.sigmoid(z), y, w, **options)
    torch_losses.cross_entropy(z, y, **options)
    for tensor, copied in zip((z, y, w), before, strict=True):
        assert torch.equal(tensor, copied)
