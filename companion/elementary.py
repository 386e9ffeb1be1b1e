"""The functions beneath every cross-entropy, right to the last digits (`logsumexp`, unless near 0).

Each takes array_like and returns its float dtype (float16 is computed in a wider float; integers
and booleans give float64). An infinite argument gives the limit, NaN gives NaN (`logit` refuses
it), and no warning is raised.

Read in this order: `softplus` (the loss of a hard label), `log_sigmoid`, `sigmoid` and its inverse
`logit`, and `log1mexp`, which turns the logarithm of a probability into that of its complement;
then `logsumexp`, `log_softmax` and `softmax`, the same for several classes; last the Jacobians of
softmax and sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._numpy.blockwise import evaluate, in_blocks
from companion._numpy.class_axis import AT_WORK, ClassAxis, Scratch
from companion._numpy.softmax import Shifted
from companion._numpy.types import Floats
from companion.contracts import (
    as_arrays,
    check_axis,
    check_unit_interval,
    compute_dtype,
    place_of,
)

__all__ = [
    "log1mexp",
    "log_sigmoid",
    "log_softmax",
    "logit",
    "logsumexp",
    "sigmoid",
    "sigmoid_jacobian",
    "softmax",
    "softmax_jacobian",
    "softplus",
]


def softplus(z: ArrayLike) -> Floats:
    """Return log(1 + exp(z)), computed as max(z, 0) + log1p(exp(-|z|)).

    Parameters
    ----------
    z : array_like
        Logits, any shape, float16 to float64; ±inf gives the limit.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, in nats: the loss of logit `z` when the label is 0.

    Notes
    -----
    Both terms are at least 0, so nothing cancels: within 3 ULP in float64, 4 in float32.

    Examples
    --------
    Where exp(z) is far below the spacing of floats near 1, log(1 + exp(z)) would be 0:

    >>> bool(softplus(-40.0) == np.exp(-40.0))
    True
    """
    return _elementwise(lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), "z", z)


def log_sigmoid(z: ArrayLike) -> Floats:
    """Return log σ(z) = -softplus(-z), the log-probability that a logit gives to label 1.

    Parameters
    ----------
    z : array_like
        Logits, any shape, float16 to float64; ±inf gives the limit.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, at most 0.

    Examples
    --------
    >>> float(log_sigmoid(-1000.0))
    -1000.0
    """
    return _elementwise(lambda z: np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z))), "z", z)


def sigmoid(z: ArrayLike) -> Floats:
    """Return σ(z) = 1 / (1 + exp(-z)), computed with exp(-|z|) only, which cannot overflow.

    Parameters
    ----------
    z : array_like
        Logits, any shape, float16 to float64; ±inf gives the limit.

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

    def formula(z: np.ndarray) -> np.ndarray:
        e = np.exp(-np.abs(z))
        return np.where(z < 0, e, 1) / (1 + e)

    return _elementwise(formula, "z", z)


def logit(p: ArrayLike) -> Floats:
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
    (p,), _ = as_arrays(p=p)
    check_unit_interval("p", p, "logit")

    def formula(p: np.ndarray) -> np.ndarray:
        smaller = np.minimum(p, 1 - p)
        size = np.log1p(np.abs(1 - 2 * p) / smaller)
        # Below a quarter of the unit roundoff the result rounds to log p, and 1 / p may overflow.
        size = np.where(smaller < np.finfo(p.dtype).eps / 8, -np.log(smaller), size)
        return np.copysign(size, p - 0.5)

    return _elementwise(formula, "p", p)


def log1mexp(x: ArrayLike) -> Floats:
    """Return log(1 - exp(x)), the logarithm of 1 - p from x = log p, without forming p.

    Parameters
    ----------
    x : array_like
        Logarithms of probabilities, at most 0, any shape, float16 to float64; NaN gives NaN.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, at most 0: -inf at 0, and 0 at -inf.

    Raises
    ------
    ValueError
        If a number is greater than 0.

    Notes
    -----
    log(-expm1(x)) where exp(x) > 1/2 and log1p(-exp(x)) elsewhere: each loses the digits that the
    other keeps. Within 2 ULP in float64, 3 with NumPy 1, whose log1p is off by up to 2; float32 is
    computed in float64 and rounded once.

    References
    ----------
    Mächler (2012), Accurately computing log(1 - exp(-|a|)), equation 7.

    Examples
    --------
    The probability of at least one success in a thousand trials of 1e-20 each, as its logarithm:

    >>> print(f"{log1mexp(1000 * np.log1p(-1e-20)):.6f}")  # log(1 - exp(x)) would be -inf
    -39.143947
    """
    (x,), _ = as_arrays(x=x)
    above = np.argwhere(x > 0)
    if len(above):
        where = tuple(above[0])
        raise ValueError(
            f"x: expected logarithms of probabilities, at most 0, got {float(x[where])}"
            f"{place_of(where)} ({len(above)} of {x.size} above); for log(exp(x) - 1) take "
            "x + log1mexp(-x)"
        )

    def formula(x: np.ndarray) -> np.ndarray:
        return np.where(x > -np.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))

    return _elementwise(formula, "x", x, np.dtype(np.float64))


def logsumexp(z: ArrayLike, *, axis: int | tuple[int, ...] | None = -1) -> Floats:
    """Return log Σ exp(z) along `axis`, as m + log1p(Σ exp(z - m) over all but the maximum m).

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), float16 to float64.
    axis : int, tuple of int or None
        The axis of the classes, or several, or all.

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
    >>> bool(logsumexp([[0.0, 0.0], [0.0, 0.0]], axis=None) == np.log(4))  # SciPy's default axis
    True
    """
    return _over_axes(Shifted.log_sum_of_exp, z, axis, "number")


def log_softmax(z: ArrayLike, *, axis: int | tuple[int, ...] | None = -1) -> Floats:
    """Return z - logsumexp(z) along `axis`, with the digits of a log-probability close to 0.

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), float16 to float64. One infinite logit of several gives the limit;
        two of +inf, or all -inf, give NaN.
    axis : int, tuple of int or None
        The axis of the classes, or several, or all.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, at most 0.

    Examples
    --------
    >>> bool(log_softmax([40.0, 0.0])[0] == -np.exp(-40.0))
    True
    """

    def formula(shifted: Shifted) -> np.ndarray:
        loss = shifted.log_loss()
        return np.negative(loss, out=loss)

    return _over_axes(formula, z, axis, "row")


def softmax(z: ArrayLike, *, axis: int | tuple[int, ...] | None = -1) -> Floats:
    """Return exp(z) / Σ exp(z) along `axis`.

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), float16 to float64. One infinite logit of several gives the limit;
        two of +inf, or all -inf, give NaN.
    axis : int, tuple of int or None
        The axis of the classes, or several, or all.

    Returns
    -------
    numpy.ndarray or numpy scalar
        Same shape, in [0, 1], summing to 1 along `axis` up to rounding.

    Notes
    -----
    exp multiplies the rounding error of z - max(z) by up to 745, so that error is carried along.

    Examples
    --------
    >>> softmax([np.inf, 0.0])
    array([1., 0.])
    """
    return _over_axes(Shifted.softmax, z, axis, "row")


def softmax_jacobian(z: ArrayLike, *, axis: int = -1) -> Floats:
    """Return the Jacobian of the softmax in its logits, diag(p) - p pᵀ.

    Parameters
    ----------
    z : array_like
        Logits, shape (…, K, …), float16 to float64.
    axis : int
        The class axis.

    Returns
    -------
    numpy.ndarray
        Shape (…, K, K), the class axis last: row i holds the derivatives of p_i. It is symmetric,
        and the Hessian of the cross-entropy for every label that sums to 1.

    Examples
    --------
    >>> softmax_jacobian([0.0, 0.0])
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    """
    (z,), _ = as_arrays(z=z)
    return _over_classes(Shifted.jacobian, z, check_axis("z", z, axis), "matrix")


def sigmoid_jacobian(z: ArrayLike) -> Floats:
    """Return the Jacobian of N sigmoids in their N logits, a diagonal matrix of σ(z) σ(-z).

    Beside `softmax_jacobian` it shows the difference: N questions do not see each other, N classes
    of one question do.

    Parameters
    ----------
    z : array_like
        Logits, one-dimensional, float16 to float64.

    Returns
    -------
    numpy.ndarray
        Shape (N, N).

    Raises
    ------
    ValueError
        If `z` is not one-dimensional.

    Examples
    --------
    >>> sigmoid_jacobian([0.0, 0.0])
    array([[0.25, 0.  ],
           [0.  , 0.25]])
    """
    (z,), dtype = as_arrays(z=z)
    if z.ndim != 1:
        raise ValueError(
            f"z: expected one dimension (N,) for an (N, N) Jacobian, got shape {z.shape}; "
            "pass z.ravel()"
        )
    z = z.astype(dtype)
    return np.diag(sigmoid(z) * sigmoid(-z))


def _elementwise(
    formula: Callable[[np.ndarray], np.ndarray],
    name: str,
    value: ArrayLike,
    working: np.dtype | None = None,
) -> Floats:
    """Return `formula` of each number, computed in the working dtype or, if None, the usual one."""
    (array,), dtype = as_arrays(**{name: value})

    def kernel(operands: Sequence[Any], outputs: Sequence[Any], _: list[np.ndarray]) -> tuple[()]:
        outputs[0][...] = formula(operands[0])
        return ()

    shape, result = array.shape, np.empty(array.shape, dtype)
    working = working or compute_dtype(dtype)
    evaluate(kernel, [array], [result], shape=shape, dtype=working, scratch=0)
    return result[()]


def _over_axes(
    formula: Callable[[Shifted], np.ndarray],
    z: ArrayLike,
    axis: int | tuple[int, ...] | None,
    result: str,
) -> Floats:
    """Return what `formula` gives for each row of logits, whose classes may have several axes."""
    (z,), _ = as_arrays(z=z)
    if axis is not None and not isinstance(axis, tuple):
        return _over_classes(formula, z, check_axis("z", z, axis), result)
    if axis is None:
        axes = list(range(z.ndim))
    else:
        axes = sorted({check_axis("z", z, each) for each in axis})
        if len(axes) < max(1, len(axis)):
            raise ValueError(
                f"axis: expected different axes, got {axis}; name each class axis once"
            )
    last = range(-len(axes), 0)
    moved = np.moveaxis(z, axes, last)
    flat = moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)
    values = _over_classes(formula, flat, check_axis("z", flat, -1), result)
    return np.moveaxis(values.reshape(moved.shape), last, axes)[()] if result == "row" else values


def _over_classes(
    formula: Callable[[Shifted], np.ndarray], z: np.ndarray, axis: int, result: str
) -> Floats:
    """Return what `formula` gives for each row of logits: a number, a row or a (K, K) matrix."""
    (z,), dtype = as_arrays(z=z)
    classes = ClassAxis(z.shape, axis)
    k = classes.count
    shapes = {"number": classes.rest, "row": z.shape, "matrix": (*classes.rest, k, k)}
    out = np.empty(shapes[result], dtype)
    view, exact = classes.view(z), z.dtype.char == "d"
    block = min(classes.rows, classes.block(AT_WORK * (k**2 if result == "matrix" else k)))

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[()]]:
        scratch = Scratch(classes, block, np.dtype(np.float64))
        for start, stop in bounds:
            block_of_z = scratch.begin(view, start, stop)
            values = formula(Shifted(block_of_z, exact=exact, new=scratch.block))
            if result == "row":
                classes.store(classes.view(out), start, stop, values)
            else:
                out.reshape(classes.rows, *values.shape[1:])[start:stop] = values
            yield ()

    in_blocks(process, classes.rows, block=block)
    return out[()]
