"""One block of an elementwise loss: the short way of small plain arrays, and what both ways share.

On a thousand elements the general bookkeeping takes longer than the arithmetic. So arrays that need
none, and fit in one block, go straight to the formula; to a kernel go all that one thread takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from companion._numpy.blockwise import BLOCK, in_blocks, most_of_one_thread
from companion._numpy.formula import HESSIAN, Formula, Rows
from companion.contracts import check_unit_interval
from companion.reduction import apply_weight, denominator

__all__ = ["PLACES", "SUMMED", "evaluate_small", "rounded", "scale", "sum_of"]

PLACES = {"value": 0, "gradient": 1, "hessian": 2}
"""Where a kernel has each row."""

SUMMED = True
"""In place of a row: the kernel returns the sum."""

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def evaluate_small(
    formula: Formula, want: tuple[str, ...], x: Any, y: Any, reduction: str, compiled: Any
) -> tuple[Any, ...] | None:
    """Return what `want` names for two small plain arrays, None for all else."""
    if not type(x) is type(y) is np.ndarray:
        return None
    shape, size, dtype = x.shape, x.size, x.dtype
    if not (
        (dtype is _FLOAT64 or (dtype is _FLOAT32 and want != HESSIAN))
        and y.dtype is dtype
        and y.shape == shape != ()
        and 0 < size <= (BLOCK if compiled is None else most_of_one_thread())
        and x.flags.c_contiguous
        and y.flags.c_contiguous
    ):
        return None
    if formula.argument == "probabilities":
        check_unit_interval("probabilities", x)
    run = _small_in_numpy if compiled is None else _small_compiled
    return run(formula, want, x, y, reduction, compiled)


def _small_compiled(
    formula: Formula, want: tuple[str, ...], x: Any, y: Any, reduction: str, compiled: Any
) -> tuple[Any, ...] | None:
    shape, size, dtype = x.shape, x.size, x.dtype
    divisor = denominator(reduction, size, shape=shape)
    targets: list[Any] = [None, None, None]
    for kind in want:
        summed = kind == "value" and reduction != "none"
        targets[PLACES[kind]] = SUMMED if summed else np.empty(size, dtype)
    options = compiled.KERNELS[formula.kernel](0.0, dtype, **formula.constants)
    points, answers = x.reshape(-1), y.reshape(-1)
    if size <= BLOCK:
        sums = compiled.run_block(options, points, answers, None, divisor, targets, size)
    else:

        def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
            for i, j in bounds:
                rows = [row[i:j] if isinstance(row, np.ndarray) else row for row in targets]
                part = points[i:j], answers[i:j]
                yield compiled.run_block(options, *part, None, divisor, rows, j - i)

        sums = in_blocks(process, size)
    if sums[3]:
        check_unit_interval("labels", y)
    results = []
    for kind in want:
        target = targets[PLACES[kind]]
        if target is SUMMED:
            results.append(rounded(sums[0] / divisor, dtype))
        else:
            results.append(target.reshape(shape))
            if formula.steep is not None and not np.isfinite(target).all():
                if size > BLOCK:
                    return None  # to the way that looks at one block after another
                return _small_in_numpy(formula, want, x, y, reduction, None)
    return tuple(results)


def _small_in_numpy(
    formula: Formula, want: tuple[str, ...], x: Any, y: Any, reduction: str, _: Any
) -> tuple[Any, ...]:
    check_unit_interval("labels", y)
    shape, size, dtype = x.shape, x.size, x.dtype
    divisor = denominator(reduction, size, shape=shape)
    if len(shape) != 1:
        x, y = x.reshape(-1), y.reshape(-1)
    scratch = list(np.empty((formula.scratch + 1, size), dtype))
    summed = scratch.pop()
    keep = reduction == "none"
    rows = {kind: np.empty(size, dtype) if keep or kind != "value" else summed for kind in want}
    results = []
    with np.errstate(all="ignore"):
        formula.fill(x, y, None, Rows(**rows), scratch, **formula.constants)
        for kind, row in rows.items():
            if row is summed:
                results.append(dtype.type(sum_of(row) / divisor))
            else:
                scale(formula, kind, row, (x, y, None, None), divisor)
                results.append(row.reshape(shape))
    return tuple(results)


def scale(
    formula: Formula, kind: str, row: np.ndarray, block: tuple[Any, ...], divisor: float
) -> None:
    """Multiply a row of results by the weight and divide derivatives by the divisor, in place.

    The block is first argument, labels, what they lack to 1, and weight, as `fill` has them.
    """
    weight, endless, rare = block[3], None, None
    if weight is not None:
        apply_weight(row, weight)
    if kind == "value" or (divisor == 1 and weight is None):
        return
    if formula.steep is not None and not math.isfinite(np.add.reduce(row)):
        endless = np.isinf(row)
        given = (None if x is None else np.broadcast_to(x, row.shape)[endless] for x in block)
        rare = formula.steep(kind, *given, divisor)
    if divisor != 1:
        row /= divisor
    if endless is not None:
        row[endless] = rare


def sum_of(values: np.ndarray) -> float:
    """Return the sum, in float64."""
    if values.dtype is _FLOAT64:
        return float(np.add.reduce(values))
    return float(np.add.reduce(values, dtype=np.float64))


def rounded(number: float, dtype: np.dtype) -> Any:
    """Return a number of this dtype, infinite where it holds none so large."""
    if dtype is _FLOAT64:
        return np.float64(number)
    with np.errstate(all="ignore"):
        return dtype.type(number)
