"""Evaluate an elementwise formula in one pass over cache-sized blocks, whatever the arrays' size.

A NumPy expression over N elements writes each of its temporaries to memory, N elements long. Here
the formula sees a block of at most `BLOCK` elements and works in scratch that stays in the cache:
the extra memory is a few MiB and each input is read once. The cut into blocks depends on N alone,
and block sums are added exactly (`math.fsum`), so the number of threads cannot change a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

__all__ = ["BLOCK", "evaluate"]

BLOCK = 16384
"""Elements in a block; a handful of float64 arrays of this length fit in a second-level cache."""


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
    size = math.prod(shape)
    starts = range(0, size, BLOCK)
    read = [_reader(operand, shape, dtype) for operand in operands]
    flat = [None if output is None else output.reshape(-1) for output in outputs]

    def run(starts: Sequence[int]) -> list[tuple[float, ...]]:
        length = min(BLOCK, size)
        narrow = [
            i for i, output in enumerate(flat) if output is not None and output.dtype != dtype
        ]
        rows = np.empty((scratch + len(operands) + len(narrow), length), dtype)
        results = []
        with np.errstate(all="ignore"):
            for start in starts:
                stop = min(start + BLOCK, size)
                block = rows[:, : stop - start]
                targets = [None if output is None else output[start:stop] for output in flat]
                wide = list(targets)
                for row, i in enumerate(narrow, scratch + len(operands)):
                    wide[i] = block[row]
                inputs = [
                    operand if fetch is None else fetch(start, stop, block[scratch + i])
                    for i, (fetch, operand) in enumerate(read)
                ]
                results.append(kernel(inputs, wide, block[:scratch]))
                for i in narrow:
                    targets[i][...] = wide[i]
        return results

    threads = min(workers, len(starts))
    if threads <= 1:
        results = run(starts)
    else:
        share = -(-len(starts) // threads)
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(run, [starts[i : i + share] for i in range(0, len(starts), share)])
            results = [result for part in parts for result in part]
    return tuple(_total(column) for column in zip(*results, strict=True))


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
