"""The focal loss with torchvision's signature, differentiable in the logits as often as you like.

With c the cross-entropy and m = y σ(-z) + (1 - y) σ(z) the loss is m^γ c. Its slope in z is
m^γ (c' + γ c d), where d, the slope of log m, is (1 - a) σ(-z) - a σ(z) with a = y σ(-z) / m,
computed as σ(logit(y) - z): no power of a negative exponent, no quotient that can be 0 / 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from companion.contracts import check_number
from companion.torch_losses._autograd import with_slopes
from companion.torch_losses._contracts import as_number, check_pair
from companion.torch_losses._ignored import check_ignore_index, leave_out
from companion.torch_losses._logits import loss_of_logits, sigmoid, slope_in_logits
from companion.torch_losses._modes import overridable
from companion.torch_losses._reductions import check_reduction, reduce_losses

__all__ = ["focal_loss_of_logits", "sigmoid_focal_loss"]


@overridable
def sigmoid_focal_loss(
    inputs: Tensor,
    targets: Tensor,
    alpha: float = 0.25,
    gamma: float = 2,
    reduction: str = "none",
    *,
    ignore_index: float | None = None,
) -> Tensor:
    """Return the focal loss, as `torchvision.ops.sigmoid_focal_loss` does but accurate.

    Parameters
    ----------
    inputs : Tensor
        Logits, any shape, float16 or bfloat16 to float64: ±inf gives the limit, NaN gives NaN.
    targets : Tensor
        Labels in [0, 1]; the shape of `inputs`, unless one of the two has no dimension.
    alpha : float
        α in [0, 1] weighs label 1, and 1 - α label 0; a negative number is no weight, 1 for both.
    gamma : float
        γ, finite and at least 0: how fast attention falls with confidence.
    reduction : {"none", "mean", "weighted_mean", "sum"}
        "mean" divides by the number of elements, "weighted_mean" by the sum of their α.
    ignore_index : float, optional
        The label that marks elements to leave out, such as -1, 255 or NaN. Their loss and gradient
        are 0, whatever `inputs` is there, and no mean counts them.

    Returns
    -------
    Tensor
        The loss in nats, in the wider dtype of `inputs` and `targets`. A mean of nothing is NaN.

    Raises
    ------
    TypeError
        If `inputs` or `targets` is no floating-point tensor, or an option has the wrong type.
    ValueError
        If shapes, devices, ranges or options do not fit.

    Notes
    -----
    Differentiated by rule, the usual formula gives NaN for γ < 1 where the answer is certain.
    Derivatives in the logits may be repeated. Those in the targets may, where the
    answer is not certain: where σ of a logit rounds to 0 some of second order, and for γ < 1 of
    first order, are NaN or infinite.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), equations 4 and 5.

    Examples
    --------
    >>> z = torch.tensor([40.0, -40.0], requires_grad=True)
    >>> loss = sigmoid_focal_loss(z, torch.tensor([1.0, 1.0]), gamma=0.5, reduction="sum")
    >>> print(*(f"{slope:.4e}" for slope in torch.autograd.grad(loss, z)[0].tolist()))
    -3.2837e-27 -2.5000e-01
    """
    reduction = check_reduction(None, None, reduction)
    gamma = check_number(
        "gamma", as_number("gamma", gamma), "[0, inf)", "2 is usual, 0 is the cross-entropy"
    )
    alpha = check_number(
        "alpha", as_number("alpha", alpha), "[-inf, 1]", "0.25 is usual, -1 switches it off"
    )
    ignore_index = check_ignore_index(ignore_index)
    dtype, z, y = check_pair("inputs", inputs, targets, "targets")
    ignored, z, y = leave_out(z, targets, y, ignore_index, "targets")
    losses = focal_loss_of_logits(z, y, gamma)
    weight = alpha * y + (1 - alpha) * (1 - y) if alpha >= 0 else None
    return reduce_losses(losses, reduction, dtype, weight, ignored=ignored)


def _miss(z: Tensor, y: Tensor) -> Tensor:
    return y * sigmoid(-z) + (1 - y) * sigmoid(z)


def _share_of_yes(z: Tensor, y: Tensor) -> Tensor:
    """Return a = y σ(-z) / m = σ(logit(y) - z)."""
    return torch.where((y == 0) | (y == 1), y, torch.sigmoid(torch.logit(y) - z))


def _share_of_no(z: Tensor, y: Tensor) -> Tensor:
    """Return 1 - a with the digits of a label near 0, which 1 - y would lose."""
    return torch.where((y == 0) | (y == 1), 1 - y, torch.sigmoid(z - torch.logit(y)))


def _shares_product(z: Tensor, y: Tensor) -> Tensor:
    return _share_yes(z, y) * _share_no(z, y)


def _share_in_labels(z: Tensor, y: Tensor) -> Tensor:
    miss = _miss(z, y)
    return sigmoid(z) / miss * (sigmoid(-z) / miss)


_share_yes = with_slopes(_share_of_yes, lambda z, y: -_shares_product(z, y), _share_in_labels)
_share_no = with_slopes(_share_of_no, _shares_product, lambda z, y: -_share_in_labels(z, y))


def _focus(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    return (y * torch.sigmoid(-z) + (1 - y) * torch.sigmoid(z)) ** gamma


def _log_miss_in_logits(z: Tensor, y: Tensor) -> Tensor:
    return _share_no(z, y) * sigmoid(-z) - _share_yes(z, y) * sigmoid(z)


def _focus_in_logits(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    return gamma * _log_miss_in_logits(z, y) * _differentiable_focus(z, y, gamma)


def _focus_in_labels(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    return gamma * _differentiable_focus(z, y, gamma - 1) * (sigmoid(-z) - sigmoid(z))


_differentiable_focus = with_slopes(_focus, _focus_in_logits, _focus_in_labels)


def _focal(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    return _focus(z, y, gamma) * loss_of_logits(z, y)


def _focal_in_logits(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    endless = torch.isinf(z)
    finite = torch.where(endless, 0, z)
    attention = loss_of_logits(finite, y) * _log_miss_in_logits(finite, y)
    slope = slope_in_logits(z, y) + gamma * torch.where(endless, 0, attention)
    return _differentiable_focus(z, y, gamma) * slope


def _focal_in_labels(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    loss, focus = loss_of_logits(z, y), _differentiable_focus(z, y, gamma)
    # A certain right answer leaves 0 * inf in both terms, whose limit is 0.
    by_loss = torch.where(torch.isinf(z) & (focus == 0), 0, z * focus)
    if not gamma:
        return -by_loss
    return torch.where(loss == 0, 0, _focus_in_labels(z, y, gamma) * loss) - by_loss


_differentiable_focal = with_slopes(_focal, _focal_in_logits, _focal_in_labels)


def focal_loss_of_logits(z: Tensor, y: Tensor, gamma: float) -> Tensor:
    """Return m^γ times the cross-entropy elementwise, for one shape."""
    return _differentiable_focal(z, y, gamma)
