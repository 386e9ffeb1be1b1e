"""The clinic: what is wrong with a loss, by name, with a call that shows it.

`diagnose` asks a loss about a hundred questions or more and returns a `Report`; `assert_healthy`
does it in a project's tests. On the command line: `python -m companion diagnose file.py:function`.
A loss may be any callable on NumPy arrays or PyTorch tensors. Needs mpmath, of the extra `clinic`.

Read in this order:

- one call: `patient`, how it wants to be made: `meeting`, and the time for it: `clock`
- what should come: `meaning`, from what was `declared`
- what is measured, once: `table`, `batches` and `chart`, with its parts `edges`, `inputs`,
  `slopes`, `state`; other things that a loss may charge: `costs`, `formulas`
- what is wrong: `finding`, `findings` (a file for each mistake, which reads the chart), their
  order in `catalogue`; the call that shows it: `smallest`, `witness`
- all together: `inference` (what was not declared), `examination`, `diagnosis`, `report`, and
  `isolate` for a process of its own
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

try:
    import mpmath  # noqa: F401 - the judge needs it
except ImportError as error:
    raise ImportError(
        "companion.clinic needs mpmath: pip install 'bce-companion[clinic]'"
    ) from error

from companion.clinic.catalogue import BY_NAME
from companion.clinic.declared import Assumption, declare
from companion.clinic.diagnosis import diagnose_here
from companion.clinic.isolate import in_a_child, place_of
from companion.clinic.report import Diagnosis, Report

__all__ = ["Assumption", "Diagnosis", "Report", "assert_healthy", "diagnose"]


def diagnose(
    loss: Any,
    *,
    inputs: str | None = None,
    labels: str | None = None,
    reduction: str | None = None,
    task: str | None = None,
    gradient: Callable | str | None = None,
    hessian: Callable | None = None,
    base: float | None = None,
    weight: Sequence[float] | None = None,
    pos_weight: float | None = None,
    label_smoothing: float | None = None,
    gamma: float | None = None,
    alpha: float | None = None,
    ignore_index: float | None = None,
    dtype: str | None = None,
    expected: Mapping[str, str] | None = None,
    budget: float = 5.0,
    isolate: bool = False,
) -> Report:
    """Say what is wrong with a loss.

    Whatever is declared is compared with what the loss does; of what is not, the usual conventions
    (a sum, bits, a plain weight) are inferred and reported as assumptions, not as findings.

    Parameters
    ----------
    loss : callable, class or object
        Called with predictions and labels, in either order: arrays, tensors, columns, lists or
        single numbers. A class is instantiated without arguments.
    inputs : {"logits", "probabilities"}, optional
        What the predictions are: the first thing worth declaring.
    labels : {"soft", "hard", "signs", "index", "one-hot"}, optional
        Numbers in [0, 1], 0 and 1 alone, -1 and 1, indices of classes, or rows of probabilities.
    reduction : {"mean", "sum", "none"}, optional
        What it returns.
    task : {"binary", "categorical"}, optional
        Whether a number is a prediction, or a row of them.
    gradient : callable or "returned", optional
        The derivative by the predictions, a function of the same arguments; "returned" if the loss
        returns it beside the value. PyTorch's autograd is used without one, and methods such as
        `gradient` and `backward` are found.
    hessian : callable, optional
        The second derivative by each prediction.
    base : float, optional
        Of the logarithm; e for nats.
    weight : sequence of float, optional
        What each class is multiplied by, class 0 first.
    pos_weight : float, optional
        What positives are multiplied by: the same as `weight=(1, pos_weight)`.
    label_smoothing, gamma, alpha : float, optional
        ε of the labels; γ and α of a focal loss.
    ignore_index : float, optional
        The label that marks an element to leave out.
    dtype : {"float64", "float32", "float16"}, optional
        A dtype that it is used with; float64 and float32 are tried in any case.
    expected : mapping of finding to reason, optional
        What is known and meant. A name that does not occur is reported.
    budget : float
        Seconds that it may take. What there was no time for is listed as not tried.
    isolate : bool
        Ask in a fresh interpreter, so that yours survives crashes and hangs in C code. The loss
        must be a function or a class that can be imported.

    Returns
    -------
    Report
        What was found, assumed, tried and not tried; print it, or read its fields.

    Raises
    ------
    TypeError
        `loss` is nothing to call and has no method such as `forward`, or, without `isolate`, is a
        class that needs arguments.
    ValueError
        `inputs`, `labels`, `reduction`, `task`, `dtype` or a name in `expected` is unknown, or with
        `isolate` the loss has no name to import.
    RuntimeError
        With `isolate`, the loss cannot be imported, or is a class that needs arguments.

    Examples
    --------
    >>> import numpy as np
    >>> def loss(p, y):
    ...     return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    >>> report = diagnose(loss, inputs="probabilities", reduction="mean")
    >>> [finding.name for finding in report.findings]
    ['nan-at-certainty', 'tail-digits-lost']
    >>> report.findings[0].call
    'loss(np.array([1.0]), np.array([1.0]))'
    """
    declared = declare(
        inputs=inputs, labels=labels, reduction=reduction, task=task, base=base, weight=weight,
        pos_weight=pos_weight, label_smoothing=label_smoothing, gamma=gamma, alpha=alpha,
        ignore_index=ignore_index, dtype=dtype,
    )  # fmt: skip
    expected = dict(expected or {})
    for name in expected:
        if name not in BY_NAME:
            raise ValueError(f"expected: {name!r} is no finding; see companion.clinic.catalogue")
    if isolate:
        if not callable(loss):
            raise TypeError(f"loss must be callable, got {type(loss).__name__}")
        return in_a_child(
            place_of(loss),
            declared,
            expected,
            budget,
            gradient=place_of(gradient) if callable(gradient) else gradient,
            hessian=None if hessian is None else place_of(hessian),
        )
    return diagnose_here(loss, declared, expected, budget, gradient, hessian)


def assert_healthy(loss: Any, *, allow: Mapping[str, str] | None = None, **options: Any) -> None:
    """Raise an AssertionError if `diagnose` finds something in a loss.

    Parameters
    ----------
    loss
        As for `diagnose`.
    allow : mapping of finding to reason, optional
        What is known and meant. A name that no longer occurs fails as well, so that the list stays
        true.
    **options
        As for `diagnose`.

    Examples
    --------
    >>> from companion import binary_cross_entropy
    >>> assert_healthy(binary_cross_entropy, inputs="probabilities", reduction="mean")
    """
    report = diagnose(loss, expected=allow, **options)
    if report.ok:
        return
    if report.findings:
        first = report.findings[0]
        raise AssertionError(f"{first.name}: {first.sentence}\n\n{report}")
    if not report.examined:
        raise AssertionError(str(report))
    raise AssertionError(
        f"allowed, and no longer found: {', '.join(report.unmet)}; take it off the list\n\n{report}"
    )
