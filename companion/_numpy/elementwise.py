"""What every call of an elementwise loss has in common: check, prepare, evaluate, reduce.

`evaluate_elementwise` runs a `Formula` over the arguments in cache-sized blocks. It calls

    fill(x, y, no, rows, scratch, **options)

for each block: the first argument, the labels, and 1 minus them (None where it is no more than
that), the `Rows` to fill, the formula's scratch, and the options that were given. Small plain
arrays take a shorter way with the same result.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion import engine
from companion._numpy.blockwise import evaluate
from companion._numpy.formula import HESSIAN, Formula, Rows
from companion._numpy.one_block import PLACES, SUMMED, evaluate_small, rounded, scale, sum_of
from companion.contracts import (
    as_arrays,
    check_choice,
    check_smoothing,
    check_unit_interval,
    check_weight,
    common_shape,
    compute_dtype,
    count_workers,
)
from companion.reduction import REDUCTIONS, denominator

__all__ = ["evaluate_elementwise"]


def evaluate_elementwise(
    formula: Formula,
    want: tuple[str, ...],
    x: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    reduction: str,
    workers: int | None,
    *,
    label_smoothing: float = 0.0,
    **options: ArrayLike | None,
) -> tuple[Any, ...]:
    """Check the arguments, run `formula` over them, and return what `want` names, reduced.

    Parameters
    ----------
    formula : Formula
        The loss.
    want : tuple of str
        One of `VALUE`, `GRADIENT`, `HESSIAN` and `BOTH`.
    x, labels, weight, reduction, workers, label_smoothing
        As in `companion.binary.binary_cross_entropy_with_logits`.
    **options : array_like, optional
        The formula's own, each finite, at least 0, and broadcast to the losses.

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
    usual = type(label_smoothing) is float and label_smoothing == 0
    smoothing = 0.0 if usual else check_smoothing(label_smoothing)
    threads = 1 if workers is None else count_workers(workers)
    given = {name: option for name, option in options.items() if option is not None}
    plain = weight is None and not (given or smoothing) and reduction != "weighted_mean"
    compiled = engine.compiled() if formula.kernel else None
    if plain:
        results = evaluate_small(formula, want, x, labels, reduction, compiled)
        if results is not None:
            return results
    call = _check(formula, want, x, labels, weight, given, smoothing, reduction, compiled)
    divisor = _prepare(call, threads)
    totals, outputs = _evaluate(call, divisor, threads, compiled)
    return _reduce(call, divisor, totals, outputs)


@dataclass(frozen=True)
class _Call:
    """The checked arguments of a call."""

    formula: Formula
    want: tuple[str, ...]
    operands: list[Any]  # first argument, labels, weight (or None), options
    options: tuple[str, ...]
    smoothing: float
    reduction: str
    shape: tuple[int, ...]
    dtype: np.dtype  # of the result
    working: np.dtype  # of the blocks

    def labels(self, y: Any, scratch: Sequence[np.ndarray]) -> tuple[Any, Any]:
        """Return a block of labels, smoothed, and what they lack to 1 (None: 1 - y as it is)."""
        if not self.smoothing:
            return y, None
        keep, spread = 1 - self.smoothing, self.smoothing / 2
        # Each from its own label, for 1 - y' would lose the digits of a small one.
        no = np.multiply(np.subtract(1, y, out=scratch[0]), keep, out=scratch[0])
        no += spread
        yes = np.multiply(y, keep, out=scratch[1])
        yes += spread
        return yes, no

    def given(self, operands: list[Any]) -> dict[str, Any]:
        """Return the options of a block by their names."""
        given = zip(self.options, operands[3:], strict=True)
        return self.formula.constants | dict(given)


def _check(
    formula: Formula,
    want: tuple[str, ...],
    x: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    options: dict[str, ArrayLike],
    smoothing: float,
    reduction: str,
    compiled: Any,
) -> _Call:
    """Refuse what does not fit, before any arithmetic, but for labels that a kernel counts."""
    arguments = {formula.argument: x, "labels": labels, "weight": weight, **options}
    operands, dtype = as_arrays(("weight",), **arguments)
    shape = common_shape(formula.argument, operands[0], "labels", operands[1])
    if formula.argument == "probabilities":
        check_unit_interval("probabilities", operands[0])
    # A Hessian squares rounded numbers, and a sum of weights may leave a narrow float's range.
    wide = want == HESSIAN or reduction == "weighted_mean"
    working = np.dtype(np.float64) if wide else compute_dtype(dtype)
    counted = compiled is not None and reduction != "weighted_mean"
    if not (counted and operands[1].shape == shape and operands[1].dtype == working):
        check_unit_interval("labels", operands[1])
    for name, operand in list(zip(arguments, operands, strict=True))[2:]:
        if operand is not None:
            check_weight(name, operand, shape, dtype=working, dialect="binary")
    return _Call(
        formula, want, operands, tuple(options), smoothing, reduction, shape, dtype, working
    )


def _prepare(call: _Call, threads: int) -> float:
    """Return what the sum of the losses is divided by."""
    applied: tuple[float, ...] = ()
    if call.reduction == "weighted_mean":
        applied = _sweep(call, functools.partial(_sum_of_weights, call), (), 3, threads)
    return denominator(call.reduction, math.prod(call.shape), *applied, shape=call.shape)


def _sum_of_weights(call: _Call, operands: list[Any], _: Any, scratch: list[Any]) -> tuple[float]:
    y, no = call.labels(operands[1], scratch[1:])
    scratch[0][...] = 1
    if call.formula.label_weight is not None:
        rest = 1 - y if no is None else no
        scratch[0][...] = call.formula.label_weight(y, rest, **call.given(operands))
    if operands[2] is not None:
        scratch[0] *= operands[2]
    return (sum_of(scratch[0]),)


def _evaluate(
    call: _Call, divisor: float, threads: int, compiled: Any
) -> tuple[tuple[float, ...], list[np.ndarray | None]]:
    """Return the sums of what is reduced to a number, and the arrays of what is not."""
    # A reduced derivative keeps the shape of the first argument; of a scalar, it is the sum.
    elementwise = call.reduction == "none"
    whole = elementwise, elementwise or call.operands[0].shape == call.shape
    outputs = [
        np.empty(call.shape, call.dtype) if whole[kind != "value"] else None for kind in call.want
    ]
    if compiled is None:
        kernel, scratch = functools.partial(_fill_block, call, divisor), 4 + call.formula.scratch
    else:
        kernel, scratch = functools.partial(_run_block, call, divisor, compiled), 1
    totals = _sweep(call, kernel, outputs, scratch, threads) or (0.0,) * (len(call.want) + 1)
    if compiled is not None and totals[-1]:
        check_unit_interval("labels", call.operands[1])
    return totals[: len(call.want)], outputs


def _fill_block(
    call: _Call, divisor: float, operands: list[Any], outputs: list[Any], scratch: list[Any]
) -> tuple[float, ...]:
    """Fill a block with what the call wants, weigh and divide it; return the sums of the rest."""
    y, no = call.labels(operands[1], scratch)
    results = {
        kind: row if output is None else output
        for kind, output, row in zip(call.want, outputs, scratch[2:4], strict=False)
    }
    call.formula.fill(operands[0], y, no, Rows(**results), scratch[4:], **call.given(operands))
    for kind, row in results.items():
        scale(call.formula, kind, row, (operands[0], y, no, operands[2]), divisor)
    return tuple(
        sum_of(row) if output is None else 0.0
        for row, output in zip(results.values(), outputs, strict=True)
    )


def _run_block(
    call: _Call,
    divisor: float,
    compiled: Any,
    operands: list[Any],
    outputs: list[Any],
    scratch: list[Any],
) -> tuple[float, ...]:
    """Do the same in compiled code, but for the rare block where a derivative is too steep.

    The last sum is how many labels are out of range.
    """
    options = compiled.KERNELS[call.formula.kernel](
        call.smoothing, call.working, **call.given(operands)
    )
    targets: list[Any] = [None, None, None]
    for kind, out in zip(call.want, outputs, strict=True):
        targets[PLACES[kind]] = SUMMED if out is None else out
    size = len(scratch[0])
    sums = compiled.run_block(options, *operands[:3], divisor, targets, size)
    wanted = tuple(sums[PLACES[kind]] for kind in call.want)
    if call.formula.steep is not None:
        slopes = [
            total if out is None else np.add.reduce(out)
            for kind, total, out in zip(call.want, wanted, outputs, strict=True)
            if kind != "value"
        ]
        if not all(map(math.isfinite, slopes)):
            rows = list(np.empty((4 + call.formula.scratch, size), call.working))
            wanted = _fill_block(call, divisor, operands, outputs, rows)
    return *wanted, sums[3]


def _reduce(
    call: _Call, divisor: float, totals: tuple[float, ...], outputs: list[np.ndarray | None]
) -> tuple[Any, ...]:
    """Return each result: an array as it is, the sum of losses divided and rounded.

    A float16 would overflow at 65504, so a reduced result is at least a float32.
    """
    return tuple(
        out[()]
        if out is not None
        else rounded(total / (divisor if kind == "value" else 1), compute_dtype(call.dtype))
        for kind, total, out in zip(call.want, totals, outputs, strict=True)
    )


def _sweep(
    call: _Call, kernel: Any, outputs: Sequence[Any], scratch: int, threads: int
) -> tuple[float, ...]:
    return evaluate(
        kernel,
        call.operands,
        outputs,
        shape=call.shape,
        dtype=call.working,
        scratch=scratch,
        workers=threads,
    )
