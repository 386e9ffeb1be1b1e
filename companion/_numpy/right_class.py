"""Cross-entropy of one block of rows where one class of each is right: one exponential a logit.

With e = exp(z - s), s the shift of a row, and R the sum of e over all classes but the right one,
the loss is log1p(R / e_right), and its slope e / (R + e_right), but -R / (R + e_right) at the right
class: no difference cancels, and no class need be compared with the largest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from companion._numpy.class_axis import add_classes

__all__ = ["RightClass"]


class _Room(NamedTuple):
    """Bounds well within the range of a float, whose e go from 1e-308 to 1e308, 1e-38 to 1e38."""

    large: float  # a sum of exponentials that leaves room for a ratio
    low: float  # a logit whose exponential does
    tiny: float  # an exponential that leaves no room for one below
    few: float  # an R to which an e below the normal floats, of 1e7 classes, adds nothing
    lift: int  # about the logarithm of the largest e of a shifted row


_ROOM = {"d": _Room(1e100, -300.0, 1e-200, 0.0, 0), "f": _Room(1e30, -80.0, 1e-35, 1e-25, 60)}


class RightClass:
    """The loss of the right class of each row, and its slopes.

    Most rows need no shift: where the e of a row sum to 1/2 or more, one below the normal floats is
    a probability below them. Other rows are shifted by a whole number, next to their largest logit
    in float64 and 60 below it in float32, where e of many classes far below it would lose digits;
    then two operations say what the rounding of z - s lost.

    Parameters
    ----------
    z : numpy.ndarray
        Logits, (K, n), float64, or float32 with the classes of a row side by side, whose sum NumPy
        takes in pairs. One infinite logit of several gives the limit; for two of +inf, or all -inf,
        every number of the row is NaN.
    index : numpy.ndarray
        The right class of each row, (n,).
    exact : bool
        Whether to carry the rounding error of z - s, which exp multiplies by up to 745 (88 in
        float32). A result in a float narrower than `z` does not show it.
    new : callable, optional
        Returns memory for a block, of the shape of `z`, each time another.
    """

    def __init__(
        self,
        z: np.ndarray,
        index: np.ndarray,
        *,
        exact: bool,
        new: Callable[[], np.ndarray] | None = None,
    ) -> None:
        new = new or functools.partial(np.empty_like, z)
        room = _ROOM[z.dtype.char]
        self._tiny, self._right = room.tiny, (index, np.arange(len(index)))
        self._shift, self._z_right = np.zeros(len(index)), z[self._right].astype(np.float64)
        self._e = np.exp(z, out=new())
        self._add_up()
        small = (self._whole <= room.large) & (self._rest >= room.few)
        fits = small & (self._whole >= 0.5)
        if not fits.all():
            fits |= small & (np.min(z, axis=0) >= room.low)
        if not fits.all():
            top = np.max(z, axis=0)
            self._shift = np.where(fits, 0, np.rint(top) - room.lift)
            self._fill_shifted(z, lost=new() if exact else None)
            self._add_up()
            several = (top == np.inf) & (self._whole > 1)
            self._rest[several | ~(top > -np.inf)] = np.nan
            self._whole = self._rest + self._e_right

    def _fill_shifted(self, z: np.ndarray, lost: np.ndarray | None) -> None:
        """Set e, with what rounding lost in memory for it; an infinite logit less itself is 0."""
        e = np.subtract(z, self._shift, out=self._e)
        if lost is not None:
            np.add(e, self._shift, out=lost)
            np.subtract(z, lost, out=lost)
            np.copyto(lost, 0, where=~(np.abs(lost) < 1))
        np.copyto(e, 0, where=np.isnan(e))
        np.exp(e, out=e)
        if lost is not None:
            lost *= e
            e += lost

    def _add_up(self) -> None:
        """Set the e of the right class, R, and their sum; leave 0 at the right class."""
        self._e_right = self._e[self._right].astype(np.float64)
        self._e[self._right] = 0
        self._rest = add_classes(self._e).astype(np.float64, copy=False)
        self._whole = self._rest + self._e_right

    def loss(self) -> np.ndarray:
        """Return -log softmax of the right class, (n,)."""
        loss = np.log1p(self._rest / self._e_right)
        lost = ~(self._e_right >= self._tiny)
        if lost.any():
            apart = self._shift - self._z_right
            loss[lost] = (np.log(self._rest) + apart)[lost]
        return loss

    def slope(self) -> np.ndarray:
        """Return the loss's gradient in the logits, (K, n); call it once, and last."""
        slope = np.divide(self._e, self._whole.astype(self._e.dtype), out=self._e)
        slope[self._right] = -self._rest / self._whole
        return slope
