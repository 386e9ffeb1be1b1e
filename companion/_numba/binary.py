"""The losses of yes/no questions, compiled; the formulas are those of `companion._numpy.binary`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from companion._numba.arithmetic import exp_minus, log1p_unit, log_unit, multiply_add
from companion._numba.blocks import Smoothing, family, labels, number, part, smoothing
from companion._numba.compiler import wide_vectors

__all__ = ["Logits", "Probabilities", "logits", "probabilities"]


class Logits(NamedTuple):
    """The options of the loss of logits, each None where it is not given."""

    smoothing: Smoothing | None
    pos_weight: Any


class Probabilities(NamedTuple):
    """The option of the loss of probabilities, None where it is not given."""

    smoothing: Smoothing | None


def logits(amount: float, dtype: np.dtype, pos_weight: Any = None) -> Logits:
    """Return the options of a block of the loss of logits."""
    return Logits(smoothing(amount, dtype), pos_weight)


def probabilities(amount: float, dtype: np.dtype) -> Probabilities:
    """Return the options of a block of the loss of probabilities."""
    return Probabilities(smoothing(amount, dtype))


@family(Logits)
def _logits(options, x, y, value, gradient, hessian):
    weighted = options.types[1] is not types.none
    slopes = gradient is not types.none or hessian is not types.none

    def fill(options, x, y, value, gradient, hessian, start, stop):
        wide_vectors()
        one = x.dtype.type(1)
        pos_weight = part(options.pos_weight, start, stop)
        for i in range(stop - start):
            z = number(x, i)
            yes, no = labels(options.smoothing, number(y, i))
            mass = one
            if weighted:
                yes = yes * number(pos_weight, i)
                mass = yes + no
            e = exp_minus(abs(z))
            if slopes:
                k = no if z >= 0 else -yes
                t = e / (one + e) * mass
                if gradient is not None:
                    gradient[i] = k - t if z >= 0 else k + t
                if hessian is not None:
                    hessian[i] = t / (one + e)
            if value is not None:
                low = log1p_unit(e) * mass
                # The largest of low, low - yes z and low + no z, but for 0 times infinity
                of_yes, of_no = multiply_add(-yes, z, low), multiply_add(no, z, low)
                loss = of_yes if of_yes > low else low
                value[i] = of_no if of_no > loss else loss

    return fill


@family(Probabilities)
def _probabilities(options, x, y, value, gradient, hessian):
    smoothed = options.types[0] is not types.none

    def fill(options, x, y, value, gradient, hessian, start, stop):
        wide_vectors()
        one = x.dtype.type(1)
        zero = x.dtype.type(0)
        limit = x.dtype.type(746)  # above every finite -log; an infinite one needs no correction
        for i in range(stop - start):
            p = number(x, i)
            yes, no = labels(options.smoothing, number(y, i))
            q = one - p
            if value is not None:
                rest = (one - q) - p  # 1 - p is q + rest
                log_p, log_q = log_unit(p, zero), log_unit(q, rest)
                loss = zero - (log_p * yes if yes > 0 else yes)  # and never -0.0
                if not smoothed:  # 1 - y is `no` and what its rounding lost
                    loss = multiply_add(one - no - yes, min(-log_q, limit), loss)
                value[i] = loss - (log_q * no if no > 0 else no)
            if gradient is not None:
                slope = (no - q if no < yes else p - yes) if smoothed else p - yes
                product = p * q
                gradient[i] = slope / product if slope != 0 or product > 0 else one - p - p
            if hessian is not None:
                first = yes / p / p if yes > 0 else yes
                second = no / q / q if no > 0 else no
                hessian[i] = first + second

    return fill
