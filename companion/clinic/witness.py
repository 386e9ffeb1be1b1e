"""A call that shows a finding: as code to paste, with what came and what is right.

`call_of` writes a question as code; `witness_of` asks it again and returns what it showed, or None
where it did not show it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from companion.clinic.chart import Chart
from companion.clinic.finding import Evidence, number
from companion.clinic.patient import Answer, Manner, Question

__all__ = ["Witness", "call_of", "witness_of"]


@dataclass(frozen=True)
class Witness:
    """A call with what came and what is right."""

    call: str
    """Lines of Python that make the call."""
    got: str
    exact: str


def witness_of(chart: Chart, evidence: Evidence, name: str) -> Witness | None:
    """Make the call of some evidence again; None if it no longer shows it."""
    question = evidence.question
    if question is None:
        return Witness("", "", str(evidence.exact))
    lines = [_line(kind, question, chart, name) for kind in evidence.calls] or [
        call_of(question, chart.patient.manner, name, chart.patient)
    ]
    if evidence.calls:
        for kind in evidence.calls[:-1]:
            chart.ask(question.but(want="gradient" if kind == "gradient" else "value"))
    exact = chart.meaning.exact(question) if evidence.exact is None else evidence.exact
    holds = evidence.holds or (lambda again: _differs(again, exact))
    answers = (chart.ask(question) for _ in range(evidence.tries))
    answer = next(filter(holds, answers), None)
    if answer is None:
        return None
    got, right = _shown(answer), _shown_exact(exact)
    if evidence.calls and evidence.calls[-1] in ("predictions", "labels"):
        got = "other numbers"
    elif got == right and answer.values is not None and not isinstance(exact, str):
        got, right = _apart(answer.values, exact)
    return Witness("\n".join(lines), got, right)


def _differs(answer: Answer, exact: Any) -> bool:
    if answer.values is None:
        return True
    exact = np.asarray(exact, np.float64)
    if answer.values.size != exact.size:
        return True
    values, exact = answer.values.ravel(), exact.ravel()
    return not bool((np.isclose(values, exact, rtol=1e-9, atol=0, equal_nan=True)).all())


def _apart(values: Any, exact: Any) -> tuple[str, str]:
    """Write numbers from the first that differs, with two digits more than it takes to see it."""
    values, exact = np.ravel(np.asarray(values, float)), np.ravel(np.asarray(exact, float))
    first = 0
    if values.size == exact.size:
        differ = np.flatnonzero(~np.isclose(values, exact, rtol=1e-9, atol=0, equal_nan=True))
        first = int(differ[0]) if differ.size and differ[0] > 3 else 0
    texts = [(number(values, d, first), number(exact, d, first)) for d in range(6, 18)]
    seen = next((i for i, (got, right) in enumerate(texts) if got != right), len(texts))
    return texts[min(seen + 2, len(texts) - 1)] if seen else texts[0]


def _shown(answer: Answer) -> str:
    if answer.values is not None:
        return number(answer.values)
    return answer.error or answer.note


def _shown_exact(exact: Any) -> str:
    return exact if isinstance(exact, str) else number(exact)


def _line(kind: str, question: Question, chart: Chart, name: str) -> str:
    if kind in ("predictions", "labels"):
        manner = chart.patient.manner
        x, y = (_array(values, question.dtype, manner) for values in (question.x, question.y))
        order = "y, x" if manner.swapped else "x, y"
        return f"x, y = {x}, {y}\n{name}({order})\n{'x' if kind == 'predictions' else 'y'}"
    want = "gradient" if kind == "gradient" else "value"
    call = call_of(question.but(want=want), chart.patient.manner, name, chart.patient)
    times = kind.removesuffix(" calls")
    return call if times == kind else f"[{call} for _ in range({times})]"


def call_of(question: Question, manner: Manner, name: str, patient: Any = None) -> str:
    """Write a call as code."""
    y = np.array(question.y)
    if np.ndim(question.x) != 1 or y.ndim != 1:  # only flat ones are made columns
        manner = replace(manner, shape="flat") if manner.shape in ("column", "row") else manner
    x = _array(question.x, question.dtype, manner)
    if manner.signs:
        y = 2 * y - 1
    y = _array(y, question.dtype_of_labels, manner)
    if manner.shape == "scalar":
        x, y = f"{float(np.ravel(question.x)[0])!r}", f"{float(np.ravel(question.y)[0])!r}"
    order = (lambda a, b: f"{b}, {a}") if manner.swapped else (lambda a, b: f"{a}, {b}")
    if question.want == "value":
        return f"{name}({order(x, y)})"
    if question.want == "hessian":
        return f"hessian({order(x, y)})"
    given = getattr(patient, "gradient", None)
    if given == "returned":
        return f"{name}({order(x, y)})[1]"
    if given is not None and question.want == "gradient":
        return f"gradient({order(x, y)})"
    scale = f"{question.upstream:g} * " if question.upstream != 1 else ""
    call = f"{name}({order('x', y)})"
    lines = [f"x = {x}.requires_grad_()"]
    if question.want == "gradient":
        return "\n".join([*lines, f"({scale}{call}).sum().backward(); x.grad"])
    lines += [f"(g,) = torch.autograd.grad({call}.sum(), x, create_graph=True)"]
    return "\n".join([*lines, "torch.autograd.grad(g.sum(), x)"])


def _array(values: Any, dtype: str, manner: Manner) -> str:
    array = np.array(values).astype(dtype)
    if array.ndim == 1 and manner.shape in ("column", "row"):
        array = array.reshape((-1, 1) if manner.shape == "column" else (1, -1))
    text = _listed((array.astype(float) if array.dtype.kind == "f" else array).tolist())
    if manner.shape == "list":
        return text
    if manner.framework == "torch":
        text = text.replace("nan", "torch.nan").replace("inf", "torch.inf")
        default = {"float32": "", "int64": "", "bool": ""}.get(dtype, f", dtype=torch.{dtype}")
        return f"torch.tensor({text}{default})"
    text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    default = {"float64": "", "int64": "", "bool": ""}.get(dtype, f", np.{dtype}")
    return f"np.array({text}{default})"


def _listed(values: Any) -> str:
    """Write a list as code; one that repeats itself, as a product: "[1, 2] * 19"."""
    for period in range(2, 14) if isinstance(values, list) else ():
        times, rest = divmod(len(values), period)
        if times > 2 and not rest and values == values[:period] * times:
            return f"{values[:period]!r} * {times}"
    return repr(values)
