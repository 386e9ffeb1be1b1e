"""The softmax of one block of rows and what belongs to it, written to lose no digit.

A block holds K logits for each of n rows as a (K, n) matrix of float64. `Shifted` prepares what all
formulas share; labels and weights are for `companion._numpy.targets`.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Shifted"]


class Shifted:
    """The logits of a block, shifted by their largest, and the softmax that follows.

    With m the largest logit of a row, e = exp(z - m) and R the sum of e over all classes but one
    where z = m, the softmax is e / (1 + R) and its logarithm (z - m) - log1p(R): for the likeliest
    class a number as small as R, with all its digits. The softmax's complement, 1 - p, is a sum of
    other classes' e, never a difference.

    Parameters
    ----------
    z : numpy.ndarray
        Logits, (K, n), float64. One infinite logit gives the limit; where there is none (two of
        +inf, or all -inf), every number of the row is NaN.
    exact : bool
        Whether to carry the rounding error of z - m, which exp multiplies by up to 745. It is 0
        for logits that come from a narrower float.
    """

    def __init__(self, z: np.ndarray, *, exact: bool) -> None:
        self.largest = largest = np.max(z, axis=0)
        self.is_top = np.equal(z, largest, out=np.empty_like(z), casting="unsafe")
        self.high = z - largest
        low = _rounding_error(z, largest, self.high) if exact else None
        if not np.isfinite(self.high).all():
            self._take_limits(z, largest, low)
        self.e = np.exp(self.high)
        if low is not None:
            self.e += self.e * low
        self.others = self.e - self.is_top  # exactly 0 for a top class, where e is 1
        self.rest = np.add.reduce(self.others, axis=0)
        self.rest += np.add.reduce(self.is_top, axis=0) - 1
        self.log_sum = np.log1p(self.rest)

    def _take_limits(self, z: np.ndarray, largest: np.ndarray, low: np.ndarray | None) -> None:
        np.copyto(self.high, 0, where=self.is_top == 1)
        if low is not None:
            np.copyto(low, 0, where=~np.isfinite(low))
        endless = np.add.reduce(z == np.inf, axis=0) > 1
        self.high[:, endless | (largest == -np.inf)] = np.nan

    def log_loss(self) -> np.ndarray:
        """Return -log softmax, (K, n): two terms that are not negative."""
        return self.log_sum - self.high

    def log_loss_of(self, index: np.ndarray) -> np.ndarray:
        """Return -log softmax of one class for each row, (n,)."""
        return self.log_sum - self.high[index, np.arange(len(index))]

    def log_sum_of_exp(self) -> np.ndarray:
        """Return log Σ exp(z), (n,)."""
        finite = np.isfinite(self.largest)
        return np.add(self.largest, self.log_sum, out=self.largest.copy(), where=finite)

    def softmax(self) -> np.ndarray:
        """Return the softmax p, (K, n)."""
        return self.e / (1 + self.rest)

    def complement(self) -> np.ndarray:
        """Return 1 - p, (K, n), from the other classes."""
        return ((self.rest - self.others) + (1 - self.is_top)) / (1 + self.rest)

    def complement_of(self, index: np.ndarray) -> np.ndarray:
        """Return 1 - p of one class for each row, (n,)."""
        where = index, np.arange(len(index))
        top = self.is_top[where]
        return ((self.rest - self.others[where]) + (1 - top)) / (1 + self.rest)

    def jacobian(self) -> np.ndarray:
        """Return diag(p) - p pᵀ for each row, (n, K, K), its diagonal as p (1 - p)."""
        p = self.softmax().T
        jacobian = -p[:, :, np.newaxis] * p[:, np.newaxis, :]
        k = np.arange(p.shape[1])
        jacobian[:, k, k] = p * self.complement().T
        return jacobian


def _rounding_error(z: np.ndarray, largest: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return (z - largest) - high exactly (Knuth's two-sum)."""
    back = z - high
    return (z - (high + back)) + (back - largest)
