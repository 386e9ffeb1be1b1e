"""How a loss wants to be called: as a function of arrays or tensors, of columns, of single numbers.

`made` and `as_function` make a function of what holds a loss: a class, an object with a method.
`meet` tries a call in one manner after the other until one gives numbers.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from companion.clinic.patient import Manner, Patient, Question

__all__ = ["as_function", "attribute", "gradient_of", "made", "meet"]

_METHODS = ("forward", "loss", "compute_loss", "call", "value", "cost", "f")
_GRADIENTS = ("gradient", "grad", "derivative", "prime", "df", "backward")


def made(loss: Any) -> object:
    """Return what holds a loss: an object as it is, of a class an instance without arguments."""
    if not inspect.isclass(loss):
        return loss
    try:
        return loss()
    except Exception as error:
        name = loss.__name__
        raise TypeError(
            f"{name} is a class, and {name}() raises {type(error).__name__}: {error}; "
            f"give an instance, as in loss = {name}(...)"
        ) from error


def as_function(loss: Any) -> tuple[Callable, str]:
    """Return the function in an object, and the method that it is; "" for the object itself."""
    if callable(loss):
        return loss, ""
    for name in _METHODS:
        if callable(method := attribute(loss, name)):
            return method, name
    raise TypeError(
        f"loss must be callable, or have a method {', '.join(_METHODS)}; got {type(loss).__name__}"
    )


def gradient_of(loss: Any) -> tuple[Callable | None, str, str]:
    """Return the gradient that an object has beside its loss, the method, and code for it.

    In the code stands {loss} for the object.
    """
    torch = sys.modules.get("torch")
    if inspect.isroutine(loss) or (torch is not None and isinstance(loss, torch.nn.Module)):
        return None, "", ""
    for name in _GRADIENTS:
        method = attribute(loss, name)
        if callable(method):
            return _with_arguments(loss, method, name)
    return None, "", ""


def attribute(loss: Any, name: str) -> object:
    """Return an attribute; None where there is none, or asking for it raises."""
    try:
        return getattr(loss, name, None)
    except Exception:
        return None


def _with_arguments(loss: Any, method: Callable, name: str) -> tuple[Callable, str, str]:
    """Call a gradient with both arguments, or after a forward pass that it remembers."""
    whole = method, name, f"{{loss}}.{name}"
    try:
        needed = [
            p
            for p in inspect.signature(method).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        return whole
    if len(needed) >= 2:
        return whole
    function, forward = as_function(loss)
    upstream = [1.0] * len(needed)  # what a method of one argument takes

    def after_forward(first: Any, second: Any) -> Any:
        function(first, second)
        return method(*upstream)

    first = f"{{loss}}.{forward}(x, y)" if forward else "{loss}(x, y)"
    then = f"{{loss}}.{name}({', '.join(map(str, upstream))})"
    return after_forward, name, f"lambda x, y: ({first}, {then})[1]"


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
