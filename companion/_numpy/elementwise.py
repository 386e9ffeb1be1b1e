"""What every call of a binary loss has in common: checks, smoothing, weights and the reduction.

`evaluate_loss` runs a formula of `companion._numpy.binary` over the arguments in cache-sized
blocks. Small plain arrays take a shorter way with the same result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._numpy.binary import KINDS, SCRATCH, logits_block, probabilities_block
from companion._numpy.blockwise import BLOCK, evaluate
from companion.contracts import (
    as_arrays,
    check_choice,
    check_fraction,
    common_shape,
    compute_dtype,
    count_workers,
    in_unit_interval,
    unit_interval_error,
    weight_error,
    weight_shape,
)
from companion.reduction import REDUCTIONS, apply_weight, denominator

__all__ = ["BOTH", "GRADIENT", "HESSIAN", "VALUE", "evaluate_loss"]

VALUE, GRADIENT, HESSIAN, BOTH = ("value",), ("gradient",), ("hessian",), ("value", "gradient")
"""What a call may want, each a part of `KINDS` in its order."""

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def evaluate_loss(
    block: Callable[..., None],
    want: tuple[str, ...],
    x: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    pos_weight: ArrayLike | None,
    label_smoothing: float,
    reduction: str,
    workers: int | None,
) -> tuple[Any, ...]:
    """Check the arguments, run `block` over them, and return what `want` names, reduced.

    Parameters
    ----------
    block : callable
        `logits_block` or `probabilities_block`, which says what `x` is.
    want : tuple of str
        One of `VALUE`, `GRADIENT`, `HESSIAN` and `BOTH`.
    x, labels, weight, pos_weight, label_smoothing, reduction, workers
        As in `companion.binary.binary_cross_entropy_with_logits`.

    Returns
    -------
    tuple
        One numpy scalar or array for each name in `want`.

    Raises
    ------
    TypeError, ValueError
        As in `companion.binary.binary_cross_entropy_with_logits`.
    """
    check_choice("reduction", reduction, REDUCTIONS)
    smoothing = check_fraction("label_smoothing", label_smoothing)
    threads = count_workers(workers)
    if weight is pos_weight is None and not smoothing and reduction != "weighted_mean":
        results = _small(block, want, x, labels, reduction)
        if results is not None:
            return results
    first = "logits" if block is logits_block else "probabilities"
    arguments = {first: x, "labels": labels, "weight": weight, "pos_weight": pos_weight}
    arrays, dtype = as_arrays(("weight", "pos_weight"), **arguments)
    shape = common_shape(first, arrays[0], "labels", arrays[1])
    ranged = []
    for i, (name, whole) in enumerate(zip(arguments, arrays, strict=True)):
        if whole is None:
            continue
        if i > 1:
            weight_shape(name, whole, shape)
        # A block brings a scalar rounded to the working dtype; without elements none comes.
        if whole.ndim == 0 or 0 in shape:
            _check_range(name, whole, whole)
        ranged.append((i, name, whole))
    # A Hessian squares rounded numbers, and a sum of weights may leave a narrow float's range.
    wide = want == HESSIAN or reduction == "weighted_mean"
    sweep = functools.partial(
        evaluate,
        operands=arrays,
        shape=shape,
        dtype=_FLOAT64 if wide else compute_dtype(dtype),
        workers=threads,
    )

    def checked(operands: list[Any], scratch: np.ndarray) -> list[Any]:
        """Refuse what is out of range, and smooth the labels."""
        for i, name, whole in ranged:
            _check_range(name, operands[i], whole)
        if smoothing:
            operands[1] = np.multiply(operands[1], 1 - smoothing, out=scratch)
            operands[1] += smoothing / 2
        return operands

    def applied_weight(operands: list[Any], _: list[Any], scratch: list[Any]) -> tuple[float]:
        _, y, weight, pos_weight = checked(operands, scratch[0])
        scratch[1][...] = 1 if pos_weight is None else pos_weight * y + (1 - y)
        if weight is not None:
            scratch[1] *= weight
        return (_sum(scratch[1]),)

    applied = sweep(applied_weight, outputs=(), scratch=2) if reduction == "weighted_mean" else ()
    divisor = denominator(reduction, math.prod(shape), *applied)

    def kernel(operands: list[Any], outputs: list[Any], scratch: list[Any]) -> tuple[float, ...]:
        x, y, weight, pos_weight = checked(operands, scratch[0])
        rows = {
            kind: row if output is None else output
            for kind, output, row in zip(want, outputs, scratch[1:3], strict=False)
        }
        block(x, y, pos_weight, *map(rows.get, KINDS), scratch[3:])
        for kind, row in rows.items():
            if weight is not None:
                apply_weight(row, weight)
            if kind != "value" and divisor != 1:
                row /= divisor
        return tuple(
            _sum(row) if output is None else 0.0
            for row, output in zip(rows.values(), outputs, strict=True)
        )

    # A reduced derivative keeps the shape of the first argument; of a scalar, it is the sum.
    whole = reduction == "none", reduction == "none" or arrays[0].shape == shape
    outputs = [np.empty(shape, dtype) if whole[kind != "value"] else None for kind in want]
    totals = sweep(kernel, outputs=outputs, scratch=3 + SCRATCH) or (0.0,) * len(want)
    return tuple(
        _rounded(total / (divisor if kind == "value" else 1), dtype) if out is None else out[()]
        for kind, out, total in zip(want, outputs, totals, strict=True)
    )


def _small(
    block: Callable[..., None], want: tuple[str, ...], x: Any, y: Any, reduction: str
) -> tuple[Any, ...] | None:
    """Return the same for two plain arrays that fit in one block, and None for all else.

    On a thousand elements the general bookkeeping takes longer than the arithmetic.
    """
    if not type(x) is type(y) is np.ndarray:
        return None
    shape, size, dtype = x.shape, x.size, x.dtype
    if not (
        (dtype is _FLOAT64 or (dtype is _FLOAT32 and want != HESSIAN))
        and y.dtype is dtype
        and y.shape == shape != ()
        and 0 < size <= BLOCK
        and x.flags.c_contiguous
        and y.flags.c_contiguous
    ):
        return None
    if not in_unit_interval(y):
        raise unit_interval_error("labels", y)
    if block is probabilities_block and not in_unit_interval(x):
        raise unit_interval_error("probabilities", x)
    divisor = size if reduction == "mean" else 1
    rows = {kind: np.empty(size, dtype) for kind in want}
    results = []
    with np.errstate(all="ignore"):
        scratch = np.empty((SCRATCH, size), dtype)
        block(x.reshape(-1), y.reshape(-1), None, *map(rows.get, KINDS), scratch)
        for kind, row in rows.items():
            if kind == "value" and reduction != "none":
                results.append(_rounded(_sum(row) / divisor, dtype))
                continue
            if divisor != 1:
                row /= divisor
            results.append(row.reshape(shape))
    return tuple(results)


def _check_range(name: str, values: np.ndarray, whole: np.ndarray) -> None:
    """Refuse values out of range, with a message about the whole argument."""
    if name == "logits" or not values.size:
        return
    if name in ("weight", "pos_weight"):
        if not (np.min(values) >= 0 and np.max(values) < np.inf):
            raise weight_error(name, whole)
    elif not in_unit_interval(values):
        raise unit_interval_error(name, whole)


def _sum(values: np.ndarray) -> float:
    return float(np.add.reduce(values, dtype=np.float64))


def _rounded(number: float, dtype: np.dtype) -> Any:
    if dtype is _FLOAT64:
        return np.float64(number)
    with np.errstate(all="ignore"):  # a number too large for the dtype is infinite in it
        return dtype.type(number)
