"""One diagnosis in this process: infer, examine, order, report."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
import io
import math
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.clock import Clock, OutOfTime
from companion.clinic.declared import Assumption, Declared
from companion.clinic.examination import Found, examine, lost, ordered
from companion.clinic.finding import LIMIT
from companion.clinic.inference import Reading, infer
from companion.clinic.meaning import Meaning
from companion.clinic.meeting import as_function, attribute, gradient_of, made
from companion.clinic.patient import Patient
from companion.clinic.report import Diagnosis, Report
from companion.clinic.state import preserved

__all__ = ["diagnose_here", "name_of"]

_FRAMEWORKS = {"numpy": "import numpy as np", "torch": "import torch"}
_NEVER = ("other devices", "your own keywords", "batches above 131")


def diagnose_here(
    loss: Any,
    declared: Declared,
    expected: Mapping[str, str],
    budget: float,
    gradient: Callable | str | None = None,
    hessian: Callable | None = None,
    *,
    name: str = "",
    setup: str = "",
    variation: int = 0,
    most: float = math.inf,
    **hooks: Any,
) -> Report:
    """Diagnose a loss in at most `most` calls.

    `name` and `setup`, where they are known, say how to call and to import it; `hooks` are fields
    of its `Patient`; `variation` moves the points.
    """
    began, clock = time.perf_counter(), Clock(budget, most=most)
    call = name or _call_of(loss)
    if not setup:
        beside = (_named("gradient", gradient), _named("hessian", hessian))
        setup = _joined(_import_of(loss), *beside)
    name = name or name_of(loss)
    with _quiet() as printed:
        holder, notes = made(loss), []
        if holder is not loss:
            notes.append(f"an instance of {name}, made without arguments, is the loss")
            call, setup = "loss", _joined(setup, f"loss = {name}()")
        if gradient is None:
            gradient, method, code = gradient_of(holder)
            if method:
                notes.append(f"the method {method} is its gradient")
                setup = _joined(setup, f"gradient = {code.format(loss=call)}")
        function, method = as_function(holder)
        if method:
            notes.append(f"the method {method} is the loss")
            call = f"{call}.{method}"
        patient = Patient(function, gradient, hessian, clock=clock, printed=printed, **hooks)
        try:
            reading = infer(patient, declared, variation)
            found, missed_names = examine(reading.chart, call)
        except OutOfTime:
            reading = Reading(Chart(patient, Meaning()), math.inf, ())
            found, missed_names = lost(reading.chart, call), None
        chart = reading.chart
        if declared.labels is None:
            found = [_softened(each) for each in found]
        causes, consequences, limits = ordered(found)
        names = {each.finding.name for each in found}
        missed = [f"whether it has {', '.join(missed_names)}"] if missed_names else []
        if missed_names is None:
            missed = ["all else: the time was up"]
        if patient.trouble:
            missed.append("what is as far out as a call that was lost")
        return Report(
            name=name,
            findings=tuple(Diagnosis.of(e) for e in causes if e.finding.name not in expected),
            withheld=tuple(Diagnosis.of(e) for e in consequences if e.finding.name not in expected),
            limits=tuple(Diagnosis.of(e) for e in limits),
            expected=tuple(
                Diagnosis.of(e) for e in (*causes, *consequences) if e.finding.name in expected
            ),
            unmet=tuple(each for each in expected if each not in names),
            assumed=(*reading.assumed, *(Assumption("form", note) for note in notes)),
            tried=_tried(chart) if missed_names is not None else (),
            not_tried=(*missed, *_NEVER),
            setup=_joined(_FRAMEWORKS[chart.patient.manner.framework], setup),
            calls=clock.calls,
            seconds=time.perf_counter() - began,
            table=_table(chart),
        )


def name_of(loss: Any) -> str:
    """Return the name to call a loss by in a report."""
    name = attribute(loss, "__name__") or type(loss).__name__
    if isinstance(loss, functools.partial):
        return "loss"
    return name if isinstance(name, str) and name.isidentifier() else "loss"


def _call_of(loss: Any) -> str:
    """Return what to write before the parentheses of a call: "loss" for an object without name."""
    named = inspect.isclass(loss) or isinstance(attribute(loss, "__name__"), str)
    return name_of(loss) if named else "loss"


def _import_of(thing: Any) -> str:
    """Return the line that imports a function or class; "" where its name does not say how."""
    module, name = attribute(thing, "__module__"), attribute(thing, "__qualname__")
    if module and module != "__main__" and isinstance(name, str) and name.isidentifier():
        return f"from {module} import {name}"
    return ""


def _named(role: str, beside: Any) -> str:
    """Return lines that make "gradient" or "hessian" of what was given as one."""
    name = attribute(beside, "__qualname__")
    if not callable(beside) or not isinstance(name, str) or not name.isidentifier():
        return ""
    return _joined(_import_of(beside), f"{role} = {name}" if name != role else "")


def _joined(*lines: str) -> str:
    return "; ".join(line for line in lines if line)


def _softened(found: Found) -> Found:
    """Hard labels alone may be meant, where nothing was declared."""
    if found.finding.name not in ("soft-labels-wrong", "soft-labels-nan"):
        return found
    return dataclasses.replace(found, evidence=dataclasses.replace(found.evidence, severity=LIMIT))


def _tried(chart: Chart) -> tuple[str, ...]:
    binary, logits = chart.meaning.binary, chart.meaning.logits
    again = chart.state.__dict__.get("again")  # what was not asked is not asked now
    tried = [
        "values at 5 x 7 ordinary points" if binary else "4 x 12 ordinary rows",
        "batches of 1 to 131, (3, 4), (N,) with (N, 1)" if binary else "batches of 1 to 131",
        "|z| up to 800, inf and nan" if logits else "p = 0 and 1, tails, nan",
        "float64 and float32",
        "soft, integer, boolean and bad labels" if binary else "bad labels",
        f"state, by {len(again[1][1])} equal calls, and mutation" if again else "mutation",
    ]
    if chart.patient.has_gradient:
        tried.append("the gradient and its ends" if chart.slopes.far else "the gradient")
    return tuple(tried)


def _table(chart: Chart) -> tuple[tuple[str, ...], ...]:
    """Return what each element pays for each class, got and expected."""
    # What was not asked is not asked now: the time may be up.
    if "table" not in chart.__dict__ or not chart.fits or not np.isfinite(chart.rows).all():
        return ()
    k = chart.expected.shape[1]
    head = ("label", *(f"pays class {j}" for j in range(k)), *(f"should pay {j}" for j in range(k)))
    # Rounding errors are shown as 0: they are no mistake to be marked.
    noise = chart.nearness * np.abs(chart.rows).max()
    shown = np.where(np.abs(chart.rows) > noise, chart.rows, 0.0)
    rows = [
        (str(label), *(f"{v:.4g}" for v in got), *(f"{v:.4g}" for v in right))
        for label, got, right in zip(chart.labels, shown, chart.expected, strict=True)
    ]
    return (head, *rows)


@contextlib.contextmanager
def _quiet() -> Generator[Callable[[], int]]:
    """Keep what a loss prints and warns to ourselves, and restore NumPy's error state."""
    output = io.StringIO()
    with (
        warnings.catch_warnings(),
        preserved(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield output.tell
