"""The functions beneath every cross-entropy, right to the last digits over the whole range.

Each takes array_like and returns its float dtype (float16 is computed in a wider float; integers
and booleans give float64). Infinite arguments give the limit, NaN gives NaN, and no warning is
raised.

Read in this order: `softplus` (the loss of a hard label), `log_sigmoid`, `sigmoid` and its inverse
`logit`; then `logsumexp`, `log_softmax` and `softmax`, the same for several classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion.contracts import as_arrays, check_axis, compute_dtype, unit_interval_error

__all__ = ["log_sigmoid", "log_softmax", "logit", "logsumexp", "sigmoid", "softmax", "softplus"]


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate with floating-point warnings off: the limits at infinity are meant."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return wrapped


def _working(name: str, value: ArrayLike) -> tuple[np.ndarray, np.dtype]:
    (array,), dtype = as_arrays(**{name: value})
    return array.astype(compute_dtype(dtype), copy=False), dtype


@_quiet
def softplus(z: ArrayLike) -> Any:
    """Return log(1 + exp(z)), computed as max(z, 0) + log1p(exp(-|z|)).

    Parameters
    ----------
    z : array_like
        Logits, any shape, any float; ±inf gives the limit.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, in nats: the loss of logit `z` when the label is 0.

    Notes
    -----
    Both terms are at least 0, so nothing cancels: within 2 ULP in float64, 3 in float32.

    Examples
    --------
    Where exp(z) is far below the spacing of floats near 1, log(1 + exp(z)) would be 0:

    >>> bool(softplus(-40.0) == np.exp(-40.0))
    True
    """
    z, dtype = _working("z", z)
    return (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).astype(dtype, copy=False)[()]


@_quiet
def log_sigmoid(z: ArrayLike) -> Any:
    """Return log σ(z) = -softplus(-z), the log-probability that a logit gives to label 1.

    Parameters
    ----------
    z : array_like
        Logits, any shape, any float; ±inf gives the limit.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, at most 0.

    Examples
    --------
    >>> float(log_sigmoid(-1000.0))
    -1000.0
    """
    z, dtype = _working("z", z)
    return (-softplus(-z)).astype(dtype, copy=False)[()]


@_quiet
def sigmoid(z: ArrayLike) -> Any:
    """Return σ(z) = 1 / (1 + exp(-z)), computed with exp(-|z|) only, which cannot overflow.

    Parameters
    ----------
    z : array_like
        Logits, any shape, any float; ±inf gives the limit.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, in [0, 1].

    Notes
    -----
    For the probability of label 0 use ``sigmoid(-z)``: 1 - sigmoid(z) loses its digits where z > 0.

    Examples
    --------
    >>> float(sigmoid(-np.inf)), float(sigmoid(0)), float(sigmoid(np.inf))
    (0.0, 0.5, 1.0)
    """
    z, dtype = _working("z", z)
    e = np.exp(-np.abs(z))
    return (np.where(z < 0, e, 1) / (1 + e)).astype(dtype, copy=False)[()]


@_quiet
def logit(p: ArrayLike) -> Any:
    """Return log(p / (1 - p)), the inverse of `sigmoid`.

    Parameters
    ----------
    p : array_like
        Probabilities in [0, 1], any shape; 0 gives -inf and 1 gives inf.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape.

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1] or is NaN.

    Notes
    -----
    Computed as ±log1p(|1 - 2p| / min(p, 1 - p)): near 1/2, where log(p / (1 - p)) loses its digits,
    the subtractions are exact (Sterbenz).

    Examples
    --------
    >>> bool(logit(0.5 + 2.0**-53) == 2.0**-51)
    True
    """
    p, dtype = _working("p", p)
    if not np.all((p >= 0) & (p <= 1)):
        raise unit_interval_error("p", p)
    smaller = np.minimum(p, 1 - p)
    size = np.log1p(np.abs(1 - 2 * p) / smaller)
    # Below a quarter of the unit roundoff the result rounds to log p, and 1 / p may overflow.
    size = np.where(smaller < np.finfo(p.dtype).eps / 8, -np.log(smaller), size)
    return np.copysign(size, p - 0.5).astype(dtype, copy=False)[()]


def _shifted(z: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Return z - max(z) as high part and rounding error, and the mask of one maximal element."""
    top = np.argmax(z, axis=axis, keepdims=True)
    m = np.take_along_axis(z, top, axis=axis)
    high = np.where(z == m, 0, z - m)
    back = z - high
    low = (z - (high + back)) + (back - m)
    is_top = np.zeros(z.shape, bool)
    np.put_along_axis(is_top, top, True, axis=axis)
    return m, high, np.where(np.isfinite(low), low, 0), is_top


def _classes(z: ArrayLike, axis: int) -> tuple[np.ndarray, np.dtype]:
    """Return z in float64 (the differences of float32 logits need it) after checking the axis."""
    (z,), dtype = as_arrays(z=z)
    check_axis("z", z, axis)
    return z.astype(np.float64, copy=False), dtype


@_quiet
def logsumexp(z: ArrayLike, *, axis: int = -1) -> Any:
    """Return log Σ exp(z) along `axis`, as m + log1p(Σ exp(z - m) over all but the maximum m).

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), any float.
    axis : int
        The class axis.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `z` without `axis`.

    Notes
    -----
    The log1p refinement is in Blanchard, Higham and Higham (2021). Where the result is close to 0,
    its relative error is bounded by the problem's condition, not by the formula.

    Examples
    --------
    >>> bool(logsumexp([0.0, -40.0]) == np.exp(-40.0))
    True
    """
    z, dtype = _classes(z, axis)
    m, high, low, is_top = _shifted(z, axis)
    rest = np.sum(np.where(is_top, 0, np.exp(high) * (1 + low)), axis=axis)
    return (np.squeeze(m, axis) + np.log1p(rest)).astype(dtype, copy=False)[()]


@_quiet
def log_softmax(z: ArrayLike, *, axis: int = -1) -> Any:
    """Return z - logsumexp(z) along `axis`, with the digits of a log-probability close to 0.

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), any float. One infinite logit gives the limit; where the limit does
        not exist (two logits of +inf, or all -inf) the result is NaN.
    axis : int
        The class axis.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, at most 0.

    Examples
    --------
    >>> bool(log_softmax([40.0, 0.0])[0] == -np.exp(-40.0))
    True
    """
    z, dtype = _classes(z, axis)
    _, high, low, is_top = _shifted(z, axis)
    high = np.where(_has_no_limit(z, axis), np.nan, high)
    rest = np.sum(np.where(is_top, 0, np.exp(high) * (1 + low)), axis=axis, keepdims=True)
    return (high - (np.log1p(rest) - low)).astype(dtype, copy=False)[()]


@_quiet
def softmax(z: ArrayLike, *, axis: int = -1) -> Any:
    """Return exp(z) / Σ exp(z) along `axis`.

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), any float. One infinite logit gives the limit; where the limit does
        not exist (two logits of +inf, or all -inf) the result is NaN.
    axis : int
        The class axis.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, in [0, 1], summing to 1 along `axis`.

    Notes
    -----
    exp multiplies the rounding error of z - max(z) by up to 745, so that error is carried along.

    Examples
    --------
    >>> softmax([np.inf, 0.0])
    array([1., 0.])
    """
    z, dtype = _classes(z, axis)
    _, high, low, _ = _shifted(z, axis)
    e = np.exp(np.where(_has_no_limit(z, axis), np.nan, high))
    e += e * low
    return (e / np.sum(e, axis=axis, keepdims=True)).astype(dtype, copy=False)[()]


def _has_no_limit(z: np.ndarray, axis: int) -> np.ndarray:
    endless = np.sum(z == np.inf, axis=axis, keepdims=True) > 1
    return endless | np.all(z == -np.inf, axis=axis, keepdims=True)
