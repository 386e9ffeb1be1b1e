"""The binary loss of logits in place, in pieces that stay in the cache: eager mode's fast way.

In eager mode each operation writes a new tensor, and for large ones the memory costs more than the
arithmetic. Where nothing watches (no compiler, no `torch.func`, no graph to be made), a piece at a
time is computed in place; on a GPU the whole is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ["PIECE", "fill_like", "fill_loss", "fill_slope", "sum_of", "total", "widened"]

PIECE = 1 << 17
"""Elements of a piece on the CPU; long enough for PyTorch to use all its threads."""


_log_sigmoid: Any = torch._C._nn.log_sigmoid  # whose stubs know no `out`


def total(losses: Tensor) -> Tensor:
    """Return the sum, which runs in float64, but on MPS, which has none."""
    wide = losses.dtype if losses.device.type == "mps" else torch.float64
    return torch.sum(losses, dtype=wide)


def widened(values: Tensor) -> Tensor:
    """Return the values in float64, but on MPS, which has none."""
    return values if values.device.type == "mps" else values.double()


def sum_of(like: Tensor, fill: Callable[..., None], *operands: Tensor | None) -> Tensor:
    """Return `total` of what `fill_like` would return; a CPU holds one piece of it at a time."""
    if like.device.type != "cpu" or like.numel() <= PIECE:
        return total(fill_like(like, fill, *operands))
    flat = [None if x is None else x.reshape(-1) for x in operands]
    scratch, sums = like.new_empty(PIECE), []
    for start in range(0, like.numel(), PIECE):
        piece = slice(start, start + PIECE)
        out = scratch[: min(PIECE, like.numel() - start)]
        fill(out, *(part if part is None else part[piece] for part in flat))
        sums.append(total(out))
    return torch.stack(sums).sum()


def fill_like(like: Tensor, fill: Callable[..., None], *operands: Tensor | None) -> Tensor:
    """Return a new tensor like `like`, made by ``fill(out, *operands)`` a piece at a time."""
    out = torch.empty_like(like)
    if like.device.type != "cpu" or like.numel() <= PIECE:
        fill(out, *operands)
        return out
    size = like.numel()
    order = sorted(range(out.ndim), key=out.stride, reverse=True)  # as it lies in memory
    flat = [None if x is None else x.permute(order).reshape(-1) for x in operands]
    target = out.permute(order).view(-1)
    for start in range(0, size, PIECE):
        piece = slice(start, start + PIECE)
        fill(target[piece], *(part if part is None else part[piece] for part in flat))
    return out


def fill_loss(out: Tensor, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> None:
    """Fill `out` with the loss: log1p(exp(-|z|)) plus what a wrong sign misses, |z| times it."""
    missed = torch.abs(z)
    _log_sigmoid(missed, out=out)  # -log1p(exp(-|z|)) in one pass
    torch.gt(z, 0, out=missed)
    if pos_weight is None:
        missed.sub_(y)
    else:
        yes, no = pos_weight * y, 1 - y
        out.mul_(yes + no)
        missed = no * missed - yes * (1 - missed)
    missed.mul_(z)
    torch.sub(missed, out, out=out)
    if torch.isnan(torch.sum(out)):
        # An infinite logit that misses nothing left 0 * inf; NaN of the labels or weights stays.
        nothing = 0 * y if pos_weight is None else 0 * y * pos_weight
        torch.where(torch.isinf(z) & torch.isnan(out), nothing, out, out=out)


def fill_slope(out: Tensor, grad: Tensor, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> None:
    """Fill `out` with grad times (1 - y) σ(z) - pos_weight y σ(-z)."""
    torch.sigmoid(z, out=out)
    other = 1 - y
    out.mul_(other)
    torch.neg(z, out=other)
    other.sigmoid_().mul_(y)
    if pos_weight is not None:
        other.mul_(pos_weight)
    out.sub_(other).mul_(grad)
