"""The formulas of the binary loss for one block of elements, which keep the digits of both tails.

`LOGITS` and `PROBABILITIES` are the losses as data; `fill_from_logits` and
`fill_from_probabilities` fill one-dimensional blocks in place, as `companion._numpy.elementwise`
calls them. They know neither weights nor reductions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from companion._numpy.formula import Formula, Rows

__all__ = ["LOGITS", "PROBABILITIES", "fill_from_logits", "fill_from_probabilities"]


def fill_from_logits(
    z: np.ndarray,
    y: np.ndarray,
    no: np.ndarray | None,
    rows: Rows,
    scratch: np.ndarray,
    *,
    pos_weight: np.ndarray | None = None,
) -> None:
    """Fill value, gradient and Hessian with respect to z from e = exp(-|z|), which cannot overflow.

    With A = pos_weight y, B = 1 - y and h = [z = |z|], let k = B h - A (1 - h) and t = e / (1 + e),
    the sigmoid of -|z|. Value: (A + B) log1p(e) + z k, two terms that are not negative. Gradient:
    k + (1 - 2 h) (A + B) t. Hessian: (A + B) t / (1 + e). Without pos_weight, A + B = 1 and
    k = h - y.
    """
    e, h, k = scratch[0], scratch[1], scratch[2]
    np.abs(z, out=e)
    np.equal(z, e, out=h)
    np.negative(e, out=e)
    np.exp(e, out=e)
    mass = None  # A + B, where it is not 1
    if pos_weight is None and no is None:
        np.subtract(h, y, out=k)
    else:
        no = 1 - y if no is None else no
        yes = y
        if pos_weight is not None:
            yes = np.multiply(pos_weight, y, out=scratch[3])
            mass = np.add(yes, no, out=scratch[4])
        below = np.subtract(1, h, out=scratch[5])
        np.multiply(no, h, out=k)
        k -= np.multiply(yes, below, out=below)
    if rows.gradient is not None or rows.hessian is not None:
        one_plus_e = np.add(1, e, out=scratch[5])
        t = np.divide(e, one_plus_e, out=scratch[3])
        if mass is not None:
            t *= mass
        if rows.hessian is not None:
            np.divide(t, one_plus_e, out=rows.hessian)
        if rows.gradient is not None:
            h *= -2
            h += 1
            np.multiply(h, t, out=rows.gradient)
            np.add(rows.gradient, k, out=rows.gradient)
    if rows.value is not None:
        np.log1p(e, out=e)
        if mass is not None:
            e *= mass
        # Neither term is negative: fmax only turns the inf * 0 of an infinite logit into 0 + 0.
        k *= z
        k += e
        np.fmax(k, e, out=rows.value)


def fill_from_probabilities(
    p: np.ndarray, y: np.ndarray, no: np.ndarray | None, rows: Rows, scratch: np.ndarray
) -> None:
    """Fill value, gradient and Hessian with respect to p, with 0 times infinity as 0.

    With B = 1 - y as rounded and r = (1 - B) - y, what rounding lost (nothing if B is given):
    value: y (-log p) + (B + r) (-log1p(-p)). Gradient: (p - y) / (p (1 - p)), where p - y is
    B - (1 - p) if B is given and the smaller of the two. Hessian: y / p² + B / (1 - p)².
    """
    b, t, u = scratch[:3]
    b[...] = 1 - y if no is None else no
    if rows.value is not None:
        value = np.log(p, out=rows.value)
        value *= y
        np.negative(value, out=value)
        np.fmax(value, 0, out=value)
        np.negative(p, out=t)
        np.log1p(t, out=t)
        np.negative(t, out=t)
        np.multiply(b, t, out=u)
        value += np.fmax(u, 0, out=u)
        if no is None:
            np.subtract(1, b, out=u)
            u -= y
            # 746 is above every finite -log of a float64; an infinite one needs no correction.
            u *= np.minimum(t, 746, out=t)
            value += u
    np.subtract(1, p, out=t)
    if rows.gradient is not None:
        np.multiply(p, t, out=u)
        gradient = np.subtract(p, y, out=rows.gradient)
        if no is not None:
            np.subtract(b, t, out=gradient, where=b < y)
        gradient /= u
        undefined = np.isnan(gradient)
        if undefined.any():  # 0 / 0 where p = y = 0 or p = y = 1: the limits are 1 and -1
            np.copyto(gradient, 1 - 2 * p, where=undefined)
    if rows.hessian is not None:
        np.divide(y, p, out=u)
        u /= p
        hessian = np.divide(b, t, out=rows.hessian)
        hessian /= t
        np.fmax(hessian, 0, out=hessian)
        hessian += np.fmax(u, 0, out=u)


def _steep(kind: str, p: Any, y: Any, no: Any, weight: Any, divisor: float) -> Any:
    """Return gradient or Hessian times weight / divisor, overflowing only if that does."""
    other, near_one = 1 - p, False if no is None else no < y
    no, weight = 1 - y if no is None else no, 1.0 if weight is None else weight
    if kind == "gradient":
        missed = np.where(near_one, no - other, p - y)
        return _quotient((missed, weight), (p, other, divisor))
    of_no = _quotient((no, weight), (other, other, divisor))
    return _quotient((y, weight), (p, p, divisor)) + of_no


def _quotient(above: tuple[Any, ...], below: tuple[Any, ...]) -> Any:
    """Return a product divided by another, by mantissas and exponents."""
    mantissa, exponent = 1.0, 0
    for number in above:
        part, power = np.frexp(number)
        mantissa, exponent = mantissa * part, exponent + power
    for number in below:
        part, power = np.frexp(number)
        mantissa, exponent = mantissa / part, exponent - power
    return np.ldexp(mantissa, exponent)


def _label_weight(y: Any, no: Any, pos_weight: Any = None) -> Any:
    return 1 if pos_weight is None else pos_weight * y + no


LOGITS = Formula(
    "logits",
    fill_from_logits,
    options=("pos_weight", "label_smoothing"),
    label_weight=_label_weight,
    kernel="logits",
)
"""pos_weight y softplus(-z) + (1 - y) softplus(z)."""

PROBABILITIES = Formula(
    "probabilities",
    fill_from_probabilities,
    options=("label_smoothing",),
    steep=_steep,
    kernel="probabilities",
)
"""-(y log p + (1 - y) log(1 - p))."""
