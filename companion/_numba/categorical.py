"""The losses of one question with K answers, compiled: value and gradient in one pass.

The formulas are those of `companion._numpy.categorical`, in float64.
`run_rows` takes the rows tile by tile. Each loss is a function that fills the losses of a tile, and
leaves its gradient where the numbers of the tile were.
"""

from __future__ import annotations

import numpy as np

from companion._numba.arithmetic import log_unit
from companion._numba.compiler import compiled, part_of_kernels, wide_vectors
from companion._numba.right_class import one_class
from companion._numba.softmax import log1p, softmax, times, total, two_sum
from companion._numba.tiles import LANES, is_long, load, load_labels, place, store

__all__ = ["run_rows"]


@part_of_kernels
def _sum_others(a, others, run, beyond, alone):
    """Fill the sum of a row's numbers but for each one, without a difference."""
    wide_vectors()
    classes, lanes = a.shape
    for j in range(lanes):
        run[j] = beyond[j] = 0.0
    for k in range(classes - 1, -1, -1):
        for j in range(lanes):
            others[k, j] = run[j]
            run[j] += a[k, j]
    if alone:
        for j in range(lanes):
            below = above = 0.0
            for i in range(lanes):
                if i < j:
                    below += run[i]
                if i > j:
                    above += run[i]
            beyond[j] = below + above
    for k in range(classes):
        for j in range(lanes):
            others[k, j] += beyond[j]
            beyond[j] += a[k, j]


@part_of_kernels
def _any_class(z, e, a, others, top, rest, run, beyond, alone, loss, slopes):
    """Fill the losses for the weighted labels a, and the gradients, which replace e."""
    wide_vectors()
    classes, lanes = z.shape
    for j in range(lanes):
        run[j] = log1p(rest[j])
        loss[j] = 0.0
    for k in range(classes):
        for j in range(lanes):
            below = 0.0 if z[k, j] == top[j] else top[j] - z[k, j]
            loss[j] += times(a[k, j], run[j] + below)
    if slopes:
        _sum_others(a, others, run, beyond, alone)
        for k in range(classes):
            for j in range(lanes):
                apart = rest[j] if z[k, j] == top[j] else (rest[j] - e[k, j]) + 1.0
                one = 1.0 + rest[j]
                e[k, j] = others[k, j] * (e[k, j] / one) - a[k, j] * (apart / one)


@part_of_kernels
def _probabilities(p, a, loss, slopes):
    """Fill the losses of probabilities, and the gradients, which replace them."""
    wide_vectors()
    classes, lanes = p.shape
    for j in range(lanes):
        loss[j] = 0.0
    for k in range(classes):
        for j in range(lanes):
            loss[j] += times(a[k, j], -log_unit(p[k, j], 0.0))
            if slopes:
                p[k, j] = 0.0 if a[k, j] == 0.0 else -a[k, j] / p[k, j]


@part_of_kernels
def _scale(block, row_weight, divisor):
    """Weigh each row of a block, and divide it."""
    wide_vectors()
    classes, lanes = block.shape
    for k in range(classes):
        for j in range(lanes):
            block[k, j] = times(row_weight[j], block[k, j]) / divisor


@compiled()
def _run(
    of_one_class,  # True for the loss that is to be run, None for the others,
    of_any_class,  # as Numba leaves out, before it compiles, what asks None whether it is
    of_probabilities,
    x,
    labels,
    index,
    spread,
    weight,
    sample_weight,
    divisor,
    value,
    gradient,
    start,
    stop,
    classes,
    inner,
    alone,
    blocks,
    flat,
    lanes,
    places,
):
    wide_vectors()
    z, e = (blocks[0], flat[0]), (blocks[1], flat[1])
    a, others = (blocks[2], flat[2]), (blocks[3], flat[3])
    five = (lanes[0], lanes[1], lanes[2], lanes[3], lanes[4])
    top, rest, run, beyond, _ = five
    loss, kept, class_weight, row_weight = lanes[5], lanes[6], lanes[7], lanes[8]
    sums, errors = lanes[9], lanes[10]
    base, where, right = places[0], places[1], places[2]
    rows = 1 if alone else LANES
    slopes = gradient.size > 0
    for row in range(start, stop, rows):
        count = rows if rows < stop - row else stop - row
        runs = place(row, count, classes, inner, alone, base)
        load(x, base, runs, inner, z[1])
        for j in range(rows):
            r = row - start + (j if j < count else count - 1)
            row_weight[j] = sample_weight[r] if sample_weight.size else 1.0
            kept[j] = 1.0
            if labels is None:
                y = index[r]
                if y < 0:
                    y = 0
                    kept[j] = 0.0
                    for k in range(classes):
                        z[1][k if alone else k * LANES + j] = 0.5
                class_weight[j] = weight[y] * kept[j]
                right[j] = y if alone else y * LANES + j
        for j in range(rows, LANES):
            row_weight[j] = row_weight[0]
        if spread is not None:
            load_labels(labels, right, kept, spread, weight, base, runs, inner, alone, a[1])
        if of_probabilities is not None:
            _probabilities(z[0], a[0], loss, slopes)
        if of_one_class is not None:
            one_class(x, z, e, right, class_weight, five, alone, loss, slopes)
        if of_any_class is not None:
            softmax(x, z, e, top, where, rest, run, alone)
            _any_class(z[0], e[0], a[0], others[0], top, rest, run, beyond, alone, loss, slopes)
        if spread is not None and alone:
            loss[0] = total(loss)
        for j in range(count):
            loss[j] = times(row_weight[j], loss[j])
            if value.size:
                value[row - start + j] = loss[j]
            else:
                sums[j], lost = two_sum(sums[j], loss[j])
                errors[j] += lost
        if slopes:
            out = e if of_probabilities is None else z
            if divisor != 1.0 or sample_weight.size:
                _scale(out[0], row_weight, divisor)
            store(out[1], base, count, runs, inner, gradient)
    rounded = total(sums)
    exact = rounded + total(errors)
    return exact if exact == exact else rounded


def run_rows(
    kernel: str,
    x: np.ndarray,
    labels: np.ndarray | None,
    index: np.ndarray | None,
    spread: tuple[float, float] | None,
    weight: np.ndarray,
    sample_weight: np.ndarray | None,
    divisor: float,
    value: np.ndarray | None,
    gradient: np.ndarray | None,
    rows: tuple[int, int, int, int],
) -> float:
    """Run some rows of a loss, and return the sum of the losses that are not to be kept.

    Parameters
    ----------
    kernel : {"logits", "probabilities"}
        The loss, by what x is.
    x, labels, gradient : numpy.ndarray
        Flat and of one dtype, with the same places. `labels` are class probabilities, or None;
        `gradient` is to be filled, or None.
    index : numpy.ndarray, optional
        The class of each of the rows, negative for one that is ignored.
    spread : tuple of float, optional
        What a label is multiplied by, and what is then added; None where one class is right.
    weight, sample_weight : numpy.ndarray
        A float64 for each class, and for each of the rows, or None.
    divisor : float
        What the gradient is divided by.
    value : numpy.ndarray, optional
        The losses of the rows, to be filled.
    rows : tuple of int
        The first row and the one after the last, the number of classes, and how far a class lies
        from the next.
    """
    of_probabilities = {"logits": False, "probabilities": True}[kernel]
    kinds = spread is None, not of_probabilities and spread is not None, of_probabilities
    classes, inner = rows[2:]
    alone = is_long(classes, inner)
    blocks = np.empty((4, -(-classes // LANES) if alone else classes, LANES))
    if alone:
        blocks[0], blocks[2] = -np.inf, 0.0  # the row may end before its block
    nothing = np.empty(0, x.dtype)
    return _run(
        *(kind or None for kind in kinds),
        _read(x),
        None if labels is None else _read(labels),
        _read(np.empty(0, np.intp) if index is None else index),
        spread,
        _read(weight),
        np.empty(0) if sample_weight is None else sample_weight,
        divisor,
        nothing if value is None else value,
        nothing if gradient is None else gradient,
        *rows,
        alone,
        blocks,
        blocks.reshape(4, -1),
        np.zeros((11, LANES)),
        np.zeros((3, LANES), np.int64),
    )


def _read(array: np.ndarray) -> np.ndarray:
    """Return an array that is only read, whose flags and strides need no code of their own."""
    array = np.ascontiguousarray(array)[...]
    array.setflags(write=False)
    return array
