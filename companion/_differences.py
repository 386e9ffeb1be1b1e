"""Slopes from function values alone, each with an estimate of its error: what gradient checks use.

`differentiate` returns the derivative of each value in each element of x with its error bound;
`difference` evaluates one formula for one step. The public names, and what they promise, are in
`companion.gradient_check`; read `_search` for the idea: differences over a ladder of steps,
extrapolated, each with an estimate of its truncation and of its rounding error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from companion.contracts import as_array, check_choice, check_number

__all__ = ["FORMULAS", "Slopes", "as_returned", "difference", "differentiate", "value"]

FORMULAS = ("central", "forward", "complex")
"""(f(x + h) - f(x - h)) / 2h, (f(x + h) - f(x)) / h and Im f(x + ih) / h."""

_Function = Callable[[np.ndarray], Any]

_FIRST = 0.0618  # the largest step by the size of x; no simple fraction, so that no period fits it
_RUNGS = 26  # of the ladder, each step a quarter of the one before: down to eps / 4
# Places at which the noise is measured, without a pattern that a grid of floats could share with
# them, and the matrix that turns values there into those of the best cubic.
_PLACES = np.sort(np.random.default_rng(1).uniform(-1, 1, 12))
_CUBIC = np.vander(_PLACES, 4) @ np.linalg.pinv(np.vander(_PLACES, 4))
_CORNER = 50  # a jump of the slope this many times its rounding error is no noise
_IMAGINARY = 2.0**-66  # its square vanishes beside every eps


@dataclass(frozen=True, eq=False)
class Slopes:
    """A derivative from function values."""

    value: np.ndarray
    """The function at x."""
    slope: np.ndarray
    """The derivative, float64, of shape value shape + x shape."""
    bound: np.ndarray
    """How far the slope may be from the truth."""
    left: np.ndarray
    """The slope on the left, from the step that was chosen."""
    right: np.ndarray
    """The slope on the right, from the step that was chosen."""
    kink: np.ndarray
    """Where the slopes on the two sides do not meet as the step falls."""


def differentiate(function: _Function, x: np.ndarray, method: str, step: float | None) -> Slopes:
    """Return the derivative of each value in each element of `x`.

    Parameters and exceptions are those of `companion.gradient_check.numerical_jacobian`, with `x`
    from `companion.contracts.as_point`.
    """
    check_choice("method", method, ("central", "complex"))
    if step is not None:
        step = check_number("step", step, "(0, inf)", "leave it out for a search")
    centre = value(function, x)
    if not np.isfinite(centre).all():
        raise ValueError(
            "function: expected finite values at x, got "
            f"{centre[~np.isfinite(centre)].flat[0]}; choose an x inside the domain"
        )
    if not np.array_equal(centre, value(function, x)):
        raise ValueError(
            "function: expected the same value for the same x, got two different ones; seed its "
            "random numbers, or switch dropout off"
        )
    eps = max(float(np.finfo(a.dtype).eps) for a in (x, centre) if a.dtype.kind == "f")
    noise = _noise_at_each_scale(function, x, centre, eps)
    columns = []
    for index in np.ndindex(x.shape):
        column = _search(function, x, index, centre, eps, noise, step)
        if not np.isfinite(column).all():
            raise ValueError(
                f"function: expected finite values on both sides of x{list(index) or ''} = "
                f"{x[index]}, got none; choose an x inside the domain"
            )
        columns.append(_refine(column, function, x, index) if method == "complex" else column)
    rows = np.stack(columns, axis=-1).reshape(5, *centre.shape, *x.shape)
    slope, bound, left, right, kink = rows
    return Slopes(centre, slope, bound, left, right, kink != 0)


def difference(
    formula: str, function: _Function, x: np.ndarray, index: tuple[int, ...], h: float
) -> np.ndarray:
    """Return one of `FORMULAS` for the element x[index] and the step `h`, in float64."""
    if formula == "complex":
        try:
            with np.errstate(all="ignore"):
                return np.asarray(function(_moved(x, index, 1j * h))).imag.astype(np.float64) / h
        except TypeError as error:
            raise TypeError(
                "function: expected to take complex numbers for method 'complex', got a TypeError "
                f"({error}); use method='central'"
            ) from error
    plus = value(function, _moved(x, index, h)).astype(np.float64)
    if formula == "forward":
        return (plus - value(function, x)) / h
    return (plus - value(function, _moved(x, index, -h))) / (2 * h)


def value(function: _Function, x: np.ndarray) -> np.ndarray:
    """Return the function at a copy of `x` as an array of real numbers, with warnings off."""
    if not callable(function):
        raise TypeError(
            f"function: expected a callable, got {type(function).__name__}; pass the function, "
            "not its value"
        )
    with np.errstate(all="ignore"):
        return as_returned("function", function(x.copy()))


def as_returned(name: str, given: Any) -> np.ndarray:
    """Return what a function of the caller's returned as an array, or say what it should return."""
    if hasattr(given, "detach"):
        raise TypeError(
            f"{name}: expected NumPy numbers, got {type(given).__name__}; convert it with "
            "detach().numpy(): the function is called with NumPy arrays and returns them"
        )
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(
            f"{name}: expected an array without a mask, got a masked array; pass compressed() of "
            "it, or fill the gaps"
        )
    return as_array(name, given)


# One element of x -------------------------------------------------------------------------------


def _search(
    function: _Function,
    x: np.ndarray,
    index: tuple[int, ...],
    centre: np.ndarray,
    eps: float,
    noises: tuple[np.ndarray, np.ndarray],
    step: float | None,
) -> np.ndarray:
    """Return slope, bound, left, right, kink from the step with the smallest bound, stacked."""
    best = np.full((5, *centre.shape), np.inf)
    for ladder, noise in zip(_ladders(x[index], step), noises, strict=False):
        before, smallest, corner, rows = None, np.inf, np.zeros(centre.shape), []
        for h in ladder:
            plus, minus = (_attempt(function, _moved(x, index, s * h), centre) for s in (1, -1))
            with np.errstate(all="ignore"):
                size = np.maximum(abs(plus), abs(minus))
                slope = (plus - minus) / (2 * h)
                error = np.maximum(np.maximum(2 * eps, noise[1]) * size, noise[0])
                error += eps * abs(x[index] * slope)
                rounding = np.maximum(error, 5e-324) / h
                left, right = (centre - minus) / h, (plus - centre) / h
                row = _Row(slope, right - left, before)
                # Once seen, a corner stays until a shorter step could see it and does not
                visible = 2 * corner > _CORNER * rounding
                kink = row.stays & (abs(row.jump) > _CORNER * rounding)
                corner = np.where(kink, abs(row.jump) / 2, np.where(visible, 0, corner))
                bound = row.truncation + 1.1 * rounding + corner
                rows.append(np.stack([row.extrapolated, bound, left, right, corner > 0]))
                smallest = np.fmin(smallest, bound)
            if np.all(rounding > smallest):
                break  # the next steps are shorter, and their rounding errors larger
            before = row
        for found in reversed(rows):
            # A longer step is more precise, unless the shorter one sees that it is too long
            with np.errstate(all="ignore"):
                agrees = abs(found[0] - best[0]) <= found[1] + best[1]
            better = (found[1] < best[1]) & (agrees | np.isinf(best[1]))
            best = np.where(better, found, best)
    return best


class _Row:
    """What the differences for one step, and for four times that step, say together."""

    def __init__(self, slope: np.ndarray, gap: np.ndarray, before: _Row | None) -> None:
        self.slope, self.gap = slope, gap
        # Without a larger step nothing is known of the truncation
        self.extrapolated = self.change = self.truncation = self.jump = np.full_like(slope, np.nan)
        self.stays = np.zeros_like(slope, bool)
        if before is None:
            return
        self.extrapolated = (16 * slope - before.slope) / 15
        self.change = self.truncation = abs(slope - before.slope)
        if np.isfinite(before.extrapolated).any():
            self.change = abs(self.extrapolated - before.extrapolated)
            # One small change may be luck, a fall by more than 16 is not counted on
            self.truncation = np.fmax(self.change, before.change / 16)
        # The gap between the sides is f'' h where f is smooth; this is what is left for a step of 0
        self.jump = (4 * gap - before.gap) / 3
        self.stays = abs(gap - before.gap) < abs(gap) / 4


def _ladders(centre: Any, step: float | None) -> Iterator[list[float]]:
    """Yield descending steps h for which x + h and x - h are floats, as nearly as can be."""
    kind, size = type(centre), abs(centre)
    scales, factors = [size or kind(1)], [_FIRST * 0.25**k for k in range(_RUNGS)]
    if step is not None:
        scales, factors = [kind(1)], [16 * step, 4 * step, step]
    elif size and not 1 / 20 < size < 20:
        # A loss changes over |x| where x is a probability, over 1 where it is a logit
        scales.append(kind(1))
    for scale in scales:
        with np.errstate(all="ignore"):
            steps = [(size + scale * kind(factor)) - size for factor in factors]
        ladder = [float(h) for h in steps if 4 * np.spacing(size) < h < np.inf]
        if step is not None and len(ladder) < len(factors):
            raise ValueError(
                f"step: expected a step that changes {centre} in {kind.__name__}, got {step!r}; "
                "take another, or leave it out for a search"
            )
        yield ladder


def _refine(
    column: np.ndarray, function: _Function, x: np.ndarray, index: tuple[int, ...]
) -> np.ndarray:
    """Return the complex step in place of central differences, unless they contradict."""
    eps = float(np.finfo(x.dtype).eps)

    def slope(shift: Any) -> np.ndarray:
        return difference("complex", function, _moved(x, index, shift), index, _IMAGINARY)

    refined = slope(0)
    noise = np.nan_to_num(_noise(slope, x[index], np.asarray(np.abs(x[index]) or 1.0), eps)[0])
    bound = np.maximum(8 * eps * abs(refined), noise)
    if not np.all(abs(refined - column[0]) <= bound + column[1]):
        raise ValueError(
            "function: expected an analytic function for method 'complex', got one whose complex "
            f"step and central differences contradict at x{list(index) or ''}; abs, maximum and "
            "casts to real are not analytic, so use method='central'"
        )
    return np.stack([refined, bound, refined, refined, np.zeros_like(refined)])


# Function values --------------------------------------------------------------------------------


def _noise_at_each_scale(
    function: _Function, x: np.ndarray, centre: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the noise of the values for moves of x by its own size, and by 1.

    Each is a pair: the absolute noise at x, and the relative one where the longest step leads,
    since it may grow with x and with the values.
    """

    def at(shift: Any, place: np.ndarray = x) -> np.ndarray:
        return _attempt(function, place + shift, centre)

    share = np.random.default_rng(0).uniform(0.5, 1, x.shape)
    size = share * np.where(x == 0, 1, x)
    levels = []
    for scale in (size, share):
        further = (x + _FIRST * scale).astype(x.dtype)
        far = _noise(functools.partial(at, place=further), further, scale, eps)
        levels.append(np.stack([_noise(at, x, scale, eps)[0], far[1]]))
    own, one = levels
    own = np.where(np.isnan(own), one, own)
    if np.isnan(own[0]).any():  # flat, or constant
        rounding = _noise_of_float32(_values(at, x, _FIRST * size))
        own, one = (np.where(np.isnan(level), rounding, level) for level in (own, one))
    return np.nan_to_num(own), np.nan_to_num(one)


def _noise(
    at: Callable[[Any], np.ndarray], x: np.ndarray, scale: np.ndarray, eps: float
) -> np.ndarray:
    """Return 3 times the largest distance of values from a smooth curve, absolute and relative.

    So near to x a smooth function is a cubic up to rounding. A function that computes in a
    narrower float shows steps of its own, so the distances grow until neighbouring values differ;
    NaN if they never do.
    """
    level, reach = np.stack([at(x * 0) * np.nan] * 2), 5 * eps**0.75
    while np.isnan(level).any() and reach < 5e-3:
        values = _values(at, x, reach * scale)
        with np.errstate(all="ignore"):
            scatter = 3 * np.max(abs(values - np.tensordot(_CUBIC, values, axes=1)), axis=0)
            scatter = np.stack([scatter, scatter / np.max(abs(values), axis=0)])
        differ = np.count_nonzero(np.diff(values, axis=0), axis=0) >= 8
        level = np.where(np.isnan(level) & differ, scatter, level)
        reach *= 1024
    return level


def _values(at: Callable[[Any], np.ndarray], x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    # Rounded so that each x + shift is a float
    return np.stack([at((x + t * scale).astype(x.dtype) - x) for t in _PLACES])


def _noise_of_float32(values: np.ndarray) -> np.ndarray:
    """Return 3 times the rounding error, absolute and relative, of values that look like float32.

    That is, the longest has as many digits, and four or more differ: stairs have few. Else NaN.
    """
    significands = np.abs(np.ldexp(np.frexp(np.nan_to_num(values))[0], 53)).astype(np.int64)
    last = np.where(significands, significands & -significands, 2**52).min(axis=0)
    with np.errstate(all="ignore"):
        rises = np.count_nonzero(np.diff(np.sort(values, axis=0), axis=0) > 0, axis=0)
    relative = np.where(
        (rises >= 3) & (last == 2 ** (53 - 24)), 1.5 * np.finfo(np.float32).eps, np.nan
    )
    return np.stack([relative * abs(np.nan_to_num(values)).max(axis=0), relative])


def _moved(x: np.ndarray, index: tuple[int, ...], shift: Any) -> np.ndarray:
    moved = (
        x.astype(np.promote_types(x.dtype, np.complex64)) if np.iscomplexobj(shift) else x.copy()
    )
    moved[index] += shift
    return moved


def _attempt(function: _Function, x: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Return the function's value in float64, all NaN where it refuses `x`."""
    try:
        attempt = value(function, x)
    except (ValueError, ArithmeticError):
        return np.full(centre.shape, np.nan)
    if attempt.shape != centre.shape:
        raise ValueError(
            f"function: expected values of one shape, got {centre.shape} at x and {attempt.shape} "
            "near it; return the same shape for every x"
        )
    return attempt.astype(np.float64)
