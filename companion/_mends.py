"""What to do about an argument that is refused, read from the whole of it.

A -1 beside +1 is a sign, a -1 beside 0 and 1 a mark for "unknown", and what is right for the one is
wrong for the other. `mend_for` says each reading that fits, as arguments to
pass; `conversion_for` is about what is no array of real numbers, `reshape_for` about two shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set, ValuesView
from typing import NamedTuple

import numpy as np

__all__ = [
    "DIALECTS",
    "Dialect",
    "conversion_for",
    "literal",
    "mend_for",
    "reshape_for",
]

_ROUNDING = 1e-6  # what a float32, read as a float64, may have too much


class Dialect(NamedTuple):
    """The words of those who refuse: what exists where they are called."""

    logits: str = "call binary_cross_entropy_with_logits, or its derivative"
    classes: str = "call cross_entropy, with one logit for each class"
    clip: str = "numpy.clip({name}, 0, 1)"
    known: str = "{name}=numpy.where({mark}, 0, {name}), weight=~({mark})"
    mean_of_known: str = ', reduction="weighted_mean"'
    none_known: str = 'and the sum is 0: pass {known}, reduction="sum"'
    unknown: str = "numpy.isnan({name})"
    equal: str = "numpy.equal({name}, {number})"  # a list is equal to no number
    of_signs: str = "numpy.add({name}, 1) / 2"
    by: str = "numpy.divide({name}, {number})"
    two_weights: str = ""
    negative_weight: str = ""


_BY_LABEL = "; for two labels pass weight=numpy.where(numpy.equal(labels, 1), {name}[1], {name}[0])"
_MULTIPLY = (
    ', and with negative ones, which leave no least loss, multiply the losses of reduction="none"'
)
_TORCH = Dialect(
    logits="call binary_cross_entropy_with_logits",
    clip="{name}.clamp(0, 1)",
    known="ignore_index={outside}",
    mean_of_known="",
    unknown="{name}.isnan()",
    equal="{name} == {number}",
    of_signs="({name} + 1) / 2",
    by="{name} / {number}",
)
_TRAINER = Dialect(
    classes="fit one class against the rest",
    mean_of_known="",
    none_known="and there is nothing to fit",
    two_weights=_BY_LABEL,
)
DIALECTS = {
    "binary": Dialect(two_weights=_BY_LABEL, negative_weight=_MULTIPLY),
    "categorical": Dialect(
        logits="call cross_entropy",
        classes="give the labels the shape of the logits without the class axis",
        known="logits=logits[~({mark}).any(-1)], {name}={name}[~({mark}).any(-1)]",
        mean_of_known="",
        negative_weight=_MULTIPLY,
    ),
    "jacobian": Dialect(mean_of_known="", none_known="and the derivatives are 0: pass {known}"),
    "logit": Dialect(logits="they are the result already"),
    "other": Dialect(),
    "torch": _TORCH,
    "torch classes": _TORCH._replace(
        classes="pass {name}.long(), in the shape of the input without the classes",
        known="input=input[~({mark}).any(1)], {name}={name}[~({mark}).any(1)]",
    ),
    "trainer": _TRAINER,
}
"""Those who refuse."""


class _Numbers(NamedTuple):
    """The distinct values of an argument, and what is known of all of them."""

    distinct: np.ndarray
    eps: float
    mostly_above_one: bool
    several: bool

    @property
    def low(self) -> float:
        return self.distinct[0]

    @property
    def high(self) -> float:
        return self.distinct[-1]  # NaN, if there is one

    @property
    def outside(self) -> np.ndarray:
        return self.distinct[~((self.distinct >= 0) & (self.distinct <= 1))]

    @property
    def whole(self) -> bool:
        return bool(np.all(self.distinct == np.floor(self.distinct)))

    def is_rounding(self) -> bool:
        excess = max(8 * self.eps, _ROUNDING)
        return self.low >= -excess and self.high <= 1 + excess

    def has_nan(self) -> bool:
        return bool(np.isnan(self.outside).all()) and not self.has_only_mark()

    def are_signs(self) -> bool:
        return self.low == -1 and set(self.distinct) <= {-1.0, 1.0}

    def has_mark(self) -> bool:
        alone = len(self.outside) == 1 < len(self.distinct) and not self.has_nan()
        return alone and self._is_mark(self.outside[0]) and not self.are_signs()

    def has_only_mark(self) -> bool:
        return len(self.distinct) == 1 and self.several and self._is_mark(self.low)

    @staticmethod
    def _is_mark(number: float) -> bool:
        return bool(
            np.isnan(number) or number == 255 or (number < 0 and number == np.floor(number))
        )

    def are_two(self) -> bool:
        known = self.is_rounding() or self.are_signs() or np.isnan(self.high)
        return len(self.distinct) == 2 and bool(np.isfinite(self.distinct).all()) and not known

    def are_classes(self) -> bool:
        counted = self.low >= 0 and self.high < 1000 and self.whole
        return len(self.distinct) > 2 and counted and not self.has_mark()

    def are_per_cent(self) -> bool:
        many = len(self.distinct) > 2 and self.mostly_above_one
        return many and self.low >= 0 and self.high <= 100

    def are_pixels(self) -> bool:
        several = len(self.distinct) != 2 and not self.has_mark()
        return several and self.whole and self.low >= 0 and 100 < self.high <= 255

    def are_logits(self) -> bool:
        return not (self.is_rounding() or np.isnan(self.high))


class _Reading(NamedTuple):
    """What the numbers may be, and what to do then."""

    fits: Callable[[_Numbers], bool]
    words: str


_CLIP = _Reading(_Numbers.is_rounding, "rounding put them there: pass {name}={clip}")
_PER_CENT = _Reading(_Numbers.are_per_cent, "they are per cent: pass {name}={by_100}")
_PIXELS = _Reading(_Numbers.are_pixels, "they are pixels from 0 to 255: pass {name}={by_255}")
_LABELS = (
    _Reading(_Numbers.has_nan, "NaN marks what is unknown: pass {known}{mean_of_known}"),
    _CLIP,
    _Reading(_Numbers.are_signs, "they are signs: pass {name}={of_signs}"),
    _Reading(_Numbers.has_mark, "{outside} marks what is unknown: pass {known}{mean_of_known}"),
    _Reading(
        _Numbers.has_only_mark, "{mark_name} marks what is unknown, nothing is known {none_known}"
    ),
    _Reading(_Numbers.are_two, "they are two labels: pass {name}=1.0 * ({is_high})"),
    _Reading(_Numbers.are_classes, "they are class indices: {classes}"),
    _PER_CENT,
    _PIXELS,
)
_PROBABILITIES = (
    _CLIP,
    _PER_CENT,
    _PIXELS,
    _Reading(_Numbers.are_logits, "they are logits: {logits}"),
)
_NO_LABELS = "use 0 and 1, or probabilities for soft labels; the labels are the second argument"
_NO_PROBABILITY = "NaN is no probability: find where it comes from"


def mend_for(name: str, values: np.ndarray, eps: float, dialect: str) -> str:
    """Return what to do about `values`, of which some lie outside [0, 1].

    Parameters
    ----------
    name : str
        The argument: "labels", "target" and "targets" are labels, all else are probabilities.
    values : numpy.ndarray
        All of them, float64.
    eps : float
        The spacing at 1 of the dtype that they came in.
    dialect : str
        Who refuses, a key of `DIALECTS`.
    """
    distinct = np.unique(values)
    numbers = _Numbers(distinct, eps, bool(np.mean(values > 1) > 0.5), values.size > 1)
    are_labels = name in ("labels", "target", "targets")
    readings = _LABELS if are_labels else _PROBABILITIES
    fitting = [reading.words for reading in readings if reading.fits(numbers)]
    if not fitting:
        return _NO_LABELS if are_labels else _NO_PROBABILITY
    words, outside = DIALECTS[dialect], literal(numbers.outside[0])
    no_number = bool(np.isnan(numbers.outside[0]))
    mark = words.unknown if no_number else words.equal
    fields = {
        "name": name,
        "outside": outside,
        "mark": mark.format(name=name, number=outside),
        "is_high": words.equal.format(name=name, number=literal(numbers.high)),
        "by_100": words.by.format(name=name, number=100),
        "by_255": words.by.format(name=name, number=255),
        "mark_name": "NaN" if no_number else outside,
    }
    for key, part in words._asdict().items():  # each may name those before it
        if "{number}" not in part:  # which the fields above have
            fields[key] = part.format(**fields)
    return ", ".join("if " + words.format(**fields) for words in fitting)


def literal(number: float) -> str:
    """Return a number as code that gives it back."""
    if number != number:
        return 'float("nan")'
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def conversion_for(name: str, value: object, array: np.ndarray) -> str:
    """Return how to make real numbers of `value`, of which NumPy makes `array`."""
    if value is None:
        return f"pass numbers for {name}"
    if hasattr(value, "toarray"):
        return f"pass {name}.toarray()"
    if isinstance(value, Iterator | ValuesView):
        return f"pass list({name})"
    if isinstance(value, Mapping):
        return f"pass list({name}.values())"
    if isinstance(value, Set):
        return "a set has no order: pass a list"
    if array.dtype.kind == "c":
        return f"pass {name}.real if the imaginary part is 0"
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return "pass numbers, or an array or nested list of them"
    missing = ", and leave out what is missing" if np.isnan(numbers).any() else ""
    return f"pass numpy.array({name}, dtype=float){missing}"


def reshape_for(
    first_name: str, first: tuple[int, ...], second_name: str, second: tuple[int, ...]
) -> str:
    """Return how to give the two arguments, probabilities or logits and their labels, one shape."""
    if first == (*second, 2):
        column = f"{first_name}[..., 1]"
        if first_name == "logits":
            column += f" - {first_name}[..., 0]"
        return f"of two columns, one a label, pass {first_name}={column}"
    if second == (*first, 2):
        return f"of one-hot labels pass {second_name}={second_name}[..., 1]"
    if np.prod(first) == np.prod(second):
        return f"reshape one of them, for example {second_name}.reshape({first_name}.shape)"
    return "check that each element has its label, or pass one number for all as a scalar"
