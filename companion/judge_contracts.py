"""Check what the judges of a gradient are given: points, options, and what a function returns.

A judge shares nothing with the code that it judges, so these checks are not those of
`companion.contracts`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["as_number", "as_numbers", "as_point", "check_option"]


def as_numbers(name: str, given: Any) -> np.ndarray:
    """Return what is given or returned as an array of real numbers, or refuse it."""
    if hasattr(given, "detach"):
        raise TypeError(
            f"{name}: expected NumPy numbers, got {type(given).__name__}; convert it with "
            "detach().numpy(): the function is called with NumPy arrays and returns them"
        )
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: expected an array without a mask, got a masked array; pass "
            "compressed() of it, or fill the gaps"
        )
    try:
        array = np.asarray(given)
    except ValueError as error:  # a ragged list
        raise ValueError(
            f"{name}: expected a number or an array of numbers, got {type(given).__name__} "
            f"({error}); pass a NumPy array"
        ) from None
    if array.dtype.char not in "?bBhHiIlLqQefd":
        raise TypeError(
            f"{name}: expected real numbers (float16, float32, float64 or integers), got "
            f"{type(given).__name__} of dtype {array.dtype}; pass a float or a NumPy array"
        )
    return array


def as_number(name: str, given: Any) -> float:
    """Return one real number as a float, or refuse what is given."""
    number = as_numbers(name, given)
    if number.ndim:
        raise ValueError(f"{name}: expected one number, got shape {number.shape}; pass a scalar")
    return float(number)


def as_point(x: ArrayLike, name: str = "x") -> np.ndarray:
    """Return `x` as a new float array, integers as float64, or refuse it."""
    point = as_numbers(name, x)
    point = point.astype(point.dtype if point.dtype.kind == "f" else np.float64)
    if not point.size:
        raise ValueError(
            f"{name}: expected at least one number, got shape {point.shape}; pass an array with "
            "elements"
        )
    if not np.isfinite(point).all():
        raise ValueError(
            f"{name}: expected finite numbers, got {point[~np.isfinite(point)][0]}; a derivative "
            "needs room on both sides"
        )
    return point


def check_option(name: str, option: object, choices: tuple[str, ...]) -> None:
    """Refuse an option that is not one of `choices`."""
    if not isinstance(option, str):
        raise TypeError(
            f"{name}: expected one of {', '.join(map(repr, choices))}, got "
            f"{type(option).__name__}; pass the option as a string"
        )
    if option not in choices:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, choices))}, got {option!r}; "
            "choose one of these"
        )
