"""Judge a gradient by the values of its function alone: numbers, their error bounds, a report.

`check_gradient` compares an analytic gradient, Jacobian or elementwise derivative with one that is
made from function values, and names the worst element. `numerical_gradient` and
`numerical_jacobian` return those numbers with a bound of their error; `convergence` shows how the
error of one formula falls and rises with the step.

Read `check_gradient` first, then the notes of `numerical_jacobian`, which say what a bound is made
of; `companion._differences` computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._differences import FORMULAS, as_returned, difference, differentiate, value
from companion.contracts import as_point, check_choice, check_number

__all__ = [
    "Convergence",
    "GradientReport",
    "check_gradient",
    "convergence",
    "numerical_gradient",
    "numerical_jacobian",
]

_HOPELESS = 1e-3  # a bound above this fraction of the largest slope tells too little
_CLEAR = 30  # errors this many times the smallest are those of truncation

_Function = Callable[[np.ndarray], Any]


@dataclass(frozen=True, eq=False)
class GradientReport:
    """What `check_gradient` found; print it, or ask whether it has `passed`."""

    analytic: np.ndarray
    """The given derivative, in float64."""
    numeric: np.ndarray
    """The derivative made from function values."""
    bound: np.ndarray
    """How far `numeric` may be from the truth; at least half the jump of the slope at a kink."""
    verdict: np.ndarray
    """One word each. "right"; "wrong", beyond the bound and rtol; "kink", where the slopes on the
    two sides differ and the analytic value lies between them; "unclear", where the bound is above a
    thousandth of the largest slope."""
    rtol: float
    """The relative difference that was allowed beyond the bound."""
    left: np.ndarray = field(repr=False)
    """The slopes on the left; those of `numeric` where there is no kink."""
    right: np.ndarray = field(repr=False)
    """The slopes on the right; those of `numeric` where there is no kink."""

    @property
    def difference(self) -> np.ndarray:
        """The analytic derivative minus the numeric one."""
        return self.analytic - self.numeric

    @property
    def passed(self) -> bool:
        """Whether each element is "right", or a "kink" with a slope between its two sides."""
        return bool(np.isin(self.verdict, ("right", "kink")).all())

    @property
    def worst(self) -> tuple[int, ...]:
        """The index of the element that is furthest beyond its bound, among the worst verdict."""
        size = np.maximum(abs(self.analytic), abs(self.numeric))
        tiny = np.finfo(np.float64).tiny
        with np.errstate(all="ignore"):
            excess = abs(self.difference) / (self.bound + self.rtol * size + tiny)
        excess = np.nan_to_num(excess, nan=np.inf)
        severity = np.select([self.verdict == v for v in ("wrong", "unclear", "kink")], [3, 2, 1])
        place = np.lexsort((excess.ravel(), severity.ravel()))[-1]
        return tuple(int(i) for i in np.unravel_index(place, self.analytic.shape))

    @property
    def hint(self) -> str:
        """What a wrong derivative looks like as a whole, or ""."""
        if "wrong" not in self.verdict:
            return ""
        a, n, size = self.analytic, self.numeric, self.analytic.size
        slack = self.bound + self.rtol * abs(n)
        if a.ndim == 2 and a.shape[0] == a.shape[1] and np.all(abs(a.T - n) <= slack):
            return "the transpose would be right"
        largest = np.unravel_index(np.argmax(abs(n)), n.shape)
        if size == 1 or n[largest] == 0 or not np.isfinite(a[largest]) or a[largest] == 0:
            return ""
        factor = a[largest] / n[largest]
        if not np.all(abs(a - factor * n) <= 2 * abs(factor) * (slack + slack[largest])):
            return ""
        cause = {-1: ": the sign is flipped", size: ": a 1/N is lost", 1 / size: ": a 1/N too many"}
        named = (text for number, text in cause.items() if abs(factor / number - 1) < 1e-3)
        return f"every element is {factor:.6g} times the numeric one" + next(named, "")

    def __str__(self) -> str:
        where, counts = self.worst, {v: int((self.verdict == v).sum()) for v in self.verdict.flat}
        verdict = str(self.verdict[where])
        index = where[0] if len(where) == 1 else where
        lines = [
            f"gradient check: {'passed' if self.passed else 'FAILED'} ("
            + ", ".join(f"{count} {v}" for v, count in counts.items())
            + f" of {self.verdict.size})",
            f"worst element: {verdict}" + (f", at index {index}" if where else ""),
            f"  analytic   {self.analytic[where]: .10g}",
            f"  numeric    {self.numeric[where]: .10g}",
            f"  difference {self.difference[where]: .3g}",
            f"  bound      {self.bound[where]: .3g} (and {self.rtol:.1g} of the value)",
        ]
        if verdict == "unclear":
            lines.append("  the function is too noisy or too rough here for differences to tell")
        if self.left[where] != self.right[where]:
            lines.append(
                f"  a kink: slope {self.left[where]:.6g} on the left, {self.right[where]:.6g} on "
                "the right, so there is no derivative"
            )
        return "\n".join(lines + ([f"hint: {self.hint}"] if self.hint else []))


@dataclass(frozen=True, eq=False)
class Convergence:
    """The error of a difference formula over its step, from `convergence`."""

    steps: np.ndarray
    """The steps, descending."""
    errors: np.ndarray
    """The largest absolute error over the elements, for each step."""
    best_step: float
    """The step with the smallest error; above it truncation rules, below it rounding."""
    order: float
    """The slope of log error against log step where truncation rules, the median over neighbouring
    steps; NaN where fewer than two errors stand clear of the smallest."""


def check_gradient(
    function: _Function,
    gradient: Callable[[np.ndarray], ArrayLike] | ArrayLike,
    x: ArrayLike,
    *,
    method: str = "central",
    rtol: float | None = None,
    step: float | None = None,
) -> GradientReport:
    """Compare a gradient with what the values of its function say, and report on each element.

    Parameters
    ----------
    function : callable
        Takes an array like `x` and returns one number or an array.
    gradient : callable or array_like
        The derivative at `x`, or a function that returns it. Its shape says what it is: that of
        `x` for a function that returns one number; value shape + x shape for a Jacobian; that of
        `x` for a function that returns the shape of `x` and acts elementwise.
    x : array_like
        The point; float16, float32 and float64 are handed on as they are, integers as float64.
    method : {"central", "complex"}
        See `numerical_jacobian`.
    rtol : float, optional
        The relative error that the analytic gradient may have; by default the square root of the
        coarsest eps among `x`, the values and the gradient: 1.5e-8 in float64.
    step : float, optional
        See `numerical_jacobian`.

    Returns
    -------
    GradientReport
        An element is wrong if it differs by more than the bound of the numeric value and rtol of
        the larger of both.

    Raises
    ------
    TypeError, ValueError
        As `numerical_jacobian` does; if the gradient is no array of real numbers of one of these
        shapes; or if its shape says elementwise, and an element has a slope in another's argument.

    Examples
    --------
    >>> import numpy as np
    >>> print(check_gradient(lambda x: np.mean(x**2), lambda x: 2 * x, [1.0, 2.0]))
    ... # doctest: +ELLIPSIS
    gradient check: FAILED (2 wrong of 2)
    worst element: wrong, at index ...
    hint: every element is 2 times the numeric one: a 1/N is lost
    """
    x = as_point("x", x)
    found = differentiate(function, x, method, step)
    analytic = _as_gradient(gradient, x)
    shape = found.value.shape
    parts = [found.slope, found.bound, found.left, found.right, found.kink]
    if analytic.shape == x.shape == shape != ():
        parts = _diagonal(parts, x)
    elif analytic.shape != shape + x.shape:
        raise ValueError(
            f"gradient: expected shape {shape + x.shape}, since x has {x.shape} and the function "
            f"returns {shape}, got {analytic.shape}; give one derivative for each pair of a value "
            "and an element of x"
        )
    numeric, bound, left, right, kink = parts
    if rtol is None:
        floats = [a.dtype for a in (x, found.value, analytic) if a.dtype.kind == "f"]
        rtol = max(float(np.finfo(dtype).eps) for dtype in floats) ** 0.5
    else:
        rtol = check_number("rtol", rtol, "[0, 1)", "1e-6 is usual")
    analytic = analytic.astype(np.float64)
    with np.errstate(all="ignore"):
        allowed = bound + rtol * np.maximum(abs(analytic), abs(numeric))
        wrong = ~(abs(analytic - numeric) <= allowed) | ~np.isfinite(analytic)
    # At a minimum all slopes vanish; then those on the two sides and the value say what is small
    steepest = max(np.max(abs(side)) for side in (numeric, left, right))
    typical = np.max(abs(found.value)) / max(1.0, float(np.max(abs(x))))
    unclear = bound > _HOPELESS * max(steepest, typical)
    verdict = np.select([wrong, kink, unclear], ["wrong", "kink", "unclear"], "right")
    left, right = (np.where(kink, side, numeric) for side in (left, right))
    return GradientReport(analytic, numeric, bound, verdict, float(rtol), left, right)


def numerical_gradient(
    function: _Function, x: ArrayLike, *, method: str = "central", step: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradient of a function with one number as value, and a bound of its error.

    Parameters and exceptions are those of `numerical_jacobian`; a function that returns an array
    is refused with a `ValueError`.

    Returns
    -------
    gradient, error_bound : numpy.ndarray
        Both float64, in the shape of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> gradient, bound = numerical_gradient(lambda x: np.sum(np.exp(x)), [0.0, 1.0])
    >>> print(gradient.round(9), bool(np.all(abs(gradient - np.exp([0, 1])) <= bound)))
    [1.         2.71828183] True
    >>> print(bool(np.all(bound < 1e-9)))
    True
    """
    point = as_point("x", x)
    _check_one_number(function, point)
    return numerical_jacobian(function, point, method=method, step=step)


def numerical_jacobian(
    function: _Function, x: ArrayLike, *, method: str = "central", step: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivative of each value in each element of `x`, and a bound of its error.

    Parameters
    ----------
    function : callable
        Takes a fresh array like `x` and returns one number or an array of real numbers. A step at
        which it raises `ValueError` or `ArithmeticError`, or is not finite, is left out.
    x : array_like
        The point, finite, at least one element, any shape; float dtypes are kept.
    method : {"central", "complex"}
        "central" needs values only. "complex" evaluates Im f(x + ih) / h, in which nothing
        cancels; it needs a function that is analytic and takes complex numbers, and is held
        against the central differences.
    step : float, optional
        The smallest of the three steps (16, 4, 1 times it) that are combined. By default the best
        is searched from 6 % of |x| downwards, and from 0.06 where |x| is far from 1.

    Returns
    -------
    jacobian, error_bound : numpy.ndarray
        Both float64, of shape value shape + x shape.

    Raises
    ------
    TypeError
        If `x` or a value is not real, or the function raises one for complex numbers
        where `method` is "complex".
    ValueError
        If `x` is empty or not finite, the function is not finite at `x` or around it, two calls
        at `x` differ, an option is unknown, or complex and central differences contradict.

    Notes
    -----
    D(h) = (f(x + h) - f(x - h)) / 2h is off by O(h²); R(h) = (16 D(h) - D(4h)) / 15 by O(h⁴). The
    bound is |R(h) - R(4h)| for the truncation, 256 times smaller in the limit, and 1.1 e/h for the
    rounding, where e is what a value may be off: two eps of its dtype, or more if the values nearby
    scatter more around a cubic, or are flat and have the digits of a float32 (a function may well
    compute in float32 and return float64), and what half an ulp of the argument makes. The step
    with the smallest bound is chosen, unless a shorter one contradicts. Where the slopes on the two
    sides do not meet as the step falls, there is a kink: the bound is then at least half of their
    difference. The bound is an estimate, not a proof.

    References
    ----------
    Ridders (1982), Advances in Engineering Software 4(2); Squire and Trapp (1998), SIAM Review
    40(1); Moré and Wild (2011), SIAM Journal on Scientific Computing 33(3).

    Examples
    --------
    >>> import numpy as np
    >>> jacobian, bound = numerical_jacobian(lambda x: np.array([x[0] * x[1], x[0]]), [2.0, 3.0])
    >>> print(jacobian.round(6))
    [[3. 2.]
     [1. 0.]]
    """
    found = differentiate(function, as_point("x", x), method, step)
    return found.slope, found.bound


def convergence(
    function: _Function,
    gradient: Callable[[np.ndarray], ArrayLike] | ArrayLike,
    x: ArrayLike,
    steps: ArrayLike | None = None,
    *,
    method: str = "central",
) -> Convergence:
    """Return the error of one difference formula for each step, and its order.

    Parameters
    ----------
    function : callable
        Takes an array like `x` and returns one number.
    gradient : callable or array_like
        The true gradient, in the shape of `x`, or a function that returns it.
    x : array_like
        The point.
    steps : array_like, optional
        Positive steps h, used as they are for each element; by default 10⁻¹ to 10⁻¹⁵, four to a
        decade.
    method : {"central", "forward", "complex"}
        (f(x + h) - f(x - h)) / 2h, (f(x + h) - f(x)) / h or Im f(x + ih) / h.

    Returns
    -------
    Convergence
        Steps, errors, best step and observed order: 2, 1 and 2 for the three methods,
        unless the next derivative vanishes.

    Raises
    ------
    TypeError, ValueError
        As `numerical_gradient` does, and if a step is not positive and finite.

    Examples
    --------
    >>> import numpy as np
    >>> for method in ("forward", "central"):
    ...     print(f"{convergence(np.exp, np.exp, 1.0, method=method).order:.1f}")
    1.0
    2.0
    """
    check_choice("method", method, FORMULAS)
    x = as_point("x", x)
    _check_one_number(function, x)
    steps = np.geomspace(0.1, 1e-15, 57) if steps is None else steps
    steps = np.sort(np.ravel(as_point("steps", steps)))[::-1]
    if not steps[-1] > 0:
        raise ValueError(f"steps: expected positive numbers, got {steps[-1]}; leave it out")
    exact = _as_gradient(gradient, x).astype(np.float64)
    if exact.shape != x.shape:
        raise ValueError(
            f"gradient: expected the shape of x, {x.shape}, got {exact.shape}; give one "
            "derivative for each element of x"
        )
    errors = np.zeros(steps.shape)
    for index in np.ndindex(x.shape):
        slopes = np.array([difference(method, function, x, index, float(h)) for h in steps])
        errors = np.maximum(errors, abs(slopes - exact[index]))
    best = int(np.nanargmin(errors))
    clear = errors[:best] > _CLEAR * errors[best]
    clear = slice(0, int(np.argmin([*clear, False])))
    with np.errstate(all="ignore"):
        local = np.diff(np.log(errors[clear])) / np.diff(np.log(steps[clear]))
    order = float(np.median(local)) if local.size else np.nan
    return Convergence(steps, errors, float(steps[best]), order)


def _check_one_number(function: _Function, x: np.ndarray) -> None:
    shape = value(function, x).shape
    if shape != ():
        raise ValueError(
            f"function: expected one number, got shape {shape}; reduce the loss with its sum or "
            "mean, or call numerical_jacobian"
        )


def _as_gradient(gradient: Callable[[np.ndarray], ArrayLike] | ArrayLike, x: np.ndarray) -> Any:
    return as_returned("gradient", gradient(x.copy()) if callable(gradient) else gradient)


def _diagonal(parts: list[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """Return the diagonals of Jacobians, or refuse a function that mixes elements."""
    parts = [part.reshape(x.size, x.size) for part in parts]
    mixed = (abs(parts[0]) > parts[1]) & ~np.eye(x.size, dtype=bool)
    if mixed.any():
        row, column = (tuple(map(int, np.unravel_index(i, x.shape))) for i in np.argwhere(mixed)[0])
        raise ValueError(
            f"gradient: expected the Jacobian, of shape {x.shape + x.shape}, got {x.shape}: the "
            f"function is not elementwise, its value {row} depends on element {column} of x; "
            "give the Jacobian, or sum the values"
        )
    return [np.diagonal(part).reshape(x.shape) for part in parts]
