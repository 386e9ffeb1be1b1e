"""The twin of PyTorch's binary cross-entropy of probabilities, with its derivatives written out."""

from __future__ import annotations

import torch
from torch import Tensor

from companion.contracts import check_smoothing
from companion.torch_losses._autograd import differentiable, sum_of_terms, with_slopes
from companion.torch_losses._contracts import (
    as_number,
    check_pair,
    check_probabilities,
    check_weight,
)
from companion.torch_losses._ignored import check_ignore_index, leave_out
from companion.torch_losses._modes import is_plain, overridable, transforms_active
from companion.torch_losses._reductions import check_reduction, reduce_losses, smoothed

__all__ = ["binary_cross_entropy", "loss_of_probabilities"]


@overridable
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    label_smoothing: float = 0.0,
    ignore_index: float | None = None,
) -> Tensor:
    """Return the binary cross-entropy of probabilities, as `torch.nn.functional` does but exact.

    Parameters
    ----------
    input : Tensor
        Probabilities in [0, 1], any shape.
    target : Tensor
        Labels in [0, 1]; the shape of `input`, unless one of the two has no dimension.
    weight : Tensor, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the target. A mask or
        whole numbers do.
    size_average, reduce : bool, optional
        Deprecated, as in PyTorch.
    reduction : {"mean", "weighted_mean", "sum", "none"}
        "mean" divides by the number of elements, "weighted_mean" by the sum of their weights.
    label_smoothing : float
        ε in [0, 1]: the labels become y (1 - ε) + ε / 2.
    ignore_index : float, optional
        The label that marks elements to leave out, such as -1, 255 or NaN. Their loss and gradient
        are 0, whatever `input` is there, and no mean counts them.

    Returns
    -------
    Tensor
        The loss in nats, in the wider dtype of `input` and `target`. A mean of nothing is NaN.

    Raises
    ------
    TypeError
        If an argument is no dense floating-point tensor (weights: no real one).
    ValueError
        If shapes, devices or ranges do not fit. Where the numbers cannot be looked at, as under
        `torch.compile`, the loss of an element out of range is NaN instead.

    Examples
    --------
    >>> binary_cross_entropy(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931,    inf])
    """
    reduction = check_reduction(size_average, reduce, reduction)
    smoothing = check_smoothing(as_number("label_smoothing", label_smoothing))
    ignore_index = check_ignore_index(ignore_index)
    dtype, p, y = check_pair("input", input, target)
    ignored, p, y = leave_out(p, target, y, ignore_index)
    p = check_probabilities(p)
    weight = check_weight("weight", weight, y.shape, p)
    losses = smoothed(lambda y: loss_of_probabilities(p, y), y, smoothing)
    return reduce_losses(losses, reduction, dtype, weight, ignored=ignored)


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


_in_probabilities = with_slopes(  # (p - y) / (p (1 - p))
    _slope_in_probabilities, _curvature, lambda p, y: -1 / (p * (1 - p))
)


def _times_slope(grad: Tensor, p: Tensor, y: Tensor) -> Tensor:
    """Return grad times the slope, which near 0 may overflow where the product does not."""
    last = torch.compiler.is_compiling() or not torch.is_grad_enabled()
    if not last or transforms_active():  # a derivative of this may be wanted
        return grad * _in_probabilities(p, y)
    slope = _slope_in_probabilities(p, y)
    endless = torch.isinf(slope)
    if is_plain(grad, p, y) and not endless.any():
        return grad * slope
    product = torch.where(endless & (p > 0) & (p < 0.5), grad * (p - y) / p, grad * slope)
    return torch.where(endless & (grad == 0), 0, product)


def _minus_logit(p: Tensor) -> Tensor:
    return torch.log1p(-p) - torch.log(p)


def _backward(
    grad: Tensor, wanted: tuple[bool, ...], p: Tensor, y: Tensor
) -> tuple[Tensor | None, ...]:
    return (
        _times_slope(grad, p, y) if wanted[0] else None,
        grad * _minus_logit(p) if wanted[1] else None,
    )


def _forward_mode(tangents: tuple[Tensor | None, ...], p: Tensor, y: Tensor) -> Tensor:
    terms = [
        None if tangents[0] is None else tangents[0] * _in_probabilities(p, y),
        None if tangents[1] is None else tangents[1] * _minus_logit(p),
    ]
    return sum_of_terms(*terms)


_differentiable_loss_of_probabilities = differentiable(
    _loss_in_probabilities, _backward, _forward_mode
)


def loss_of_probabilities(p: Tensor, y: Tensor) -> Tensor:
    """Return -(y log p + (1 - y) log1p(-p)) elementwise, with 0 log 0 = 0."""
    return _differentiable_loss_of_probabilities(p, y)
