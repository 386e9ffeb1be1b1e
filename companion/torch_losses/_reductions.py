"""What the twins share: the reduction and its old flags, smoothed labels, weights."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from companion.contracts import check_choice
from companion.torch_losses._pieces import total

__all__ = ["check_reduction", "reduce_losses", "smooth_labels", "times"]


def check_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """Return the reduction that the old flags mean, with a warning, or the one that is named."""
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


def smooth_labels(y: Tensor, smoothing: float) -> Tensor:
    """Return y (1 - smoothing) + smoothing / 2."""
    return y * (1 - smoothing) + smoothing / 2 if smoothing else y


def times(weight: Tensor | None, losses: Tensor) -> Tensor:
    """Return the product, with weight 0 times infinity as 0; no weight is 1."""
    if weight is None:
        return losses
    return weight * torch.where((weight == 0) & torch.isinf(losses), 0, losses)


def reduce_losses(losses: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    """Return the losses, their sum or their mean, in `dtype`."""
    if reduction == "mean":
        losses = total(losses) / losses.numel()
    elif reduction == "sum":
        losses = total(losses)
    return losses if losses.dtype == dtype else losses.to(dtype)
