"""The twin of PyTorch's binary cross-entropy of probabilities, with its derivatives written out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from companion.contracts import check_smoothing
from companion.torch_losses._autograd import differentiable, sum_of_terms
from companion.torch_losses._contracts import (
    as_number,
    check_pair,
    check_probabilities,
    check_weight,
)
from companion.torch_losses._ignored import check_ignore_index, leave_out
from companion.torch_losses._modes import is_plain, overridable
from companion.torch_losses._reductions import check_reduction, reduce_losses, smoothed

__all__ = ["binary_cross_entropy", "loss_of_probabilities"]

_Factors = tuple[Tensor | None, ...]


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
        Multiplies each element's loss; finite, at least 0, broadcasts to the losses. A mask or
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

    Notes
    -----
    At probabilities of 0 and 1 each derivative is the limit from inside, which may be infinite, the
    same in reverse and in forward mode; PyTorch's slopes stop at 1e12 there and are 0 where the
    answer is right, whose slope is 1 or -1. An element of weight 0, or without a part in the
    tangent, adds 0, also where its slope is infinite.

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


# A derivative comes times a number, the gradient or tangent that it is wanted for, and the product
# is formed whole: near 0 the derivative alone may overflow, and where it is infinite 0 times it is
# 0, the limit from inside.


def _slope_times(a: Tensor, p: Tensor, y: Tensor) -> Tensor:
    slope = (p - y) / (p * (1 - p))
    slope = torch.where(torch.isnan(slope), 1 - 2 * p, slope)  # 0 / 0: the limits 1 and -1
    endless = torch.isinf(slope)
    if is_plain(a, p, y) and not endless.any():
        return a * slope
    product = torch.where(endless & (p > 0) & (p < 0.5), a * (p - y) / p, a * slope)
    return torch.where(endless & (a == 0), 0, product)


def _over_power(a: Tensor, p: Tensor, order: int) -> Tensor:
    quotient = a
    for _ in range(order):
        quotient = quotient / p
    return torch.where(a == 0, 0, quotient)


def _times_derivative(a: Tensor, p: Tensor, y: Tensor, order: int) -> Tensor:
    """Return a (n - 1)! ((-1)^n y / p^n + (1 - y) / (1 - p)^n), the order n in p being above 0."""
    if order == 1:
        return _slope_times(a, p, y)
    yes, no = _over_power(a * y, p, order), _over_power(a * (1 - y), 1 - p, order)
    return math.factorial(order - 1) * ((-1) ** order * yes + no)


def _times_derivative_in_label(a: Tensor, p: Tensor, order: int) -> Tensor:
    """Return a times the derivative in y, log(1 - p) - log(p), or that of some order in p."""
    if order:
        yes, no = _over_power(a, p, order), _over_power(a, 1 - p, order)
        return math.factorial(order - 1) * ((-1) ** order * yes - no)
    slope = torch.log1p(-p) - torch.log(p)
    return torch.where(torch.isinf(slope) & (a == 0), 0, a * slope)


def _terms(factors: _Factors, a: Tensor, p: Tensor, y: Tensor, order: int) -> _Factors:
    """Return each factor times what it meets of a times the derivative, differentiated."""
    of_a, of_p, of_y = factors[:3]
    return (
        None if of_a is None else _derivative_times(of_a, p, y, order),
        None if of_p is None else _derivative_times(of_p * a, p, y, order + 1),
        None if of_y is None else _derivative_in_label_times(of_y * a, p, order),
    )


def _terms_in_label(factors: _Factors, a: Tensor, p: Tensor, order: int) -> _Factors:
    of_a, of_p = factors[:2]
    return (
        None if of_a is None else _derivative_in_label_times(of_a, p, order),
        None if of_p is None else _derivative_in_label_times(of_p * a, p, order + 1),
    )


def _terms_of_loss(factors: _Factors, p: Tensor, y: Tensor) -> _Factors:
    of_p, of_y = factors
    return (
        None if of_p is None else _derivative_times(of_p, p, y, 1),
        None if of_y is None else _derivative_in_label_times(of_y, p, 0),
    )


def _made_of(
    formula: Callable[..., Tensor], terms: Callable[..., _Factors]
) -> Callable[..., Tensor]:
    """Return `formula` with derivatives that are sums of `terms`, in either mode."""

    def backward(grad: Tensor, wanted: tuple[bool, ...], *inputs: Any) -> _Factors:
        return terms(tuple(grad if each else None for each in wanted), *inputs)

    def forward_mode(tangents: _Factors, *inputs: Any) -> Tensor:
        return sum_of_terms(*terms(tangents, *inputs))

    return differentiable(formula, backward, forward_mode)


_derivative_times = _made_of(_times_derivative, _terms)
_derivative_in_label_times = _made_of(_times_derivative_in_label, _terms_in_label)
_differentiable_loss = _made_of(_loss_in_probabilities, _terms_of_loss)


def loss_of_probabilities(p: Tensor, y: Tensor) -> Tensor:
    """Return -(y log p + (1 - y) log1p(-p)) elementwise, with 0 log 0 = 0."""
    return _differentiable_loss(p, y)
