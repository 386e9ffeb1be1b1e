"""How a loss wants to be called: as a function of arrays or tensors, of columns, of single numbers.

`as_function` makes a function of whatever holds a loss: a class, an object with a method. `meet`
tries a call in one manner after the other until one gives numbers.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from companion.clinic.patient import Manner, Patient, Question

__all__ = ["as_function", "attribute", "gradient_of", "meet"]

_METHODS = ("forward", "loss", "compute_loss", "call", "value", "cost", "f")
_GRADIENTS = ("gradient", "grad", "derivative", "prime", "df", "backward")


def as_function(loss: Any) -> tuple[Callable, str]:
    """Return the function in a class or an object, and a note on where it was found."""
    note = ""
    if inspect.isclass(loss):
        note = f"an instance of {loss.__name__}, made without arguments, is the loss"
        try:
            loss = loss()
        except TypeError as error:
            raise TypeError(f"loss is a class; give an instance of it: {error}") from error
    if callable(loss):
        return loss, note
    for name in _METHODS:
        if callable(method := attribute(loss, name)):
            return method, f"the method {name} is the loss"
    raise TypeError(
        f"loss must be callable, or have a method {', '.join(_METHODS)}; got {type(loss).__name__}"
    )


def gradient_of(loss: Any) -> tuple[Callable | None, str]:
    """Return the gradient that a class or an object has beside its loss, and its name."""
    if inspect.isclass(loss):
        loss = loss()
    torch = sys.modules.get("torch")
    if inspect.isroutine(loss) or (torch is not None and isinstance(loss, torch.nn.Module)):
        return None, ""
    for name in _GRADIENTS:
        method = attribute(loss, name)
        if callable(method):
            return _with_arguments(as_function(loss)[0], method), name
    return None, ""


def attribute(loss: Any, name: str) -> object:
    """Return an attribute; None where there is none, or asking for it raises."""
    try:
        return getattr(loss, name, None)
    except Exception:
        return None


def _with_arguments(function: Callable, method: Callable) -> Callable:
    """Call a gradient with both arguments, or after a forward pass that it remembers."""
    try:
        needed = [
            p
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return method
    if len(needed) >= 2:
        return method

    def after_forward(first: Any, second: Any) -> Any:
        function(first, second)
        return method(*([1.0] * len(needed)))

    return after_forward


def meet(patient: Patient, question: Question) -> Patient:
    """Return the patient with the first manner of calling that gives numbers.

    Where none does, the manner stays plain, so that the exception of a plain call is reported.
    """
    torch = sys.modules.get("torch")
    frameworks = ["numpy", *(["torch"] if torch is not None else [])]
    if torch is not None and isinstance(patient.loss, torch.nn.Module):
        frameworks = ["torch"]
    usable: list[Manner] = []
    plain: dict[str, str] = {}
    for shape in ("flat", "column", "row", "scalar", "list"):
        for framework in frameworks:
            if shape in ("list", "scalar") and framework == "torch":
                continue
            manner = replace(patient.manner, framework=framework, shape=shape)
            answer = replace(patient, manner=manner).ask(question)
            if shape == "flat":
                plain[framework] = answer.error
            if answer.values is not None:
                usable.append(manner)
                # A row taken for a column gives N × N numbers where rows are wanted.
                sized = shape != "column" or answer.values.size in (1, len(question.x))
                if answer.finite and sized:
                    return replace(patient, manner=manner)
            if answer.lost:
                return replace(patient, manner=manner)
    if usable:
        return replace(patient, manner=usable[0])
    # Whichever returned something; otherwise arrays, unless their exception asks for tensors.
    tensors = any(word in plain.get("numpy", "torch") for word in ("torch", "Tensor", "ndarray'"))
    framework = "torch" if tensors and "torch" in plain else "numpy"
    framework = next((each for each, error in plain.items() if not error), framework)
    return replace(patient, manner=replace(patient.manner, framework=framework))
