"""Binary cross-entropy: value, gradient, Hessian and Jacobian, from logits or from probabilities.

For a label y in [0, 1] and a probability p the loss is -(y log p + (1 - y) log(1 - p)), in nats;
from a logit z it is the same with p = σ(z), but computed without ever forming p. Prefer logits:
a probability that has rounded to 1 has lost what the loss would need.

Read `companion._numpy.binary` for the formulas, one block of elements at a time, and
`companion._numpy.elementwise` for what every call has in common: checks, weights, reductions.
The functions here only name what they want; the Jacobian puts a gradient on a diagonal.

All derivatives are with respect to the first argument and, the Jacobian aside, of the *reduced*
loss. Where that argument is a scalar and the labels are an array, a reduced derivative is the sum
over the elements.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from companion._numpy.binary import LOGITS, PROBABILITIES
from companion._numpy.elementwise import evaluate_elementwise
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE
from companion._numpy.types import Floats
from companion.contracts import as_array, check_unit_interval

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "binary_cross_entropy_hessian",
    "binary_cross_entropy_jacobian",
    "binary_cross_entropy_value_and_gradient",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_gradient",
    "binary_cross_entropy_with_logits_hessian",
    "binary_cross_entropy_with_logits_value_and_gradient",
]


def binary_cross_entropy_with_logits(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the binary cross-entropy of logits, log1p(exp(-|z|)) + z ([z > 0] - y).

    Parameters
    ----------
    logits : array_like
        z, any shape, float16 to float64: ±inf gives the limit, NaN gives NaN.
    labels : array_like
        y in [0, 1], ends included; the shape of `logits`, unless one of the two is a scalar.
    weight : array_like, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the losses.
    pos_weight : array_like, optional
        Multiplies the term of label 1; finite, at least 0, broadcasts to the losses.
    label_smoothing : float
        ε in [0, 1]: the labels become y (1 - ε) + ε / 2.
    reduction : {"mean", "weighted_mean", "batchmean", "sum", "none"}
        "mean" divides the sum by the count, "weighted_mean" by the sum of the weights applied,
        weight (pos_weight y + 1 - y), "batchmean" by the length of the first axis.
    workers : int, optional
        Threads for large arrays; None is 1, -1 all processors that the process may use. The result
        does not depend on it.

    Returns
    -------
    numpy scalar or numpy.ndarray
        The loss in nats, at least 0; for "none" one for each element. The dtype is that of the
        arguments (integers give float64), but a reduced loss of float16 is a float32, for a sum of
        float16 overflows at 65504. float16 is computed in float32, and sums run in float64.

    Raises
    ------
    TypeError
        If an argument is no array of real numbers (tensors and masked arrays included).
    ValueError
        If shapes differ, a label lies outside [0, 1] or is NaN, a weight is negative, infinite or
        NaN, an option is unknown, or the mean of nothing is asked for.

    Notes
    -----
    Unreduced and unweighted the value is within 3 ULP in float64 and 4 in float32 of the exact one,
    in both tails. Weight 0 times an infinite loss is 0.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), section 4.4.1.

    Examples
    --------
    At logit -40 a right answer costs little, but not nothing; at 1000 a wrong one costs its logit:

    >>> print(f"{binary_cross_entropy_with_logits(-40.0, 0):.6e}")
    4.248354e-18
    >>> print(binary_cross_entropy_with_logits([np.inf, 1000.0], [1, 0], reduction="none"))
    [   0. 1000.]
    """
    return evaluate_elementwise(
        LOGITS,
        VALUE,
        logits,
        labels,
        weight,
        reduction,
        workers,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_with_logits_gradient(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the gradient with respect to the logits: elementwise σ(z) - y, divided as the loss is.

    Parameters and exceptions are those of `binary_cross_entropy_with_logits`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `logits`; for "none" that of the losses.

    Notes
    -----
    Computed as k ± e / (1 + e) with e = exp(-|z|) and k = [z > 0] - y. For labels 0 and 1 within
    3 ULP in float64; for soft labels within 3 ulp of max(σ, y).

    Examples
    --------
    σ(40) - 1 would round to 0:

    >>> print(f"{binary_cross_entropy_with_logits_gradient(40.0, 1):.6e}")
    -4.248354e-18
    """
    return evaluate_elementwise(
        LOGITS,
        GRADIENT,
        logits,
        labels,
        weight,
        reduction,
        workers,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_with_logits_hessian(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the diagonal of the Hessian in the logits: σ(z) σ(-z), divided as the loss is.

    The off-diagonal elements are 0. Parameters and exceptions are those of
    `binary_cross_entropy_with_logits`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `logits`, for "none" that of the losses; at least 0, since the loss is convex
        in the logits.

    Notes
    -----
    Computed as e / (1 + e)² with e = exp(-|z|), in float64 for float32 arguments: within 5 ULP in
    float64, and correctly rounded or next to it in float32.

    Examples
    --------
    >>> float(binary_cross_entropy_with_logits_hessian(0.0, 1))
    0.25
    """
    return evaluate_elementwise(
        LOGITS,
        HESSIAN,
        logits,
        labels,
        weight,
        reduction,
        workers,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_with_logits_value_and_gradient(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> tuple[Floats, Floats]:
    """Return the loss and its gradient with respect to the logits from one pass over the data.

    Parameters, exceptions and both results are those of `binary_cross_entropy_with_logits` and
    `binary_cross_entropy_with_logits_gradient`.

    Examples
    --------
    >>> value, gradient = binary_cross_entropy_with_logits_value_and_gradient([0.0, 0.0], [1, 0])
    >>> bool(value == np.log(2)), gradient
    (True, array([-0.25,  0.25]))
    """
    return evaluate_elementwise(
        LOGITS,
        BOTH,
        logits,
        labels,
        weight,
        reduction,
        workers,
        pos_weight=pos_weight,
        label_smoothing=label_smoothing,
    )


def binary_cross_entropy(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the binary cross-entropy of probabilities, -(y log p + (1 - y) log1p(-p)).

    Parameters
    ----------
    probabilities : array_like
        p in [0, 1], ends included, any shape. If you have logits, do not take their sigmoid first:
        call `binary_cross_entropy_with_logits`.
    labels : array_like
        y in [0, 1], ends included; the shape of `probabilities`, unless one of the two is a scalar.
    weight : array_like, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the losses.
    label_smoothing : float
        ε in [0, 1]: the labels become y (1 - ε) + ε / 2.
    reduction : {"mean", "weighted_mean", "batchmean", "sum", "none"}
        "mean" divides the sum by the count, "weighted_mean" by the sum of the weights, "batchmean"
        by the length of the first axis.
    workers : int, optional
        Threads for large arrays; None is 1, -1 all processors that the process may use. The result
        does not depend on it.

    Returns
    -------
    numpy scalar or numpy.ndarray
        The loss in nats, at least 0; for "none" one for each element; of what dtype, see
        `binary_cross_entropy_with_logits`. Probability 0 for label 1 costs inf: nothing is clipped.

    Raises
    ------
    TypeError
        If an argument is no array of real numbers (tensors and masked arrays included).
    ValueError
        If shapes differ, a probability or label lies outside [0, 1] or is NaN, a weight is
        negative, infinite or NaN, an option is unknown, or the mean of nothing is asked for.

    Notes
    -----
    0 log 0 is 0. Unreduced and unweighted within 3 ULP in float64 and 5 in float32 of the exact
    value; the rounding error of 1 - y is carried along.

    Examples
    --------
    >>> print(binary_cross_entropy([0.0, 1.0, 0.0], [0, 1, 1], reduction="none"))
    [ 0.  0. inf]
    """
    return evaluate_elementwise(
        PROBABILITIES,
        VALUE,
        probabilities,
        labels,
        weight,
        reduction,
        workers,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_gradient(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the gradient in the probabilities: (p - y) / (p (1 - p)), divided as the loss is.

    Parameters and exceptions are those of `binary_cross_entropy`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `probabilities`; for "none" that of the losses. At p = 0 and p = 1 the limit
        from inside: ±inf on the wrong side of a hard label, 1 at p = y = 0, -1 at p = y = 1.

    Notes
    -----
    Within 4 ULP in float64 and float32. With smoothed labels, within 3 machine epsilons of the
    larger of y / p and (1 - y) / (1 - p), which cancel where p is near y. Where the quotient
    overflows, its product with weight / divisor does so only if that is too large itself.

    Examples
    --------
    >>> print(binary_cross_entropy_gradient([0.0, 1.0, 0.0], [0, 1, 1], reduction="none"))
    [  1.  -1. -inf]
    """
    return evaluate_elementwise(
        PROBABILITIES,
        GRADIENT,
        probabilities,
        labels,
        weight,
        reduction,
        workers,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_hessian(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the diagonal of the Hessian in the probabilities: y / p² + (1 - y) / (1 - p)².

    The off-diagonal elements are 0; divided as the loss is. Parameters and exceptions are those of
    `binary_cross_entropy`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `probabilities`, for "none" that of the losses; positive where the weight is,
        since the loss is strictly convex in them.

    Notes
    -----
    Within 4 ULP in float64.

    Examples
    --------
    >>> print(binary_cross_entropy_hessian([0.0, 0.5, 0.0], [0, 1, 1], reduction="none"))
    [ 1.  4. inf]
    """
    return evaluate_elementwise(
        PROBABILITIES,
        HESSIAN,
        probabilities,
        labels,
        weight,
        reduction,
        workers,
        label_smoothing=label_smoothing,
    )[0]


def binary_cross_entropy_value_and_gradient(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
    workers: int | None = None,
) -> tuple[Floats, Floats]:
    """Return the loss and its gradient in the probabilities from one pass over the data.

    Parameters, exceptions and both results are those of `binary_cross_entropy` and
    `binary_cross_entropy_gradient`.

    Examples
    --------
    >>> value, gradient = binary_cross_entropy_value_and_gradient([0.5, 0.5], [1, 0])
    >>> bool(value == np.log(2)), gradient
    (True, array([-1.,  1.]))
    """
    return evaluate_elementwise(
        PROBABILITIES,
        BOTH,
        probabilities,
        labels,
        weight,
        reduction,
        workers,
        label_smoothing=label_smoothing,
    )


def binary_cross_entropy_jacobian(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Floats:
    """Return the Jacobian of the N unreduced losses in the N probabilities, a diagonal matrix.

    Parameters
    ----------
    probabilities, labels, weight : array_like
        As in `binary_cross_entropy`; one-dimensional, N elements.
    label_smoothing : float
        As in `binary_cross_entropy`.

    Returns
    -------
    numpy.ndarray
        Shape (N, N): row i holds the derivatives of loss i. The diagonal is
        ``binary_cross_entropy_gradient(..., reduction="none")``.

    Raises
    ------
    ValueError
        If the losses are not one-dimensional, or as for `binary_cross_entropy`.

    Examples
    --------
    >>> binary_cross_entropy_jacobian([0.5, 0.25], [1, 0])
    array([[-2.        ,  0.        ],
           [ 0.        ,  1.33333333]])
    """
    check_unit_interval("labels", as_array("labels", labels), "jacobian")
    diagonal = binary_cross_entropy_gradient(
        probabilities, labels, weight=weight, label_smoothing=label_smoothing, reduction="none"
    )
    if diagonal.ndim != 1:
        raise ValueError(
            "probabilities: expected one dimension (N,) for an (N, N) Jacobian, "
            f"got shape {diagonal.shape}; pass .ravel() of probabilities and labels"
        )
    return np.diag(diagonal)
