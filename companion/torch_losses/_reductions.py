"""What the twins share: the reduction and its old flags, smoothed labels, weights."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from companion.contracts import check_choice, check_fraction
from companion.torch_losses._contracts import check_weight
from companion.torch_losses._pieces import total

__all__ = ["check_reduction", "reduce_losses", "smooth_labels", "times", "weigh"]


def check_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    if size_average is not None or reduce is not None:
        average, reduced = size_average is not False, reduce is not False
        reduction = ("mean" if average else "sum") if reduced else "none"
        warnings.warn(
            f"size_average and reduce are deprecated; use reduction={reduction!r} instead",
            stacklevel=3,
        )
    if isinstance(reduction, str) and reduction == "elementwise_mean":
        reduction = "mean"
        warnings.warn(
            "reduction='elementwise_mean' is deprecated; use reduction='mean' instead",
            stacklevel=3,
        )
    check_choice("reduction", reduction, ("none", "mean", "sum"))
    return reduction


def smooth_labels(y: Tensor, label_smoothing: float) -> Tensor:
    smoothing = check_fraction("label_smoothing", label_smoothing)
    return y * (1 - smoothing) + smoothing / 2 if smoothing else y


def weigh(losses: Tensor, weight: Tensor | None, shape: torch.Size) -> Tensor:
    if weight is None:
        return losses
    return times(check_weight("weight", weight, shape, losses), losses)


def times(weight: Tensor, losses: Tensor) -> Tensor:
    """Return the product, with weight 0 times infinity as 0."""
    return weight * torch.where((weight == 0) & torch.isinf(losses), 0, losses)


def reduce_losses(losses: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    if reduction == "mean":
        losses = total(losses) / losses.numel()
    elif reduction == "sum":
        losses = total(losses)
    return losses if losses.dtype == dtype else losses.to(dtype)
