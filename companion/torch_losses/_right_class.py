"""The loss of the right class and its slope in one pass over the logits.

With e = exp(z - c), for any constant c of the row, R the sum of e without the right class and S
the whole sum, the loss is log1p(R / e_right) and the slope in z is e / S, but -R / S at the right
class: nothing is subtracted that could cancel, and one exponential serves both.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from companion.torch_losses._autograd import differentiable
from companion.torch_losses._log_losses import pull_back_to_logits, push_from_logits
from companion.torch_losses._modes import in_forward_mode, is_plain
from companion.torch_losses._pieces import PIECE, widened

__all__ = ["loss_of_class"]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


def loss_of_class(z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> Tensor:
    """Return -log softmax at the class `index` of each element, 0 where it is ignored."""
    if is_plain(z, index) and not in_forward_mode():
        return _InPlace.apply(z, index, ignored, dim)
    return _differentiable_loss(z, index, ignored, dim)


def _loss(z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> Tensor:
    return _loss_and_slope(z, index, ignored, dim)[0]


def _loss_and_slope(z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return both for any logits, by operations that a compiler fuses: no gather, no scatter."""
    classes = torch.arange(z.shape[dim], device=z.device)
    right = _along(classes, z, dim) == index.unsqueeze(dim)
    top = torch.amax(z, dim, keepdim=True)
    high = torch.where(z == top, 0, z - top)
    back = z - high
    low = (z - (high + back)) + (back - top)
    e = torch.exp(high) * (1 + torch.where(torch.isfinite(low), low, 0))
    # Several infinite logits, or none above -inf, have no limit.
    endless = (torch.sum(z == torch.inf, dim, keepdim=True) > 1) | (top == -torch.inf)
    e = torch.where(endless | torch.isnan(top), torch.nan, e)
    of_right = torch.sum(torch.where(right, e, 0), dim, keepdim=True)
    rest = torch.sum(torch.where(right, 0, e), dim, keepdim=True)
    gap = -torch.sum(torch.where(right, high, 0), dim, keepdim=True)
    loss = _log_of_sum(of_right, rest, gap)
    slope = torch.where(right, -rest, e) / (rest + of_right)
    unseen = ignored.unsqueeze(dim)
    return torch.where(unseen, 0, loss).squeeze(dim), torch.where(unseen, 0, slope)


def _along(row: Tensor, z: Tensor, dim: int) -> Tensor:
    return row.reshape([-1 if d == dim else 1 for d in range(z.ndim)])


def _log_of_sum(of_right: Tensor, rest: Tensor, gap: Tensor) -> Tensor:
    """Return log1p(rest / of_right), where the quotient is none log(rest + of_right) + gap."""
    ratio = rest / of_right
    usable = (of_right >= torch.finfo(of_right.dtype).tiny) & (ratio < torch.inf)
    far = torch.log(rest + of_right) + gap
    return torch.where(usable, torch.log1p(ratio), far)


def _backward(
    grad: Tensor, wanted: _Wanted, z: Tensor, index: Tensor, ignored: Tensor, dim: int
) -> tuple[Tensor | None, ...]:
    unseen, place = ignored.unsqueeze(dim), index.unsqueeze(dim)
    seen = torch.where(unseen, 0, grad.unsqueeze(dim))
    of_each = torch.zeros_like(z).scatter(dim, place, seen)
    return pull_back_to_logits(of_each, torch.where(unseen, 0, z), dim), None, None


def _forward_mode(
    tangents: _Tangents, z: Tensor, index: Tensor, ignored: Tensor, dim: int
) -> Tensor:
    tangent, unseen = tangents[0], ignored.unsqueeze(dim)
    assert tangent is not None  # no other argument can have one
    of_each = push_from_logits(tangent, torch.where(unseen, 0, z), dim)
    of_right = torch.gather(of_each, dim, index.unsqueeze(dim))
    return torch.where(unseen, 0, of_right).squeeze(dim)


class _Compiled(Function):
    """The compiler drops the slope where nobody asks for it."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> Tensor:
        loss, slope = _loss_and_slope(z, index, ignored, dim)
        ctx.save_for_backward(slope)
        ctx.dim = dim
        return loss

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return grad.unsqueeze(ctx.dim) * slope, None, None, None


_differentiable_loss = differentiable(_loss, _backward, _forward_mode, _Compiled)


# Eager mode's fast way ---------------------------------------------------------------------------


class _InPlace(Function):
    """One tensor of the size of the logits is made for the value, and one for the gradient."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> Tensor:
        loss, slope = _fill(z, index, ignored, dim)
        ctx.save_for_backward(slope, z, index, ignored)
        ctx.dim = dim
        return loss

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        slope, z, index, ignored = ctx.saved_tensors
        if torch.is_grad_enabled() or not is_plain(grad, z):
            return *_backward(grad, (True,), z, index, ignored, ctx.dim), None
        seen = torch.where(ignored, 0, grad)
        return seen.unsqueeze(ctx.dim) * slope, None, None, None


def _fill(z: Tensor, index: Tensor, ignored: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return what `_loss_and_slope` does, in place, unless a row has no finite maximum."""
    if not z.numel():
        return _loss_and_slope(z, index, ignored, dim)
    top = torch.amax(z, dim, keepdim=True)
    low, high = (end.item() for end in torch.aminmax(top))
    if not -torch.inf < low <= high < torch.inf:
        return _loss_and_slope(z, index, ignored, dim)
    shift = None if _holds_exponentials(z, low, high) else top
    place = index.unsqueeze(dim)
    slope, loss = torch.empty_like(z), torch.empty_like(place, dtype=z.dtype)
    step = max(1, PIECE * len(z) // z.numel()) if dim and z.device.type == "cpu" else len(z)
    for start in range(0, len(z), step):
        piece = slice(start, start + step)
        shift_there = None if shift is None else shift[piece]
        loss[piece] = _fill_piece(slope[piece], z[piece], place[piece], shift_there, dim)
    return loss.squeeze(dim).masked_fill_(ignored, 0), slope


def _holds_exponentials(z: Tensor, low: float, high: float) -> bool:
    """Return whether exp(z) does for exp(z - max), the maxima of the rows being low to high.

    Nothing may overflow, in the sum of e^20 classes either, and where exp(z) loses digits to
    underflow so must the softmax: then S is at least 1.
    """
    bounds = torch.finfo(z.dtype)
    if high > math.log(bounds.max) - 20:
        return False
    return low >= 0 or z.min().item() >= math.log(bounds.tiny)


def _fill_piece(slope: Tensor, z: Tensor, place: Tensor, shift: Tensor | None, dim: int) -> Tensor:
    """Fill `slope`, and return the loss."""
    gap = -torch.gather(z, dim, place)
    if shift is None:
        torch.exp(z, out=slope)
    else:
        gap += shift
        _fill_shifted_exponential(slope, z, shift)
    of_right = torch.gather(slope, dim, place)
    slope.scatter_(dim, place, 0)
    rest = torch.sum(slope, dim, keepdim=True)
    whole = rest + of_right
    slope.div_(whole).scatter_(dim, place, -rest / whole)
    return _log_of_sum(widened(of_right), widened(rest), gap)


def _fill_shifted_exponential(out: Tensor, z: Tensor, shift: Tensor) -> None:
    """Fill `out` with exp(z - shift), into which goes what the difference loses by rounding."""
    torch.sub(z, shift, out=out)
    back = z - out
    lost = torch.add(out, back).neg_().add_(z).add_(back.sub_(shift))
    torch.nan_to_num(lost, nan=0.0, out=lost)  # where z is -inf
    out.exp_().addcmul_(out, lost)
