"""Evaluate an elementwise formula in one pass over cache-sized blocks, whatever the arrays' size.

A NumPy expression over N elements writes each of its temporaries to memory, N elements long. Here
the formula sees a block of at most `BLOCK` elements and works in scratch that stays in the cache:
the extra memory is a few MiB for each thread, and each input is read once. The cut into blocks
depends on N alone, and block sums are added exactly (`math.fsum`), so the number of threads cannot
change a result.

`in_blocks` cuts, runs and adds; `evaluate` does so for operands that broadcast to one shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

__all__ = ["BLOCK", "SHARE", "evaluate", "in_blocks", "most_of_one_thread"]

BLOCK = 65536
"""Elements in a block, half a MiB of float64, so that a handful of rows stay in the cache,
and two threads seldom meet at the interpreter's lock."""

SHARE = 4
"""Blocks that pay for another thread, which takes some 150 µs to start, join and leave: as long as
a compiled loss of 100,000 elements."""


def in_blocks(
    process: Callable[[Sequence[tuple[int, int]]], Iterable[tuple[float, ...]]],
    size: int,
    *,
    block: int = BLOCK,
    workers: int = 1,
) -> tuple[float, ...]:
    """Cut the range of `size` into blocks, process them all, and return the exact sums.

    Parameters
    ----------
    process : callable
        ``process(bounds)`` yields one tuple of numbers for each ``(start, stop)`` in `bounds`. It
        is called once by each thread, with its share of the blocks, and floating-point warnings
        are off inside.
    size : int
        The length of the whole.
    block : int
        The greatest length of a block.
    workers : int
        Threads at most, each with `SHARE` blocks or more; NumPy's loops release the interpreter's
        lock.

    Returns
    -------
    tuple of float
        The sums over all blocks; empty where `size` is 0.
    """
    if size == 0:
        return ()
    bounds = [(start, min(start + block, size)) for start in range(0, size, block)]

    def run(bounds: Sequence[tuple[int, int]]) -> list[tuple[float, ...]]:
        with np.errstate(all="ignore"):
            return list(process(bounds))

    threads = _count_threads(len(bounds), workers)
    if threads == 1:
        results = run(bounds)
    else:
        share = -(-len(bounds) // threads)
        shares = [bounds[i : i + share] for i in range(0, len(bounds), share)]
        with ThreadPoolExecutor(threads) as pool:
            others = [pool.submit(run, share) for share in shares[1:]]
            results = run(shares[0])
            for other in others:
                results += other.result()
    if len(results) == 1:
        return results[0]
    return tuple(_total(column) for column in zip(*results, strict=True))


def evaluate(
    kernel: Callable[..., tuple[float, ...]],
    operands: Sequence[np.ndarray | None],
    outputs: Sequence[np.ndarray | None],
    *,
    shape: tuple[int, ...],
    dtype: np.dtype,
    scratch: int,
    workers: int = 1,
) -> tuple[float, ...]:
    """Call `kernel` on every block and return the exact sums of what it returns.

    Parameters
    ----------
    kernel : callable
        ``kernel(operands, outputs, scratch) -> tuple of float``. The operands come as 1-d blocks
        of `dtype` (read only), or 0-d where the operand is a scalar, or None. The outputs are
        blocks of `dtype` to be filled, or None. `scratch` is a list of rows of `dtype`, each as
        long as the block.
    operands : sequence of numpy.ndarray or None
        Arrays that broadcast to `shape`.
    outputs : sequence of numpy.ndarray or None
        C-contiguous arrays of `shape`, of `dtype` or narrower.
    shape : tuple of int
        The shape of the whole.
    dtype : numpy.dtype
        The dtype that the kernel computes in.
    scratch : int
        Rows of scratch that the kernel needs.
    workers : int
        As for `in_blocks`.

    Returns
    -------
    tuple of float
        The sums over all blocks of the kernel's results; empty where there is no element.
    """
    size = math.prod(shape)
    constants, views, copies = [], [], []
    for i, operand in enumerate(operands):
        constants.append(None)
        if operand is None:
            continue
        if operand.ndim == 0:
            constants[i] = _scalar(operand, dtype)
        elif operand.shape == shape and operand.dtype == dtype and operand.flags.c_contiguous:
            views.append((i, operand.reshape(-1)))
        else:
            copies.append((i, _copier(operand, shape)))
    written = [(i, out.reshape(-1)) for i, out in enumerate(outputs) if out is not None]
    targets = [(i, flat) for i, flat in written if flat.dtype == dtype]
    narrow = [(i, flat) for i, flat in written if flat.dtype != dtype]

    length = min(BLOCK, size)
    # From the calling thread's heap, which the next call finds warm; a new thread's is all faults.
    scratches = [
        np.empty((scratch + len(copies) + len(narrow), length), dtype)
        for _ in range(_count_threads(-(-size // BLOCK), workers))
    ]

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
        rows = list(scratches.pop())
        for start, stop in bounds:
            if stop - start < length:
                rows = [row[: stop - start] for row in rows]  # the last block is the short one
            inputs = constants.copy()
            for i, flat in views:
                inputs[i] = flat[start:stop]
            for (i, copy), row in zip(copies, rows[scratch:], strict=False):
                copy(start, stop, row)
                inputs[i] = row
            results: list[np.ndarray | None] = [None] * len(outputs)
            for i, flat in targets:
                results[i] = flat[start:stop]
            for (i, _), row in zip(narrow, rows[scratch + len(copies) :], strict=True):
                results[i] = row
            yield kernel(inputs, results, rows[:scratch])
            for i, flat in narrow:
                flat[start:stop] = results[i]

    return in_blocks(process, size, workers=workers)


def most_of_one_thread() -> int:
    """Return how many elements one thread takes, whatever the number of workers."""
    return BLOCK * (2 * SHARE - 1)


def _count_threads(blocks: int, workers: int) -> int:
    return max(1, min(workers, blocks // SHARE))


def _scalar(operand: np.ndarray, dtype: np.dtype) -> np.ndarray:
    with np.errstate(all="ignore"):  # a number too large for the dtype is infinite in it
        return operand.astype(dtype)


def _copier(operand: np.ndarray, shape: tuple[int, ...]) -> Callable[[int, int, np.ndarray], None]:
    """Return a function that copies a block of `operand`, broadcast to `shape`, into a row."""
    whole = operand.shape == shape and operand.flags.c_contiguous

    def copy(start: int, stop: int, row: np.ndarray) -> None:
        # An iterator is not to be shared by threads, so each block makes its own.
        source = operand.reshape(-1) if whole else np.broadcast_to(operand, shape).flat
        row[...] = source[start:stop]

    return copy


def _total(values: tuple[float, ...]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return sum(values)
    except ValueError:  # inf and -inf
        return math.nan
