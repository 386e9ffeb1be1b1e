"""Some other slip: the value is wrong on ordinary input."""

from __future__ import annotations

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import CRITICAL, Evidence, Finding
from companion.clinic.formulas import describe_rows
from companion.clinic.smallest import smallest

__all__ = ["FINDING"]


def _examine(chart: Chart) -> Evidence | None:
    if chart.ordinary.values is None or chart.right:
        return None
    if not chart.ordinary.finite:
        return _not_finite(chart)
    if chart.changes.failed is not None:
        question, answer = chart.changes.failed
        came = f"raises {answer.error}" if answer.error else f"returns {answer.total:g}"
        return Evidence(f"It {came} on an ordinary batch.", question)
    halves = ""
    if chart.changes.finite:
        halves = _halves(chart) if chart.meaning.binary else _exchanged(chart) or _rows(chart)
    return Evidence(f"The value is wrong on ordinary input. {halves}".strip(), smallest(chart))


def _not_finite(chart: Chart) -> Evidence:
    """Say which label it happens to, and show one of it."""
    said = f"It returns {chart.ordinary.total:g} on an ordinary batch."
    ends = []
    for label in (1, 0) if chart.meaning.binary else ():
        question, answer = chart.inputs.single[label][0]
        if answer.values is not None:
            ends.append((label, question, answer))
    bad = [end for end in ends if not end[2].finite]
    if not bad:
        return Evidence(said, chart.batches.ordinary)
    sentences = [f"y = {label} pays {answer.total:.4g}" for label, _, answer in ends]
    return Evidence(f"{said} Alone, {' and '.join(sentences)}.", bad[0][1])


def _halves(chart: Chart) -> str:
    right = ("log(1+e^z)", "log(1+e^-z)") if chart.meaning.logits else ("-log(1-p)", "-log p")
    sentences = []
    for label in (1, 0):
        half = chart.halves[label]
        if half is None:
            continue
        said = _sum(half) if half else "nothing that depends on the prediction"
        weight = chart.expected[np.flatnonzero(chart.labels == label)[0], label]
        if chart.meaning.gamma or chart.meaning.smoothing:
            sentences.append(f"y = {label} pays {said}.")
        elif len(half) == 1 and half[0][1] == right[label] and abs(half[0][0] - weight) < 1e-6:
            sentences.append(f"y = {label} pays {said}: right.")
        else:
            meant = _sum([(weight, right[label])])
            sentences.append(f"y = {label} pays {said}: should be {meant}.")
    return " ".join(sentences)


def _rows(chart: Chart) -> str:
    """Say what a row of several classes pays."""
    meaning, batch = chart.meaning, chart.batches.ordinary
    if meaning.weight is not None or meaning.smoothing or meaning.gamma:
        return ""
    terms = describe_rows(
        np.asarray(batch.x),
        chart.changes.points,
        chart.changes.moved * meaning.divisor(batch.y),
        chart.labels,
        meaning.logits,
    )
    if terms is None:
        return ""
    if any("q" in term for _, term in terms):
        scores = " and z its score" if any(term == "z" for _, term in terms) else ""
        return (
            f"A row pays {_sum(terms)}, with q the probability of its class{scores}: should be "
            "-log q."
        )
    return f"A row pays {_sum(terms)}, with z the score of its class: should be log Σ e^z - z."


def _exchanged(chart: Chart) -> str:
    """Say which class each is scored as, or what it weighs, where each is scored as one."""
    if not chart.fits:
        return ""
    if chart.by_label is not None:
        return _weighed(chart, chart.by_label)
    scored = chart.rows.argmax(axis=1)
    pairs = sorted(set(zip(chart.labels.tolist(), scored.tolist(), strict=True)))
    alone = np.eye(chart.rows.shape[1])[scored] * chart.rows.max(axis=1, keepdims=True)
    if not chart.near(chart.rows, alone) or len(pairs) != len(set(chart.labels.tolist())):
        return ""
    return "Labels are read as other classes: " + ", ".join(f"{a} as {b}" for a, b in pairs) + "."


def _weighed(chart: Chart, by_label: dict[int, float]) -> str:
    """Say what rows of the first few classes weigh that weigh something else than is meant."""
    weights = chart.meaning.weight or (1.0,) * chart.expected.shape[1]
    found = {k: factor * float(np.log(chart.meaning.base)) for k, factor in by_label.items()}
    wrong = [k for k, weight in found.items() if abs(weight - weights[k]) > 1e-4 * abs(weights[k])]
    said = [f"class {k} weigh {found[k]:.4g} (should be {weights[k]:.4g})" for k in wrong[:3]]
    return f"Rows of {', of '.join(said)}." if said else ""


def _sum(half):
    text = ""
    for factor, term in half:
        if term.startswith("-"):
            factor, term = -factor, term[1:]
        size = abs(factor)
        number = "" if abs(size - 1) < 1e-6 else f"{size:.6g} "
        sign = ("-" if factor < 0 else "") if not text else (" - " if factor < 0 else " + ")
        text += sign + number + term
    return text


FINDING = Finding(
    name="formula-wrong",
    page="value",
    severity=CRITICAL,
    title="The value is wrong on ordinary input",
    symptom="the loss is not that of the library",
    why=(
        "A wrong operator, operand or constant: what each label pays says which half of the "
        "formula to look at."
    ),
    fix="Compare the half that is wrong with the formula, term by term.",
    sick="""
import numpy as np

def loss(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(2 - p))
""",
    mended="""
import numpy as np
from scipy.special import xlog1py, xlogy

def loss(p, y):
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
    in_torch="""
import torch.nn.functional as F

def loss(p, y):
    return F.binary_cross_entropy(p, y)
""",
    declared={"inputs": "probabilities"},
    examine=_examine,
)
