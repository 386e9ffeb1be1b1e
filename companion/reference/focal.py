"""The exact value and gradient of the focal loss, as those of `companion.reference`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from companion.reference._exact import evaluate, log_sigmoids, mp, require_unit, sigmoids, times

__all__ = [
    "binary_focal_cross_entropy_with_logits",
    "binary_focal_cross_entropy_with_logits_gradient",
]


def binary_focal_cross_entropy_with_logits(
    z: Any, y: Any, *, gamma: Any = 2, alpha: Any = None, digits: int = 50
) -> mpmath.mpf:
    """Return α_y m^γ times the cross-entropy, m = y (1 - σ(z)) + (1 - y) σ(z).

    α_y = α y + (1 - α) (1 - y), and 1 where `alpha` is None.

    Examples
    --------
    >>> print(mpmath.nstr(binary_focal_cross_entropy_with_logits(40.0, 1), 10))
    7.667648074e-53
    """
    return _of_focus(lambda focus, _, loss, __: times(focus, loss), z, y, gamma, alpha, digits)


def binary_focal_cross_entropy_with_logits_gradient(
    z: Any, y: Any, *, gamma: Any = 2, alpha: Any = None, digits: int = 50
) -> mpmath.mpf:
    """Return the derivative in z, by the product rule."""
    product = lambda m, of_m, c, of_c: times(of_m, c) + m * of_c  # noqa: E731
    return _of_focus(product, z, y, gamma, alpha, digits)


def _of_focus(part: Callable, z: Any, y: Any, gamma: Any, alpha: Any, digits: int) -> mpmath.mpf:
    """Evaluate a function of m^γ, the cross-entropy and the derivatives of both, times α_y."""
    require_unit("y", y)

    def formula(z, y, gamma, alpha=None):
        (s, c), (log_s, log_c), no = sigmoids(z), log_sigmoids(z), 1 - y
        loss, miss = -times(y, log_s) - times(no, log_c), y * c + no * s
        of_focus = gamma * miss ** (gamma - 1) * (no - y) * s * c if miss else mp.zero
        share = 1 if alpha is None else alpha * y + (1 - alpha) * no
        return times(share, part(miss**gamma, of_focus, loss, no * s - y * c))

    return evaluate(formula, digits, z, y, gamma, **({} if alpha is None else {"alpha": alpha}))
