"""What a finding is: a mistake with a name, and the evidence of it in one loss.

Each file of `companion.clinic.findings` holds one `Finding`. Its `examine` reads a chart and
returns `Evidence` or None; `companion.clinic.witness` makes the call of the evidence again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.patient import Answer, Question

__all__ = ["CRITICAL", "LIMIT", "MAJOR", "MINOR", "SEVERITIES", "Evidence", "Finding", "number"]

CRITICAL, MAJOR, MINOR, LIMIT = SEVERITIES = ("critical", "major", "minor", "limit")


@dataclass(frozen=True, eq=False)
class Evidence:
    """That a loss makes one mistake: in words, and by a call that shows it."""

    sentence: str
    """What the loss does, in one sentence."""
    question: Question | None = None
    """The call that shows it."""
    exact: Any = None
    """The right answer, or words for it; None: the exact value of what is meant."""
    begins: str = ""
    """Where it begins: "z = 36.74 in float64"."""
    holds: Callable[[Answer], bool] | None = None
    """Whether the answer to the call, made again, still shows it; None: it differs from `exact`."""
    severity: str | None = None
    """How bad it is here, where that depends."""
    fix: str | None = None
    """What to write here, where that depends."""
    calls: tuple[str, ...] = ()
    """Lines of code that stand for the call, where one call does not show it."""
    tries: int = 1
    """How often the last call may be made again until it shows it."""


@dataclass(frozen=True, eq=False)
class Finding:
    """A mistake that the clinic knows."""

    name: str
    page: str
    """The page of the book's *Mistakes* that it stands on: "value", "counts", "labels", "ends",
    "derivatives" or "behaviour"."""
    severity: str
    """"critical": wrong on ordinary input. "major": wrong in a corner that training reaches.
    "minor": a bounded inaccuracy. "limit": not supported, or not checked."""
    title: str
    """The mistake as a sentence."""
    symptom: str
    """What people see, in their words."""
    why: str
    """Why it is wrong, in a sentence or two."""
    fix: str
    """What to do, in one sentence."""
    sick: str
    """The source of the smallest loss that has it: a function `loss`."""
    mended: str
    """The source with the fix."""
    examine: Callable[[Chart], Evidence | None]
    declared: dict[str, Any] = field(default_factory=dict)
    """How `diagnose` is to be asked about them."""
    in_torch: str = ""
    """The source with the fix in PyTorch, where `mended` is in NumPy and PyTorch has it."""


def number(value: Any, digits: int = 6, first: int = 0) -> str:
    """Write a number, or a few of them from the `first` on, as a report does."""
    values = np.ravel(np.asarray(value, dtype=object)).tolist()
    shown = values[first : first + 4]
    texts = [each if isinstance(each, str) else f"{float(each) + 0.0:.{digits}g}" for each in shown]
    if len(values) == 1:
        return texts[0]
    before, after = ["..."] * (first > 0), ["..."] * (len(values) > first + 4)
    return "[" + ", ".join([*before, *texts, *after]) + "]"
