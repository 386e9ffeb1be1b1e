"""Cross-entropy where one class of each row of a tile is right, compiled.

The formulas are those of `companion._numpy.right_class`, with one addition: the sum R carries its
rounding errors, so that many classes cost no digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from companion._numba.arithmetic import exp_minus_short, exp_minus_sum, log_unit, multiply_add
from companion._numba.compiler import part_of_kernels, wide_vectors
from companion._numba.softmax import add, times, two_sum

__all__ = ["one_class"]

# As for float64 in companion._numpy.right_class, but kernels on disk see this folder alone
_LARGE, _LOW, _TINY = 1e100, -300.0, 1e-200
_ROUND = 1.5 * 2.0**52  # a number above it has no fraction


def _exp(dtype: Any, z: float, shift: float) -> float:
    """Return exp(z - shift), but exp(300) above that; the shift is a whole number or infinite."""
    raise NotImplementedError


@overload(_exp, jit_options={"error_model": "numpy"})
def _exp_of(dtype, z, shift):
    # 0 is not left to an underflow, which takes a hundred times as long
    if dtype.dtype == types.float32:

        def short(dtype, z, shift):
            a = 0.0 if z == shift else shift - z
            a = _LOW if a < _LOW else a  # a NaN stays
            return 0.0 if a > 700.0 else exp_minus_short(a)

        return short

    def exact(dtype, z, shift):
        # exp multiplies the rounding error of a by up to 745
        a = 0.0 if z == shift else shift - z
        a = _LOW if a < _LOW else a
        nothing = a > 746.0
        # Of a clamped z this is no rounding error, but the result stays too large to be used
        lost = 0.0 if nothing or z == shift else z - (shift - a)
        term = exp_minus_sum(0.0 if nothing else a, -lost)
        return 0.0 if nothing else term

    return exact


@part_of_kernels
def _whole(x):
    """Return the whole number next to x."""
    return (x + _ROUND) - _ROUND if abs(x) < 2.0**51 else x


@part_of_kernels
def _exponentials(dtype, z, e, right, shift, of_right, rest, error, rows):
    """Fill e = exp(z - shift), that of the right class, and R; e is 0 at the right class."""
    wide_vectors()
    classes, lanes = z[0].shape
    for j in range(rows):
        of_right[j] = z[1][right[j]]
    for j in range(rows):
        z[1][right[j]] = -np.inf
    for j in range(lanes):
        rest[j] = error[j] = 0.0
    for k in range(classes):
        for j in range(lanes):
            term = _exp(dtype, z[0][k, j], shift[j])
            e[0][k, j] = term
            rest[j], lost = add(dtype, rest[j], term)
            error[j] += lost
    while lanes > rows:
        lanes //= 2
        for j in range(lanes):
            rest[j], lost = two_sum(rest[j], rest[j + lanes])
            error[j] += error[j + lanes] + lost
    for j in range(rows):
        z[1][right[j]] = of_right[j]
    for j in range(rows):
        of_right[j] = _exp(dtype, of_right[j], shift[j])
        rest[j], error[j] = two_sum(rest[j], error[j])


@part_of_kernels
def _set_shift(z, shift, of_right, rest, top, rows):
    """Set the shift of rows whose exponentials are too large or small; return if there is one.

    What lies behind the end of a long row is -inf, too low for none.
    """
    shifted = False
    for j in range(rows):
        whole = rest[j] + of_right[j]
        if whole < 0.5 or not whole <= _LARGE:
            top[j], low = -np.inf, np.inf
            for i in range(j, z.size, rows):
                top[j] = z[i] if z[i] > top[j] else top[j]
                low = z[i] if z[i] < low else low
            if low < _LOW or not whole <= _LARGE:
                shift[j] = _whole(top[j])
                shifted = True
    return shifted


@part_of_kernels
def one_class(dtype, z, e, right, row_weight, lanes, alone, loss, slopes):
    """Fill the losses, and the gradients, which replace e.

    The blocks z and e are each given twice, as it is and flat; `lanes` are five numbers for each.
    """
    wide_vectors()
    shift, of_right, rest, top, error = lanes
    rows = 1 if alone else shift.size
    for j in range(shift.size):
        shift[j] = top[j] = 0.0
    for again in range(2):
        _exponentials(dtype, z, e, right, shift, of_right, rest, error, rows)
        if again or not _set_shift(z[1], shift, of_right, rest, top, rows):
            break
        for j in range(rows, shift.size):
            shift[j] = shift[0]
    for j in range(rows):
        loss[j] = z[1][right[j]]
    for j in range(rows):
        several = top[j] == np.inf and rest[j] + of_right[j] > 1.0
        rest[j] = np.nan if several or top[j] == -np.inf else rest[j]
        far = of_right[j] < _TINY
        ratio = rest[j] / of_right[j]
        lost = (multiply_add(-ratio, of_right[j], rest[j]) + error[j]) / of_right[j]
        one_more = 1.0 + ratio
        small = ratio - (one_more - 1.0) + lost
        log = log_unit(rest[j] if far else one_more, 0.0 if far else small)
        loss[j] = times(row_weight[j], log + (shift[j] - loss[j]) if far else log)
    if slopes:
        for j in range(rows):
            e[1][right[j]] = -rest[j]
        for j in range(shift.size):
            i = 0 if alone else j
            top[j], error[j] = rest[i] + of_right[i], row_weight[i]
        for k in range(e[0].shape[0]):
            for j in range(shift.size):
                e[0][k, j] = e[0][k, j] / top[j] * error[j]
