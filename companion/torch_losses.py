"""Twins of PyTorch's cross-entropies: the same calls, right to the last digits.

Replace ``from torch.nn.functional import …`` by ``from companion.torch_losses import …``, or
``nn.BCEWithLogitsLoss`` by `BCEWithLogitsLoss`: parameters, positions, defaults and reductions are
PyTorch's. What differs:

- values and derivatives keep their digits in both tails, where PyTorch's lose all of them, for
  every float dtype (float16 and bfloat16 are computed in float32), and infinite logits give the
  limit;
- derivatives of every order are right, at 0 too, and reach the targets;
- labels outside [0, 1], class indices out of range and shapes that do not fit are refused, at once
  or, under `torch.compile`, by an assertion that runs beside the loss (a RuntimeError);
- the binary losses take `label_smoothing`;
- `binary_cross_entropy` is exact where PyTorch stops every logarithm at -100: a probability of 0
  for label 1 costs inf. A script that feeds it a saturated sigmoid therefore sees inf and NaN; the
  way out is `binary_cross_entropy_with_logits` on the logits.

Any device; `torch.func` and forward mode work in eager mode. The formulas are in
`companion.torch_formulas`, the checks in `companion.torch_contracts`.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from companion.contracts import check_choice, check_fraction
from companion.torch_contracts import (
    check_index,
    check_labels,
    check_pair,
    check_probabilities,
    check_tensor,
    check_weight,
    working,
)
from companion.torch_formulas import (
    log_losses,
    loss_of_logits,
    loss_of_probabilities,
    total_loss_of_logits,
)
from companion.torch_loops import total

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
]


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    *,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the binary cross-entropy of probabilities, as `torch.nn.functional` does but exact.

    Parameters
    ----------
    input : Tensor
        Probabilities in [0, 1], any shape.
    target : Tensor
        Labels in [0, 1]; the shape of `input`, unless one of the two has no dimension.
    weight : Tensor, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the target.
    size_average, reduce : bool, optional
        Deprecated, as in PyTorch.
    reduction : {"mean", "sum", "none"}
        "mean" divides by the number of elements.
    label_smoothing : float
        ε in [0, 1]: the labels become y (1 - ε) + ε / 2.

    Returns
    -------
    Tensor
        The loss in nats, in the wider dtype of `input` and `target`.

    Raises
    ------
    TypeError
        If an argument is no floating-point tensor.
    ValueError
        If shapes, devices or ranges do not fit.

    Examples
    --------
    >>> binary_cross_entropy(torch.tensor([0.5, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931,    inf])
    """
    reduction = _reduction(size_average, reduce, reduction)
    dtype, p, y = check_pair("input", input, target)
    check_probabilities(p)
    check_labels(y)
    losses = loss_of_probabilities(p, _smoothed(y, label_smoothing))
    return _reduced(_weighed(losses, weight, y.shape), reduction, dtype)


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
) -> Tensor:
    """Return the binary cross-entropy of logits, as `torch.nn.functional` does but accurate.

    Parameters
    ----------
    input : Tensor
        Logits, any shape, any float: ±inf gives the limit, NaN gives NaN.
    target, weight, size_average, reduce, reduction, label_smoothing
        As in `binary_cross_entropy`.
    pos_weight : Tensor, optional
        Multiplies the term of label 1; finite, at least 0, broadcasts to the target.

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
    Unreduced and unweighted, value and gradient are within 2 ULP in float64 and 3 in float32 for
    labels 0 and 1, and correctly rounded from float32 in half precision.

    Examples
    --------
    >>> z = torch.tensor([-20.0], requires_grad=True)
    >>> loss = binary_cross_entropy_with_logits(z, torch.tensor([0.0]))
    >>> print(f"{loss.item():.3e}")
    2.061e-09
    """
    reduction = _reduction(size_average, reduce, reduction)
    dtype, z, y = check_pair("input", input, target)
    check_labels(y)
    if pos_weight is not None:
        pos_weight = check_weight("pos_weight", pos_weight, y.shape, z).expand(y.shape)
    smoothed = _smoothed(y, label_smoothing)
    if weight is None and reduction != "none":
        divisor = z.numel() if reduction == "mean" else 1
        loss = total_loss_of_logits(z, smoothed, pos_weight, divisor=divisor)
        return loss if loss.dtype == dtype else loss.to(dtype)
    losses = loss_of_logits(z, smoothed, pos_weight)
    return _reduced(_weighed(losses, weight, y.shape), reduction, dtype)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of logits over K classes, as `torch.nn.functional` does.

    Parameters
    ----------
    input : Tensor
        Logits, shape (K,), (N, K) or (N, K, …): the classes are dimension 1, or 0 if it is alone.
    target : Tensor
        Class indices, an integer tensor of the shape without the classes, or class probabilities
        in [0, 1], a floating-point tensor of the shape of `input`.
    weight : Tensor, optional
        One number for each class, (K,), finite and at least 0.
    size_average, reduce : bool, optional
        Deprecated, as in PyTorch.
    ignore_index : int
        The class index of elements to leave out; without effect on class probabilities.
    reduction : {"mean", "sum", "none"}
        For class indices "mean" divides by the weights of the right classes, for class
        probabilities by the number of elements: PyTorch's two denominators.
    label_smoothing : float
        ε in [0, 1]: a label q becomes (1 - ε) q + ε / K.

    Returns
    -------
    Tensor
        The loss in nats, in the dtype of `input`.

    Raises
    ------
    TypeError, ValueError
        As in `binary_cross_entropy`.
    IndexError
        If a class index is negative or not less than K, and not `ignore_index`.

    Examples
    --------
    >>> loss = cross_entropy(torch.tensor([0.0, 40.0]), torch.tensor(1))
    >>> print(f"{loss.item():.4e}")
    4.2484e-18
    """
    reduction = _reduction(size_average, reduce, reduction)
    smoothing = check_fraction("label_smoothing", label_smoothing)
    check_tensor("input", input)
    check_tensor("target", target)
    dim = 1 if input.ndim > 1 else 0
    if target.is_floating_point() and target.shape == input.shape:
        dtype, z, q = check_pair("input", input, target)
        check_labels(q)
        return _of_probabilities(z, q, weight, smoothing, dim, reduction, dtype)
    dtype, z = working("input", input)
    ignored, index = check_index(target, z, dim, ignore_index)
    z = torch.where(ignored.unsqueeze(dim), 0, z)
    losses = log_losses(z, dim)
    each = torch.gather(losses, dim, index.unsqueeze(dim)).squeeze(dim)
    mass = (~ignored).to(z.dtype)
    if weight is not None:
        weight = check_weight("weight", weight, (z.shape[dim],), z, exactly=True)
        mass = torch.where(ignored, 0, weight[index])
        each = _times(mass, each)
    if smoothing:
        spread = losses if weight is None else _times(_along(weight, z, dim), losses)
        each = (1 - smoothing) * each + smoothing / z.shape[dim] * torch.sum(spread, dim)
    each = torch.where(ignored, 0, each)
    if reduction == "mean":
        return (total(each) / total(mass)).to(dtype)
    return _reduced(each, reduction, dtype)


def _of_probabilities(
    z: Tensor,
    q: Tensor,
    weight: Tensor | None,
    smoothing: float,
    dim: int,
    reduction: str,
    dtype: torch.dtype,
) -> Tensor:
    if smoothing:
        q = q * (1 - smoothing) + smoothing / z.shape[dim]
    if weight is not None:
        weight = check_weight("weight", weight, (z.shape[dim],), z, exactly=True)
        q = _along(weight, z, dim) * q
    each = torch.sum(_times(q, log_losses(z, dim)), dim)
    return _reduced(each, reduction, dtype)


class BCELoss(nn.BCELoss):
    """The module of `binary_cross_entropy`; a `torch.nn.BCELoss` with `label_smoothing`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        *,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.label_smoothing = check_fraction("label_smoothing", label_smoothing)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, probabilities."""
        return binary_cross_entropy(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(nn.BCEWithLogitsLoss):
    """The module of `binary_cross_entropy_with_logits`, with `label_smoothing`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        *,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.label_smoothing = check_fraction("label_smoothing", label_smoothing)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, logits."""
        return binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
            label_smoothing=self.label_smoothing,
        )


class CrossEntropyLoss(nn.CrossEntropyLoss):
    """The module of `cross_entropy`; a `torch.nn.CrossEntropyLoss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, logits."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


def _reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
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


def _smoothed(y: Tensor, label_smoothing: float) -> Tensor:
    smoothing = check_fraction("label_smoothing", label_smoothing)
    return y * (1 - smoothing) + smoothing / 2 if smoothing else y


def _weighed(losses: Tensor, weight: Tensor | None, shape: torch.Size) -> Tensor:
    if weight is None:
        return losses
    return _times(check_weight("weight", weight, shape, losses), losses)


def _times(weight: Tensor, losses: Tensor) -> Tensor:
    """Return the product, with weight 0 times infinity as 0."""
    return weight * torch.where((weight == 0) & torch.isinf(losses), 0, losses)


def _along(weight: Tensor, z: Tensor, dim: int) -> Tensor:
    return weight.reshape([-1 if d == dim else 1 for d in range(z.ndim)])


def _reduced(losses: Tensor, reduction: str, dtype: torch.dtype) -> Tensor:
    if reduction == "mean":
        losses = total(losses) / losses.numel()
    elif reduction == "sum":
        losses = total(losses)
    return losses if losses.dtype == dtype else losses.to(dtype)
