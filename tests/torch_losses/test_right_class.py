"""The loss of the right class: each of its ways keeps the digits and gives PyTorch's numbers."""

import mpmath
import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)
from torch.utils.checkpoint import checkpoint

from companion import reference
from companion.torch_losses import _right_class
from companion.torch_losses._pieces import PIECE
from companion.torch_losses._right_class import loss_of_class
from tests.tables.grids import worst_ulp
from tests.tables.tensors import PEER, draw, gradients

GAPS = {  # the last leave exponentials with few digits, or none
    torch.float64: [0.0, 1e-8, 0.5, 17.1, 37.2, 300.0, 700.0, 738.0, 800.0],
    torch.float32: [0.0, 0.5, 17.1, 80.0, 102.0, 120.0],
}
# A row beside the others, which chooses the way: none, one beyond exp, one without a limit.
BESIDE = {"plain": [0.0], "shifted": [1000.7], "general": [torch.inf], "compiled": [torch.inf]}


def value_and_slope(z, target, ignored=None, way="plain"):
    loss_of = loss_of_class
    if way == "compiled":
        loss_of = torch.compile(loss_of_class, backend="aot_eager", fullgraph=True)
    index = torch.full(z.shape[:1], target, device=z.device)
    unseen = torch.zeros_like(index, dtype=torch.bool) if ignored is None else ignored
    leaf = z.clone().requires_grad_()
    loss = loss_of(leaf, index, unseen, 1)
    return loss.detach(), torch.autograd.grad(loss.sum(), leaf)[0]


@pytest.mark.parametrize("way", BESIDE)
@pytest.mark.parametrize("dtype", GAPS, ids=str)
@pytest.mark.parametrize("top", [0.0, -20.3, 60.3])  # some shifts round; some exponentials are tiny
def test_every_way_keeps_the_digits_of_both_tails(top, dtype, way, device):
    rows = [[top, top - gap, top - 0.7 * gap] for gap in GAPS[dtype]] + [BESIDE[way] * 3]
    z = torch.tensor(rows, dtype=dtype, device=device)
    for target in range(3):
        loss, slope = (each[:-1].cpu() for each in value_and_slope(z, target, way=way))
        exact = [reference.softmax(row) for row in z[:-1].tolist()]
        values = [-reference.log_softmax(row)[target] for row in z[:-1].tolist()]
        # two exponentials, the sum, the quotient and the logarithm round
        assert worst_ulp(loss, values) <= 3
        for k in range(3):
            others = [-mpmath.fsum(np.delete(np.array(p), target)) for p in exact]
            assert worst_ulp(slope[:, k], others if k == target else [p[k] for p in exact]) <= 4


@pytest.mark.parametrize("way", BESIDE)
@pytest.mark.parametrize(("dtype", "gap"), [(torch.float32, 87.2), (torch.float64, 708.2)], ids=str)
def test_many_classes_far_above_the_right_one_overflow_no_quotient(dtype, gap, way, device):
    z = torch.tensor([[-gap] + 7 * [0.0], BESIDE[way] * 8], dtype=dtype, device=device)
    loss, _ = value_and_slope(z, 0, way=way)
    assert worst_ulp(loss[:1].cpu(), [-reference.log_softmax(z[0].tolist())[0]]) <= 1


def test_classes_that_a_float32_cannot_count_are_told_apart():
    z = torch.zeros(1, 2**24 + 2)
    is_right = torch.compile(_right_class._is_right, backend="aot_eager", fullgraph=True)
    for size, right in [(2**24, 2**24 - 1), (2**24 + 2, 2**24 - 1), (2**24 + 2, 2**24 + 1)]:
        (found,) = is_right(z[:, :size], torch.tensor([right]), 1).nonzero().tolist()
        assert found == [0, right]


@pytest.mark.parametrize("way", ["plain", "shifted"])
def test_a_large_tensor_is_pytorchs_in_every_piece(way, device):
    for shape in [(2 * PIECE // 50 + 3, 50), (3, 7, PIECE // 6)]:
        z, _, _ = draw(shape, device)
        z = z + BESIDE[way][0]
        lengths = [len(z[piece]) for piece in _right_class._pieces(z, 1)]
        assert z.device.type != "cpu" or (len(lengths) > 1 and sum(lengths) == len(z))
        index = torch.arange(z.numel() // shape[1], device=device).reshape(shape[0], *shape[2:])
        index = index % shape[1]
        unseen = index == 1
        ours = gradients(lambda z, i=index, u=unseen: loss_of_class(z, i, u, 1), z)
        theirs = gradients(
            lambda z, i=index: F.cross_entropy(z, i, ignore_index=1, reduction="none"), z
        )
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-13)
        alone = loss_of_class(z, index, unseen, 1)  # in the memory of one piece
        torch.testing.assert_close(alone, ours[0], rtol=0, atol=0)


def test_any_layout_gives_the_same(device):
    z, _, _ = draw((2, 4, 3, 5), device)
    index = torch.arange(30, device=device).reshape(2, 3, 5) % 4
    unseen = torch.zeros_like(index, dtype=torch.bool)
    expected = gradients(lambda z: loss_of_class(z, index, unseen, 1), z)
    layouts = [z.contiguous(memory_format=torch.channels_last), z.transpose(2, 3).contiguous()]
    for same in (layouts[0], layouts[1].transpose(2, 3)):
        ours = gradients(lambda z: loss_of_class(z, index, unseen, 1), same)
        torch.testing.assert_close(ours, expected, **PEER)
    row = draw((4,), device)[0].expand(6, 4)
    leaf = row.detach().requires_grad_()
    index = torch.zeros(6, dtype=torch.long, device=device)
    (slope,) = torch.autograd.grad(loss_of_class(leaf, index, index > 0, 1).sum(), leaf)
    torch.testing.assert_close(slope, torch.softmax(row, 1) - F.one_hot(index, 4), **PEER)


@pytest.mark.parametrize("way", BESIDE)
def test_an_ignored_row_costs_nothing_whatever_it_holds(way, device):
    rows = [[0.5, 1.0, -torch.inf], [torch.nan] * 3, [torch.inf] * 3, [-torch.inf] * 3]
    z = torch.tensor([*rows, BESIDE[way] * 3], dtype=torch.float64, device=device)
    unseen = torch.tensor([False, True, True, True, True], device=device)
    loss, slope = value_and_slope(z, 0, unseen, way)
    assert loss[1:].tolist() == [0] * 4
    assert slope[1:].abs().sum() == 0
    rest = float(reference.sigmoid(0.5))
    torch.testing.assert_close(slope[0].tolist(), [-rest, rest, 0.0], rtol=1e-15, atol=0)


@pytest.mark.parametrize("way", BESIDE)
def test_an_impossible_class_costs_infinity_and_has_no_share(way, device):
    z = torch.tensor([[0.0, -torch.inf, 0.0], BESIDE[way] * 3], device=device)
    loss, slope = value_and_slope(z, 1, way=way)
    assert loss[0] == torch.inf
    assert slope[0].tolist() == [0.5, -1, 0.5]
    loss, slope = value_and_slope(z, 0, way=way)
    torch.testing.assert_close(loss[0].item(), float(np.log(2)), rtol=1e-7, atol=0)
    assert slope[0].tolist() == [-0.5, 0, 0.5]


@pytest.mark.parametrize("way", ["general", "compiled"])
@pytest.mark.parametrize(
    "row", [[torch.nan, 0.0], [torch.inf, torch.inf], [-torch.inf, -torch.inf]], ids=str
)
def test_what_has_no_limit_is_nan_in_value_and_slope(row, way, device):
    z = torch.tensor([row, [0.0, 0.0]], device=device)
    loss, slope = value_and_slope(z, 0, way=way)
    assert loss[0].isnan()
    assert slope[0].isnan().all()
    assert slope[1].tolist() == [-0.5, 0.5]
    zeros = torch.zeros(2, dtype=torch.long, device=device)
    of_all = torch.func.grad(lambda z: loss_of_class(z, zeros, None, 1).sum())(z)
    along = torch.func.jvp(lambda z: loss_of_class(z, zeros, None, 1), (z,), (z * 0 + 1,))[1]
    assert of_all[0].isnan().all()
    assert along[0].isnan()


def test_huge_and_tiny_sums_leave_no_range_without_a_way(device):
    big, many = torch.finfo(torch.float32), 40_000
    for top in (
        np.log(big.max) / 3 - 0.1,
        np.log(big.max) / 3 + 0.1,
        89.0,
        -86.0,
        -104.0,
        -1e30,
        1e30,
    ):
        z = torch.full((1, many), float(top), device=device)
        loss, slope = value_and_slope(z, 3)
        torch.testing.assert_close(loss.item(), float(np.log(many)), rtol=1e-6, atol=0)
        torch.testing.assert_close(slope[0, 0].item(), 1 / many, rtol=1e-5, atol=0)


def test_the_second_derivative_is_that_of_the_softmax_and_gradients_can_be_batched(device):
    z, _, t = draw((3, 4), device)
    index = torch.tensor([0, 3, 1], device=device)
    leaf = z.requires_grad_()
    loss = loss_of_class(leaf, index, index > 9, 1)
    (slope,) = torch.autograd.grad(loss.sum(), leaf, create_graph=True)
    p = torch.softmax(z.detach(), 1)
    torch.testing.assert_close(slope.detach(), p - F.one_hot(index, 4), **PEER)
    (product,) = torch.autograd.grad((slope * t).sum(), leaf)
    expected = p * t - p * (p * t).sum(1, keepdim=True)
    torch.testing.assert_close(product, expected, **PEER)
    many = torch.eye(3, dtype=torch.float64, device=device)
    loss = loss_of_class(leaf, index, index > 9, 1)
    ones, expected = torch.ones_like(loss), slope.detach()
    for _ in range(2):  # a batch of gradients leaves it open whether the exponentials are spent
        (batched,) = torch.autograd.grad(loss, leaf, many, retain_graph=True, is_grads_batched=True)
        torch.testing.assert_close(batched.sum(0), expected, **PEER)
        (again,) = torch.autograd.grad(loss, leaf, ones, retain_graph=True)
        torch.testing.assert_close(again, expected, **PEER)


@pytest.mark.parametrize("way", ["plain", "shifted"])
def test_a_second_backward_pass_gives_the_same_and_leaves_the_first_as_it_was(way, device):
    z = torch.cat([draw((3, 4), device)[0], torch.full((1, 4), BESIDE[way][0], device=device)])
    index, leaf = torch.tensor([0, 3, 1, 2], device=device), z.requires_grad_()
    loss = loss_of_class(leaf, index, index > 9, 1).sum()
    (first,) = torch.autograd.grad(loss, leaf, retain_graph=True)
    kept = first.clone()
    (again,) = torch.autograd.grad(2 * loss, leaf, retain_graph=True)
    torch.testing.assert_close(again, 2 * kept, rtol=0, atol=0)
    torch.testing.assert_close(first, kept, rtol=0, atol=0)
    torch.testing.assert_close(kept, torch.softmax(z, 1).detach() - F.one_hot(index, 4), **PEER)


@pytest.mark.parametrize("way", ["general", "compiled"])
@pytest.mark.parametrize("dtype", GAPS, ids=str)
def test_the_ends_of_the_range_stand_beside_infinite_ones(dtype, way, device):
    big, inf, log2 = torch.finfo(dtype).max, torch.inf, float(np.log(2))
    rows = [[inf, big, 0], [big, -big, -inf], [big, big / 2, -inf], [-big, -inf, -inf]]
    z = torch.tensor([*rows, [-big, -big, -inf], [inf] * 3], dtype=dtype, device=device)
    values = [[0, inf, inf], [0, inf, inf], [0, big / 2, inf], [0, inf, inf], [log2, log2, inf]]
    shares = torch.tensor([[1.0, 0, 0]] * 4 + [[0.5, 0.5, 0]], dtype=dtype)
    for target in range(3):
        loss, slope = (each[:-1].cpu() for each in value_and_slope(z, target, way=way))
        expected = torch.tensor([row[target] for row in values], dtype=dtype)
        torch.testing.assert_close(loss, expected, rtol=torch.finfo(dtype).eps, atol=0)
        right = F.one_hot(torch.full((5,), target), 3)
        torch.testing.assert_close(slope, shares - right, rtol=0, atol=0)


@pytest.mark.parametrize("way", BESIDE)
@pytest.mark.parametrize("top", [-30.0, -40.0, -500.0, -700.0])
def test_rows_far_below_zero_have_their_loss_and_slope(top, way, device):
    rows = [[top, top - 75.0, top - 3.0], [top, top, top - 6.0], BESIDE[way] * 3]
    z = torch.tensor(rows, dtype=torch.float64, device=device)
    for target in range(3):
        loss, slope = (each[:2].cpu() for each in value_and_slope(z, target, way=way))
        exact = [-reference.log_softmax(row)[target] for row in rows[:2]]
        assert worst_ulp(loss, exact) <= 2
        shares = [reference.softmax(row) for row in rows[:2]]
        for k in range(3):
            others = [-mpmath.fsum(p[:target] + p[target + 1 :]) for p in shares]
            assert worst_ulp(slope[:, k], others if k == target else [p[k] for p in shares]) <= 4


def test_small_sums_of_exponentials_bear_the_factor_of_a_gradient_scaler(device):
    z = torch.tensor([[-86.0, -86.0], [-80.0, -86.0]], device=device, requires_grad=True)
    (
        65536 * loss_of_class(z, torch.zeros(2, dtype=torch.long, device=device), None, 1)[0]
    ).backward()
    assert z.grad.tolist() == [[-32768, 32768], [0, 0]]


@pytest.mark.parametrize("way", ["general", "compiled"])
def test_small_gradient_of_an_infinite_logit_keeps_its_digits(way, device):
    z = torch.tensor([[torch.inf, 0.0], [0.0, 0.0], [torch.inf] * 2], device=device)
    index, leaf = torch.ones(3, dtype=torch.long, device=device), z.requires_grad_()
    loss_of = loss_of_class
    if way == "compiled":
        loss_of = torch.compile(loss_of, backend="aot_eager", fullgraph=True)
    (slope,) = torch.autograd.grad(1e-5 * loss_of(leaf, index, None, 1)[:2].sum(), leaf)
    tiny = torch.tensor(1e-5)
    assert slope[0].tolist() == [tiny.item(), -tiny.item()]


@pytest.mark.parametrize("classes", [2**24 - 2, 2**24 + 4])
def test_right_class_of_very_many_is_found(classes, device):
    found = torch.compile(_right_class._is_right, backend="aot_eager")
    for index in (0, classes - 3):
        z, place = torch.zeros(1, classes, device=device), torch.tensor([index], device=device)
        for mask in (_right_class._is_right, found):
            assert mask(z, place, 1).nonzero().tolist() == [[0, index]]


def held_tensors(make_loss):
    """Return the sizes of the tensors that are saved for a backward pass."""
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda x: (sizes.append(x.numel()), x)[1], lambda x: x
    ):
        make_loss()
    return sizes


def test_checkpoint_and_hooks_see_all_that_is_kept(device):
    z = draw((60, 50), device)[0].requires_grad_()
    index = torch.arange(60, device=device) % 50

    def loss(z):
        return loss_of_class(z, index, None, 1).sum()

    assert held_tensors(lambda: loss(z)).count(z.numel()) == 2
    (expected,) = torch.autograd.grad(loss(z), z)
    (got,) = torch.autograd.grad(checkpoint(loss, z, use_reentrant=False), z)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
    context = loss(z).grad_fn.next_functions[0][0]
    assert not [x for x in vars(context).values() if isinstance(x, torch.Tensor)]
    with torch.no_grad():
        assert held_tensors(lambda: loss(z)) == []


def test_finite_logits_never_take_the_general_way(device, monkeypatch):
    monkeypatch.delattr(_right_class, "_loss_and_slope")
    for top in (0.0, 60.0, 1e4):
        value_and_slope(draw((5, 3), device)[0] + top, 1)


UPSTREAM = [[1e-36, 1e-36], [-1e-30, 0.0], [1e-38, -0.5], [1e30, 1e30], [np.nan, 1e-30]]


@pytest.mark.parametrize("upstream", UPSTREAM, ids=str)
@pytest.mark.parametrize("lead", [29.0, 60.0, -28.0, -100.0])
def test_a_tiny_or_huge_gradient_from_above_keeps_its_digits(lead, upstream, device):
    rows = [[lead, lead - 28.7, lead - 9], [lead, lead - 1, lead - 57]]
    z = torch.tensor(rows, device=device, requires_grad=True)
    index = torch.tensor([1, 0], device=device)
    grad = torch.tensor(upstream, device=device)
    wide = z.detach().double().requires_grad_()
    loss = F.cross_entropy(wide, index, reduction="none")
    (expected,) = torch.autograd.grad(loss, wide, grad.double())
    (slope,) = torch.autograd.grad(loss_of_class(z, index, None, 1), z, grad)
    smallest = torch.finfo(torch.float32).smallest_normal
    np.testing.assert_allclose(slope.cpu(), expected.cpu(), rtol=1e-6, atol=smallest * 2**-23)


@pytest.mark.parametrize("way", BESIDE)
def test_the_largest_gradient_from_above_overflows_no_share(way, device):
    z = torch.tensor([[0.7, -torch.inf], [1.5, 1.5], BESIDE[way] * 2], device=device)
    index = torch.zeros(3, dtype=torch.long, device=device)
    loss_of, leaf = loss_of_class, z.requires_grad_()
    if way == "compiled":
        loss_of = torch.compile(loss_of, backend="aot_eager", fullgraph=True)
    (slope,) = torch.autograd.grad(3e38 * loss_of(leaf, index, None, 1)[:2].sum(), leaf)
    np.testing.assert_allclose(slope[:2].cpu(), np.float32([[0, 0], [-1.5e38, 1.5e38]]), rtol=2e-7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_probabilities_that_are_normal_come_from_exponentials_that_are(dtype, device):
    tiny = torch.finfo(dtype).smallest_normal
    lowest = np.log(float(torch.finfo(dtype).smallest_normal)) - 15  # a subnormal probability
    z = 1000 + torch.linspace(0, lowest, 500, dtype=torch.float64, device=device)[None].to(dtype)
    place = torch.zeros(1, 1, dtype=torch.int64, device=device)
    shift = torch.round(torch.amax(z, 1, keepdim=True)) - _right_class._room(dtype)
    e = torch.empty_like(z)
    _right_class._sums(z, place, shift, 1, e)
    assert (e[0, 1:] >= tiny).all()
