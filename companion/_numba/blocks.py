"""One block of any elementwise loss, compiled: fill, weigh, divide, sum.

A family of losses is a `NamedTuple` of its options and an implementation of `fill` for it. `run`
takes a block through it in chunks that stay in the first-level cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from companion._numba.arithmetic import bits
from companion._numba.compiler import compiled, wide_vectors

__all__ = [
    "CHUNK",
    "Smoothing",
    "family",
    "fill",
    "labels",
    "number",
    "part",
    "run",
    "run_block",
    "smoothing",
]

CHUNK = 1024
"""Elements whose results stay in the first-level cache until they are summed."""


def number(operand: Any, i: int) -> Any:
    """Return the element i of an array, or the one number; in compiled code alone, as `fill`."""
    raise NotImplementedError


@overload(number)
def _number(operand, i):
    if operand.ndim:
        return lambda operand, i: operand[i]
    return lambda operand, i: operand[()]


def part(operand: Any, start: int, stop: int) -> Any:
    """Return the elements start to stop of an array; one number, or None, is there for all."""
    raise NotImplementedError


@overload(part)
def _part(operand, start, stop):
    if isinstance(operand, types.Array) and operand.ndim:
        return lambda operand, start, stop: operand[start:stop]
    return lambda operand, start, stop: operand


class Smoothing(NamedTuple):
    """Labels y become keep y + spread."""

    keep: Any
    spread: Any


def smoothing(amount: float, dtype: np.dtype) -> Smoothing | None:
    """Return the smoothing of labels by this amount; None is none."""
    return Smoothing(dtype.type(1 - amount), dtype.type(amount / 2)) if amount else None


def labels(smoothing: Smoothing | None, y: Any) -> Any:
    """Return a label, smoothed, and what it lacks to 1, each without a loss of digits."""
    raise NotImplementedError


@overload(labels)
def _labels(smoothing, y):
    if smoothing is types.none:
        return lambda smoothing, y: (y, _one(y) - y)

    def smoothed(smoothing, y):
        keep, spread = smoothing.keep, smoothing.spread
        return y * keep + spread, (_one(y) - y) * keep + spread

    return smoothed


def _one(y):
    """Return 1 in the type of y."""
    raise NotImplementedError


@overload(_one)
def _one_of(y):
    one = np.float32(1) if y == types.float32 else np.float64(1)
    return lambda y: one


def fill(options, x, y, value, gradient, hessian, start, stop):
    """Fill the rows that are not None from parts of x and y, the elements start to stop of all."""
    raise NotImplementedError


def family(options_class: type) -> Callable[..., Any]:
    """Make the decorated function, which returns an implementation, that of `fill` for options."""

    def decorate(implement: Callable[..., Any]) -> Callable[..., Any]:
        def fill_family(options, x, y, value, gradient, hessian, start, stop):
            named = isinstance(options, types.BaseNamedTuple)
            if named and options.instance_class is options_class:
                return implement(options, x, y, value, gradient, hessian)
            return None

        overload(fill, jit_options={"error_model": "numpy"})(fill_family)
        return implement

    return decorate


def _row(target, buffer, start, stop):
    """Return where a chunk of results goes: into an array, or, to be summed, into a buffer."""
    raise NotImplementedError


@overload(_row)
def _row_of(target, buffer, start, stop):
    if isinstance(target, types.Array):
        return lambda target, buffer, start, stop: target[start:stop]
    if isinstance(target, types.Boolean):
        return lambda target, buffer, start, stop: buffer[: stop - start]
    return lambda target, buffer, start, stop: None


def _finish(row, weight, divisor):
    """Weigh a row, with weight 0 times infinity as 0, and divide it."""
    raise NotImplementedError


@overload(_finish)
def _finish_row(row, weight, divisor):
    if not isinstance(row, types.Array):
        return lambda row, weight, divisor: None

    def finish(row, weight, divisor):
        wide_vectors()
        if weight is not None:
            for i in range(row.size):
                w = number(weight, i)
                row[i] = w if w == 0 and abs(row[i]) == np.inf else w * row[i]
        if divisor != 1:
            for i in range(row.size):
                row[i] /= divisor

    return finish


def _total(target, row):
    """Return the sum of a row where it is summed, and 0 where it is kept."""
    raise NotImplementedError


@overload(_total)
def _total_of(target, row):
    if isinstance(target, types.Boolean):
        return lambda target, row: _sum(row)
    return lambda target, row: 0.0


@compiled(fastmath={"reassoc"})
def _sum(row):
    wide_vectors()
    total = 0.0
    for i in range(row.size):
        total += row[i]
    return total


@compiled()
def _outside(values, size):
    """Return how many of so many values are not in [0, 1]."""
    if _inside_by_bits(values, size):
        return 0
    count = 0
    for i in range(size):
        v = number(values, i)
        count += not (v >= 0 and v <= 1)
    return count


def _inside_by_bits(values, size):
    """Return whether all bits are those of a number in [0, 1] without a sign."""
    raise NotImplementedError


@overload(_inside_by_bits)
def _all_inside(values, size):
    number_type = np.float32 if values.dtype == types.float32 else np.float64
    integer = np.int32 if number_type is np.float32 else np.int64
    one, zero = number_type(1).view(integer), integer(0)

    def inside(values, size):
        wide_vectors()
        beyond = zero
        for i in range(size):
            b = bits(number(values, i))
            beyond = integer(beyond | integer(b | integer(one - b)))
        return beyond >= 0

    return inside


@compiled()
def run(options, x, y, weight, divisor, value, gradient, hessian, size):
    """Run a block of `size` elements; return the three sums, and how many labels are out of range.

    `value`, `gradient` and `hessian` are each an array to be filled, True if the sum is wanted, or
    None. `x`, `y` and `weight` (or None) are arrays of the block's size or without dimensions.
    """
    wide_vectors()
    buffers = np.empty((3, min(size, CHUNK)), x.dtype)
    values, gradients, hessians, wrong = 0.0, 0.0, 0.0, 0
    for start in range(0, size, CHUNK):
        stop = min(start + CHUNK, size)
        labels, weights = part(y, start, stop), part(weight, start, stop)
        v = _row(value, buffers[0], start, stop)
        g = _row(gradient, buffers[1], start, stop)
        h = _row(hessian, buffers[2], start, stop)
        fill(options, part(x, start, stop), labels, v, g, h, start, stop)
        wrong += _outside(labels, stop - start)  # now that they are in the cache
        _finish(v, weights, 1)
        _finish(g, weights, divisor)
        _finish(h, weights, divisor)
        values += _total(value, v)
        gradients += _total(gradient, g)
        hessians += _total(hessian, h)
    return values, gradients, hessians, wrong


def run_block(
    options: NamedTuple,
    x: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    divisor: float,
    rows: tuple[Any, Any, Any],
    size: int,
) -> tuple[float, float, float, int]:
    """Run a block: `run`, which is compiled once for arrays that are read, whatever their flags."""
    x, y = _read(x), _read(y)
    if weight is not None:
        weight = _read(weight)
    return run(options, x, y, weight, x.dtype.type(divisor), *rows, size)


def _read(operand: np.ndarray) -> np.ndarray:
    operand = operand[...] if operand.flags.aligned else operand.copy()
    operand.setflags(write=False)
    return operand
