"""What a wrong loss charges, as a formula of a few terms.

`describe` writes one half of a loss, its values for one label; `describe_rows` a row of classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from companion import elementary
from companion.elementary import softplus

__all__ = ["describe", "describe_rows"]

_Costs = Callable[[Any], Any]
_TERMS = 2
_EXACT = 1e-9  # residual of a description, relative to the largest value


_IN_PROBABILITIES: dict[str, Callable] = {
    "-log p": lambda p: -np.log(p),
    "-log(1-p)": lambda p: -np.log1p(-p),
    "p": lambda p: p,
    "log(1+p)": np.log1p,
    "log(2-p)": lambda p: np.log(2 - p),
    "p²": lambda p: p**2,
    "p log p": lambda p: p * np.log(p),
    "(1-p) log p": lambda p: (1 - p) * np.log(p),
    "p log(1-p)": lambda p: p * np.log1p(-p),
    "(1-p) log(1-p)": lambda p: (1 - p) * np.log1p(-p),
    "log(p)²": lambda p: np.log(p) ** 2,
    "log(1-p)²": lambda p: np.log1p(-p) ** 2,
    "1/p": lambda p: 1 / p,
    "1/(1-p)": lambda p: 1 / (1 - p),
    "√p": np.sqrt,
    "√(1-p)": lambda p: np.sqrt(1 - p),
    "exp(p)": np.exp,
    "exp(-p)": lambda p: np.exp(-p),
    "log(1+e^p)": softplus,
    "log(1+e^-p)": lambda p: softplus(-p),
    "σ(p)": elementary.sigmoid,
    "log(p/(1-p))": elementary.logit,
    "1/log p": lambda p: 1 / np.log(p),
    "1/log(1-p)": lambda p: 1 / np.log1p(-p),
}
_IN_LOGITS: dict[str, Callable] = {
    "log(1+e^-z)": lambda z: softplus(-z),
    "log(1+e^z)": softplus,
    "z": lambda z: z,
    "z²": lambda z: z**2,
    "|z|": np.abs,
    "max(z,0)": lambda z: np.maximum(z, 0),
    "log(1+e^-|z|)": lambda z: softplus(-np.abs(z)),
    "σ(z)": elementary.sigmoid,
    "σ(z)²": lambda z: elementary.sigmoid(z) ** 2,
    "z σ(z)": lambda z: z * elementary.sigmoid(z),
    "z log(1+e^z)": lambda z: z * softplus(z),
    "z log(1+e^-z)": lambda z: z * softplus(-z),
    "log(1+σ(z))": lambda z: np.log1p(elementary.sigmoid(z)),
    "log(2-σ(z))": lambda z: np.log(2 - elementary.sigmoid(z)),
    "e^z": np.exp,
    "e^-z": lambda z: np.exp(-z),
    "e^-|z|": lambda z: np.exp(-np.abs(z)),
    "log(2+e^z)": lambda z: np.log(2 + np.exp(z)),
    "log(2+e^-z)": lambda z: np.log(2 + np.exp(-z)),
    "log(e+e^z)": lambda z: np.log(np.e + np.exp(z)),
    "log(e+e^-z)": lambda z: np.log(np.e + np.exp(-z)),
    "log(e+e^-|z|)": lambda z: np.log(np.e + np.exp(-np.abs(z))),
    "log(2+e^-|z|)": lambda z: np.log(2 + np.exp(-np.abs(z))),
    "tanh z": np.tanh,
    "tanh(z/2)": lambda z: np.tanh(z / 2),
    "√σ(z)": lambda z: np.sqrt(elementary.sigmoid(z)),
    "√σ(-z)": lambda z: np.sqrt(elementary.sigmoid(-z)),
    "e^σ(z)": lambda z: np.exp(elementary.sigmoid(z)),
    "e^σ(-z)": lambda z: np.exp(elementary.sigmoid(-z)),
    "1/log(1+e^z)": lambda z: 1 / softplus(z),
    "1/log(1+e^-z)": lambda z: 1 / softplus(-z),
}
# Of a row of several classes: of the probability q of its own, or of all its scores.
_IN_ROWS: dict[str, Callable] = {
    "-log q": lambda q: -np.log(q),
    "q": lambda q: q,
    "q²": lambda q: q**2,
    "√q": np.sqrt,
    "1/q": lambda q: 1 / q,
    "e^q": np.exp,
    "log(1+q)": np.log1p,
    "-log(1-q)": lambda q: -np.log1p(-q),
    "q log q": lambda q: q * np.log(q),
    "log(q)²": lambda q: np.log(q) ** 2,
    "1/log q": lambda q: 1 / np.log(q),
}
_IN_SCORES: dict[str, Callable] = {
    "log Σ e^z": lambda z: np.log(np.exp(z).sum(axis=-1)),
    "max z": lambda z: z.max(axis=-1),
    "Σ e^z": lambda z: np.exp(z).sum(axis=-1),
    "Σ z": lambda z: z.sum(axis=-1),
}


def describe_rows(
    rows: np.ndarray, points: np.ndarray, changes: np.ndarray, labels: np.ndarray, logits: bool
) -> list[tuple[float, str]] | None:
    """Write the changes of rows of several classes as a sum of at most three terms, or None.

    Parameters
    ----------
    rows, points : (N, K), (M, K) array
        The rows, and what each was replaced by.
    changes : (N, M) array
        How the loss of each row moved.
    labels : (N,) array
        The class of each row; q is its probability and z its score.
    logits : bool
        Whether the rows are scores.
    """
    if not (np.isfinite(changes).all() and np.abs(changes).max()):
        return None
    columns = {}
    with np.errstate(all="ignore"):
        of_rows = elementary.softmax(rows) if logits else rows
        of_points = elementary.softmax(points) if logits else points
        for name, f in _IN_ROWS.items():
            start = f(of_rows[np.arange(len(labels)), labels])
            columns[name] = f(of_points[:, labels].T) - start[:, None]
        if logits:
            own = points[:, labels].T - rows[np.arange(len(labels)), labels][:, None]
            columns["z"] = own
            for name, f in _IN_SCORES.items():
                columns[name] = f(points)[None, :] - f(rows)[:, None]
    for count in range(1, _TERMS + 2):
        for names in itertools.combinations(columns, count):
            matrix = np.stack([columns[name].ravel() for name in names], axis=-1)
            factors, *_ = np.linalg.lstsq(matrix, changes.ravel(), rcond=1e-12)
            misfit = np.abs(matrix @ factors - changes.ravel()).max()
            if misfit <= _EXACT * np.abs(changes).max():
                return [(float(f), n) for f, n in zip(factors, names, strict=True)]
    return None


def describe(x: np.ndarray, changes: np.ndarray, logits: bool) -> list[tuple[float, str]] | None:
    """Write the changes of a value between the points of x as a sum of at most two terms.

    Parameters
    ----------
    x : (n,) array
        Points, the first of which the changes are counted from.
    changes : (n,) array
        The value at each, minus that at the first.
    logits : bool
        Which functions may stand in the description.

    Returns
    -------
    list of (coefficient, term), or None
        The fewest terms; among equals those with the roundest coefficients. Empty: it is constant.
    """
    largest = np.abs(changes).max()
    if not np.isfinite(largest):
        return None
    if largest == 0:
        return []
    dictionary = _IN_LOGITS if logits else _IN_PROBABILITIES
    with np.errstate(all="ignore"):
        columns = {name: f(x) - f(x[0]) for name, f in dictionary.items()}
    for count in range(1, _TERMS + 1):
        found = []
        for names in itertools.combinations(columns, count):
            matrix = np.stack([columns[name] for name in names], axis=-1)
            factors, *_ = np.linalg.lstsq(matrix, changes, rcond=1e-12)
            if np.abs(matrix @ factors - changes).max() <= _EXACT * largest:
                strange = sum(abs(f - round(f)) > 1e-6 for f in factors)
                found.append(
                    (strange, [(float(f), n) for f, n in zip(factors, names, strict=True)])
                )
        if found:
            return min(found, key=lambda each: each[0])[1]
    return _with_a_constant(x, changes, logits)


_CONSTANTS = np.concatenate([-np.geomspace(1e3, 1e-3, 120), np.geomspace(1e-6, 1e3, 400)])


def _with_a_constant(
    x: np.ndarray, changes: np.ndarray, logits: bool
) -> list[tuple[float, str]] | None:
    """Look for a term with another constant in it, c, beside a term without one or none."""
    size = np.abs(x) if logits else x
    shapes: dict[str, _Costs] = (
        {
            "log({}+e^z)": lambda c: np.log(c + np.exp(x)),
            "log({}+e^-z)": lambda c: np.log(c + np.exp(-x)),
            "log({}+e^-|z|)": lambda c: np.log(c + np.exp(-size)),
            "log(1+e^({} z))": lambda c: softplus(c * x),
            "log({}+σ(z))": lambda c: np.log(c + elementary.sigmoid(x)),
            "log({}-σ(z))": lambda c: np.log(c - elementary.sigmoid(x)),
        }
        if logits
        else {
            "log({}+p)": lambda c: np.log(c + x),
            "log({}-p)": lambda c: np.log(c - x),
            "p^{}": lambda c: x**c,
            "(1-p)^{}": lambda c: (1 - x) ** c,
        }
    )
    besides: dict[str, np.ndarray] = {"": np.zeros_like(x)}
    if logits:
        besides |= {"z": x, "max(z,0)": np.maximum(x, 0), "max(-z,0)": np.maximum(-x, 0)}
    constants = _CONSTANTS[:, None]
    with np.errstate(all="ignore"):
        for shape, of in shapes.items():
            values = of(constants)
            moved = values - values[:, :1]
            for (beside, extra), sign in itertools.product(besides.items(), (1.0, -1.0)):
                signs = (1.0,) if not beside else (1.0, -1.0)
                for other in signs:
                    rest = changes - other * (extra - extra[0])
                    at_last = partial(_difference, of, sign, float(rest[-1]))
                    c = _root(sign * moved[:, -1] - rest[-1], at_last)
                    if c is None:
                        continue
                    found = sign * (of(c) - of(c)[0])
                    if np.abs(found - rest).max() <= 1e-7 * np.abs(changes).max():
                        terms = [(sign, shape.format(f"{c:.6g}"))]
                        return [(other, beside), *terms] if beside else terms
    return None


def _difference(of: _Costs, sign: float, less: float, c: float) -> float:
    values = of(c)
    return float(sign * (values[-1] - values[0]) - less)


def _root(values: np.ndarray, function: Callable[[float], float]) -> float | None:
    """Return the first constant at which a function is 0, between two of `_CONSTANTS`."""
    places = np.flatnonzero(
        np.isfinite(values[:-1]) & np.isfinite(values[1:]) & (values[:-1] * values[1:] <= 0)
    )
    if not len(places):
        return None
    low, high = _CONSTANTS[places[0]], _CONSTANTS[places[0] + 1]
    start = function(low)
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) * start > 0:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)
