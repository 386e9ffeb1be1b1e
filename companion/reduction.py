"""Reduce elementwise losses to one number, and carry such numbers across batches and machines.

A mean cannot be averaged with another mean unless their weights are known. So `RunningMean` carries
the pair (sum, weight), which adds: batches, streams and machines may be merged in any order.
"""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion.contracts import as_arrays, check_weight

__all__ = ["REDUCTIONS", "RunningMean", "apply_weight", "denominator"]

REDUCTIONS = ("none", "sum", "mean", "weighted_mean", "batchmean")
"""All losses; their sum; the sum by the count; by the sum of the weights applied; by the length of
the first axis, which is the mean over rows of the sum over labels."""


def denominator(
    reduction: str, count: int, weight: float = 0.0, shape: tuple[int, ...] = ()
) -> float:
    """Return what the sum of the weighted losses is divided by.

    Parameters
    ----------
    reduction : str
        One of `REDUCTIONS`.
    count : int
        The number of elements.
    weight : float
        The sum of the weights applied to them.
    shape : tuple of int
        The shape of the losses.

    Returns
    -------
    float
        1 for "none" and "sum", `count` for "mean", `weight` for "weighted_mean", the length of the
        first axis for "batchmean".

    Raises
    ------
    ValueError
        If that number is 0, the mean of nothing, or overflows; for "batchmean" of a scalar.
    """
    if reduction in ("none", "sum"):
        return 1.0
    if reduction == "batchmean":
        if not shape:
            raise ValueError(
                "reduction: expected losses with at least one axis for 'batchmean', got one loss; "
                "use 'sum', the same for a batch of one"
            )
        count = shape[0]
    if reduction != "weighted_mean" and count == 0:
        raise ValueError(
            f"reduction: expected at least one element for {reduction!r}, got an empty array; "
            "use 'sum' (0.0) or 'none' (empty), or carry a RunningMean over batches"
        )
    if reduction == "weighted_mean" and weight == 0:
        raise ValueError(
            "reduction: expected a positive sum of weights for 'weighted_mean', got 0; "
            "use 'sum' (0.0), or carry a RunningMean over batches"
        )
    if reduction == "weighted_mean" and weight == math.inf:
        raise ValueError(
            "reduction: expected a finite sum of weights for 'weighted_mean', got inf; "
            "scale the weights down, which leaves a weighted mean as it is"
        )
    return weight if reduction == "weighted_mean" else float(count)


def apply_weight(values: np.ndarray, weight: np.ndarray) -> None:
    """Multiply `values` by `weight` in place, with weight 0 times infinity as 0."""
    if not np.all(weight):
        np.copyto(values, 0, where=(weight == 0) & np.isinf(values))
    values *= weight


class RunningMean:
    """A mean that can be continued: the pair (sum of weight times value, sum of weight).

    Examples
    --------
    Two batches of unequal size; the mean of their means would be 2.5:

    >>> RunningMean().update([1.0, 1.0, 1.0]).update([4.0]).mean
    1.75

    The same from the batches' means and counts, on two machines:

    >>> RunningMean().update(1.0, weight=3).merge(RunningMean().update(4.0)).mean
    1.75

    Notes
    -----
    Each of the two sums is kept as a float64 and its rounding error (Knuth's two-sum), so that for
    losses, which are not negative, the result does not drift with the number of updates, nor depend
    on their order beyond the last digit. Threads may share an accumulator.
    """

    _lock = threading.Lock()  # of all accumulators: one of their own could not be pickled

    def __init__(self) -> None:
        self._sum = (0.0, 0.0)
        self._weight = (0.0, 0.0)

    def update(self, values: ArrayLike, weight: ArrayLike | None = None) -> RunningMean:
        """Add losses, one or many, and return self.

        Parameters
        ----------
        values : array_like
            Losses that are not yet reduced, any shape; or the mean of a batch, with its count as
            `weight`.
        weight : array_like, optional
            Broadcasts to the shape of `values`, finite and at least 0; 1 where absent.

        Raises
        ------
        ValueError
            If a weight is negative, infinite or NaN, or does not broadcast to the values, or if the
            sum of the weights overflows; the accumulator is then as it was.
        """
        (values, weight), _ = as_arrays(("weight",), values=values, weight=weight)
        values = values.astype(np.float64)
        if weight is None:
            total = float(values.size)
        else:
            check_weight("weight", weight, values.shape, "values")
            weight = np.broadcast_to(weight.astype(np.float64), values.shape)
            total = _plain_sum(weight)
            with np.errstate(all="ignore"):
                apply_weight(values, weight)
        return self._count((_plain_sum(values), 0.0), (total, 0.0))

    def merge(self, other: RunningMean) -> RunningMean:
        """Add what another accumulator holds, and return self; `other` is left as it is."""
        if not isinstance(other, RunningMean):
            raise TypeError(
                f"other: expected a RunningMean, got {type(other).__name__}; "
                "use update(values, weight) for numbers"
            )
        return self._count(*other._pair())

    def _count(self, total: tuple[float, float], weight: tuple[float, float]) -> RunningMean:
        with self._lock:
            weights = _add(self._weight, weight)
            if not math.isfinite(weights[0]):
                raise ValueError(
                    "weight: expected a finite sum of weights, got inf; scale the weights down, "
                    "which leaves a mean as it is"
                )
            self._sum, self._weight = _add(self._sum, total), weights
        return self

    def _pair(self) -> tuple[tuple[float, float], tuple[float, float]]:
        with self._lock:
            return self._sum, self._weight

    @property
    def sum(self) -> float:
        """The sum of weight times value so far."""
        return self._sum[0]

    @property
    def weight(self) -> float:
        """The sum of the weights so far; the count where no weight was given."""
        return self._weight[0]

    @property
    def mean(self) -> float:
        """The mean so far; a `ValueError` while the weight is 0."""
        (total, _), (weight, _) = self._pair()
        if weight == 0:
            raise ValueError(
                "mean: expected a positive weight, got 0: nothing was added, or only with "
                "weight 0; update or merge first"
            )
        return total / weight

    def __repr__(self) -> str:
        return f"RunningMean(sum={self.sum!r}, weight={self.weight!r})"


def _plain_sum(values: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.sum(values))


def _add(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """Return the sum of two numbers, each kept as the nearest float and its rounding error."""
    high = a[0] + b[0]
    if not math.isfinite(high):
        return high, 0.0
    back = high - a[0]
    low = (a[0] - (high - back)) + (b[0] - back) + a[1] + b[1]
    return high + low, low - ((high + low) - high)
