"""The loss of each class, as if it were the right one: minus the logarithm of the softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from companion.torch_losses._autograd import differentiable, with_value
from companion.torch_losses._modes import makes_program

__all__ = ["log_losses", "pull_back_to_logits", "push_from_logits", "softmax"]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


def _exponentials(z: Tensor, largest: Tensor) -> Tensor:
    """Return exp(z - largest), into which goes what the difference lost by rounding."""
    high = z - largest
    back = z - high
    low = (z - (high + back)) + (back - largest)
    e = torch.where(high == -torch.inf, 0, torch.exp(high) * (1 + low))
    return torch.where(z == largest, 1, e)  # of two infinities too


def _parts(z: Tensor, dim: int) -> tuple[Tensor, ...]:
    """Return z - max, exp of it, R (the sum of exp without one maximum), and the mask of maxima."""
    largest = torch.amax(z, dim, keepdim=True)
    is_largest = z == largest
    high, e = torch.where(is_largest, 0, z - largest), _exponentials(z, largest)
    top = is_largest.to(z.dtype)
    count = torch.sum(top, dim, keepdim=True)
    rest = torch.sum(e - top, dim, keepdim=True) + (count - 1)
    endless = (largest == -torch.inf) | ((largest == torch.inf) & (count > 1))
    return high, e, torch.where(endless, torch.nan, rest), top


def _softmax_value(z: Tensor, dim: int) -> Tensor:
    _, e, rest, _ = _parts(z, dim)
    share = e / (1 + rest)
    return with_value(torch.softmax(z, dim), share) if makes_program() else share


def _complement_value(z: Tensor, dim: int) -> Tensor:
    _, e, rest, top = _parts(z, dim)
    complement = ((rest - (e - top)) + (1 - top)) / (1 + rest)
    return with_value(1 - torch.softmax(z, dim), complement) if makes_program() else complement


def _from_likeliest(values: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return values less that of the likeliest class, whose share may round to 1."""
    return values - torch.gather(values, dim, torch.argmax(z, dim, keepdim=True))


def _jacobian_times(v: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return p (v - Σ p v), the symmetric Jacobian of the softmax times v.

    A constant in v changes nothing, and without it no term near 1 hides the small ones.
    """
    p, v = softmax(z, dim), _from_likeliest(v, z, dim)
    return p * (v - torch.sum(p * v, dim, keepdim=True))


_differentiable_softmax = differentiable(
    _softmax_value,
    lambda grad, wanted, z, dim: (_jacobian_times(grad, z, dim),),
    lambda tangents, z, dim: _jacobian_times(tangents[0], z, dim),
)
_differentiable_complement = differentiable(
    _complement_value,
    lambda grad, wanted, z, dim: (-_jacobian_times(grad, z, dim),),
    lambda tangents, z, dim: -_jacobian_times(tangents[0], z, dim),
)


def softmax(z: Tensor, dim: int) -> Tensor:
    """Return the share of each class."""
    return _differentiable_softmax(z, dim)


def _log_losses(z: Tensor, dim: int) -> Tensor:
    high, _, rest, _ = _parts(z, dim)
    losses = torch.log1p(rest) - high
    return with_value(-torch.log_softmax(z, dim), losses) if makes_program() else losses


def pull_back_to_logits(grad: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return the gradient in `z` of the losses times `grad`."""
    elsewhere = torch.sum(grad, dim, keepdim=True) - grad
    return softmax(z, dim) * elsewhere - grad * _differentiable_complement(z, dim)


def push_from_logits(tangent: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return the tangent of the losses for that of `z`."""
    tangent = _from_likeliest(tangent, z, dim)
    return torch.sum(softmax(z, dim) * tangent, dim, keepdim=True) - tangent


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
