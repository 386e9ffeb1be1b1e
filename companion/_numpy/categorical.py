"""The formulas of categorical cross-entropy for one block of rows.

Every loss is Σ_k a_k ℓ_k with a_k = w_k q_k, the weighted label of class k, and ℓ_k = -log p_k the
cost of an answer if k were right. `LOGITS` and `PROBABILITIES` are the losses as data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from companion._numpy.class_axis import add_classes
from companion._numpy.formula import Formula
from companion._numpy.right_class import RightClass
from companion._numpy.softmax import Shifted
from companion._numpy.targets import Targets
from companion.reduction import apply_weight

__all__ = ["LOGITS", "PROBABILITIES", "fill_from_logits", "fill_from_probabilities"]


def fill_from_logits(
    z: np.ndarray,
    targets: Targets,
    rows: slice,
    want: tuple[str, ...],
    exact: bool,
    new: Callable[[], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return value, gradient and Hessian in the logits: Σ a_k (-log softmax_k) and its slopes."""
    results = {}
    if targets.one_class_each and "hessian" not in want:
        index = targets.index(rows)
        row_weight = targets.weight[index]
        right = RightClass(z, index, exact=exact, new=new)
        if "value" in want:
            results["value"] = _weighed(row_weight, right.loss())
        if "gradient" in want:
            results["gradient"] = _weighed(row_weight, right.slope())
        return results
    shifted = Shifted(z, exact=exact, new=new)
    a, others = targets.weighted(rows)
    if "value" in want:
        results["value"] = add_classes(_weighed(a, shifted.log_loss()))
    if "gradient" in want:
        results["gradient"] = _weighed(others, shifted.softmax())
        results["gradient"] -= _weighed(a, shifted.complement())
    if "hessian" in want:
        row_weight = add_classes(a)
        results["hessian"] = _weighed(row_weight[:, np.newaxis, np.newaxis], shifted.jacobian())
    return results


def fill_from_probabilities(
    p: np.ndarray,
    targets: Targets,
    rows: slice,
    want: tuple[str, ...],
    exact: bool,
    new: Callable[[], np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return value, gradient and Hessian in the probabilities: Σ a_k (-log p_k) and its slopes."""
    a, _ = targets.weighted(rows)
    results = {}
    if "value" in want:
        losses = np.log(p, out=np.empty_like(p) if new is None else new())
        results["value"] = add_classes(_weighed(a, np.negative(losses, out=losses)))
    if "gradient" in want:
        results["gradient"] = 0 - _weighed(a, 1 / p)
    if "hessian" in want:
        k, n = p.shape
        hessian = np.zeros((n, k, k))
        hessian[:, np.arange(k), np.arange(k)] = _weighed(a, 1 / p / p).T
        results["hessian"] = hessian
    return results


def _weighed(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return new values times weight, with weight 0 times infinity as 0."""
    apply_weight(values, weight)
    return values


_OPTIONS = ("sample_weight", "ignore_index", "label_smoothing")
LOGITS = Formula("logits", fill_from_logits, options=_OPTIONS, kernel="logits")
"""-Σ a_k log softmax_k(z)."""

PROBABILITIES = Formula(
    "probabilities", fill_from_probabilities, options=_OPTIONS, kernel="probabilities"
)
"""-Σ a_k log p_k."""
