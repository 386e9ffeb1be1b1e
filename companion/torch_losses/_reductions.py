"""What the twins share: the reduction and its old flags, smoothed labels, weights, classes."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from companion.contracts import check_choice
from companion.torch_losses._contracts import check_sum_of_weights
from companion.torch_losses._modes import in_forward_mode
from companion.torch_losses._pieces import total, widened

__all__ = [
    "REDUCTIONS",
    "along",
    "but_0",
    "check_reduction",
    "reduce_losses",
    "smoothed",
    "times",
    "unsqueezed",
]


REDUCTIONS = ("none", "mean", "sum", "weighted_mean")
"""PyTorch's three, and the sum by the sum of the weights applied."""


def check_reduction(
    size_average: bool | None,
    reduce: bool | None,
    reduction: str,
    choices: tuple[str, ...] = REDUCTIONS,
) -> str:
    """Return the reduction that the old flags mean, with a warning, or the one that is named."""
    if size_average is not None or reduce is not None:
        average, reduced = size_average is not False, reduce is not False
        reduction = ("mean" if average else "sum") if reduced else "none"
        warnings.warn(
            f"size_average and reduce are deprecated; use reduction={reduction!r} instead",
            stacklevel=4,
        )
    if isinstance(reduction, str) and reduction == "elementwise_mean":
        reduction = "mean"
        warnings.warn(
            "reduction='elementwise_mean' is deprecated; use reduction='mean' instead",
            stacklevel=4,
        )
    check_choice("reduction", reduction, choices)
    return reduction


def smoothed(loss: Callable[[Tensor], Tensor], y: Tensor, smoothing: float) -> Tensor:
    """Return the loss of labels y (1 - smoothing) + smoothing / 2.

    It is linear in the label, so smoothing mixes in the loss of 1/2. A smoothed label in one number
    would round away what the other answer weighs.
    """
    if not smoothing:
        return loss(y)
    even = loss(0 * y.detach() + 0.5)
    return even if smoothing == 1 else (1 - smoothing) * loss(y) + smoothing * even


def but_0(ignored: Tensor | None, values: Tensor) -> Tensor:
    """Return the values, 0 where they are ignored; None ignores none."""
    return values if ignored is None else torch.where(ignored, 0, values)


def unsqueezed(ignored: Tensor | None, dim: int) -> Tensor | None:
    """Return which elements are ignored, for tensors with the classes on `dim`."""
    return None if ignored is None else ignored.unsqueeze(dim)


def along(row: Tensor, z: Tensor, dim: int) -> Tensor:
    """Return one number for each class in a shape that repeats over the rest of `z`."""
    return row.reshape([-1 if d == dim else 1 for d in range(z.ndim)])


def times(weight: Tensor | None, losses: Tensor) -> Tensor:
    """Return the product, with weight 0 times infinity as 0; no weight is 1."""
    if weight is None:
        return losses
    return weight * torch.where((weight == 0) & torch.isinf(losses), 0, losses)


def reduce_losses(
    losses: Tensor,
    reduction: str,
    dtype: torch.dtype,
    weight: Tensor | None = None,
    *,
    of_labels: Tensor | None = None,
    ignored: Tensor | None = None,
) -> Tensor:
    """Return the weighted losses, their sum or a mean of them, in `dtype`.

    `of_labels` is a weight that the losses have already; "weighted_mean" counts it. An ignored
    element is 0 and counts nowhere.
    """
    weights = [weight for weight in (weight, of_labels) if weight is not None]
    if reduction == "weighted_mean" and weight is not None:
        weight, losses = widened(weight), widened(losses)
    losses = but_0(ignored, times(weight, losses))
    if reduction != "none":
        summed = total(losses)
        if reduction == "weighted_mean" and weights:
            mass = functools.reduce(operator.mul, map(widened, weights))
            mass = but_0(ignored, mass.expand(losses.shape))
            losses = _over(summed, check_sum_of_weights(total(mass)))
        elif reduction == "sum":
            losses = summed
        else:
            losses = _over(summed, losses.numel() if ignored is None else torch.sum(~ignored))
    return losses if losses.dtype == dtype else losses.to(dtype)


def _over(summed: Tensor, divisor: Tensor | int) -> Tensor:
    """Return the quotient, for which an infinite sum has no NaN as its second tangent."""
    if isinstance(divisor, int) and in_forward_mode():
        return torch.ops.aten.div.Scalar(summed, divisor)
    return summed / divisor
