"""The ordinary points at which a loss is asked.

N is prime or differs from K, the classes are unequal in number, and of a binary loss no value is 0,
a half or the negative of another: so N, K, N K, 1 / N and N / K are told apart. `variation` moves
each point a little; what the clinic finds must not depend on it, which its tests ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from companion import elementary
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Question

__all__ = ["Batches", "rounded"]

_LOGITS = np.array([1.3, -0.7, 0.4, 2.1, -1.6, 0.9, -0.25])
_SUBSTITUTES = np.array([-2.2, -1.1, -0.35, 0.6, 1.7, 2.6])
_HARD = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
_SOFT = np.array([0.3, 0.85, 0.6, 0.45, 0.1, 0.7, 0.25])
_ROWS = np.array([[1.2, -0.6, 0.3], [-0.4, 0.9, 1.7], [0.5, -1.3, -0.2], [-0.9, 0.15, 0.7],
                  [0.8, 1.1, -0.5]])  # fmt: skip
_OTHER_ROWS = np.array([[0.4, 1.5, -0.7], [-1.2, 0.3, 0.8], [1.9, -0.45, 0.2], [-0.3, -1.6, 1.1],
                        [0.7, 0.65, -1.4], [-0.85, 1.25, 0.1], [1.05, -1.15, -0.55],
                        [0.25, 0.35, 1.45], [-1.5, -0.2, 0.95], [1.6, 0.75, 0.5],
                        [-0.65, 0.05, -1.05]])  # fmt: skip
_CLASSES = np.array([2, 0, 1, 2, 0])
_SHARES = np.array([[0.7, 0.2, 0.1], [0.15, 0.6, 0.25], [0.3, 0.3, 0.4], [0.05, 0.8, 0.15],
                    [0.5, 0.1, 0.4]])  # fmt: skip


@dataclass(frozen=True)
class Batches:
    """The ordinary points for one meaning."""

    meaning: Meaning
    variation: int = 0

    @property
    def ordinary(self) -> Question:
        """Five elements, three of them 1; or four rows of three classes."""
        return Question(self._x(self._size), self._hard(self._size))

    @property
    def _size(self) -> int:
        """Not a multiple of K; with each class in it, where there are a dozen at most."""
        if self.meaning.binary:
            return 5
        return self.meaning.classes + 1 if 3 < self.meaning.classes <= 12 else 4

    @property
    def larger(self) -> Question:
        """Seven elements, or five rows."""
        return Question(self._x(self._largest), self._hard(self._largest))

    @property
    def _largest(self) -> int:
        return 7 if self.meaning.binary else self._size + 1

    @property
    def soft(self) -> Question:
        """The ordinary predictions with labels between 0 and 1."""
        if self.meaning.binary:
            return Question(self._x(5), _SOFT[:5])
        shares = _SHARES if self.meaning.classes == 3 else self._shares()
        return Question(self._x(self._size), shares[: self._size])

    @property
    def matrix(self) -> Question:
        """Three rows of four elements; binary losses alone."""
        logits = np.concatenate([_LOGITS, _SUBSTITUTES[:5]]).reshape(3, 4)
        y = np.array([[1.0, 0, 1, 0], [0, 0, 1, 1], [1, 1, 0, 1]])
        return Question(self._as_inputs(self._moved(logits)), y)

    @property
    def substitutes(self) -> np.ndarray:
        """What one element, or row, is replaced by."""
        points = _SUBSTITUTES if self.meaning.binary else self._columns(_OTHER_ROWS)
        return self._as_inputs(self._moved(points))

    def of(self, size: int) -> Question:
        """Return a batch of some size with both labels, where it has room for them."""
        x, y = self._x(self._largest), self._hard(self._largest)
        index = np.arange(size) % len(x)
        return Question(x[index], y[index])

    def single(self, label: int) -> list[Question]:
        """Two batches of one element with one label."""
        x = self._x(self._size)
        y = np.array([label]) if not self.meaning.binary else np.array([float(label)])
        y = np.eye(self.meaning.classes)[y] if self.meaning.labels == "one-hot" else y
        return [Question(x[i : i + 1], y) for i in (0, 2)]

    def _x(self, size: int) -> np.ndarray:
        points = _LOGITS if self.meaning.binary else self._columns(_ROWS)
        return self._as_inputs(self._moved(points)[:size])

    def _hard(self, size: int) -> np.ndarray:
        if self.meaning.binary:
            return _HARD[:size].copy()
        classes = _CLASSES if self._size == 4 else np.arange(size) - 1
        y = classes[:size] % self.meaning.classes
        if self.meaning.weight is not None and self.meaning.classes > 12:
            # Not all are there: the lightest, one between and the heaviest.
            order = np.argsort(self.meaning.weight, kind="stable")
            order = order[order != self.meaning.ignore]
            y = order[[0, len(order) // 2, -1]][y]
        if self.meaning.ignore is not None:
            y = np.where(y == self.meaning.ignore, (y + 1) % self.meaning.classes, y)
        return np.eye(self.meaning.classes)[y] if self.meaning.labels == "one-hot" else y

    def _columns(self, rows: np.ndarray) -> np.ndarray:
        """Return rows of as many classes as there are: those above, or others like them."""
        k = self.meaning.classes
        if k == rows.shape[1]:
            return rows
        # A fit of K costs needs more rows than K.
        count = max(len(rows), k + 4) if len(rows) > 5 else self._largest
        return np.random.default_rng(k * count).uniform(-1.8, 1.8, (count, k)).round(2)

    def _shares(self) -> np.ndarray:
        parts = np.random.default_rng(self.meaning.classes).uniform(
            0.1, 1, (self._size, self.meaning.classes)
        )
        return parts / parts.sum(axis=1, keepdims=True)

    def _moved(self, values: np.ndarray) -> np.ndarray:
        if not self.variation:
            return values
        generator = np.random.default_rng(self.variation + values.size)
        return values + generator.uniform(-0.04, 0.04, values.shape)

    def _as_inputs(self, logits: np.ndarray) -> np.ndarray:
        if self.meaning.logits:
            return logits.round(3)
        if self.meaning.binary:
            return elementary.sigmoid(logits).round(3)
        p = elementary.softmax(logits).round(3)
        p[..., -1] = (1 - p[..., :-1].sum(axis=-1)).round(3)
        return p


def rounded(x: np.ndarray, kind: str) -> np.ndarray:
    """Round to a dtype, bfloat16 too, and back to float64."""
    if kind != "bfloat16":
        return x.astype(kind).astype(np.float64)
    bits = x.astype(np.float32).view(np.uint32)  # bfloat16 is its upper half, rounded to even
    bits = (bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32).astype(np.float64)
