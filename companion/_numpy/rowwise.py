"""What every call of a loss over rows of K classes has in common: check, prepare, evaluate, reduce.

`evaluate_rowwise` runs a `Formula` over blocks of rows with the classes first, (K, n). It calls

    fill(x, targets, rows, want, exact, new)

for each: the logits or probabilities, the `Targets` of the call, the slice of rows, what is wanted,
whether the argument is as wide as the block, and what gives memory for another (`Scratch.block`).
The result is a dictionary by the names in `want`. Where `companion.engine` says so, values and
gradients come from the formula's compiled kernel instead, which takes the rows as they lie.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion import engine
from companion._numpy.blockwise import in_blocks
from companion._numpy.class_axis import AT_WORK, NUMBERS, ClassAxis, Scratch
from companion._numpy.formula import HESSIAN, Formula
from companion._numpy.targets import Targets, check_ignore_index, check_labels
from companion.contracts import (
    as_arrays,
    check_axis,
    check_choice,
    check_smoothing,
    check_unit_interval,
    check_weight,
    compute_dtype,
    count_workers,
)
from companion.reduction import REDUCTIONS, apply_weight, denominator

__all__ = ["evaluate_rowwise"]


def evaluate_rowwise(
    formula: Formula,
    want: tuple[str, ...],
    x: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    axis: int,
    reduction: str,
    workers: int | None,
    *,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Any, ...]:
    """Check the arguments, run `formula` over them, and return what `want` names, reduced.

    Parameters
    ----------
    formula : Formula
        The loss.
    want : tuple of str
        One of `VALUE`, `GRADIENT`, `HESSIAN` and `BOTH`.
    x, labels, weight, axis, reduction, workers, sample_weight, ignore_index, label_smoothing
        As in `companion.categorical.cross_entropy`.

    Returns
    -------
    tuple
        One numpy scalar or array for each name in `want`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As in `companion.categorical.cross_entropy`.
    """
    check_choice("reduction", reduction, REDUCTIONS)
    check_ignore_index(ignore_index)
    smoothing = check_smoothing(label_smoothing)
    threads = count_workers(workers)
    arguments = {
        formula.argument: x,
        "labels": labels,
        "weight": weight,
        "sample_weight": sample_weight,
    }
    call = _check(formula, want, arguments, axis, ignore_index, smoothing, reduction)
    call.targets.check(threads)
    divisor = _prepare(call, threads)
    total, outputs = _evaluate(call, divisor, threads)
    return _reduce(call, divisor, total, outputs)


@dataclass(frozen=True)
class _Call:
    """The checked arguments of a call."""

    formula: Formula
    want: tuple[str, ...]
    x: np.ndarray
    targets: Targets
    sample_weight: np.ndarray | None  # one number for each row, flat
    reduction: str
    dtype: np.dtype  # of the result


def _check(
    formula: Formula,
    want: tuple[str, ...],
    arguments: dict[str, ArrayLike | None],
    axis: int,
    ignore_index: int | None,
    smoothing: float,
    reduction: str,
) -> _Call:
    """Refuse what does not fit, before any arithmetic; `Targets.check` looks at the labels."""
    name = formula.argument
    optional = ("weight", "sample_weight")
    (x, labels, weight, sample_weight), dtype = as_arrays(optional, **arguments)
    classes = ClassAxis(x.shape, check_axis(name, x, axis))
    check_labels(name, labels, classes, ignore_index)
    if weight is not None:
        _check_class_weight(weight, classes.count)
    if sample_weight is not None:
        _check_sample_weight(sample_weight, classes.rest)
        sample_weight = sample_weight.reshape(-1)
    if name == "probabilities":
        check_unit_interval(name, x, "categorical")
    elif classes.count == 1:
        warnings.warn(
            f"logits: expected two classes or more, got one along axis {classes.axis}, whose loss "
            "is always 0; for one yes/no question call binary_cross_entropy_with_logits",
            stacklevel=4,
        )
    targets = Targets(labels, classes, weight, ignore_index, smoothing)
    return _Call(formula, want, x, targets, sample_weight, reduction, dtype)


def _prepare(call: _Call, threads: int) -> float:
    """Return what the sum of the losses is divided by."""
    targets, count, mass = call.targets, 0, 0.0
    if call.reduction == "mean":
        count = targets.count(threads)
    if call.reduction == "weighted_mean":
        mass = targets.mass(call.sample_weight, threads)
    return denominator(call.reduction, count, mass, targets.classes.rest)


def _evaluate(
    call: _Call, divisor: float, threads: int
) -> tuple[float, dict[str, np.ndarray | None]]:
    """Return the sum of the losses, and by name the arrays of what is not reduced to it."""
    targets, classes = call.targets, call.targets.classes
    shapes = {
        "value": classes.rest,
        "gradient": classes.shape,
        "hessian": (*classes.rest, classes.count, classes.count),
    }
    reduced = {"value"} if call.reduction != "none" else set()
    outputs = {
        kind: None if kind in reduced else np.empty(shapes[kind], call.dtype) for kind in call.want
    }
    compiled = engine.compiled() if call.formula.kernel else None
    if compiled is not None and call.want != HESSIAN and classes.count:
        return _run(call, divisor, threads, compiled, outputs), outputs
    view, few = classes.view(call.x), _has_right_class(call)
    working = np.dtype(np.float32 if few and _is_narrow(call) else np.float64)
    exact = call.x.dtype.char == working.char
    at_work = 3 if few else AT_WORK  # the blocks of a RightClass
    numbers = at_work * classes.count ** (2 if call.want == HESSIAN else 1)
    block = min(classes.rows, classes.block(numbers))

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
        scratch = Scratch(classes, block, working)
        for start, stop in bounds:
            rows = slice(start, stop)
            x = scratch.begin(view, start, stop)
            results = call.formula.fill(x, targets, rows, call.want, exact, scratch.block)
            ignored, total = targets.ignored(rows), 0.0
            for kind, result in results.items():
                if ignored is not None:
                    result[(..., ignored) if kind == "gradient" else ignored] = 0
                if call.sample_weight is not None:
                    row_weight = call.sample_weight[rows].astype(np.float64)
                    by_row = (-1, 1, 1) if kind == "hessian" else -1  # a Hessian has its rows first
                    apply_weight(result, row_weight.reshape(by_row))
                if kind != "value" and divisor != 1:
                    result /= divisor
                output = outputs[kind]
                if output is None:
                    total = float(np.add.reduce(result))
                elif kind == "gradient":
                    classes.store(classes.view(output), start, stop, result)
                else:
                    output.reshape(classes.rows, *result.shape[1:])[rows] = result
            yield (total,)

    (total,) = in_blocks(process, classes.rows, block=block, workers=threads) or (0.0,)
    return total, outputs


def _has_right_class(call: _Call) -> bool:
    """Return whether one class of each row is right, and its loss a `RightClass`."""
    of_logits = call.formula.argument == "logits"
    return of_logits and call.targets.one_class_each and call.want != HESSIAN


def _is_narrow(call: _Call) -> bool:
    """Return whether exponentials may be float32: of many classes, where no weight overflows."""
    classes, weighted = call.targets.classes, call.targets.weighs or call.sample_weight is not None
    narrow = call.x.dtype.char == call.dtype.char == "f"  # in any byte order
    return narrow and classes.side_by_side and not weighted


def _run(
    call: _Call,
    divisor: float,
    threads: int,
    compiled: Any,
    outputs: dict[str, np.ndarray | None],
) -> float:
    """Fill the outputs in compiled code; return the sum of the losses where that is wanted."""
    targets, classes, smoothing = call.targets, call.targets.classes, call.targets.smoothing
    working = np.dtype(np.float32 if call.x.dtype == call.dtype == np.float32 else np.float64)
    soft = None if targets.are_indices else targets.labels
    spread = None
    if call.formula.argument == "probabilities" or not targets.one_class_each:
        spread = (1 - smoothing, smoothing / classes.count)
    # What lies as the kernel wants it is taken from where it is, all else copied block by block
    plain = call.dtype == working and _is_plain(call.x, working) and _is_plain(soft, working)
    views = [
        None if a is None else classes.view(a) for a in (call.x, soft, outputs.get("gradient"))
    ]
    value = outputs.get("value")
    tile = 1 if compiled.is_long(classes.count, classes.inner) else compiled.LANES
    block = min(classes.rows, max(tile, NUMBERS // 3 // classes.count // tile * tile))

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
        flat = [None if v is None else v.reshape(-1) for v in views] if plain else []
        memory = None if plain else np.empty((3, block * classes.count), working)
        blocks: list[np.ndarray] = []
        for start, stop in bounds:
            rows, n = slice(start, stop), stop - start
            place = (start, stop, classes.count, max(1, classes.inner))
            if memory is not None:
                blocks = [classes.arrange(part[: n * classes.count]) for part in memory]
                for view, out in zip(views[:2], blocks, strict=False):
                    if view is not None:
                        classes.load(view, start, stop, out)
                flat = [
                    None if view is None else part[: n * classes.count]
                    for view, part in zip(views, memory, strict=True)
                ]
                place = (0, n, classes.count, n if blocks[0].flags.c_contiguous else 1)
            losses = None if value is None else np.empty(n, working)
            total = compiled.run_rows(
                call.formula.kernel,
                flat[0],
                flat[1],
                targets.marked(rows) if targets.are_indices else None,
                spread,
                targets.weight,
                None if call.sample_weight is None else call.sample_weight[rows].astype(np.float64),
                divisor,
                losses,
                flat[2],
                place,
            )
            if value is not None:
                value.reshape(-1)[rows] = losses
            if memory is not None and views[2] is not None:
                classes.store(views[2], start, stop, blocks[2])
            yield (total,)

    (total,) = in_blocks(process, classes.rows, block=block, workers=threads) or (0.0,)
    return total


def _is_plain(array: np.ndarray | None, dtype: np.dtype) -> bool:
    """Return whether an array, if there is one, is of a dtype, and contiguous."""
    return array is None or (
        array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned
    )


def _reduce(
    call: _Call, divisor: float, total: float, outputs: dict[str, np.ndarray | None]
) -> tuple[Any, ...]:
    """Return each result: an array as it is, the sum of losses divided and rounded."""
    number = compute_dtype(call.dtype).type  # a float16 would overflow at 65504
    with np.errstate(all="ignore"):
        return tuple(
            number(total / divisor) if out is None else out[()] for out in outputs.values()
        )


def _check_class_weight(weight: np.ndarray, k: int) -> None:
    if weight.shape != (k,):
        raise ValueError(
            f"weight: expected one number for each class, shape ({k},), got {weight.shape}; to "
            "weigh rows, pass sample_weight"
        )
    check_weight("weight", weight, (k,), dialect="categorical")


def _check_sample_weight(weight: np.ndarray, rows: tuple[int, ...]) -> None:
    if weight.shape != rows:
        mend = "give each row one number; to weigh classes, pass weight"
        if weight.size == math.prod(rows):
            mend = f"pass sample_weight.reshape({rows})"
        elif weight.size == 1:
            mend = f"pass numpy.full({rows}, sample_weight)"
        raise ValueError(
            f"sample_weight: expected one number for each row, shape {rows}, got {weight.shape}; "
            f"{mend}"
        )
    check_weight("sample_weight", weight, rows, "rows", dialect="categorical")
