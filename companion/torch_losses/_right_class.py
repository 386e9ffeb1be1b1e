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

from companion.torch_losses._autograd import differentiable, with_value
from companion.torch_losses._log_losses import pull_back_to_logits, push_from_logits
from companion.torch_losses._modes import in_forward_mode, is_plain, makes_program
from companion.torch_losses._pieces import PIECE, widened
from companion.torch_losses._reductions import along, but_0, unsqueezed

__all__ = ["loss_of_class"]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


def loss_of_class(z: Tensor, index: Tensor, left_out: Tensor | None, dim: int) -> Tensor:
    """Return -log softmax at the class `index` of each element, 0 where it is left out.

    There the index may be any number.
    """
    if is_plain(z, index) and not in_forward_mode():
        keep = torch.is_grad_enabled() and z.requires_grad
        return _InPlace.apply(z, but_0(left_out, index), left_out, dim, keep)
    return _differentiable_loss(z, index, left_out, dim)


def _loss(z: Tensor, index: Tensor, left_out: Tensor | None, dim: int) -> Tensor:
    index = but_0(left_out, index)
    loss, shift, *_ = _loss_and_sums(z, index, left_out, dim)
    if not makes_program():
        return loss
    unseen = unsqueezed(left_out, dim)
    odds = _loss_of_odds(but_0(unseen, z), index, but_0(unseen, shift), dim)
    return with_value(but_0(left_out, odds), loss)


def _loss_of_odds(z: Tensor, index: Tensor, shift: Tensor, dim: int) -> Tensor:
    """Return softplus(log-sum-exp of the others - the right logit): no derivative cancels."""
    z = z - torch.where(shift == torch.inf, 0, shift).detach()
    right = _is_right(z, index, dim)
    others = torch.logsumexp(torch.where(right, torch.finfo(z.dtype).min, z), dim)
    odds = torch.gather(z, dim, index.unsqueeze(dim)).squeeze(dim) - others
    return -torch.nn.functional.logsigmoid(odds)


def _loss_and_slope(
    z: Tensor, index: Tensor, left_out: Tensor | None, dim: int
) -> tuple[Tensor, Tensor]:
    """Return both for any logits."""
    loss, shift, rest, whole = _loss_and_sums(z, index, left_out, dim)
    e = torch.where(_is_right(z, index, dim), -rest, _exponentials(z, shift))
    return loss, but_0(unsqueezed(left_out, dim), e / whole)


def _loss_and_sums(
    z: Tensor, index: Tensor, left_out: Tensor | None, dim: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the loss, the shift, and the exponentials' sum without and with the right class."""
    top = torch.amax(z, dim, keepdim=True)
    shift = torch.floor(top)  # the sum is 1 or more, so that no gradient divided by it overflows
    right = _is_right(z, index, dim)
    rest = torch.sum(torch.where(right, 0, _exponentials(z, shift)), dim, keepdim=True)
    if dim < z.ndim - 1 and torch.compiler.is_compiling():  # its gather here is twice as slow
        z_right = torch.sum(torch.where(right, z, 0), dim, keepdim=True)
    else:
        z_right = torch.gather(z, dim, but_0(left_out, index).unsqueeze(dim))
    of_right = _exponentials(z_right, shift)
    # Several infinite logits, or none above -inf, have no limit; nor has NaN.
    several = (top == torch.inf) & (rest + of_right > 1)
    rest = torch.where((top > -torch.inf) & ~several, rest, torch.nan)
    loss = _log_of_sum(of_right, rest, shift - z_right).squeeze(dim)
    return but_0(left_out, loss), shift, rest, rest + of_right


def _exponentials(z: Tensor, shift: Tensor, *, negated: bool = False) -> Tensor:
    """Return exp(z - shift), into which goes what the difference lost by rounding.

    The shift is the floor of the largest logit, or as infinite as it. The difference
    rounds; it and the shift have an exact sum, a float near z, so that z less the sum is what was
    lost. That is NaN or +inf where one of them is infinite, and 1 or more only where exp is 0.
    What equals the shift has 1, infinite or not; the result is finite whatever the logits are.
    """
    high = z + shift if negated else z - shift
    lost = z - (high - shift if negated else high + shift)
    e = torch.where(lost < 1, torch.exp(high) * (1 + lost), 0)
    return torch.where(z == (-shift if negated else shift), 1, e)


def _is_right(z: Tensor, index: Tensor, dim: int) -> Tensor:
    """Return where the right class is; of what is left out it says nothing that counts."""
    wide = torch.float64 if z.dtype == torch.float64 else torch.int32
    compiling = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    if compiling and z.device.type == "cpu" and z.shape[dim] <= 2**24:
        # A compiled arange is slower than memory, where a cumulative sum is kept; exact in float32.
        wide = z.dtype
        classes = torch.ones(z.shape[dim], dtype=wide, device=z.device).cumsum(0) - 1
    else:
        classes = torch.arange(z.shape[dim], dtype=wide, device=z.device)
    return along(classes, z, dim) == index.to(wide).unsqueeze(dim)


def _log_of_sum(of_right: Tensor, rest: Tensor, gap: Tensor) -> Tensor:
    """Return log1p(rest / of_right), where the quotient is none log(rest + of_right) + gap.

    `gap` has the dtype in which the exponentials lost their digits.
    """
    ratio = rest / of_right
    usable = (of_right >= torch.finfo(gap.dtype).tiny) & (ratio < torch.inf)
    far = torch.log(rest + of_right) + gap
    return torch.where(usable, torch.log1p(ratio), far)


def _backward(
    grad: Tensor, wanted: _Wanted, z: Tensor, index: Tensor, left_out: Tensor | None, dim: int
) -> tuple[Tensor | None, ...]:
    unseen, place = unsqueezed(left_out, dim), but_0(left_out, index).unsqueeze(dim)
    of_each = torch.zeros_like(z).scatter(dim, place, but_0(unseen, grad.unsqueeze(dim)))
    return pull_back_to_logits(of_each, but_0(unseen, z), dim), None, None


def _forward_mode(
    tangents: _Tangents, z: Tensor, index: Tensor, left_out: Tensor | None, dim: int
) -> Tensor:
    tangent, unseen = tangents[0], unsqueezed(left_out, dim)
    assert tangent is not None  # no other argument can have one
    of_each = push_from_logits(tangent, but_0(unseen, z), dim)
    of_right = torch.gather(of_each, dim, but_0(left_out, index).unsqueeze(dim))
    return but_0(unseen, of_right).squeeze(dim)


class _Compiled(Function):
    """Keep what is as long as the rows, and compute mask and exponentials again.

    The exponentials are asked for by the negated shift: in the words of the value, the compiler
    would find them the same and keep them, in memory as large as the logits. A sum that is infinite
    marks what is left out.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, index: Tensor, left_out: Tensor | None, dim: int) -> Tensor:
        loss, shift, rest, whole = _loss_and_sums(z, index, left_out, dim)
        if left_out is not None:
            whole = torch.where(left_out.unsqueeze(dim), torch.inf, whole)
        ctx.save_for_backward(z, index, -shift, -rest, whole)
        ctx.dim = dim
        return loss

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, index, minus_shift, minus_rest, whole = ctx.saved_tensors
        share = torch.where(whole == torch.inf, 0, grad.unsqueeze(ctx.dim) / whole)
        of_right = torch.where(share == 0, 0, minus_rest)  # R is NaN where what is left out is
        e = _exponentials(z, minus_shift, negated=True)
        e = torch.where(_is_right(z, index, ctx.dim), of_right, e)
        return e * share, None, None, None


_differentiable_loss = differentiable(_loss, _backward, _forward_mode, _Compiled)


# Eager mode's fast way ---------------------------------------------------------------------------


class _InPlace(Function):
    """Where maxima are finite, save the exponentials, 0 at the right class.

    The gradient is made in their memory, so that a second pass through the same graph, which may
    come from another thread, computes them anew. Unless `keep` says that there may be one, a CPU
    holds one piece of them at a time.
    """

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, index: Tensor, left_out: Tensor | None, dim: int, keep: bool
    ) -> Tensor:
        ctx.dim, ctx.fresh = dim, [True]
        place, shift = index.unsqueeze(dim), None
        e = torch.empty_like(z) if keep else None
        of_right, rest = _sums(z, place, shift, dim, e)
        whole = rest + of_right
        if not _fits(z, whole):
            top = torch.amax(z, dim, keepdim=True) if z.numel() else None
            if top is None or not torch.isfinite(top).all():
                loss, slope = _loss_and_slope(z, index, left_out, dim)
                ctx.save_for_backward(z, index, left_out, slope)
                return loss
            shift = torch.round(top) - _room(z.dtype)
            of_right, rest = _sums(z, place, shift, dim, e)
            whole = rest + of_right
        ctx.save_for_backward(z, index, left_out, e, shift, rest, whole)
        if z.device.type == "cpu" and of_right.min().item() >= torch.finfo(z.dtype).eps:
            loss = torch.log1p(widened(rest) / of_right)  # as usual, with fewer operations
        else:
            gap = (0 if shift is None else shift) - torch.gather(z, dim, place)
            loss = _log_of_sum(widened(of_right), widened(rest), gap)
        loss = loss.to(z.dtype)
        return but_0(left_out, loss.squeeze(dim))

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, index, left_out, e, *parts = ctx.saved_tensors
        nothing = (None,) * 4
        if torch.is_grad_enabled() or not is_plain(grad, z):
            return _backward(grad, (True,), z, index, left_out, ctx.dim)[0], *nothing
        seen = but_0(left_out, grad).unsqueeze(ctx.dim)
        if not parts:
            return seen * e, *nothing
        shift, rest, whole = parts
        share, place = seen / whole, index.unsqueeze(ctx.dim)
        if _loses_digits(share, seen):
            return _backward(grad, (True,), z, index, left_out, ctx.dim)[0], *nothing
        try:
            ctx.fresh.pop()  # one thread's alone
        except IndexError:
            e = torch.empty_like(z)
            _sums(z, place, shift, ctx.dim, e)
        slope = e.data.mul_(share)  # autograd need not know: nobody reads it again
        return slope.scatter_(ctx.dim, place, -rest * share), *nothing


def _loses_digits(share: Tensor, grad: Tensor) -> bool:
    """Return whether the share of a gradient is no normal float, or one of a batch of gradients."""
    bounds = torch.finfo(share.dtype)
    try:
        low, high = (end.item() for end in torch.aminmax(share))
        if bounds.tiny <= low <= high <= bounds.max or -bounds.max <= low <= high <= -bounds.tiny:
            return False  # as usual, with fewer operations
        size = torch.where(grad == 0, 1, share.abs())
        return not (bounds.tiny <= size.min().item() and size.max().item() <= bounds.max)
    except RuntimeError:  # a batch of gradients (is_grads_batched) fits in no tensor like z
        return True


def _fits(z: Tensor, whole: Tensor) -> bool:
    """Return whether exp(z), the rows of which have these sums, does for exp(z - max).

    A sum far from 1 would leave few gradients a share (`_loses_digits`). Where exp(z) loses digits
    to underflow so must the softmax: then the sum is at least 1/2.
    """
    if not whole.numel():
        return False
    bounds = torch.finfo(z.dtype)
    low, high = (end.item() for end in torch.aminmax(whole))
    if not bounds.tiny ** (1 / 3) <= low <= high <= bounds.max ** (1 / 3):
        return False
    return low >= 0.5 or z.min().item() >= math.log(bounds.tiny)


def _room(dtype: torch.dtype) -> float:
    """Return by how much maxima are shifted above 0: arithmetic on subnormal floats is slow."""
    return round(-0.4 * math.log(torch.finfo(dtype).tiny))


def _pieces(z: Tensor, dim: int) -> list[slice]:
    """Return the rows of each piece; none where the whole is one."""
    rows, size = z.shape[0], z.numel()
    if not dim or size <= 2 * PIECE or z.device.type != "cpu":
        return []
    step = max(1, PIECE * rows // size)
    return [slice(start, start + step) for start in range(0, rows, step)]


def _sums(
    z: Tensor, place: Tensor, shift: Tensor | None, dim: int, out: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the exponential of the right class, and the sum of the others.

    `out` is filled with the exponentials, 0 at the right class.
    """

    def of_piece(e: Tensor, z: Tensor, place: Tensor, shift: Tensor | None) -> list[Tensor]:
        _fill_exponential(e, z, shift)
        of_right = torch.gather(e, dim, place)
        return [of_right, torch.sum(e.scatter_(dim, place, 0), dim, keepdim=True)]

    pieces = _pieces(z, dim)
    if not pieces:
        of_right, rest = of_piece(torch.empty_like(z) if out is None else out, z, place, shift)
        return of_right, rest
    scratch, parts = torch.empty_like(z[pieces[0]]) if out is None else out, []
    for piece in pieces:
        e = scratch[: place[piece].shape[0]] if out is None else out[piece]
        parts.append(of_piece(e, z[piece], place[piece], None if shift is None else shift[piece]))
    of_right, rest = (torch.cat(each) for each in zip(*parts, strict=True))
    return of_right, rest


def _fill_exponential(out: Tensor, z: Tensor, shift: Tensor | None) -> None:
    """Fill `out` with exp(z - shift), into which goes what the difference loses by rounding."""
    if shift is None:
        torch.exp(z, out=out)
        return
    torch.sub(z, shift, out=out)
    lost = torch.add(out, shift)
    torch.sub(z, lost, out=lost)
    torch.nan_to_num(lost, nan=0.0, out=lost)  # where z is -inf
    out.exp_().addcmul_(out, lost)
