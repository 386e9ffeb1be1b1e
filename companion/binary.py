"""Binary cross-entropy: value, gradient, Hessian and Jacobian, from logits or from probabilities.

For a label y in [0, 1] and a probability p the loss is -(y log p + (1 - y) log(1 - p)), in nats;
from a logit z it is the same with p = σ(z), but computed without ever forming p. Prefer logits:
a probability that has rounded to 1 has lost what the loss would need.

Read `_logits_block` and `_probabilities_block` for the formulas, one block of elements at a time;
`_evaluate` for what every call has in common; the public functions only name what they want.

All derivatives are of the *reduced* loss with respect to the first argument. Where that argument is
a scalar and the labels are an array, a reduced derivative is the sum over the elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion.blockwise import evaluate
from companion.contracts import (
    as_arrays,
    check_choice,
    check_fraction,
    common_shape,
    compute_dtype,
    count_workers,
    unit_interval_error,
    weight_error,
    weight_shape,
)
from companion.reduction import REDUCTIONS, denominator

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
) -> Any:
    """Return the binary cross-entropy of logits, log1p(exp(-|z|)) + z ([z > 0] - y).

    Parameters
    ----------
    logits : array_like
        z, any shape, any float: ±inf gives the limit, NaN gives NaN.
    labels : array_like
        y in [0, 1], ends included; the shape of `logits`, unless one of the two is a scalar.
    weight : array_like, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the labels.
    pos_weight : array_like, optional
        Multiplies the term of label 1; finite, at least 0, broadcasts to the labels.
    label_smoothing : float
        ε in [0, 1]: the labels become y (1 - ε) + ε / 2.
    reduction : {"mean", "weighted_mean", "sum", "none"}
        "mean" divides the sum by the count, "weighted_mean" by the sum of the weights applied,
        weight (pos_weight y + 1 - y).
    workers : int, optional
        Threads for large arrays; None is 1, -1 all processors. The result does not depend on it.

    Returns
    -------
    numpy scalar or numpy.ndarray
        The loss in nats, at least 0; an array for "none". float16 is computed in float32 and sums
        run in float64, but the dtype is that of the arguments (integers give float64).

    Raises
    ------
    TypeError
        If an argument is no array of real numbers (tensors and masked arrays included).
    ValueError
        If shapes differ, a label lies outside [0, 1] or is NaN, a weight is negative, infinite or
        NaN, an option is unknown, or the mean of nothing is asked for.

    Notes
    -----
    Unreduced and unweighted the value is within 2 ULP in float64 and 3 in float32 of the exact one,
    in both tails. Weight 0 times an infinite loss is 0.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), section 4.4.1.

    Examples
    --------
    A confident right answer costs little, but not nothing; a wrong one costs its logit:

    >>> print(f"{binary_cross_entropy_with_logits(-40.0, 0):.6e}")
    4.248354e-18
    >>> print(binary_cross_entropy_with_logits([np.inf, 1000.0], [1, 0], reduction="none"))
    [   0. 1000.]
    """
    return _evaluate(
        _logits_block,
        _VALUE,
        logits,
        labels,
        weight,
        pos_weight,
        label_smoothing,
        reduction,
        workers,
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
) -> Any:
    """Return the gradient with respect to the logits: elementwise σ(z) - y, divided as the loss is.

    Parameters and exceptions are those of `binary_cross_entropy_with_logits`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `logits`.

    Notes
    -----
    Computed as (k + q e) / (1 + e) with e = exp(-|z|), k = [z > 0] - y, q = [z <= 0] - y. For labels
    0 and 1 within 2 ULP in float64; for soft labels within 2 ulp of max(σ, y).

    Examples
    --------
    σ(40) - 1 would round to 0:

    >>> print(f"{binary_cross_entropy_with_logits_gradient(40.0, 1):.6e}")
    -4.248354e-18
    """
    return _evaluate(
        _logits_block,
        _GRADIENT,
        logits,
        labels,
        weight,
        pos_weight,
        label_smoothing,
        reduction,
        workers,
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
) -> Any:
    """Return the diagonal of the Hessian in the logits: σ(z) σ(-z), divided as the loss is.

    The off-diagonal elements are 0. Parameters and exceptions are those of
    `binary_cross_entropy_with_logits`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `logits`; at least 0, since the loss is convex in the logits.

    Notes
    -----
    Computed as e / (1 + e)² with e = exp(-|z|), in float64 for float32 arguments: within 4 ULP in
    float64, and correctly rounded or next to it in float32.

    Examples
    --------
    >>> float(binary_cross_entropy_with_logits_hessian(0.0, 1))
    0.25
    """
    return _evaluate(
        _logits_block,
        _HESSIAN,
        logits,
        labels,
        weight,
        pos_weight,
        label_smoothing,
        reduction,
        workers,
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
) -> tuple[Any, Any]:
    """Return the loss and its gradient with respect to the logits from one pass over the data.

    Parameters, exceptions and both results are those of `binary_cross_entropy_with_logits` and
    `binary_cross_entropy_with_logits_gradient`.

    Examples
    --------
    >>> value, gradient = binary_cross_entropy_with_logits_value_and_gradient([0.0, 0.0], [1, 0])
    >>> bool(value == np.log(2)), gradient
    (True, array([-0.25,  0.25]))
    """
    return _evaluate(
        _logits_block,
        _VALUE | _GRADIENT,
        logits,
        labels,
        weight,
        pos_weight,
        label_smoothing,
        reduction,
        workers,
    )


def binary_cross_entropy(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> Any:
    """Return the binary cross-entropy of probabilities, -(y log p + (1 - y) log1p(-p)).

    Parameters
    ----------
    probabilities : array_like
        p in [0, 1], ends included, any shape. If you have logits, do not take their sigmoid first:
        call `binary_cross_entropy_with_logits`.
    labels : array_like
        y in [0, 1], ends included; the shape of `probabilities`, unless one of the two is a scalar.
    weight : array_like, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the labels.
    reduction : {"mean", "weighted_mean", "sum", "none"}
        "mean" divides the sum by the count, "weighted_mean" by the sum of the weights.
    workers : int, optional
        Threads for large arrays; None is 1, -1 all processors. The result does not depend on it.

    Returns
    -------
    numpy scalar or numpy.ndarray
        The loss in nats, at least 0; an array for "none". Probability 0 for label 1 costs inf:
        nothing is clipped.

    Raises
    ------
    TypeError
        If an argument is no array of real numbers (tensors and masked arrays included).
    ValueError
        If shapes differ, a probability or label lies outside [0, 1] or is NaN, a weight is
        negative, infinite or NaN, an option is unknown, or the mean of nothing is asked for.

    Notes
    -----
    0 log 0 is 0. Unreduced and unweighted within 2 ULP in float64 and 3 in float32 of the exact
    value; the rounding error of 1 - y is carried along.

    Examples
    --------
    >>> print(binary_cross_entropy([0.0, 1.0, 0.0], [0, 1, 1], reduction="none"))
    [ 0.  0. inf]
    """
    return _evaluate(
        _probabilities_block, _VALUE, probabilities, labels, weight, None, 0.0, reduction, workers
    )[0]


def binary_cross_entropy_gradient(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> Any:
    """Return the gradient in the probabilities: (p - y) / (p (1 - p)), divided as the loss is.

    Parameters and exceptions are those of `binary_cross_entropy`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `probabilities`. At p = 0 and p = 1 the limit from inside: ±inf on the wrong
        side of a hard label, 1 at p = y = 0, -1 at p = y = 1.

    Notes
    -----
    Within 3 ULP in float64 and float32.

    Examples
    --------
    >>> print(binary_cross_entropy_gradient([0.0, 1.0, 0.0], [0, 1, 1], reduction="none"))
    [  1.  -1. -inf]
    """
    return _evaluate(
        _probabilities_block,
        _GRADIENT,
        probabilities,
        labels,
        weight,
        None,
        0.0,
        reduction,
        workers,
    )[0]


def binary_cross_entropy_hessian(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> Any:
    """Return the diagonal of the Hessian in the probabilities: y / p² + (1 - y) / (1 - p)².

    The off-diagonal elements are 0; divided as the loss is. Parameters and exceptions are those of
    `binary_cross_entropy`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `probabilities`; positive, since the loss is strictly convex in them.

    Notes
    -----
    Within 4 ULP in float64.

    Examples
    --------
    >>> print(binary_cross_entropy_hessian([0.0, 0.5, 0.0], [0, 1, 1], reduction="none"))
    [ 1.  4. inf]
    """
    return _evaluate(
        _probabilities_block, _HESSIAN, probabilities, labels, weight, None, 0.0, reduction, workers
    )[0]


def binary_cross_entropy_value_and_gradient(
    probabilities: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> tuple[Any, Any]:
    """Return the loss and its gradient in the probabilities from one pass over the data.

    Parameters, exceptions and both results are those of `binary_cross_entropy` and
    `binary_cross_entropy_gradient`.

    Examples
    --------
    >>> value, gradient = binary_cross_entropy_value_and_gradient([0.5, 0.5], [1, 0])
    >>> bool(value == np.log(2)), gradient
    (True, array([-1.,  1.]))
    """
    return _evaluate(
        _probabilities_block,
        _VALUE | _GRADIENT,
        probabilities,
        labels,
        weight,
        None,
        0.0,
        reduction,
        workers,
    )


def binary_cross_entropy_jacobian(
    probabilities: ArrayLike, labels: ArrayLike, *, weight: ArrayLike | None = None
) -> Any:
    """Return the Jacobian of the N unreduced losses in the N probabilities, a diagonal matrix.

    Parameters
    ----------
    probabilities, labels, weight : array_like
        As in `binary_cross_entropy`; one-dimensional, N elements.

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
    diagonal = binary_cross_entropy_gradient(probabilities, labels, weight=weight, reduction="none")
    if diagonal.ndim != 1:
        raise ValueError(
            "probabilities: expected one dimension (N,) for an (N, N) Jacobian, "
            f"got shape {diagonal.shape}; pass .ravel() of probabilities and labels"
        )
    return np.diag(diagonal)


_VALUE, _GRADIENT, _HESSIAN = 1, 2, 4


def _evaluate(
    block: Callable[..., None],
    want: int,
    first: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    pos_weight: ArrayLike | None,
    label_smoothing: float,
    reduction: str,
    workers: int | None,
) -> tuple[Any, ...]:
    """Check the arguments, run `block` over them, and return what `want` names, in order."""
    name = "logits" if block is _logits_block else "probabilities"
    check_choice("reduction", reduction, REDUCTIONS)
    workers = count_workers(workers)
    smoothing = check_fraction("label_smoothing", label_smoothing)
    (x, y, w, pos), dtype = as_arrays(
        **{name: first}, labels=labels, weight=weight, pos_weight=pos_weight
    )
    shape = common_shape(name, x, "labels", y)
    for weight_name, array in (("weight", w), ("pos_weight", pos)):
        if array is not None:
            weight_shape(weight_name, array, shape)
    # Hessians square a rounded number, so narrow floats need the wider one to keep their promise.
    working = np.dtype(np.float64) if want == _HESSIAN else compute_dtype(dtype)
    count = math.prod(shape)
    divisor = 1.0
    elementwise = reduction == "none" or x.ndim == len(shape)

    def prepare(operands: list[Any], scratch: np.ndarray) -> None:
        """Refuse labels and weights out of range; smooth the labels, in place in `operands`."""
        low, high = _extremes(operands[1])
        if not (low >= 0 and high <= 1):
            raise unit_interval_error("labels", y)
        if smoothing:
            operands[1] = np.multiply(operands[1], 1 - smoothing, out=scratch)
            operands[1] += smoothing / 2
        for i, weight_name, array in ((2, "weight", w), (3, "pos_weight", pos)):
            if array is not None:
                low, high = _extremes(operands[i])
                if not (low >= 0 and high < np.inf):
                    raise weight_error(weight_name, array)

    def applied_weight(operands: list[Any], _: list[Any], scratch: np.ndarray) -> tuple[float]:
        prepare(operands, scratch[1])
        _, y, w, pos = operands
        applied = scratch[0]
        applied[...] = 1.0 if pos is None else pos * y + (1 - y)
        if w is not None:
            applied *= w
        return (float(np.add.reduce(applied, dtype=np.float64)),)

    def kernel(operands: list[Any], outputs: list[Any], scratch: np.ndarray) -> tuple[float, float]:
        prepare(operands, scratch[-1])
        x, y, w, pos = operands
        value = _room(outputs[0], scratch[0], want & _VALUE)
        gradient = _room(outputs[1], scratch[1], want & _GRADIENT)
        hessian = _room(outputs[1], scratch[1], want & _HESSIAN)
        block(x, y, pos, (value, gradient, hessian), scratch[2:-1])
        totals = [0.0, 0.0]
        for i, result in ((0, value), (1, gradient), (1, hessian)):
            if result is None:
                continue
            if w is not None:
                _multiply(result, w)
            if i == 1 and divisor != 1.0:
                result /= divisor
            if outputs[i] is None:
                totals[i] = float(np.add.reduce(result, dtype=np.float64))
        return totals[0], totals[1]

    settings = {"shape": shape, "dtype": working, "workers": workers}
    if reduction == "weighted_mean":
        (total,) = evaluate(applied_weight, (x, y, w, pos), (), scratch=2, **settings) or (0.0,)
        divisor = denominator(reduction, count, total)
    else:
        divisor = denominator(reduction, count, 0.0)
    outputs = [
        np.empty(shape, dtype) if want & _VALUE and reduction == "none" else None,
        np.empty(shape, dtype) if want & ~_VALUE and elementwise else None,
    ]
    totals = evaluate(kernel, (x, y, w, pos), outputs, scratch=8, **settings) or (0.0, 0.0)
    results = []
    with np.errstate(all="ignore"):
        for kind, output, total, scale in zip(
            (_VALUE, ~_VALUE), outputs, totals, (divisor, 1.0), strict=True
        ):
            if want & kind:
                results.append(dtype.type(total / scale) if output is None else output[()])
    return tuple(results)


def _extremes(values: np.ndarray) -> tuple[float, float]:
    return np.minimum.reduce(values, axis=None), np.maximum.reduce(values, axis=None)


def _room(output: np.ndarray | None, scratch: np.ndarray, wanted: int) -> np.ndarray | None:
    if not wanted:
        return None
    return scratch if output is None else output


def _multiply(values: np.ndarray, weight: np.ndarray) -> None:
    """Multiply in place, with 0 times infinity as 0."""
    if np.minimum.reduce(weight, axis=None) == 0:
        np.copyto(values, 0, where=(weight == 0) & np.isinf(values))
    values *= weight


def _logits_block(
    z: np.ndarray,
    y: np.ndarray,
    pos_weight: np.ndarray | None,
    results: tuple[np.ndarray | None, ...],
    scratch: np.ndarray,
) -> None:
    """Fill value, gradient and Hessian from e = exp(-|z|), which never overflows.

    With A = pos_weight y, B = 1 - y and h = [z > 0], let k = B h - A (1 - h), q = B (1 - h) - A h.
    Value: (A + B) log1p(e) + z k, two terms that are not negative. Gradient: (k + q e) / (1 + e).
    Hessian: (A + B) e / (1 + e)². Without pos_weight, A + B = 1, k = h - y and q = (1 - h) - y.
    """
    value, gradient, hessian = results
    e, h, k, q, a, mass = scratch[:6]
    np.abs(z, out=e)
    np.negative(e, out=e)
    np.exp(e, out=e)
    np.greater(z, 0, out=h)
    if pos_weight is None:
        np.subtract(h, y, out=k)
        np.subtract(1, h, out=q)
        q -= y
    else:
        np.multiply(pos_weight, y, out=a)
        b = np.subtract(1, y, out=mass)
        np.multiply(b, h, out=k)
        np.multiply(a, h, out=q)
        np.subtract(1, h, out=h)
        k -= a * h
        np.subtract(b * h, q, out=q)
        mass += a
    if gradient is not None:
        q *= e
        q += k
        np.add(1, e, out=h)
        np.divide(q, h, out=gradient)
    if value is not None:
        # z k >= 0, so fmax only turns the inf * 0 of an infinite logit into its limit 0.
        k *= z
        np.fmax(k, 0, out=k)
        np.log1p(e, out=value)
        if pos_weight is not None:
            value *= mass
        value += k
    if hessian is not None:
        np.add(1, e, out=h)
        np.divide(e, h, out=hessian)
        hessian /= h
        if pos_weight is not None:
            hessian *= mass


def _probabilities_block(
    p: np.ndarray,
    y: np.ndarray,
    _: None,
    results: tuple[np.ndarray | None, ...],
    scratch: np.ndarray,
) -> None:
    """Fill value, gradient and Hessian from p and 1 - p, with 0 times infinity as 0.

    Value: y (-log p) + (1 - y) (-log1p(-p)). Gradient: (p - y) / (p (1 - p)). Hessian:
    y / p² + (1 - y) / (1 - p)². fmax turns the NaN of 0 times infinity into its limit 0.
    """
    value, gradient, hessian = results
    low, high = _extremes(p)
    if not (low >= 0 and high <= 1):
        raise unit_interval_error("probabilities", p)
    t, complement, u = scratch[:3]
    np.subtract(1, y, out=complement)
    if value is not None:
        np.log(p, out=value)
        value *= y
        np.negative(value, out=value)
        np.fmax(value, 0, out=value)
        np.negative(p, out=t)
        np.log1p(t, out=t)
        np.negative(t, out=t)
        np.multiply(complement, t, out=u)
        value += np.fmax(u, 0, out=u)
        # What rounding 1 - y lost; an infinite -log1p(-p) needs no correction.
        np.subtract(1, complement, out=u)
        u -= y
        u *= np.minimum(t, _LARGEST_NEGATIVE_LOG, out=t)
        value += u
    np.subtract(1, p, out=t)
    if gradient is not None:
        np.multiply(p, t, out=u)
        np.subtract(p, y, out=gradient)
        gradient /= u
        if low == 0 or high == 1:  # 0 / 0 where p = y = 0 or p = y = 1: the limits are 1 and -1
            np.copyto(gradient, 1 - 2 * p, where=np.isnan(gradient))
    if hessian is not None:
        np.divide(y, p, out=u)
        u /= p
        np.fmax(u, 0, out=u)
        np.divide(complement, t, out=hessian)
        hessian /= t
        np.fmax(hessian, 0, out=hessian)
        hessian += u


_LARGEST_NEGATIVE_LOG = 1e3
"""Above every finite -log of a float64 (745.13…, of the smallest subnormal)."""
