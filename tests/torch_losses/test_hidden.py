"""Where numbers cannot be looked at: PyTorch's loss and gradient, and NaN for a bad label."""

from contextlib import nullcontext

import pytest
import torch
from functorch.compile import aot_function, make_boxed_func
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functionalize, grad, linearize, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion import torch_losses
from tests.tables.tensors import PEER, draw

Z, Y, W = draw((4, 3))
INDEX = torch.tensor([0, 2, 1, 2])


# torch.jit is deprecated, and says so; torch.func.linearize warns of its own graphs.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
]


def with_weights(functions):
    def loss(z, y):
        w, a = torch.full_like(y, 1.5), torch.full_like(y[0], 2.5)
        return functions.binary_cross_entropy_with_logits(z, y, w, pos_weight=a)

    return loss


def focal(z, y):
    return torch_losses.sigmoid_focal_loss(z, y, reduction="mean")


def focal_by_rule(z, y):
    return focal_losses(z, y).mean()


def focal_losses(z, y):
    p = torch.sigmoid(z)
    missed = y * (1 - p) + (1 - y) * p
    loss = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    return (0.25 * y + 0.75 * (1 - y)) * loss * missed**2


def marked(name, **options):
    def loss(first, target, **more):
        return getattr(torch_losses, name)(first, target, ignore_index=-1, **options, **more)

    return loss


def mean_of_known(losses):
    def loss(first, target):
        known = (target >= 0).to(first.dtype)
        return (known * losses(first, target.relu())).sum() / known.sum()

    return loss


def weighted_mean_of_known(z, y):
    weight = torch.where(y < 0, 0, 2.5 * y + 1 - y)
    a = torch.full_like(y, 2.5)
    losses = F.binary_cross_entropy_with_logits(z, y.relu(), pos_weight=a, reduction="none")
    return torch.where(y < 0, 0, losses).sum() / weight.sum()


def unreduced(name):
    return lambda first, target: getattr(F, name)(first, target, reduction="none")


# Ours, PyTorch's, the first argument, the target, and targets of which the third is bad.
BAD = torch.where(torch.arange(3) == 2, 1.5, Y)
MARKED = torch.where(torch.arange(12).reshape(4, 3) % 5 == 1, -1, Y)
MARKED_BAD = torch.where(torch.arange(3) == 2, -2, MARKED)
LOSSES = {
    "probabilities": (
        torch_losses.binary_cross_entropy, F.binary_cross_entropy, torch.sigmoid(Z), Y, BAD,
    ),
    "logits": (
        torch_losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits, Z, Y,
        BAD,
    ),
    "weights": (with_weights(torch_losses), with_weights(F), Z, Y, BAD),
    "indices": (
        torch_losses.cross_entropy, F.cross_entropy, Z, INDEX, torch.tensor([0, 2, 3, 2]),
    ),
    "soft classes": (torch_losses.cross_entropy, F.cross_entropy, Z, Y, BAD),
    "focal": (focal, focal_by_rule, Z, Y, BAD),
    "marked probabilities": (
        marked("binary_cross_entropy"), mean_of_known(unreduced("binary_cross_entropy")),
        torch.sigmoid(Z), MARKED, MARKED_BAD,
    ),
    "marked logits": (
        marked("binary_cross_entropy_with_logits"),
        mean_of_known(unreduced("binary_cross_entropy_with_logits")), Z, MARKED, MARKED_BAD,
    ),
    "weighted mean": (
        lambda z, y: marked("binary_cross_entropy_with_logits", reduction="weighted_mean")(
            z, y, pos_weight=torch.full_like(y, 2.5)
        ),
        weighted_mean_of_known, Z, MARKED, MARKED_BAD,
    ),
    "marked focal": (
        marked("sigmoid_focal_loss", reduction="mean"), mean_of_known(focal_losses), Z, MARKED,
        MARKED_BAD,
    ),
}  # fmt: skip
EVERY_LOSS = pytest.mark.parametrize(
    ("ours", "theirs", "first", "target", "bad"), LOSSES.values(), ids=LOSSES
)


class _Module(torch.nn.Module):
    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, first, target):
        return self.loss(first, target)


def exported(loss, first, target):
    batch = torch.export.Dim("batch", min=2)
    shapes = ({0: batch}, {0: batch})
    return torch.export.export(_Module(loss), (first, target), dynamic_shapes=shapes).module()


def in_aot(loss, first, target):
    return aot_function(loss, lambda graph, inputs: make_boxed_func(graph))


def by_make_fx_fake(loss, first, target):
    return make_fx(lambda a, b: loss(a, b), tracing_mode="fake")(first, target)


def by_make_fx_symbolic(loss, first, target):
    return make_fx(lambda a, b: loss(a, b), tracing_mode="symbolic")(first, target)


def compiled(loss, first, target):
    return torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)


MADE = {
    "compile": compiled,
    "export": exported,
    "trace": lambda loss, first, target: torch.jit.trace(loss, (first, target)),
    "make_fx": lambda loss, first, target: make_fx(lambda a, b: loss(a, b))(first, target),
    "make_fx fake": by_make_fx_fake,
    "make_fx symbolic": by_make_fx_symbolic,
    "aot_function": in_aot,
    "functionalize": lambda loss, first, target: functionalize(loss),
}


@EVERY_LOSS
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_graph_gives_pytorchs_loss_and_marks_what_is_out_of_range(
    make, ours, theirs, first, target, bad
):
    graph = make(ours, first, target)
    torch.testing.assert_close(graph(first, target), theirs(first, target), **PEER)
    assert graph(first, bad).isnan().any(), "a silent number for a label out of range"


@pytest.mark.parametrize("make", [compiled, MADE["make_fx"]], ids=["compile", "make_fx"])
def test_only_the_element_with_the_bad_number_is_marked(make):
    def unreduced(name):
        return lambda first, target: getattr(torch_losses, name)(first, target, reduction="none")

    name = "binary_cross_entropy_with_logits"
    bad = make(unreduced(name), Z, Y)(Z, BAD).isnan()
    assert torch.equal(bad, BAD > 1)
    bad = make(marked(name, reduction="none"), Z, MARKED)(Z, MARKED_BAD).isnan()
    assert torch.equal(bad, MARKED_BAD == -2)
    for wrong in (-1e-30, 1 + 2**-52, torch.inf, -torch.inf, torch.nan):
        assert make(unreduced(name), Z, Y)(Z, torch.full_like(Y, wrong)).isnan().all()
        p = torch.full_like(Y, wrong)
        assert make(unreduced("binary_cross_entropy"), 1 - Y, Y)(p, Y).isnan().all()
    bad = make(unreduced("cross_entropy"), Z, INDEX)(Z, torch.tensor([-1, 2, 3, -100])).isnan()
    assert bad.tolist() == [True, False, True, False]
    for wrong in (-1.0, torch.inf, torch.nan):
        loss = make(lambda z, w: torch_losses.cross_entropy(z, INDEX, w, reduction="none"), Z, Z[0])
        weight = torch.tensor([1.0, 1.0, wrong], dtype=Z.dtype)
        assert loss(Z, weight).isnan().tolist() == [False, True, False, True]


@EVERY_LOSS
@pytest.mark.parametrize(
    "make", [MADE[name] for name in ("compile", "trace", "aot_function")],
    ids=["compile", "trace", "aot_function"],
)  # fmt: skip
def test_a_graph_gives_pytorchs_gradient(make, ours, theirs, first, target, bad):
    leaf, other = first.clone().requires_grad_(), first.clone().requires_grad_()
    make(ours, leaf, target)(leaf, target).sum().backward()
    theirs(other, target).sum().backward()
    torch.testing.assert_close(leaf.grad, other.grad, **PEER)


@EVERY_LOSS
def test_a_graph_of_the_gradient_is_pytorchs(ours, theirs, first, target, bad):
    def slope(loss):
        return lambda first, target: grad(lambda x: loss(x, target).sum())(first)

    graph = make_fx(slope(ours))(first, target)
    torch.testing.assert_close(graph(first, target), slope(theirs)(first, target), **PEER)
    push = linearize(lambda x: ours(x, target), first)[1]
    judge = linearize(lambda x: theirs(x, target), first)[1]
    torch.testing.assert_close(push(W), judge(W), **PEER)


@EVERY_LOSS
def test_per_sample_gradients_compile(ours, theirs, first, target, bad):
    def each(loss):
        return vmap(grad(lambda x, t: loss(x[None], t[None]).sum()))

    compiled = torch.compile(each(ours), backend="aot_eager")  # falls back to eager mode
    torch.testing.assert_close(compiled(first, target), each(theirs)(first, target), **PEER)
    with pytest.raises((ValueError, IndexError), match="expected"):
        compiled(first, bad)


@EVERY_LOSS
def test_one_graph_of_a_transform_is_refused_with_the_way_out(ours, theirs, first, target, bad):
    each = vmap(grad(lambda x, t: ours(x[None], t[None]).sum()))
    compiled = torch.compile(each, fullgraph=True, backend="aot_eager")
    with pytest.raises(torch._dynamo.exc.Unsupported, match="leave out fullgraph=True"):
        compiled(first, target)


PROGRAMS = pytest.mark.parametrize(
    "make",
    [
        lambda loss, first, target: torch.export.export(
            _Module(loss), (first, target), strict=True
        ).module(),
        MADE["export"], MADE["make_fx"], MADE["functionalize"],
    ],
    ids=["strict export", "export", "make_fx", "functionalize"],
)  # fmt: skip


@PROGRAMS
@EVERY_LOSS
@pytest.mark.parametrize("level", [False, True], ids=["random", "all alike"])
def test_a_program_that_pytorch_differentiates_has_pytorchs_derivatives(
    level, ours, theirs, first, target, bad, make
):
    if level:  # the kink of |z|, and classes that are equally likely
        first = torch.full_like(first, 0.5 if (first > 0).all() else 0.0)
    graph, twice = make(ours, first, target), []
    for loss in (graph, theirs):
        leaf = first.clone().requires_grad_()
        slope = torch.autograd.grad(loss(leaf, target).sum(), leaf, create_graph=True)[0]
        curvature = torch.autograd.grad((slope * torch.cos(first)).sum(), leaf)[0]
        twice.append((slope, curvature))
    # PyTorch's second derivative of probabilities has 1e-12 in its denominators.
    torch.testing.assert_close(twice[0], twice[1], rtol=1e-8, atol=1e-12)


@PROGRAMS
def test_a_program_keeps_the_digits_of_slopes_and_leaves_out_what_is_masked(make):
    def slope(loss, z, target):
        leaf = torch.tensor(z, dtype=torch.float64, requires_grad=True)
        losses = make(loss, leaf.detach(), target)(leaf, target)
        return torch.autograd.grad(losses.sum(), leaf)[0]

    small, inf = torch.exp(torch.tensor(-40.0, dtype=torch.float64)), torch.inf
    binary = torch_losses.binary_cross_entropy_with_logits
    found = slope(binary, [40.0, -40.0], torch.tensor([1, 0], dtype=torch.float64))
    expected = torch.tensor([-0.5, 0.5]).double() * small
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0.0)
    found = slope(
        torch_losses.cross_entropy,
        [[40.0, 0.0, -inf], [torch.nan, 1.0, 2.0], [0.0, -inf, -inf], [inf, 0.0, 0.0]],
        torch.tensor([0, -100, 0, 0]),
    )
    expected = torch.tensor([[-1.0, 1.0, 0.0], *[[0.0] * 3] * 3]).double() * small / 3
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=0.0)


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "cross_entropy"])
def test_a_program_of_a_gradient_has_a_derivative(name):
    target = {"cross_entropy": INDEX}.get(name, torch.ones_like(Z))
    flat = torch.zeros_like(Z)

    def slope(module):
        return torch.func.grad(lambda z: getattr(module, name)(z, target, reduction="sum"))

    leaf = flat.clone().requires_grad_()
    program = make_fx(slope(torch_losses))(flat)
    found = torch.autograd.grad((program(leaf) * Z).sum(), leaf)[0]
    expected = torch.func.jvp(slope(F), (flat,), (Z,))[1]
    torch.testing.assert_close(found, expected, **PEER)


def test_a_class_dimension_may_vary():
    contrastive = torch.compile(
        lambda s: torch_losses.cross_entropy(s, torch.arange(len(s))), backend="aot_eager"
    )
    for size in (4, 5, 7):
        s = draw((size, size))[0]
        expected = F.cross_entropy(s, torch.arange(size))
        torch.testing.assert_close(contrastive(s), expected, **PEER)
    classes = torch.export.Dim("classes", min=2)
    program = torch.export.export(
        _Module(torch_losses.cross_entropy), (Z, INDEX), dynamic_shapes=({1: classes}, None)
    ).module()
    wide = draw((4, 9))[0]
    torch.testing.assert_close(program(wide, INDEX), F.cross_entropy(wide, INDEX), **PEER)
    assert program(wide, INDEX + 7).isnan()


@EVERY_LOSS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_meta_and_fake_tensors_have_pytorchs_shape_and_dtype(
    dtype, ours, theirs, first, target, bad
):
    target = target.to(dtype) if target.is_floating_point() else target
    wanted = ours(first.to(dtype), target)
    mode = FakeTensorMode()
    fakes = [mode.from_tensor(x) for x in (first.to(dtype), target)]
    metas = [first.to("meta", dtype), target.to("meta")]
    for within, (leaf, labels) in ((nullcontext(), metas), (mode, fakes)):
        leaf.requires_grad_()
        with within:
            result = ours(leaf, labels)
            result.backward()
        assert (result.shape, result.dtype) == (wanted.shape, wanted.dtype)
        assert leaf.grad.shape == first.shape
