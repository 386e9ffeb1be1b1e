"""Read and write arrays that have a class axis, as cache-sized blocks with the classes first.

An array of shape (…, K, …) is K numbers for each of many rows, a row being one place of all other
axes, in C order. A block holds some rows as a (K, n) matrix, so that a sum over the classes adds
rows of n contiguous numbers, wherever the class axis was; but many classes that lie side by side
stay so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from companion._numpy.blockwise import BLOCK

__all__ = ["AT_WORK", "NUMBERS", "ClassAxis", "Scratch", "add_classes"]

NUMBERS = 6 * BLOCK
"""Numbers that a thread has at hand, 3 MiB, in the blocks that it uses again."""

AT_WORK = 6
"""Blocks that the softmax of a block of rows is at work in."""


@dataclass(frozen=True)
class ClassAxis:
    """The class axis of a shape.

    Parameters
    ----------
    shape : tuple of int
        The shape of the whole, at least one-dimensional.
    axis : int
        The class axis, not negative.
    """

    shape: tuple[int, ...]
    axis: int

    @property
    def count(self) -> int:
        """K, the length of the class axis."""
        return self.shape[self.axis]

    @property
    def rest(self) -> tuple[int, ...]:
        """The shape without the class axis, that of the rows."""
        return self.shape[: self.axis] + self.shape[self.axis + 1 :]

    @property
    def rows(self) -> int:
        """The number of rows."""
        return math.prod(self.rest)

    @property
    def inner(self) -> int:
        """The number of rows for one place before the class axis."""
        return math.prod(self.shape[self.axis + 1 :])

    def block(self, numbers: int) -> int:
        """Return how many rows to take at once, where each needs so many numbers of scratch."""
        length = max(1, NUMBERS // max(1, numbers))
        inner = max(1, self.inner)
        return length // inner * inner if length >= inner else length

    def view(self, array: np.ndarray) -> np.ndarray:
        """Return `array`, of this shape, as (before, K, after), a copy only if it must be one."""
        return array.reshape(-1, self.count, max(1, self.inner))

    @property
    def side_by_side(self) -> bool:
        """Whether a block keeps the classes of a row side by side.

        In a contiguous array they lie so, and are many, so that this saves a transposition;
        otherwise the rows do, of which a block then has more.
        """
        return self.inner == 1 and self.count**2 > BLOCK // 2

    def arrange(self, flat: np.ndarray) -> np.ndarray:
        """Return flat memory as a (K, n) block."""
        if self.side_by_side:
            return flat.reshape(-1, self.count).T
        return flat.reshape(self.count, -1)

    def load(
        self, view: np.ndarray, start: int, stop: int, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return rows `start` to `stop` of a `view` as a (K, n) block: `out`, or one of float64."""
        block = self.arrange(np.empty(self.count * (stop - start))) if out is None else out
        for places, within, columns in self._pieces(start, stop):
            part = view[places, :, within]
            block[:, columns].reshape(self.count, len(part), -1)[...] = part.transpose(1, 0, 2)
        return block

    def store(self, view: np.ndarray, start: int, stop: int, block: np.ndarray) -> None:
        """Copy `block` back into the rows from `start` to `stop` of a `view`."""
        for places, within, columns in self._pieces(start, stop):
            part = view[places, :, within]
            part[...] = block[:, columns].reshape(self.count, len(part), -1).transpose(1, 0, 2)

    def _pieces(self, start: int, stop: int) -> list[tuple[slice, slice, slice]]:
        """Return where the rows lie: whole places at once, or one piece for each place."""
        inner = self.inner
        if start % inner == 0 and stop % inner == 0:
            return [(slice(start // inner, stop // inner), slice(None), slice(None))]
        pieces = []
        for place in range(start // inner, -(-stop // inner)):
            low, high = max(start, place * inner), min(stop, (place + 1) * inner)
            within = slice(low - place * inner, high - place * inner)
            pieces.append((slice(place, place + 1), within, slice(low - start, high - start)))
        return pieces


class Scratch:
    """The blocks of one thread, and memory that each uses again.

    Whatever is freed between two blocks may go back to the system, and to get it again takes longer
    than the arithmetic.

    Parameters
    ----------
    classes : ClassAxis
        The class axis.
    rows : int
        The greatest number of rows in a block.
    dtype : numpy.dtype
        Of the blocks.
    """

    def __init__(self, classes: ClassAxis, rows: int, dtype: np.dtype) -> None:
        self._classes, self._size, self._dtype = classes, classes.count * rows, dtype
        self._flat: list[np.ndarray] = []
        self._taken = self._used = 0

    def begin(self, view: np.ndarray, start: int, stop: int) -> np.ndarray:
        """Take all blocks back; return the rows from `start` to `stop` of a `view` as a block.

        It is not to be written to: rows that lie in the array as in a block are no copy.
        """
        classes, self._taken, self._used = self._classes, 0, self._classes.count * (stop - start)
        lies = view.dtype == self._dtype and view.strides[1] == view.itemsize
        if lies and classes.side_by_side:
            return view.reshape(-1, classes.count)[start:stop].T
        return classes.load(view, start, stop, self.block())

    def block(self) -> np.ndarray:
        """Return a (K, n) block, not yet filled, and another at the next call."""
        if self._taken == len(self._flat):
            self._flat.append(np.empty(self._size, self._dtype))
        self._taken += 1
        return self._classes.arrange(self._flat[self._taken - 1][: self._used])


def add_classes(block: np.ndarray) -> np.ndarray:
    """Return the sum over the classes, in the order in which a block of several rows has it.

    Float32 are classes that lie side by side, which NumPy adds in pairs, those of 128 by eights: no
    term is rounded more than 26 + log2(K / 128) times.
    """
    one = block.shape[1] == 1 and block.strides[0] == block.strides[1]
    if one and block.dtype.char == "d":  # NumPy would add in pairs
        return np.cumsum(block, axis=0)[-1]
    return np.add.reduce(block, axis=0)
