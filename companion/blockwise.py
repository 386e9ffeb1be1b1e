"""Evaluate an elementwise formula in one pass over cache-sized blocks, whatever the arrays' size.

A NumPy expression over N elements writes each of its temporaries to memory, N elements long. Here
the formula sees a block of at most `BLOCK` elements and works in scratch that stays in the cache:
the extra memory is a few MiB and each input is read once. The cut into blocks depends on N alone,
and block sums are added exactly (`math.fsum`), so the number of threads cannot change a result.

`in_blocks` cuts, runs and adds; `evaluate` does so for operands that broadcast to one shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

__all__ = ["BLOCK", "evaluate", "in_blocks"]

BLOCK = 16384
"""Elements in a block; a handful of float64 arrays of this length fit in a second-level cache."""


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
        Threads; NumPy's loops release the interpreter's lock.

    Returns
    -------
    tuple of float
        The sums over all blocks; empty where `size` is 0.
    """
    bounds = [(start, min(start + block, size)) for start in range(0, size, block)]

    def run(bounds: Sequence[tuple[int, int]]) -> list[tuple[float, ...]]:
        with np.errstate(all="ignore"):
            return list(process(bounds))

    threads = min(workers, len(bounds))
    if threads <= 1:
        results = run(bounds)
    else:
        share = -(-len(bounds) // threads)
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(run, [bounds[i : i + share] for i in range(0, len(bounds), share)])
            results = [result for part in parts for result in part]
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
        blocks of `dtype` to be filled, or None. `scratch` holds rows of `dtype` as long as the
        block.
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
        Threads; NumPy's loops release the interpreter's lock.

    Returns
    -------
    tuple of float
        The sums over all blocks of the kernel's results; empty where there is no element.
    """
    read = [_reader(operand, shape, dtype) for operand in operands]
    flat = [None if output is None else output.reshape(-1) for output in outputs]
    narrow = [i for i, output in enumerate(flat) if output is not None and output.dtype != dtype]
    size = math.prod(shape)

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
        rows = np.empty((scratch + len(operands) + len(narrow), min(BLOCK, size)), dtype)
        for start, stop in bounds:
            block = rows[:, : stop - start]
            inputs = [
                operand if fetch is None else fetch(start, stop, block[scratch + i])
                for i, (fetch, operand) in enumerate(read)
            ]
            targets = [None if output is None else output[start:stop] for output in flat]
            wide = list(targets)
            for row, i in enumerate(narrow, scratch + len(operands)):
                wide[i] = block[row]
            yield kernel(inputs, wide, block[:scratch])
            for i in narrow:
                targets[i][...] = wide[i]

    return in_blocks(process, size, workers=workers)


_Fetch = Callable[[int, int, np.ndarray], np.ndarray]


def _reader(
    operand: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype
) -> tuple[_Fetch | None, np.ndarray | None]:
    """Return how to fetch a block of `operand`, or the operand itself where it is a scalar."""
    if operand is None or operand.ndim == 0:
        with np.errstate(all="ignore"):  # a number too large for the dtype is infinite in it
            return None, None if operand is None else operand.astype(dtype)
    if operand.shape == shape and operand.flags.c_contiguous:
        flat = operand.reshape(-1)
        if operand.dtype == dtype:
            return lambda start, stop, scratch: flat[start:stop], None
    else:
        flat = None

    def fetch(start: int, stop: int, scratch: np.ndarray) -> np.ndarray:
        # An iterator is not to be shared by threads, so each block makes its own.
        source = np.broadcast_to(operand, shape).flat if flat is None else flat
        scratch[...] = source[start:stop]
        return scratch

    return fetch, None


def _total(values: tuple[float, ...]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return sum(values)
    except ValueError:  # inf and -inf
        return math.nan
