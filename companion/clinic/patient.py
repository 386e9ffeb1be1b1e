"""A loss that can be asked: one call, with fresh arguments, of which whatever happens is an answer.

A `Question` is one call; `Patient.ask` makes it and returns an `Answer`: numbers, an exception, or
nothing of use. Read them in that order. How a loss wants to be called (order, shape, framework) is
its `Manner`, found by `companion.clinic.meeting`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from companion.clinic.clock import Clock, Hangs, OutOfTime

__all__ = [
    "Answer",
    "Manner",
    "Patient",
    "Question",
    "as_numbers",
    "is_tensor",
]

_FAR = 5.0  # a logit beyond is none of an ordinary batch


@dataclass(frozen=True, eq=False)
class Question:
    """One call of a loss: predictions, labels, and what is asked for."""

    x: Any
    y: Any
    dtype: str = "float64"
    label_dtype: str | None = None
    """None: that of the predictions, and int64 for class indices."""
    want: str = "value"
    """"value", "gradient", "hessian" (the one that was given) or "second" (autograd, twice)."""
    upstream: float = 1.0
    """What the derivative is multiplied by on its way back."""

    @property
    def dtype_of_labels(self) -> str:
        """The dtype that the labels are handed over in."""
        indices = np.asarray(self.y).dtype.kind in "iu"
        return self.label_dtype or ("int64" if indices else self.dtype)

    def but(self, **changes: Any) -> Question:
        """Return the question with some fields changed."""
        return replace(self, **changes)

    def as_extreme_as(self, other: Question) -> bool:
        """Whether it asks for the same as another one, or for as much further out."""
        x, y = np.asarray(self.x, float), np.asarray(other.x, float)
        if self.want != other.want or x.shape != y.shape:
            return False
        if np.array_equal(x, y, equal_nan=True) and self._same_labels(other):
            return True
        if not np.isfinite(y).all():
            return not np.isfinite(x).all()
        if y.min() >= 0 and y.max() <= 1:  # certain probabilities
            return bool(_certain(y) and _certain(x) and x.min() >= 0 and x.max() <= 1)
        return bool(np.abs(y).max() > _FAR and np.abs(x).max() >= np.abs(y).max())

    def _same_labels(self, other: Question) -> bool:
        return self.label_dtype == other.label_dtype and np.array_equal(
            np.asarray(self.y, float), np.asarray(other.y, float), equal_nan=True
        )


@dataclass(frozen=True, eq=False)
class Answer:
    """What came back from a call."""

    values: Any = None
    """The numbers, an array of float64; None if there are none."""
    error: str = ""
    """The exception, as "ValueError: its text"; or "hangs", or "kills the process"."""
    note: str = ""
    """What came instead of a number, or beside it: "None", "str", "tuple"."""
    changed: tuple[str, ...] = ()
    """The arguments that the call wrote into."""
    printed: bool = False

    @property
    def total(self) -> float:
        """The sum of all numbers, NaN without any."""
        if self.values is None:
            return np.nan
        with np.errstate(invalid="ignore"):  # inf - inf
            return float(self.values.sum())

    @property
    def lost(self) -> bool:
        """Whether the call did not end, or ended the process."""
        return self.error in ("hangs", "kills the process")

    @property
    def finite(self) -> bool:
        """Whether there are numbers, and all are finite."""
        return self.values is not None and bool(np.isfinite(self.values).all())

    def same(self, other: Answer, rtol: float = 1e-12) -> bool:
        """Whether both are the same exception, or the same numbers to `rtol`; NaN equals NaN."""
        if self.values is None or other.values is None:
            return self.values is other.values and self.error[:12] == other.error[:12]
        return self.values.shape == other.values.shape and np.allclose(
            self.values, other.values, rtol=rtol, atol=0, equal_nan=True
        )


_DETACHED = Answer(
    error="RuntimeError: element 0 of tensors does not require grad", note="detached"
)


@dataclass(frozen=True)
class Manner:
    """How a loss wants to be called."""

    framework: str = "numpy"
    """"numpy" or "torch"."""
    swapped: bool = False
    """Whether the labels come first."""
    shape: str = "flat"
    """"flat" (N,), "column" (N, 1), "row" (1, N), "list", or "scalar": one number at a time."""
    signs: bool = False
    """Whether the labels are -1 and 1."""


def _unheard(question: Question | None) -> None:
    """Announce a question to nobody."""


def _nothing() -> int:
    return 0


@dataclass
class Patient:
    """A loss and its derivatives, called in its manner."""

    loss: Callable
    gradient: Any = None
    """∂ loss / ∂ predictions: a function of the same arguments, or "returned" beside the loss."""
    hessian: Callable | None = None
    manner: Manner = field(default_factory=Manner)
    clock: Clock = field(default_factory=lambda: Clock(5.0))
    announce: Callable[[Question | None], None] = _unheard
    """Called with each question before it is asked, and with None when it is answered."""
    printed: Callable[[], int] = _nothing
    """The number of characters printed so far."""
    trouble: list[tuple[Question, str]] = field(default_factory=list)
    """The questions that hung, or ended the process, and how: none as extreme is asked again."""

    @property
    def has_gradient(self) -> bool:
        """Whether a gradient can be asked for."""
        return self.gradient is not None or self.manner.framework == "torch"

    def ask(self, question: Question) -> Answer:
        """Make one call with fresh arguments."""
        for other, how in self.trouble:
            if question.as_extreme_as(other):
                return Answer(error=how)
        written = self.printed()
        try:
            with self.clock.one_call((question.want, question.dtype, np.shape(question.x))):
                self.announce(question)
                answer = self._scalars(question) if self.manner.shape == "scalar" else None
                answer = answer or self._call(question)
        except OutOfTime:
            raise
        except Hangs:
            self.trouble.append((question, "hangs"))
            return Answer(error="hangs")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: it is a finding
            return Answer(error=f"{type(error).__name__}: {_text(error)}")
        finally:
            self.announce(None)
        return replace(answer, printed=True) if self.printed() > written else answer

    def _arguments(self, question: Question) -> tuple[Any, Any]:
        """Return fresh predictions and labels, in the order and shape that the loss wants."""
        y = np.array(question.y)
        if self.manner.signs:
            y = 2 * y - 1
        x, y = np.array(question.x, question.dtype), y.astype(question.dtype_of_labels)
        if x.ndim == 1 and y.ndim == 1 and self.manner.shape in ("column", "row"):
            shape = (-1, 1) if self.manner.shape == "column" else (1, -1)
            x, y = x.reshape(shape), y.reshape(shape)
        if self.manner.framework == "torch":
            torch = sys.modules["torch"]
            x, y = torch.from_numpy(x), torch.from_numpy(y)
        elif self.manner.shape == "list":
            x, y = x.tolist(), y.tolist()
        return x, y

    def _call(self, question: Question) -> Answer:
        x, y = self._arguments(question)
        before = _copy(x), _copy(y)
        if question.want == "value":
            result = self._loss(x, y)
        elif question.want == "hessian":
            assert self.hessian is not None
            result = self._in_order(self.hessian, x, y)
        elif question.want == "gradient" and self.gradient == "returned":
            result = self._loss(x, y)[1]
        elif question.want == "gradient" and callable(self.gradient):
            result = self._in_order(self.gradient, x, y)
        else:
            return self._autograd(x, y, question)
        values, note = as_numbers(result)
        if values is not None and question.want != "value":
            values = values.reshape(np.shape(question.x)) * question.upstream
        changed = tuple(
            name
            for name, a, b in (("predictions", x, before[0]), ("labels", y, before[1]))
            if not _equal(a, b)
        )
        return Answer(values, note=note, changed=changed)

    def _loss(self, x: Any, y: Any) -> Any:
        return self._in_order(self.loss, x, y)

    def _in_order(self, function: Callable, x: Any, y: Any) -> Any:
        return function(y, x) if self.manner.swapped else function(x, y)

    def _scalars(self, question: Question) -> Answer | None:
        """Call a loss of two numbers once for each element."""
        x, y = np.array(question.x, question.dtype), np.array(question.y)
        if x.ndim == 0 or x.shape != y.shape:
            return None
        y = 2 * y - 1 if self.manner.signs else y
        function = self.loss if question.want == "value" else self.gradient
        if not callable(function):
            return None
        found: list[Any] = [
            as_numbers(self._in_order(function, a, b))[0]
            for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
        ]
        if any(each is None or each.size != 1 for each in found):
            return Answer(note="no number")
        return Answer(np.array([float(each.ravel()[0]) for each in found]).reshape(x.shape))

    def _autograd(self, x: Any, y: Any, question: Question) -> Answer:
        """Differentiate by PyTorch: once, or for "second" twice (the row sums of the Hessian)."""
        torch = sys.modules["torch"]
        x.requires_grad_(True)
        out = self._loss(x, y)
        out = out[0] if isinstance(out, tuple | list) else out
        if not (is_tensor(out) and out.requires_grad):
            return _DETACHED
        total = out.sum() * question.upstream
        if question.want == "gradient":
            total.backward()
            slope = x.grad
        else:
            (slope,) = torch.autograd.grad(total, x, create_graph=True)
            if not slope.requires_grad:
                return _DETACHED
            (slope,) = torch.autograd.grad(slope.sum(), x)
        if slope is None:
            return _DETACHED
        values: Any = as_numbers(slope)[0]
        return Answer(values.reshape(np.shape(question.x)))


def is_tensor(value: Any) -> bool:
    """Whether a value is a PyTorch tensor; PyTorch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.is_tensor(value)


def as_numbers(result: Any) -> tuple[np.ndarray | None, str]:
    """Return the numbers of a result in float64 and what else it was; None if it holds none."""
    note = ""
    if isinstance(result, tuple):
        note, result = "tuple", result[0] if result else None
    if is_tensor(result):
        result = result.detach().cpu().double().numpy()
    elif hasattr(result, "numpy") and not isinstance(result, np.ndarray):
        result = result.numpy()
    elif not isinstance(result, np.ndarray | np.generic | float | int | list):
        result = getattr(result, "data", getattr(result, "value", result))
    if result is None or isinstance(result, str | bytes | dict | set):
        return None, note or type(result).__name__
    try:
        array = np.asarray(result)
        if array.dtype.kind not in "biufO":
            return None, note or str(array.dtype)
        if not array.size:
            return None, note or "an empty array"
        return array.astype(np.float64), note
    except (TypeError, ValueError, OverflowError):
        return None, note or type(result).__name__


def _certain(x: np.ndarray) -> bool:
    return bool(((x == 0) | (x == 1)).any())


def _text(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:
        return "an exception without words"


def _copy(value: Any) -> Any:
    return value.clone() if is_tensor(value) else np.array(value)


def _equal(value: Any, before: Any) -> bool:
    if is_tensor(value):
        value, before = value.detach().cpu().numpy(), before.cpu().numpy()
    return np.array_equal(np.asarray(value), before, equal_nan=np.asarray(before).dtype.kind == "f")
