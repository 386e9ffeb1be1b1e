"""The loss of each class, as if it were the right one: minus the logarithm of the softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from companion.torch_losses._autograd import differentiable

__all__ = ["log_losses", "pull_back_to_logits", "push_from_logits"]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


def _parts(z: Tensor, dim: int) -> tuple[Tensor, ...]:
    """Return z - max, exp of it, R (the sum of exp without one maximum), and the mask of maxima.

    exp takes the rounding error of z - max along. The maximum counts as a constant, which no
    derivative notices: a shift changes nothing.
    """
    largest = torch.amax(z, dim, keepdim=True).detach()
    top = (z == largest).to(z.dtype)
    zero = torch.where(torch.isinf(z), 0, z - z.detach())
    high = torch.where(z == largest, zero, z - largest)
    fixed = high.detach()
    back = z.detach() - fixed
    low = (z.detach() - (fixed + back)) + (back - largest)
    e = torch.exp(high) * (1 + torch.where(torch.isfinite(low), low, 0))
    rest = torch.sum(e - top, dim, keepdim=True) + (torch.sum(top, dim, keepdim=True) - 1)
    return high, e, rest, top


def _softmax(z: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the softmax and its complement, a sum of the other classes'."""
    _, e, rest, top = _parts(z, dim)
    return e / (1 + rest), ((rest - (e - top)) + (1 - top)) / (1 + rest)


def _log_losses(z: Tensor, dim: int) -> Tensor:
    high, _, rest, _ = _parts(z, dim)
    endless = torch.sum((z == torch.inf).to(z.dtype), dim, keepdim=True) > 1
    endless = endless | torch.all(z == -torch.inf, dim, keepdim=True)
    return torch.where(endless, torch.nan, torch.log1p(rest) - high)


def pull_back_to_logits(grad: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return the gradient in `z` of the losses times `grad`."""
    p, complement = _softmax(z, dim)
    elsewhere = torch.sum(grad, dim, keepdim=True) - grad
    return p * elsewhere - grad * complement


def push_from_logits(tangent: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return the tangent of the losses for that of `z`."""
    p, _ = _softmax(z, dim)
    return torch.sum(p * tangent, dim, keepdim=True) - tangent


def _backward(grad: Tensor, wanted: _Wanted, z: Tensor, dim: int) -> tuple[Tensor | None, ...]:
    return (pull_back_to_logits(grad, z, dim),)


def _forward_mode(tangents: _Tangents, z: Tensor, dim: int) -> Tensor:
    tangent = tangents[0]
    assert tangent is not None  # no other argument can have one
    return push_from_logits(tangent, z, dim)


_differentiable_log_losses = differentiable(_log_losses, _backward, _forward_mode)


def log_losses(z: Tensor, dim: int) -> Tensor:
    """Return -log softmax along `dim`, what each class would cost if it were the right one."""
    return _differentiable_log_losses(z, dim)
