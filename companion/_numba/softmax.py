"""The softmax of a tile of rows, compiled, written to lose no digit.

The formulas are those of `companion._numpy.softmax`, with one addition: the sum R, too, carries its
rounding errors, so that many classes cost no digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from companion._numba.arithmetic import exp_minus_short, exp_minus_sum, log_unit
from companion._numba.compiler import part_of_kernels, wide_vectors

__all__ = ["add", "log1p", "softmax", "times", "total", "two_sum"]


def _exp(dtype: Any, z: float, top: float, a: float) -> float:
    """Return exp(z - top) for a = top - z ≥ 0, rounded; z and top were numbers of the dtype."""
    raise NotImplementedError


@overload(_exp, jit_options={"error_model": "numpy"})
def _exp_of(dtype, z, top, a):
    # 0 is not left to an underflow, which takes a hundred times as long
    if dtype.dtype == types.float32:
        # The difference of two float32 loses nothing that a float32 could show
        return lambda dtype, z, top, a: 0.0 if a > 700.0 else exp_minus_short(a)

    def exact(dtype, z, top, a):
        # exp multiplies the rounding error of a by up to 745
        rest = two_sum(top, -z)[1]
        nothing = a > 746.0
        term = exp_minus_sum(0.0 if nothing else a, 0.0 if nothing else rest)
        return 0.0 if nothing else term

    return exact


@part_of_kernels
def two_sum(a, b):
    """Return a + b, and what its rounding lost (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def add(dtype: Any, a: float, b: float) -> tuple[float, float]:
    """Return a + b, and what its rounding lost where results of the dtype would show it."""
    raise NotImplementedError


@overload(add, jit_options={"error_model": "numpy"})
def _add_of(dtype, a, b):
    if dtype.dtype == types.float32:
        return lambda dtype, a, b: (a + b, 0.0)
    return lambda dtype, a, b: two_sum(a, b)


@part_of_kernels
def times(weight, number):
    """Return weight times number, with weight 0 times infinity as 0."""
    return 0.0 if weight == 0.0 and abs(number) == np.inf else weight * number


@part_of_kernels
def total(numbers):
    """Return the sum of some numbers, from the first on."""
    wide_vectors()
    result = 0.0
    for j in range(numbers.size):
        result += numbers[j]
    return result


@part_of_kernels
def _find_top(z, top, where, alone):
    """Set the largest number of each row and its place in the flat block; a NaN is never it."""
    wide_vectors()
    classes, lanes = z.shape
    for j in range(lanes):
        top[j] = -np.inf
        where[j] = j
    for k in range(classes):
        for j in range(lanes):
            larger = z[k, j] > top[j]
            top[j] = z[k, j] if larger else top[j]
            where[j] = k * lanes + j if larger else where[j]
    if alone:
        best = 0
        for j in range(lanes):
            best = j if top[j] > top[best] else best
        for j in range(lanes):
            top[j], where[j] = top[best], where[best]


@part_of_kernels
def softmax(dtype, z, e, top, where, rest, error, alone):
    """Fill e = exp(z - top), and R, the sum of a row's e but for the one in the place of its top.

    The blocks z and e are each given twice, as it is and flat; `error` is memory for the lanes.
    Where there is no limit (several of +inf, or -inf alone) R is NaN, as their differences are.
    """
    wide_vectors()
    classes, lanes = z[0].shape
    _find_top(z[0], top, where, alone)
    for j in range(lanes):
        z[1][where[j]] = -np.inf
        rest[j] = error[j] = 0.0
    for k in range(classes):
        for j in range(lanes):
            term = _exp(dtype, z[0][k, j], top[j], top[j] - z[0][k, j])
            e[0][k, j] = term
            rest[j], lost = add(dtype, rest[j], term)
            error[j] += lost
    if alone:
        whole, lost = 0.0, total(error)
        for j in range(lanes):
            whole, more = two_sum(whole, rest[j])
            lost += more
        for j in range(lanes):
            rest[j], error[j] = whole, lost
    for j in range(lanes):
        z[1][where[j]] = top[j]
        e[1][where[j]] = 1.0
        rest[j] += error[j]


@part_of_kernels
def log1p(x):
    """Return log(1 + x) for x ≥ 0."""
    u = 1.0 + x
    return log_unit(u, x - (u - 1.0))
