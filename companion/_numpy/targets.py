"""The labels of a categorical call: class indices or class probabilities, weighted and smoothed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from companion._numpy.blockwise import in_blocks
from companion._numpy.class_axis import AT_WORK, ClassAxis, add_classes
from companion.contracts import check_integer, check_unit_interval, place_of

__all__ = ["Targets", "check_ignore_index", "check_labels"]


class Targets:
    """The labels of a call, and the weighted label a of each class and row."""

    def __init__(
        self,
        labels: np.ndarray,
        classes: ClassAxis,
        weight: np.ndarray | None,
        ignore_index: int | None,
        smoothing: float,
    ) -> None:
        self.labels, self.classes, self.ignore_index = labels, classes, ignore_index
        self.smoothing = smoothing
        self.weighs = weight is not None
        self.weight = np.ones(classes.count) if weight is None else weight.astype(np.float64)
        self.are_indices = labels.shape != classes.shape
        self.one_class_each = self.are_indices and not smoothing
        self.flat = labels.reshape(-1) if self.are_indices else classes.view(labels)

    def check(self, workers: int) -> None:
        """Refuse labels that are out of range."""
        if not self.are_indices:
            check_unit_interval("labels", self.labels, "categorical")
            return
        k = self.classes.count

        def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
            for start, stop in bounds:
                index = self._kept(slice(start, stop))
                if index.size and not (np.min(index) >= 0 and np.max(index) < k):
                    raise self._index_error()
                yield ()

        in_blocks(process, self.classes.rows, block=self.classes.block(AT_WORK), workers=workers)

    def count(self, workers: int) -> int:
        """Return the number of rows that are not ignored."""
        if self.ignore_index is None:
            return self.classes.rows

        def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float]]:
            for start, stop in bounds:
                yield (self._kept(slice(start, stop)).size,)

        block = self.classes.block(AT_WORK)
        (count,) = in_blocks(process, self.classes.rows, block=block, workers=workers) or (0,)
        return int(count)

    def mass(self, sample_weight: np.ndarray | None, workers: int) -> float:
        """Return Σ a over all classes and rows that are not ignored, each times its weight."""
        everywhere = self.smoothing * np.mean(self.weight)

        def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float]]:
            for start, stop in bounds:
                rows = slice(start, stop)
                if self.are_indices:
                    of_row = self.weight[self.index(rows)]
                else:
                    a = self.classes.load(self.flat, start, stop)
                    a *= self.weight[:, np.newaxis]
                    of_row = add_classes(a)
                of_row *= 1 - self.smoothing
                of_row += everywhere
                if sample_weight is not None:
                    of_row *= sample_weight[rows]
                ignored = self.ignored(rows)
                if ignored is not None:
                    of_row[ignored] = 0
                yield (float(np.add.reduce(of_row)),)

        block = self.classes.block(AT_WORK * (1 if self.are_indices else self.classes.count))
        (mass,) = in_blocks(process, self.classes.rows, block=block, workers=workers) or (0.0,)
        return mass

    def ignored(self, rows: slice) -> np.ndarray | None:
        """Return which rows are ignored, or None where none can be."""
        return None if self.ignore_index is None else self.flat[rows] == self.ignore_index

    def index(self, rows: slice) -> np.ndarray:
        """Return the class of each row; 0 for a row that is ignored."""
        index, ignored = self.flat[rows], self.ignored(rows)
        if ignored is not None:
            index = np.where(ignored, 0, index)
        return index.astype(np.intp, copy=False)

    def marked(self, rows: slice) -> np.ndarray:
        """Return the class of each row; -1 for a row that is ignored."""
        index, ignored = self.flat[rows].astype(np.intp, copy=False), self.ignored(rows)
        return index if ignored is None else np.where(ignored, -1, index)

    def weighted(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return a, (K, n), and its sum over all classes but one, Σ_{j≠k} a_j, without a minus."""
        k, n = self.classes.count, rows.stop - rows.start
        if self.are_indices:
            a = self.classes.arrange(np.zeros(k * n))
            a[self.index(rows), np.arange(n)] = 1
        else:
            a = self.classes.load(self.flat, rows.start, rows.stop)
        if self.smoothing:
            a *= 1 - self.smoothing
            a += self.smoothing / k
        a *= self.weight[:, np.newaxis]
        others = np.zeros_like(a)
        others[1:] += np.cumsum(a, axis=0)[:-1]
        others[:-1] += np.cumsum(a[::-1], axis=0)[::-1][1:]
        return a, others

    def _kept(self, rows: slice) -> np.ndarray:
        index = self.flat[rows]
        return index if self.ignore_index is None else index[index != self.ignore_index]

    def _index_error(self) -> IndexError:
        k = self.classes.count
        wrong = (self.labels < 0) | (self.labels >= k)
        if self.ignore_index is not None:
            wrong &= self.labels != self.ignore_index
        where, count = tuple(np.argwhere(wrong)[0]), np.count_nonzero(wrong)
        return IndexError(
            f"labels: expected class indices from 0 to {k - 1}, got {int(self.labels[where])}"
            f"{place_of(where)} ({count} of {wrong.size} outside); count classes from 0, and name "
            "the index of what is to be left out in ignore_index"
        )


def check_ignore_index(ignore_index: int | None) -> None:
    """Refuse what is neither an integer nor None."""
    if ignore_index is not None:
        mend = "pass the class index that marks what to leave out, for example -100, or None"
        check_integer("ignore_index", ignore_index, mend)


def check_labels(
    name: str, labels: np.ndarray, classes: ClassAxis, ignore_index: int | None
) -> None:
    """Refuse labels that are neither class indices nor class probabilities by their shape."""
    if labels.shape == classes.shape:
        if ignore_index is not None:
            raise ValueError(
                "ignore_index: expected class indices as labels, got class probabilities of shape "
                f"{labels.shape}; give the rows to leave out probabilities of 0"
            )
        return
    if labels.shape != classes.rest:
        raise ValueError(
            f"{name} and labels: expected labels of shape {classes.rest} (class indices) or "
            f"{classes.shape} (class probabilities) for {name} of shape {classes.shape} with the "
            f"classes on axis {classes.axis}, got {labels.shape}; reshape the labels, or name "
            "another axis"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels: expected integers as class indices, got dtype {labels.dtype}; pass "
            f"labels.astype(int), or class probabilities of shape {classes.shape}"
        )
