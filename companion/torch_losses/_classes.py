"""The twin of PyTorch's cross-entropy over K classes."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from companion.contracts import check_smoothing
from companion.torch_losses._contracts import (
    as_number,
    check_index,
    check_labels,
    check_pair,
    check_tensor,
    check_weight,
    working,
)
from companion.torch_losses._log_losses import log_losses
from companion.torch_losses._modes import overridable
from companion.torch_losses._pieces import total
from companion.torch_losses._reductions import (
    along,
    but_0,
    check_reduction,
    reduce_losses,
    times,
    unsqueezed,
)
from companion.torch_losses._right_class import loss_of_class

__all__ = ["cross_entropy"]


@overridable
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
        Class indices, an integer tensor of the shape without the classes (for one row also (1,)),
        or class probabilities in [0, 1], a floating-point tensor of the shape of `input`.
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
        If a class index is negative or not less than K, and not `ignore_index`. Where the numbers
        cannot be looked at, as under `torch.compile`, its loss is NaN instead.

    Examples
    --------
    >>> loss = cross_entropy(torch.tensor([0.0, 40.0]), torch.tensor(1))
    >>> print(f"{loss.item():.4e}")
    4.2484e-18

    A class of label 0 that is masked out by a logit of -inf has no part in the loss nor in its
    derivative, backward or in forward mode (`jvp`):

    >>> z = torch.tensor([-torch.inf, 0.0, 0.0])
    >>> torch.func.grad(lambda z: cross_entropy(z, torch.tensor(1)))(z)
    tensor([ 0.0000, -0.5000,  0.5000])
    """
    reduction = check_reduction(size_average, reduce, reduction, ("none", "mean", "sum"))
    smoothing = check_smoothing(as_number("label_smoothing", label_smoothing))
    check_tensor("input", input)
    check_tensor("target", target)
    dim = 1 if input.ndim > 1 else 0
    if input.ndim == 1 and target.shape == (1,) and not target.is_floating_point():
        target = target.squeeze(0)  # PyTorch's other form for one row
    if target.is_floating_point() and target.shape == input.shape:
        dtype, z, q = check_pair("input", input, target)
        q = check_labels(q, dialect="torch classes")
        weight = check_weight("weight", weight, z.shape[dim : dim + 1], z, exactly=True)
        _warn_of_one_class(z, dim)
        return reduce_losses(_of_probabilities(z, q, weight, smoothing, dim), reduction, dtype)
    dtype, z = working("input", input)
    left_out, index, allowed = check_index(target, z, dim, ignore_index)
    weight = check_weight("weight", weight, z.shape[dim : dim + 1], z, exactly=True)
    _warn_of_one_class(z, dim)
    losses, mass = _of_indices(z, index, left_out, weight, smoothing, dim)
    if allowed is not None:
        # A sum: for where(allowed, losses, nan) the compiler would keep `allowed`, which costs more
        losses = losses + torch.where(allowed, losses.new_zeros(()), torch.nan)
    if reduction == "mean" and mass is not None:
        return (total(losses) / total(mass)).to(dtype)
    return reduce_losses(losses, reduction, dtype)


def _warn_of_one_class(z: Tensor, dim: int) -> None:
    if z.shape[dim] == 1:
        warnings.warn(
            "input: expected two classes or more, got one, whose loss is always 0; for one yes/no "
            "question use binary_cross_entropy_with_logits",
            stacklevel=4,
        )


def _of_indices(
    z: Tensor,
    index: Tensor,
    left_out: Tensor | None,
    weight: Tensor | None,
    smoothing: float,
    dim: int,
) -> tuple[Tensor, Tensor | None]:
    """Return the loss of each element, and the weight of its class, None for 1.

    Both are 0 where the element is left out.
    """
    losses = loss_of_class(z, index, left_out, dim)
    mass = None if left_out is None else (~left_out).to(z.dtype)
    if weight is not None:
        mass = but_0(left_out, weight[but_0(left_out, index)])
        losses = times(mass, losses)
    if smoothing:
        unseen = unsqueezed(left_out, dim)
        of_class = log_losses(but_0(unseen, z), dim)
        of_class = of_class if weight is None else times(along(weight, z, dim), of_class)
        spread = smoothing / z.shape[dim] * torch.sum(of_class, dim)
        losses = (1 - smoothing) * losses + but_0(left_out, spread)
    return losses, mass


def _of_probabilities(
    z: Tensor, q: Tensor, weight: Tensor | None, smoothing: float, dim: int
) -> Tensor:
    """Return the loss of each element."""
    if smoothing:
        q = q * (1 - smoothing) + smoothing / z.shape[dim]
    if weight is not None:
        q = along(weight, z, dim) * q
    return torch.sum(times(q, log_losses(z, dim)), dim)
