"""The focal loss of yes/no questions: cross-entropy that pays less attention to easy answers.

For a logit z and a label y the cross-entropy is multiplied by m^γ, where m is the probability that
the answer gives to the other side: σ(-z) for label 1, σ(z) for label 0, and for a soft label their
mean, y σ(-z) + (1 - y) σ(z). With γ = 0 it is the cross-entropy. With γ > 0 it is neither convex
in the logit nor proper: the probability that a trained model gives is no longer the honest one,
unless that is 0, 1/2 or 1.

All derivatives are of the *reduced* loss with respect to the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._numpy.binary import fill_from_logits
from companion._numpy.elementwise import evaluate_elementwise
from companion._numpy.formula import BOTH, GRADIENT, VALUE, Formula, Rows
from companion._numpy.types import Floats
from companion.contracts import check_number
from companion.reduction import apply_weight

__all__ = [
    "binary_focal_cross_entropy_with_logits",
    "binary_focal_cross_entropy_with_logits_gradient",
    "binary_focal_cross_entropy_with_logits_value_and_gradient",
]


def binary_focal_cross_entropy_with_logits(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the focal loss, α_y m^γ times the cross-entropy, m = y σ(-z) + (1 - y) σ(z).

    Parameters
    ----------
    logits : array_like
        z, any shape, float16 to float64: ±inf gives the limit, NaN gives NaN.
    labels : array_like
        y in [0, 1], ends included; the shape of `logits`, unless one of the two is a scalar.
    gamma : float
        γ, finite and at least 0: how fast attention falls with confidence.
    alpha : float, optional
        α in [0, 1] weighs label 1, and 1 - α label 0: α_y = α y + (1 - α) (1 - y). None is 1 for
        both.
    weight : array_like, optional
        Multiplies each element's loss; finite, at least 0, broadcasts to the losses.
    reduction : {"mean", "weighted_mean", "batchmean", "sum", "none"}
        "mean" divides the sum by the count, "weighted_mean" by the sum of weight α_y, "batchmean"
        by the length of the first axis.
    workers : int, optional
        Threads for large arrays; None is 1, -1 all processors that the process may use. The result
        does not depend on it.

    Returns
    -------
    numpy scalar or numpy.ndarray
        The loss in nats, at least 0; for "none" one for each element.

    Raises
    ------
    TypeError, ValueError
        As in `companion.binary.binary_cross_entropy_with_logits`, and if `gamma` is negative or
        not finite, or `alpha` outside [0, 1].

    Notes
    -----
    For labels 0 and 1, unreduced and unweighted, within 4 + 3 γ ULP in float64 and 5 + 4 γ in
    float32, to whose precision γ is rounded first: the power multiplies the error of m.

    References
    ----------
    Lin, Goyal, Girshick, He and Dollár (2017), equations 4 and 5.

    Examples
    --------
    An easy right answer counts 0.002 times its cross-entropy, a wrong one almost as before:

    >>> print(binary_focal_cross_entropy_with_logits([3.0, -3.0], 1, reduction="none").round(6))
    [1.09000e-04 2.76628e+00]
    """
    return _evaluate(VALUE, logits, labels, weight, reduction, workers, gamma, alpha)[0]


def binary_focal_cross_entropy_with_logits_gradient(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> Floats:
    """Return the gradient of the focal loss with respect to the logits, divided as the loss is.

    Parameters and exceptions are those of `binary_focal_cross_entropy_with_logits`.

    Returns
    -------
    numpy.ndarray or numpy scalar
        The shape of `logits`; for "none" that of the losses.

    Notes
    -----
    With s = σ(z) and c the cross-entropy it is α_y m^γ (s - y + γ (1 - 2 y) c / (y / s +
    (1 - y) / (1 - s))), for a hard label two terms of one sign.

    Examples
    --------
    >>> print(f"{binary_focal_cross_entropy_with_logits_gradient(40.0, 1):.6e}")
    -2.300294e-52
    """
    return _evaluate(GRADIENT, logits, labels, weight, reduction, workers, gamma, alpha)[0]


def binary_focal_cross_entropy_with_logits_value_and_gradient(
    logits: ArrayLike,
    labels: ArrayLike,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weight: ArrayLike | None = None,
    reduction: str = "mean",
    workers: int | None = None,
) -> tuple[Floats, Floats]:
    """Return the focal loss and its gradient with respect to the logits from one pass.

    Parameters, exceptions and both results are those of `binary_focal_cross_entropy_with_logits`
    and `binary_focal_cross_entropy_with_logits_gradient`.

    Examples
    --------
    >>> binary_focal_cross_entropy_with_logits_value_and_gradient(np.zeros(2), [1, 0], gamma=0)
    (np.float64(0.6931471805599453), array([-0.25,  0.25]))
    """
    return _evaluate(BOTH, logits, labels, weight, reduction, workers, gamma, alpha)


def _evaluate(
    want: tuple[str, ...],
    logits: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    reduction: str,
    workers: int | None,
    gamma: float,
    alpha: float | None,
) -> tuple[Any, ...]:
    gamma = check_number("gamma", gamma, "[0, inf)", "2 is usual, 0 is the cross-entropy")
    if alpha is not None:
        alpha = check_number("alpha", alpha, "[0, 1]", "it weighs label 1, and 1 - alpha label 0")
    formula = _formula(gamma, alpha)
    return evaluate_elementwise(formula, want, logits, labels, weight, reduction, workers)


def _formula(gamma: float, alpha: float | None = None) -> Formula:
    """Return the focal loss with these options as data."""
    return Formula(
        "logits",
        _fill,
        options=("gamma", "alpha"),
        constants={"gamma": gamma, "alpha": alpha},
        scratch=8,
        label_weight=_label_weight,
        kernel="focal",
        convex=gamma == 0,
        proper=gamma == 0,
    )


def _label_weight(
    y: Any,
    no: Any,
    rows: Sequence[np.ndarray | None] = (None, None),
    *,
    gamma: float,
    alpha: float | None,
) -> Any:
    """Return α y + (1 - α) (1 - y), worked out in the rows."""
    if alpha is None:
        return 1
    weight = np.multiply(alpha, y, out=rows[0])
    weight += np.multiply(1 - alpha, no, out=rows[1])
    return weight


def _fill(
    z: np.ndarray,
    y: np.ndarray,
    no: np.ndarray | None,
    rows: Rows,
    scratch: np.ndarray,
    *,
    gamma: float,
    alpha: float | None,
) -> None:
    """Fill value and gradient from the cross-entropy, its slope, and σ of both signs of z.

    With e = exp(-|z|) and h = [z ≥ 0] the two σ are (h + (1 - h) e) / (1 + e) and
    ((1 - h) + h e) / (1 + e), in which one term of each numerator is 0.
    """
    loss, slope, h, e, below, yes_side, no_side, spare = scratch
    fill_from_logits(z, y, no, Rows(value=loss, gradient=slope), scratch[2:])
    no = np.subtract(1, y, out=spare) if no is None else no
    np.greater_equal(z, 0, out=h)
    np.exp(np.negative(np.abs(z, out=e), out=e), out=e)
    np.subtract(1, h, out=below)
    np.multiply(below, e, out=yes_side)
    yes_side += h
    np.multiply(h, e, out=no_side)
    no_side += below
    e += 1
    yes_side /= e
    no_side /= e
    factor = np.multiply(y, no_side, out=h)
    factor += np.multiply(no, yes_side, out=e)
    gamma = min(gamma, float(np.finfo(z.dtype).max))
    np.power(factor, gamma, out=factor)
    if rows.value is not None:
        np.multiply(factor, loss, out=rows.value)
        np.copyto(rows.value, loss, where=np.isinf(loss))  # where the power may have underflowed
    if rows.gradient is not None:
        # An infinite logit leaves 0 / 0 or 0 * inf in the three quotients, whose limit is 0.
        apart = np.fmax(np.divide(y, yes_side, out=yes_side), 0, out=yes_side)
        apart += np.fmax(np.divide(no, no_side, out=no_side), 0, out=no_side)
        attention = np.fmax(np.divide(loss, apart, out=loss), 0, out=loss)
        attention *= np.multiply(gamma, np.subtract(no, y, out=e), out=e)
        slope += attention
        np.multiply(factor, slope, out=rows.gradient)
    if alpha is not None:
        weight = _label_weight(y, no, [e, below], gamma=gamma, alpha=alpha)
        for row in rows:
            if row is not None:
                apply_weight(row, weight)
