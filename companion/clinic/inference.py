"""What a loss is, where it was not declared: the cheapest reading of what it does.

Each reading (logits or probabilities, one number or several classes, hard labels or one-hot, which
argument first) is tried in turn on a small chart, up to a clean one. That costs nothing, a
convention (a sum, bits, a weight) a little, a mistake 1 or more, other costs 3 or more, and what
nothing explains 5 or more.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from companion.clinic.catalogue import VALUE
from companion.clinic.chart import Chart
from companion.clinic.declared import Assumption, Declared
from companion.clinic.finding import LIMIT
from companion.clinic.meaning import Meaning
from companion.clinic.meeting import meet
from companion.clinic.patient import Patient

__all__ = ["Reading", "infer"]

_RAISES = 100.0  # the cost of a reading whose ordinary batch gives no number
_BASES = ((2.0, "in bits (base 2)"), (10.0, "of base 10"))


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to understand a loss, and what it costs to believe it."""

    chart: Chart
    cost: float
    assumed: tuple[Assumption, ...]


def infer(patient: Patient, declared: Declared, variation: int = 0) -> Reading:
    """Return the cheapest reading; the first of equals."""
    best: Reading | None = None
    candidates = list(_candidates(declared))
    hint = _named(patient.loss)
    for swapped in (False, True):
        # A single reading is swapped only where it raises as it is.
        if swapped and (best is None or best.cost < (_RAISES if len(candidates) == 1 else 1)):
            break
        for meaning in candidates:
            manner = dataclasses.replace(
                patient.manner, swapped=swapped, signs=meaning.labels == "signs"
            )
            reading = _read(
                dataclasses.replace(patient, manner=manner), meaning, declared, variation
            )
            if swapped:
                # Only an otherwise clean loss is believed to take the labels first.
                first = Assumption("order", "the labels come first", usual=False)
                cost = reading.cost + 0.2 if reading.cost < 1 else math.inf
                reading = dataclasses.replace(reading, cost=cost, assumed=(first, *reading.assumed))
            if reading.cost >= 1 and hint not in ("", meaning.inputs):
                # Names decide only where each reading is a mistake.
                reading = dataclasses.replace(reading, cost=reading.cost + 1.6)
            if best is None or reading.cost < best.cost:
                best = reading
            if best.cost < 1 or _lost(reading.chart):
                return best
    assert best is not None
    return best


def _lost(chart: Chart) -> bool:
    """Whether a call at ordinary points hung or ended the process, which tells no meaning."""
    if chart.ordinary.values is None:
        return chart.ordinary.lost
    return chart.changes.failed is not None and chart.changes.failed[1].lost


def _named(loss: Any) -> str:
    """Return what the names of the parameters say that predictions are, if they say it."""
    try:
        names = [name.lower() for name in inspect.signature(loss).parameters]
    except (TypeError, ValueError):
        return ""
    logits = any(name == "z" or "logit" in name for name in names)
    probabilities = any(name == "p" or name.startswith("prob") for name in names)
    return ("logits" if logits else "probabilities") if logits != probabilities else ""


def _candidates(declared: Declared) -> Iterator[Meaning]:
    """Yield the readings that what was declared leaves open, the likelier first."""
    several = ("index", "one-hot")
    tasks = (declared.task,) if declared.task else ("binary", "categorical")
    for task in tasks:
        said = {declared.task, "categorical" if declared.labels in several else None}
        forms: tuple[str, ...] = ("soft", "signs") if task == "binary" else several
        if declared.labels:
            if (declared.labels in several) != (task == "categorical"):
                continue
            forms = (declared.labels,)
        for inputs in (declared.inputs,) if declared.inputs else ("probabilities", "logits"):
            for labels in forms:
                # Two weights are those of a binary loss, more are one for each class.
                pair = declared.weight is not None and len(declared.weight) == 2
                if declared.weight and task == "binary" and not pair:
                    continue
                if pair and task != "binary" and task not in said:
                    continue
                if labels == "signs" and inputs == "probabilities":
                    continue
                yield Meaning(
                    inputs=inputs,
                    labels=labels,
                    reduction=declared.reduction or "mean",
                    base=declared.base or math.e,
                    weight=declared.weight if set(declared.weight or ()) != {1.0} else None,
                    smoothing=declared.smoothing or 0.0,
                    gamma=declared.gamma or 0.0,
                    ignore=declared.ignore,
                    dtype=declared.dtype,
                    classes=len(declared.weight or (1, 1, 1)) if task == "categorical" else 2,
                )


def _read(patient: Patient, meaning: Meaning, declared: Declared, variation: int) -> Reading:
    chart = Chart(patient, meaning, variation)
    patient = meet(patient, chart.batches.ordinary)
    if patient.manner.shape == "scalar":
        meaning = dataclasses.replace(meaning, reduction="none")
    chart = Chart(patient, meaning, variation)
    assumed = []
    if declared.inputs is None:
        assumed.append(Assumption("inputs", f"it takes {meaning.inputs}"))
    if not (declared.task or declared.labels or meaning.binary):
        assumed.append(Assumption("task", "each row is one choice among classes"))
    if meaning.labels == "signs" and not declared.labels:
        assumed.append(Assumption("labels", "labels are -1 and 1", usual=False))
    if chart.ordinary.values is None:
        return Reading(chart, _RAISES, tuple(assumed))
    if not chart.ordinary.finite or not chart.changes.finite:
        return Reading(chart, 4.5 if _explained(chart) else 50.0, tuple(assumed))
    if not chart.changes.moved.any():
        return Reading(chart, 10.0, tuple(assumed))
    chart, conventions, cost = _conventions(chart, declared, variation)
    assumed += conventions
    if chart.right:
        return Reading(chart, cost, tuple(assumed))
    if chart.fits and not chart.linear:
        simple = chart.factors is not None or chart.clean
        return Reading(chart, 1.0 + cost + (0.0 if simple else 0.5), tuple(assumed))
    if chart.fits or chart.foreign is not None:
        # Rows of sigmoids are as well many yes-or-no questions.
        rows = chart.foreign is not None and chart.foreign[0] in ("sigmoids", "two terms")
        return Reading(chart, 4.2 if rows else 3.0, tuple(assumed))
    if _explained(chart):
        return Reading(chart, 4.0, tuple(assumed))
    described = meaning.binary and None not in chart.halves.values()
    return Reading(chart, 4.5 if described else 5.0, tuple(assumed))


def _explained(chart: Chart) -> bool:
    """Whether a mistake with a name of its own is found in the value."""
    for finding in VALUE:
        evidence = finding.examine(chart) if finding.name != "formula-wrong" else None
        if evidence is not None and (evidence.severity or finding.severity) != LIMIT:
            return True
    return False


def _conventions(
    chart: Chart, declared: Declared, variation: int
) -> tuple[Chart, list[Assumption], float]:
    """Adopt what is open and makes the table clean: a reduction, a base, a weight, smoothing."""
    assumed: list[Assumption] = []
    cost = 0.0

    def adopt(name: str, words: str, price: float, **changes: Any) -> None:
        nonlocal chart, cost
        fresh = Chart(chart.patient, dataclasses.replace(chart.meaning, **changes), variation)
        # What was asked does not depend on the meaning: it is not asked again.
        for kept in ("ordinary", "changes", "precision", "matrix"):
            if kept in chart.__dict__:
                fresh.__dict__[kept] = chart.__dict__[kept]
        chart, cost = fresh, cost + price
        assumed.append(Assumption(name, words, usual=False))

    if declared.reduction is None:
        size = chart.ordinary.values.size
        if size == chart.size and size > 1:
            adopt("reduction", "it returns one number for each prediction", 0.1, reduction="none")
        elif _is_sum(chart):
            adopt("reduction", "it returns the sum", 0.1, reduction="sum")
        elif chart.inputs.matrix and np.shape(chart.inputs.matrix[1].values) == (3,):
            # As Keras does; a mistake only where one number was asked for.
            adopt("reduction", "it returns the mean over the last axis", 0.0, by_row=True)
        else:
            assumed.append(Assumption("reduction", "it returns the mean"))
    if chart.right or not chart.fits:
        return chart, assumed, cost
    if declared.base is None and chart.scale is not None:
        for base, words in _BASES:
            if abs(chart.scale * math.log(base) - 1) < 1e-4:
                adopt("base", f"the logarithm is {words}", 0.1, base=base)
                break
    if declared.weight is None and not chart.clean and chart.by_class is not None:
        _adopt_weight(chart, adopt)
    if declared.smoothing is None and not chart.clean:
        _adopt_smoothing(chart, adopt)
    return chart, assumed, cost


def _is_sum(chart: Chart) -> bool:
    by_label, larger = chart.by_label, chart.factors_of_larger
    if not chart.fits or by_label is None or larger is None:
        return False
    n, m = chart.size, len(chart.batches.larger.x)
    own = np.array([by_label.get(k, np.nan) for k in chart.labels_of_larger.tolist()])
    first = by_label[min(by_label)]
    return bool(np.allclose(own / n, larger / m, rtol=1e-4) and abs(first) > 1.5)


def _adopt_weight(chart: Chart, adopt: Any) -> None:
    """Weights that are plain numbers, the same in a larger batch or divided by their sum."""
    found = np.asarray(chart.by_class) * math.log(chart.meaning.base)
    larger = chart.factors_of_larger
    if larger is None or not 0 < found.min() <= found.max() < 1e6:
        return
    if np.ptp(found) > 0.005 and all(abs(w * 100 - round(w * 100)) < 1e-3 for w in found):
        labels = chart.labels_of_larger
        if np.allclose(larger * math.log(chart.meaning.base), found[labels], rtol=1e-4):
            weight = tuple(found.round(6).tolist())
            words = " and ".join(f"{w:g}" for w in weight) if len(weight) == 2 else weight
            adopt("weight", f"the classes weigh {words}", 0.3, weight=weight)
            return
    if len(found) != 2:
        return
    ratio = found / found.min()
    if not _plain(ratio.max()) or ratio.max() > 1000:
        return
    ratio = ratio.round(6)
    same = np.allclose(
        larger * math.log(chart.meaning.base), found[chart.labels_of_larger], rtol=1e-4
    )
    by_sum = abs(found.min() * ratio[chart.labels].mean() - 1) < 1e-4 and not same
    counts = np.bincount(chart.labels, minlength=2)
    if by_sum and np.ptp(ratio * counts) < 1e-4:
        return  # each class is averaged by itself
    if (same and abs(found.min() - 1) < 1e-4) or by_sum:
        which = ("negatives", "positives")[int(ratio.argmax())]
        adopt("weight", f"{which} weigh {ratio.max():g}", 0.3, weight=tuple(ratio.tolist()))


def _plain(value: float) -> bool:
    """Whether somebody would write this number: two decimals, and not 1."""
    return abs(value * 100 - round(value * 100)) < 1e-3 and abs(value - 1) > 1e-3


def _adopt_smoothing(chart: Chart, adopt: Any) -> None:
    """Adopt the same plain share for each wrong class."""
    rows, k = chart.rows * math.log(chart.meaning.base), chart.rows.shape[1]
    right = rows[np.arange(chart.size), chart.labels]
    e = (1 - float(right.mean())) * k / (k - 1)
    if not (0.005 < e < 0.5 and abs(e * 100 - round(e * 100)) < 1e-3):
        return
    e = round(e, 4)
    if not chart.near(rows, np.eye(k)[chart.labels] * (1 - e) + e / k):
        return
    soft = chart.batches.soft.y
    if chart.inputs.soft is not None and chart.soft.fits(chart.tolerance):
        soft = np.stack([1 - soft, soft], axis=-1) if chart.meaning.binary else soft
        rows = chart.soft_rows * math.log(chart.meaning.base)
        if not chart.near(rows, soft * (1 - e) + e / k):
            return  # labels that are clipped
    adopt("smoothing", f"labels are smoothed by {e:g}", 0.4, smoothing=e)
