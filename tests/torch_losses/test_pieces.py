"""The loops in place give what the plain formula gives, for any size, layout and expansion."""

from types import SimpleNamespace

import pytest
import torch

from companion.torch_losses import _pieces
from companion.torch_losses._pieces import (
    PIECE,
    fill_like,
    fill_loss,
    fill_slope,
    sum_of,
    total,
    widened,
)

F64 = torch.float64


def operands(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = 3 * torch.randn(size, dtype=F64, generator=generator)
    return z, torch.rand(size, dtype=F64, generator=generator)


def loss(z, y, w):
    softplus = torch.nn.functional.softplus
    return w * y * softplus(-z, threshold=800) + (1 - y) * softplus(z, threshold=800)


def slope(z, y, w):
    return (1 - y) * torch.sigmoid(z) - w * y * torch.sigmoid(-z)


@pytest.mark.parametrize("size", [0, 1, 1000, PIECE, PIECE + 1, 3 * PIECE + 7])
@pytest.mark.parametrize("weight", [None, 2.5])
def test_every_piece_is_filled(size, weight):
    z, y = operands(size)
    w = None if weight is None else torch.full_like(z, weight)
    number = 1 if weight is None else weight
    before = z.clone(), y.clone()
    torch.testing.assert_close(fill_like(z, fill_loss, z, y, w), loss(z, y, number))
    grad = torch.full_like(z, 0.5)
    torch.testing.assert_close(fill_like(z, fill_slope, grad, z, y, w), 0.5 * slope(z, y, number))
    torch.testing.assert_close((z, y), before)


@pytest.mark.parametrize("size", [0, 1, 1000, PIECE, PIECE + 1, 3 * PIECE + 7])
@pytest.mark.parametrize("weight", [None, 2.5])
def test_sum_of_pieces_is_the_sum(size, weight):
    z, y = operands(size)
    w = None if weight is None else torch.tensor(weight, dtype=F64).expand(size)
    expected = loss(z, y, 1 if weight is None else weight).sum()
    torch.testing.assert_close(sum_of(z, fill_loss, z, y, w), expected)


@pytest.mark.parametrize(
    ("size", "sizes"),
    [(1000, [1000]), (PIECE, [PIECE]), (PIECE + 1, [PIECE, 1]), (2 * PIECE, [PIECE] * 2)],
)
@pytest.mark.parametrize("of_pieces", [sum_of, fill_like])
def test_a_piece_at_a_time_is_filled_and_one_number_is_not_copied(size, sizes, of_pieces):
    z, _ = operands(size)
    seen, places = [], set()

    def fill(out, one, nothing):
        out.copy_(one)
        seen.append((out.numel(), one.stride(), nothing))
        places.add(out.data_ptr())

    result = of_pieces(z, fill, torch.tensor(0.5, dtype=F64).expand(size), None)
    assert seen == [(piece, (0,), None) for piece in sizes]
    assert len(places) == (1 if of_pieces is sum_of else len(sizes))
    assert result.sum() == 0.5 * size


def test_sums_run_in_float64_except_where_there_is_none(monkeypatch):
    ones = torch.ones(3)
    assert total(ones).dtype == widened(ones).dtype == F64
    on_mps = SimpleNamespace(device=torch.device("mps"), dtype=torch.float32)
    monkeypatch.setattr(_pieces.torch, "sum", lambda values, dtype: (values, dtype))
    assert total(on_mps) == (on_mps, torch.float32)
    assert widened(on_mps) is on_mps


@pytest.mark.parametrize("shape", [(600, 500), (2, 3, 100_000)])
def test_any_layout_and_expanded_operands(shape):
    z, y = (x.reshape(shape).transpose(0, -1) for x in operands(torch.Size(shape).numel()))
    one = torch.tensor(0.25, dtype=F64).expand(z.shape)
    column = torch.rand(z.shape[-1], dtype=F64).expand(z.shape)
    torch.testing.assert_close(fill_like(z, fill_loss, z, one, column), loss(z, one, column))
    result = fill_like(z, fill_slope, one, z, y, column)
    torch.testing.assert_close(result, 0.25 * slope(z, y, column))
    assert result.stride() == torch.empty_like(z).stride()


@pytest.mark.parametrize("size", [3, 200])
def test_layout_of_images_is_kept_as_pytorch_keeps_it(size):
    z, y = (x.reshape(2, 3, size, size) for x in operands(6 * size**2))
    z = z.contiguous(memory_format=torch.channels_last)
    result = fill_like(z, fill_loss, z, y, None)
    torch.testing.assert_close(result, loss(z, y, 1))
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_infinite_logits_that_miss_nothing_cost_nothing_and_nan_stays():
    inf = torch.inf
    z = torch.tensor([inf, -inf, inf, -inf, torch.nan], dtype=F64)
    y = torch.tensor([1.0, 0, 0, 1, 1], dtype=F64)
    for w in (None, torch.ones_like(z)):
        result = fill_like(z, fill_loss, z, y, w)
        assert result[:4].tolist() == [0, 0, inf, inf]
        assert result[4].isnan()
        marked = torch.full_like(z, torch.nan)
        assert fill_like(z, fill_loss, z, marked, w).isnan().all()
    assert fill_like(z, fill_loss, z, y, torch.full_like(z, torch.nan))[0].isnan()
    assert fill_like(z, fill_loss, z, y, torch.zeros_like(z))[:3].tolist() == [0, 0, inf]
