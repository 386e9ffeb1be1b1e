"""Rows of K classes in blocks that stay in the first-level cache, as vectors want them.

In the block of a tile of rows, (K, `LANES`), class k of row j is at [k, j], and a vector runs over
the rows. A row of `LONG` classes or more that lie side by side is a tile alone, and fills its block
as it lies: each of `LANES` lanes makes a sum of its own, and these are added up. So the order of a
row's sums depends on the shape alone.

The loops over lanes ask an array for their number: a constant one would be unrolled, one number at
a time, before it could become vectors. Unsigned places need no test for counting from the end.
"""

from __future__ import annotations

import numpy as np

from companion._numba.compiler import part_of_kernels, wide_vectors

__all__ = ["LANES", "LONG", "is_long", "load", "load_labels", "place", "store"]

LANES = 32
"""Rows in a tile: some vectors, and ten classes of them are a few KiB."""

LONG = 182
"""Classes from which on a row alone fills the lanes; from here on `ClassAxis.arrange`, too, leaves
them side by side, so that a copy of an array has its losses."""


def is_long(classes: int, inner: int) -> bool:
    """Return whether a row is a tile alone; classes lie `inner` apart."""
    return inner == 1 and classes >= LONG


@part_of_kernels
def place(row, count, classes, inner, alone, base):
    """Set where each row of a tile begins in the whole; in a tile, lanes beyond the last repeat it.

    Return how many runs of neighbours the tile consists of, and their length: 0 if of none.
    """
    if alone:
        base[0] = row * classes
        return 1, classes
    lanes = base.size
    for j in range(lanes):
        r = row + (j if j < count else count - 1)
        base[j] = r // inner * classes * inner + r % inner
    side_by_side = count == lanes and base[lanes - 1] == base[0] + lanes - 1
    return classes, lanes if side_by_side else 0


@part_of_kernels
def load(x, base, runs, inner, block):
    """Copy the rows of a tile into a flat block."""
    first, lanes, step = np.uint64(base[0]), np.uint64(base.size), np.uint64(inner)
    for k in range(np.uint64(runs[0])):
        if runs[1]:
            for j in range(np.uint64(runs[1])):
                block[k * lanes + j] = x[first + k * step + j]
        else:
            for j in range(lanes):
                block[k * lanes + j] = x[np.uint64(base[j]) + k * step]


@part_of_kernels
def store(block, base, count, runs, inner, x):
    """Copy the first rows of a flat block back into the whole."""
    first, lanes, step = np.uint64(base[0]), np.uint64(base.size), np.uint64(inner)
    for k in range(np.uint64(runs[0])):
        if runs[1]:
            for j in range(np.uint64(runs[1])):
                x[first + k * step + j] = block[k * lanes + j]
        else:
            for j in range(np.uint64(count)):
                x[np.uint64(base[j]) + k * step] = block[k * lanes + j]


@part_of_kernels
def load_labels(labels, right, kept, spread, weight, base, runs, inner, alone, block):
    """Fill a flat block with weighted labels: what is loaded, or 1 in the places `right` if None.

    Each is first multiplied by one number of `spread`, and the other is added; what is not kept
    gets 0.
    """
    wide_vectors()
    lanes, (keep, add) = np.uint64(base.size), spread
    if labels is None:
        for i in range(block.size):
            block[i] = 0.0
        for j in range(1 if alone else base.size):
            block[right[j]] = 1.0
    else:
        load(labels, base, runs, inner, block)
    if alone:
        for k in range(weight.size):
            block[k] = (block[k] * keep + add) * weight[k] * kept[0]
    else:
        for k in range(np.uint64(weight.size)):
            for j in range(lanes):
                block[k * lanes + j] = (block[k * lanes + j] * keep + add) * weight[k] * kept[j]
