"""One diagnosis in this process: infer, examine, order, report."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import math
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from typing import Any

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.clock import Clock, OutOfTime
from companion.clinic.examination import Found, examine, lost, ordered
from companion.clinic.finding import LIMIT
from companion.clinic.inference import Assumption, Declared, Reading, infer
from companion.clinic.meaning import Meaning
from companion.clinic.meeting import as_function, attribute, gradient_of
from companion.clinic.patient import Patient
from companion.clinic.report import Diagnosis, Report
from companion.clinic.state import settings_kept

__all__ = ["diagnose_here", "name_of"]

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
    """Diagnose a loss in at most so many calls.

    `hooks` are fields of its `Patient`; `variation` moves the points.
    """
    began, clock = time.perf_counter(), Clock(budget, most=most)
    name = name or name_of(loss)
    function, note = as_function(loss)
    notes = [note] if note else []
    if gradient is None:
        gradient, method = gradient_of(loss)
        notes += [f"the method {method} is its gradient"] if method else []
    with _quiet() as printed, settings_kept() as before:
        hooks = {"before": before, **hooks}
        patient = Patient(function, gradient, hessian, clock=clock, printed=printed, **hooks)
        try:
            reading = infer(patient, declared, variation)
            found, missed_names = examine(reading.chart, name)
        except OutOfTime:
            reading = Reading(Chart(patient, Meaning()), math.inf, ())
            found, missed_names = lost(reading.chart, name), None
        chart = reading.chart
        if declared.labels is None:
            found = [_softened(each) for each in found]
        causes, consequences, limits = ordered(found)
        names = {each.finding.name for each in found}
        missed = [f"whether it has {', '.join(missed_names)}"] if missed_names else []
        if missed_names is None:
            missed = ["all else: the time was up"]
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
            setup=setup or _setup(loss, chart),
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


def _setup(loss: Any, chart: Chart) -> str:
    lines = ["import torch" if chart.patient.manner.framework == "torch" else "import numpy as np"]
    module, name = attribute(loss, "__module__"), attribute(loss, "__qualname__")
    if module and module != "__main__" and isinstance(name, str) and name.isidentifier():
        lines.append(f"from {module} import {name}")
    return "; ".join(lines)


def _softened(found: Found) -> Found:
    """Hard labels alone may be meant, where nothing was declared."""
    if found.finding.name not in ("soft-labels-wrong", "soft-labels-nan"):
        return found
    return dataclasses.replace(found, evidence=dataclasses.replace(found.evidence, severity=LIMIT))


def _tried(chart: Chart) -> tuple[str, ...]:
    binary, logits = chart.meaning.binary, chart.meaning.logits
    tried = [
        "values at 5 x 7 ordinary points" if binary else "4 x 12 ordinary rows",
        "batches of 1 to 131, (3, 4), (N,) with (N, 1)" if binary else "batches of 1 to 131",
        "|z| up to 800, inf and nan" if logits else "p = 0 and 1, tails, nan",
        "float64 and float32",
        "soft, integer, boolean and bad labels" if binary else "bad labels",
        "state and mutation",
    ]
    if chart.patient.has_gradient:
        tried.append("the gradient and its ends")
    return tuple(tried)


def _table(chart: Chart) -> tuple[tuple[str, ...], ...]:
    """Return what each element pays for each class, got and expected."""
    # What was not asked is not asked now: the time may be up.
    if "table" not in chart.__dict__ or not chart.fits or not np.isfinite(chart.rows).all():
        return ()
    k = chart.expected.shape[1]
    head = ("label", *(f"pays class {j}" for j in range(k)), *(f"should pay {j}" for j in range(k)))
    rows = [
        (str(label), *(f"{v:.4g}" for v in got), *(f"{v:.4g}" for v in right))
        for label, got, right in zip(chart.labels, chart.rows, chart.expected, strict=True)
    ]
    return (head, *rows)


@contextlib.contextmanager
def _quiet() -> Generator[Callable[[], int]]:
    """Keep what a loss prints and warns to ourselves, and restore NumPy's error state."""
    output = io.StringIO()
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield output.tell
