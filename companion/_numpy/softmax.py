"""The softmax of one block of rows and what belongs to it; only log Σ exp may lose digits.

A block holds K logits for each of n rows as a (K, n) matrix of float64. `Shifted` prepares what all
formulas share; labels and weights are for `companion._numpy.targets`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from companion._numpy.class_axis import add_classes

__all__ = ["Shifted"]


class Shifted:
    """The logits of a block, shifted by their largest, and the softmax that follows.

    With m the largest logit of a row, e = exp(z - m) and R the sum of e over all classes but one
    where z = m, the softmax is e / (1 + R) and its logarithm (z - m) - log1p(R): for the likeliest
    class a number as small as R, with all its digits. The softmax's complement, 1 - p, is a sum of
    other classes' e, of which the largest is 1, so that no difference cancels.

    Parameters
    ----------
    z : numpy.ndarray
        Logits, (K, n), float64. One infinite logit of several gives the limit; for two of +inf,
        or all -inf, every number of the row is NaN, but for log Σ exp.
    exact : bool
        Whether to carry the rounding error of z - m, which exp multiplies by up to 745. A result
        in a narrower float does not show it.
    new : callable, optional
        Returns memory for a block, of the shape of `z`, each time another.
    """

    def __init__(
        self, z: np.ndarray, *, exact: bool, new: Callable[[], np.ndarray] | None = None
    ) -> None:
        self._new = new = new or functools.partial(np.empty_like, z)
        self.largest = np.max(z, axis=0)
        self.is_top = z == self.largest
        self.high = np.subtract(z, self.largest, out=new())
        self.e, self._spare, self.low = new(), new(), None
        if exact:
            self.low = _rounding_error(z, self.largest, self.high, out=new(), spare=self._spare)
        self._add_up()
        if not np.isfinite(self.rest).all():
            self._take_limits(z)
            self._add_up()
        self.log_sum = np.log1p(self.rest)

    def _add_up(self) -> None:
        """Set e, without what `low` adds to it, and R with it."""
        np.exp(self.high, out=self.e)
        others = np.subtract(self.e, self.is_top, out=self._spare)  # 0 for a top class: e is 1
        self.rest = add_classes(others)
        if self.low is not None:
            self.rest += np.einsum("kn,kn->n", self.e, self.low)
        if np.count_nonzero(self.is_top) != self.rest.size or not np.isfinite(self.rest).all():
            self.rest += np.count_nonzero(self.is_top, axis=0) - 1

    def _take_limits(self, z: np.ndarray) -> None:
        np.copyto(self.high, 0, where=self.is_top)
        if self.low is not None:
            np.copyto(self.low, 0, where=~np.isfinite(self.low))
        endless = np.count_nonzero(z == np.inf, axis=0) > 1
        self.high[:, endless | (self.largest == -np.inf)] = np.nan

    @functools.cached_property
    def terms(self) -> np.ndarray:
        """The e of each class, (K, n), with the rounding error of z - m carried along."""
        if self.low is None:
            return self.e
        terms = np.multiply(self.e, self.low, out=self._spare)
        terms += self.e
        return terms

    def log_loss(self) -> np.ndarray:
        """Return -log softmax, (K, n): two terms that are not negative."""
        return np.subtract(self.log_sum, self.high, out=self._new())

    def log_sum_of_exp(self) -> np.ndarray:
        """Return log Σ exp(z), (n,)."""
        finite = np.isfinite(self.largest)
        return np.add(self.largest, self.log_sum, out=self.largest.copy(), where=finite)

    def softmax(self) -> np.ndarray:
        """Return the softmax p, (K, n)."""
        return np.divide(self.terms, 1 + self.rest, out=self._new())

    def complement(self) -> np.ndarray:
        """Return 1 - p, (K, n), from the other classes."""
        return ((self.rest - (self.terms - self.is_top)) + ~self.is_top) / (1 + self.rest)

    def jacobian(self) -> np.ndarray:
        """Return diag(p) - p pᵀ for each row, (n, K, K), its diagonal as p (1 - p)."""
        p = self.softmax().T
        jacobian = -p[:, :, np.newaxis] * p[:, np.newaxis, :]
        k = np.arange(p.shape[1])
        jacobian[:, k, k] = p * self.complement().T
        return jacobian


def _rounding_error(
    z: np.ndarray, largest: np.ndarray, high: np.ndarray, *, out: np.ndarray, spare: np.ndarray
) -> np.ndarray:
    """Return (z - largest) - high exactly (Knuth's two-sum)."""
    back = np.subtract(z, high, out=spare)
    np.add(high, back, out=out)
    np.subtract(z, out, out=out)
    back -= largest
    out += back
    return out
