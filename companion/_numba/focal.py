"""The focal loss of yes/no questions, compiled; the formulas are those of `companion.focal`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from companion._numba.arithmetic import exp_minus, log1p_unit, multiply_add
from companion._numba.blocks import family, number
from companion._numba.compiler import wide_vectors

__all__ = ["Focal", "focal"]


class Focal(NamedTuple):
    """The options of the focal loss; alpha is None where it is not given."""

    gamma: Any
    alpha: Any
    rest: Any  # 1 - alpha


def focal(amount: float, dtype: np.dtype, *, gamma: float, alpha: float | None) -> Focal:
    """Return the options of a block of the focal loss, which knows no smoothing."""
    gamma = min(gamma, float(np.finfo(dtype).max))
    if alpha is None:
        return Focal(dtype.type(gamma), None, None)
    return Focal(dtype.type(gamma), dtype.type(alpha), dtype.type(1 - alpha))


@family(Focal)
def _focal(options, x, y, value, gradient, hessian):
    weighted = options.types[1] is not types.none

    def fill(options, x, y, value, gradient, hessian, start, stop):
        wide_vectors()
        one = x.dtype.type(1)
        zero = x.dtype.type(0)
        gamma = options.gamma
        for i in range(stop - start):
            z = number(x, i)
            yes = number(y, i)
            no = one - yes
            e = exp_minus(abs(z))
            t = e / (one + e)  # the smaller of σ(z) and σ(-z), and the larger:
            u = one / (one + e)
            s, c = (u, t) if z >= 0 else (t, u)
            k = no if z >= 0 else -yes
            loss = log1p_unit(e)
            if k != 0:
                loss = multiply_add(k, z, loss)
            power = (yes * c + no * s) ** gamma
            share = one
            if weighted:
                share = options.alpha * yes + options.rest * no
            if value is not None:
                v = loss if loss == np.inf else power * loss
                value[i] = share if share == 0 and v == np.inf else share * v
            if gradient is not None:
                slope = k - t if z >= 0 else k + t
                apart = (yes / s if yes > 0 else zero) + (no / c if no > 0 else zero)
                attention = loss / apart
                # An infinite logit leaves inf / inf, whose limit is 0
                attention = attention if attention >= 0 or z != z else zero
                g = power * (slope + attention * (gamma * (no - yes)))
                gradient[i] = share * g

    return fill
