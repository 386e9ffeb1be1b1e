"""The elementwise losses of `companion.torch_losses`, differentiable as often as you like.

Automatic differentiation of a stable formula gives a derivative that is not stable, and a wrong one
where the formula has a kink. So each value here brings its derivative written out, in terms that
bring theirs: sigmoids, whose slope is a product of two sigmoids and never 1 - σ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from companion.torch_autograd import differentiable, is_plain
from companion.torch_loops import fill_like, fill_loss, fill_slope, sum_of, total

__all__ = [
    "log_losses",
    "loss_of_logits",
    "loss_of_probabilities",
    "sigmoid",
    "total_loss_of_logits",
]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


def _sum(*terms: Tensor | None) -> Tensor:
    present = [term for term in terms if term is not None]
    return sum(present[1:], present[0])


def _times(tangent: Tensor | None, slope: Tensor) -> Tensor | None:
    return None if tangent is None else tangent * slope


# Sigmoid and softplus ----------------------------------------------------------------------------


def _sigmoid_slope(z: Tensor) -> Tensor:
    return sigmoid(z) * sigmoid(-z)


_differentiable_sigmoid = differentiable(
    lambda z: torch.sigmoid(z),
    lambda grad, wanted, z: (grad * _sigmoid_slope(z),),
    lambda tangents, z: tangents[0] * _sigmoid_slope(z),
)
_softplus = differentiable(
    lambda z: -torch.nn.functional.logsigmoid(-z),
    lambda grad, wanted, z: (grad * sigmoid(z),),
    lambda tangents, z: tangents[0] * sigmoid(z),
)


def sigmoid(z: Tensor) -> Tensor:
    """Return σ(z), whose derivative σ(z) σ(-z) keeps its digits in both tails."""
    return _differentiable_sigmoid(z)


# The binary loss of logits -----------------------------------------------------------------------


def _loss(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if is_plain():
        return fill_like(z, fill_loss, z, y, pos_weight)
    return _loss_and_slope(z, y, pos_weight)[0]


def _loss_and_slope(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the loss and its derivative in z from one exponential, e = exp(-|z|).

    With h = [z > 0] the derivative is ((1 - y) h - yes (1 - h) + e ((1 - y) (1 - h) - yes h)) over
    1 + e: for a hard label one of the two terms of the numerator is 0.
    """
    e = torch.exp(-torch.abs(z))
    above = (z > 0).to(z.dtype)
    yes, no = y if pos_weight is None else pos_weight * y, 1 - y
    missed = no * above - yes * (1 - above)
    tail = torch.log1p(e)
    if pos_weight is not None:
        tail = (yes + no) * tail
    # Neither term is negative, and an infinite logit that is right misses nothing.
    loss = tail + torch.where(missed == 0, 0, missed * z)
    return loss, (missed + e * (no * (1 - above) - yes * above)) / (1 + e)


class _CompiledLoss(Function):
    """One pass for loss and derivative: the compiler drops what is not used."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
        loss, slope = _loss_and_slope(z, y, pos_weight)
        ctx.save_for_backward(slope, z, y, pos_weight)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        slope, z, y, pos_weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            grad * slope if wanted[0] else None,
            grad * _in_labels(z, pos_weight) if wanted[1] else None,
            grad * (y * _softplus(-z)) if wanted[2] else None,
        )


def _slope(z: Tensor, y: Tensor) -> Tensor:
    e = torch.exp(-torch.abs(z))
    tail = e / (1 + e)
    return torch.where(z > 0, (1 - y) - tail, tail - y)


_plain_slope = differentiable(  # of one exponential
    _slope,
    lambda grad, wanted, z, y: (
        grad * _sigmoid_slope(z) if wanted[0] else None,
        -grad if wanted[1] else None,
    ),
    lambda tangents, z, y: _sum(
        _times(tangents[0], _sigmoid_slope(z)), _times(tangents[1], -torch.ones_like(z))
    ),
)


def _in_logits(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if pos_weight is None:
        return _plain_slope(z, y)
    return (1 - y) * sigmoid(z) - pos_weight * y * sigmoid(-z)


def _in_labels(z: Tensor, pos_weight: Tensor | None) -> Tensor:
    return -z if pos_weight is None else pos_weight * _softplus(-z) - _softplus(z)


def _grad_in_logits(grad: Tensor, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if is_plain() and not torch.is_grad_enabled():
        try:
            return fill_like(z, fill_slope, grad, z, y, pos_weight)
        except RuntimeError:  # a batch of gradients (is_grads_batched) fits in no tensor like z
            pass
    return grad * _in_logits(z, y, pos_weight)


def _loss_backward(
    grad: Tensor, wanted: _Wanted, z: Tensor, y: Tensor, pos_weight: Tensor | None
) -> tuple[Tensor | None, ...]:
    return (
        _grad_in_logits(grad, z, y, pos_weight) if wanted[0] else None,
        grad * _in_labels(z, pos_weight) if wanted[1] else None,
        grad * (y * _softplus(-z)) if wanted[2] else None,
    )


def _loss_forward_mode(
    tangents: _Tangents, z: Tensor, y: Tensor, pos_weight: Tensor | None
) -> Tensor:
    return _sum(
        _times(tangents[0], _in_logits(z, y, pos_weight)),
        _times(tangents[1], _in_labels(z, pos_weight)),
        _times(tangents[2], y * _softplus(-z)),
    )


_differentiable_loss = differentiable(_loss, _loss_backward, _loss_forward_mode, _CompiledLoss)


def _total_loss(z: Tensor, y: Tensor, pos_weight: Tensor | None, divisor: int) -> Tensor:
    if is_plain():
        losses = sum_of(z, fill_loss, z, y, pos_weight)
    else:
        losses = total(_loss(z, y, pos_weight))
    return (losses / divisor).to(z.dtype)


def _total_loss_backward(
    grad: Tensor, wanted: _Wanted, z: Tensor, y: Tensor, pos_weight: Tensor | None, divisor: int
) -> tuple[Tensor | None, ...]:
    return _loss_backward((grad / divisor).expand(z.shape), wanted, z, y, pos_weight)


def _total_loss_forward_mode(
    tangents: _Tangents, z: Tensor, y: Tensor, pos_weight: Tensor | None, divisor: int
) -> Tensor:
    losses = _loss_forward_mode(tangents, z, y, pos_weight)
    return (total(losses) / divisor).to(z.dtype)


_differentiable_total_loss = differentiable(
    _total_loss, _total_loss_backward, _total_loss_forward_mode
)


def loss_of_logits(z: Tensor, y: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    """Return pos_weight y softplus(-z) + (1 - y) softplus(z) elementwise, for one shape.

    Derivatives of every order reach all three tensors.
    """
    return _differentiable_loss(z, y, pos_weight)


def total_loss_of_logits(
    z: Tensor, y: Tensor, pos_weight: Tensor | None = None, *, divisor: int = 1
) -> Tensor:
    """Return the sum of `loss_of_logits` by `divisor`, without a tensor for its terms."""
    if torch.compiler.is_compiling():  # fuses the sum by itself
        return (total(loss_of_logits(z, y, pos_weight)) / divisor).to(z.dtype)
    return _differentiable_total_loss(z, y, pos_weight, divisor)


# The binary loss of probabilities ----------------------------------------------------------------


def _loss_in_probabilities(p: Tensor, y: Tensor) -> Tensor:
    no, log_of_no = 1 - y, torch.log1p(-p)
    lost = (1 - no) - y  # what rounding 1 - y lost; 746 is above every finite -log
    losses = torch.xlogy(y, p) + torch.special.xlog1py(no, -p)
    return -(losses + lost * torch.clamp(log_of_no, min=-746))


def _slope_in_probabilities(p: Tensor, y: Tensor) -> Tensor:
    slope = (p - y) / (p * (1 - p))
    return torch.where(torch.isnan(slope), 1 - 2 * p, slope)  # 0 / 0: the limits 1 and -1


def _curvature(p: Tensor, y: Tensor) -> Tensor:
    """Return y / p² + (1 - y) / (1 - p)², with 0 / 0 as 0."""
    yes, no = y / p / p, (1 - y) / (1 - p) / (1 - p)
    return torch.where(y == 0, 0, yes) + torch.where(y == 1, 0, no)


_in_probabilities = differentiable(  # (p - y) / (p (1 - p))
    _slope_in_probabilities,
    lambda grad, wanted, p, y: (
        grad * _curvature(p, y) if wanted[0] else None,
        -grad / (p * (1 - p)) if wanted[1] else None,
    ),
    lambda tangents, p, y: _sum(
        _times(tangents[0], _curvature(p, y)), _times(tangents[1], -1 / (p * (1 - p)))
    ),
)


def _minus_logit(p: Tensor) -> Tensor:
    return torch.log1p(-p) - torch.log(p)


_differentiable_loss_of_probabilities = differentiable(
    _loss_in_probabilities,
    lambda grad, wanted, p, y: (
        grad * _in_probabilities(p, y) if wanted[0] else None,
        grad * _minus_logit(p) if wanted[1] else None,
    ),
    lambda tangents, p, y: _sum(
        _times(tangents[0], _in_probabilities(p, y)), _times(tangents[1], _minus_logit(p))
    ),
)


def loss_of_probabilities(p: Tensor, y: Tensor) -> Tensor:
    """Return -(y log p + (1 - y) log1p(-p)) elementwise, with 0 log 0 = 0."""
    return _differentiable_loss_of_probabilities(p, y)


# The loss of every class -------------------------------------------------------------------------


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


def _log_losses_backward(
    grad: Tensor, wanted: _Wanted, z: Tensor, dim: int
) -> tuple[Tensor | None, ...]:
    p, complement = _softmax(z, dim)
    elsewhere = torch.sum(grad, dim, keepdim=True) - grad
    return (p * elsewhere - grad * complement,)


def _log_losses_forward_mode(tangents: _Tangents, z: Tensor, dim: int) -> Tensor:
    p, _ = _softmax(z, dim)
    return torch.sum(p * tangents[0], dim, keepdim=True) - tangents[0]


_differentiable_log_losses = differentiable(
    _log_losses, _log_losses_backward, _log_losses_forward_mode
)


def log_losses(z: Tensor, dim: int) -> Tensor:
    """Return -log softmax along `dim`, what each class would cost if it were the right one."""
    return _differentiable_log_losses(z, dim)
