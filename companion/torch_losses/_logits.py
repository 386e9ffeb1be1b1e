"""The twin of PyTorch's binary cross-entropy of logits, and the sigmoid that it stands on.

Automatic differentiation of a stable formula may give a derivative that is not stable, and a wrong
one where the formula has a kink. So each value here brings its derivative written out, in terms
that bring theirs: sigmoids, whose slope is a product of two sigmoids and never 1 - σ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from companion.contracts import check_smoothing
from companion.torch_losses._autograd import (
    differentiable,
    sum_of_terms,
    times_tangent,
    with_slopes,
)
from companion.torch_losses._contracts import as_number, check_pair, check_weight
from companion.torch_losses._ignored import check_ignore_index, leave_out
from companion.torch_losses._modes import is_plain, overridable
from companion.torch_losses._pieces import fill_like, fill_loss, fill_slope, sum_of, total
from companion.torch_losses._reductions import check_reduction, reduce_losses, smoothed, times

__all__ = [
    "binary_cross_entropy_with_logits",
    "loss_of_logits",
    "sigmoid",
    "slope_in_logits",
    "total_loss_of_logits",
]

_Wanted = tuple[bool, ...]
_Tangents = tuple[Tensor | None, ...]


@overridable
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    *,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
) -> Tensor:
    """Return the binary cross-entropy of logits, as `torch.nn.functional` does but accurate.

    Parameters
    ----------
    input : Tensor
        Logits, any shape, float16 or bfloat16 to float64: ±inf gives the limit, NaN gives NaN.
    target, weight, size_average, reduce, reduction, label_smoothing, ignore_index
        As in `binary_cross_entropy`.
    pos_weight : Tensor, optional
        Multiplies the term of label 1; finite, at least 0, broadcasts to the losses.
        "weighted_mean" divides by the sum of weight (pos_weight y + 1 - y).

    Returns
    -------
    Tensor
        The loss in nats, in the wider dtype of `input` and `target`.

    Raises
    ------
    TypeError, ValueError
        As in `binary_cross_entropy`.

    Notes
    -----
    Unreduced and unweighted, value and gradient are within 3 ULP in float64 and float32 for
    labels 0 and 1, and correctly rounded from float32 in half precision.

    Examples
    --------
    >>> z = torch.tensor([-20.0], requires_grad=True)
    >>> loss = binary_cross_entropy_with_logits(z, torch.tensor([0.0]))
    >>> print(f"{loss.item():.3e}")
    2.061e-09
    """
    reduction = check_reduction(size_average, reduce, reduction)
    smoothing = check_smoothing(as_number("label_smoothing", label_smoothing))
    ignore_index = check_ignore_index(ignore_index)
    dtype, z, y = check_pair("input", input, target)
    ignored, z, y = leave_out(z, target, y, ignore_index)
    weight = check_weight("weight", weight, y.shape, z)
    pos_weight = check_weight("pos_weight", pos_weight, y.shape, z)
    if pos_weight is not None:
        pos_weight = pos_weight.expand(y.shape)
    of_labels = None
    if reduction == "weighted_mean" and pos_weight is not None:
        of_labels = smoothed(lambda y: pos_weight * y + (1 - y), y, smoothing)
    plain = weight is None and of_labels is None and ignored is None
    if plain and reduction != "none":
        divisor = 1 if reduction == "sum" else z.numel()
        loss = smoothed(
            lambda y: total_loss_of_logits(z, y, pos_weight, divisor=divisor), y, smoothing
        )
        return loss if loss.dtype == dtype else loss.to(dtype)
    losses = smoothed(lambda y: loss_of_logits(z, y, pos_weight), y, smoothing)
    return reduce_losses(losses, reduction, dtype, weight, of_labels=of_labels, ignored=ignored)


# Sigmoid and softplus ----------------------------------------------------------------------------


def _sigmoid_slope(z: Tensor) -> Tensor:
    return sigmoid(z) * sigmoid(-z)


_differentiable_sigmoid = with_slopes(lambda z: torch.sigmoid(z), _sigmoid_slope)
_softplus = with_slopes(lambda z: -torch.nn.functional.logsigmoid(-z), lambda z: sigmoid(z))


def sigmoid(z: Tensor) -> Tensor:
    """Return σ(z), whose derivative σ(z) σ(-z) keeps its digits in both tails."""
    return _differentiable_sigmoid(z)


# The binary loss of logits -----------------------------------------------------------------------


def _loss(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if is_plain(z, y, pos_weight):
        return fill_like(z, fill_loss, z, y, pos_weight)
    yes = y if pos_weight is None else pos_weight * y
    log_sigmoid = torch.nn.functional.logsigmoid
    return -(times(yes, log_sigmoid(z)) + times(1 - y, log_sigmoid(-z)))


def _loss_and_slope(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the loss and its derivative in z from one exponential, e = exp(-|z|).

    With k = 1 - y where z > 0 and -yes elsewhere, what a wrong sign misses is k z, and the slope
    k + e l over 1 + e, l being the other of the two: for a hard label one of them is 0.
    """
    e = torch.exp(-torch.abs(z))
    yes, no = y if pos_weight is None else pos_weight * y, 1 - y
    above = z > 0
    missed, other = torch.where(above, no, -yes), torch.where(above, -yes, no)
    tail = torch.log1p(e)
    if pos_weight is not None:
        tail = (yes + no) * tail
    # Neither term is negative, and an infinite logit that is right misses nothing.
    loss = tail + torch.where(missed == 0, 0, missed * z)
    return loss, (missed + e * other) / (1 + e)


class _CompiledLoss(Function):
    """One pass for loss and derivative: the compiler drops what is not used."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
        loss, slope = _loss_and_slope(z, y, pos_weight)
        ctx.save_for_backward(slope, z, y, pos_weight)
        return loss

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        slope, z, y, pos_weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            grad * slope if wanted[0] else None,
            grad * _in_labels(z, pos_weight) if wanted[1] else None,
            grad * times(y, _softplus(-z)) if wanted[2] else None,
        )


slope_in_logits = with_slopes(
    lambda z, y: (1 - y) * torch.sigmoid(z) - y * torch.sigmoid(-z),
    lambda z, y: _sigmoid_slope(z),
    lambda z, y: -torch.ones_like(z),
)


def _in_logits(z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if pos_weight is None:
        return slope_in_logits(z, y)
    return (1 - y) * sigmoid(z) - pos_weight * y * sigmoid(-z)


def _in_labels(z: Tensor, pos_weight: Tensor | None) -> Tensor:
    return -z if pos_weight is None else times(pos_weight, _softplus(-z)) - _softplus(z)


def _grad_in_logits(grad: Tensor, z: Tensor, y: Tensor, pos_weight: Tensor | None) -> Tensor:
    if is_plain(grad, z, y, pos_weight) and not torch.is_grad_enabled():
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
        grad * times(y, _softplus(-z)) if wanted[2] else None,
    )


def _loss_forward_mode(
    tangents: _Tangents, z: Tensor, y: Tensor, pos_weight: Tensor | None
) -> Tensor:
    return sum_of_terms(
        times_tangent(tangents[0], _in_logits(z, y, pos_weight)),
        times_tangent(tangents[1], _in_labels(z, pos_weight)),
        times_tangent(tangents[2], times(y, _softplus(-z))),
    )


_differentiable_loss = differentiable(_loss, _loss_backward, _loss_forward_mode, _CompiledLoss)


def _total_loss(z: Tensor, y: Tensor, pos_weight: Tensor | None, divisor: int) -> Tensor:
    if is_plain(z, y, pos_weight):
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

    Derivatives, as often as you like, reach all three tensors.
    """
    return _differentiable_loss(z, y, pos_weight)


def total_loss_of_logits(
    z: Tensor, y: Tensor, pos_weight: Tensor | None, *, divisor: int
) -> Tensor:
    """Return the sum of `loss_of_logits` by `divisor`.

    In eager mode on a CPU it makes no tensor for its terms.
    """
    # A compiler fuses the sum by itself; for torch.jit.trace the divisor is a tensor.
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return (total(loss_of_logits(z, y, pos_weight)) / divisor).to(z.dtype)
    return _differentiable_total_loss(z, y, pos_weight, divisor)
