"""What every call of a categorical loss has in common: labels, weights, smoothing, the reduction.

Every loss is Σ_k a_k ℓ_k with a_k = w_k q_k, the weighted label of class k, and ℓ_k = -log p_k the
cost of an answer if k were right. `evaluate_loss` forms a from the labels, block by block, and
`_from_logits` and `_from_probabilities` turn it into value, gradient and Hessian.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._numpy.blockwise import in_blocks
from companion._numpy.class_axis import ClassAxis
from companion._numpy.softmax import Shifted
from companion.contracts import (
    as_arrays,
    check_axis,
    check_choice,
    check_fraction,
    count_workers,
    in_unit_interval,
    unit_interval_error,
    weight_error,
)
from companion.reduction import REDUCTIONS, denominator

__all__ = ["BOTH", "GRADIENT", "HESSIAN", "VALUE", "evaluate_loss"]

VALUE, GRADIENT, HESSIAN, BOTH = ("value",), ("gradient",), ("hessian",), ("value", "gradient")
"""What a call may want."""


class _Labels:
    """The labels of a call, checked, and the weighted label a of each class and row."""

    def __init__(
        self,
        labels: np.ndarray,
        classes: ClassAxis,
        weight: np.ndarray | None,
        ignore_index: int | None,
        smoothing: float,
    ) -> None:
        self.labels, self.classes, self.ignore_index = labels, classes, ignore_index
        self.smoothing = smoothing
        self.soft = labels.shape == classes.shape
        self.weight = np.ones(classes.classes) if weight is None else weight.astype(np.float64)
        self.hard = not self.soft and not smoothing
        self.flat = classes.view(labels) if self.soft else labels.reshape(-1)

    def check(self, workers: int) -> tuple[int, float]:
        """Refuse what is out of range; return the count of rows that are not ignored and Σ a."""
        k = self.classes.classes

        def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
            for start, stop in bounds:
                if self.soft:
                    block = np.empty((k, stop - start), self.labels.dtype)
                    self.classes.load(self.flat, start, stop, block)
                    if not in_unit_interval(block):
                        raise unit_interval_error("labels", self.labels)
                    of_class = np.add.reduce(block, axis=1, dtype=np.float64)
                    count = stop - start
                else:
                    index = self._kept(self.flat[start:stop])
                    if index.size and not (np.min(index) >= 0 and np.max(index) < k):
                        raise self._index_error()
                    count = index.size
                    of_class = np.bincount(index.astype(np.intp), minlength=k)
                mass = self.weight @ of_class * (1 - self.smoothing)
                yield count, float(mass + self.smoothing * np.mean(self.weight) * count)

        rows = self.classes.rows
        block = self.classes.block(k if self.soft else 1)
        count, mass = in_blocks(process, rows, block=block, workers=workers) or (0, 0.0)
        return int(count), mass

    def _kept(self, index: np.ndarray) -> np.ndarray:
        return index if self.ignore_index is None else index[index != self.ignore_index]

    def _index_error(self) -> IndexError:
        k = self.classes.classes
        wrong = (self.labels < 0) | (self.labels >= k)
        if self.ignore_index is not None:
            wrong &= self.labels != self.ignore_index
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = f" at index {where[0] if len(where) == 1 else where}" if where else ""
        return IndexError(
            f"labels: expected class indices from 0 to {k - 1}, got "
            f"{int(self.labels[where])}{place} ({np.count_nonzero(wrong)} of {wrong.size} outside);"
            " count classes from 0, and name the index of what is to be left out in ignore_index"
        )

    def ignored(self, start: int, stop: int) -> np.ndarray | None:
        """Return which rows are ignored, or None where none can be."""
        return None if self.ignore_index is None else self.flat[start:stop] == self.ignore_index

    def index(self, start: int, stop: int) -> np.ndarray:
        """Return the class of each row; 0 for a row that is ignored."""
        index, ignored = self.flat[start:stop], self.ignored(start, stop)
        if ignored is not None:
            index = np.where(ignored, 0, index)
        return index.astype(np.intp, copy=False)

    def weighted(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a, (K, n), and its sum over all classes but one, Σ_{j≠k} a_j, without a minus."""
        k, n = self.classes.classes, stop - start
        a = np.zeros((k, n))
        if self.soft:
            self.classes.load(self.flat, start, stop, a)
        else:
            a[self.index(start, stop), np.arange(n)] = 1
        if self.smoothing:
            a *= 1 - self.smoothing
            a += self.smoothing / k
        a *= self.weight[:, np.newaxis]
        others = np.zeros_like(a)
        others[1:] += np.cumsum(a, axis=0)[:-1]
        others[:-1] += np.cumsum(a[::-1], axis=0)[::-1][1:]
        return a, others


def evaluate_loss(
    name: str,
    want: tuple[str, ...],
    x: ArrayLike,
    labels: ArrayLike,
    weight: ArrayLike | None,
    ignore_index: int | None,
    label_smoothing: float,
    axis: int,
    reduction: str,
    workers: int | None,
) -> tuple[Any, ...]:
    """Check the arguments, and return what `want` names, reduced.

    Parameters
    ----------
    name : {"logits", "probabilities"}
        What `x` is.
    want : tuple of str
        One of `VALUE`, `GRADIENT`, `HESSIAN` and `BOTH`.
    x, labels, weight, ignore_index, label_smoothing, axis, reduction, workers
        As in `companion.categorical.cross_entropy`.

    Returns
    -------
    tuple
        One numpy scalar or array for each name in `want`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As in `companion.categorical.cross_entropy`.
    """
    check_choice("reduction", reduction, REDUCTIONS)
    smoothing = check_fraction("label_smoothing", label_smoothing)
    threads = count_workers(workers)
    arguments = {name: x, "labels": labels, "weight": weight}
    (x, labels, weight), dtype = as_arrays(("weight",), **arguments)
    classes = ClassAxis(x.shape, check_axis(name, x, axis))
    _check_labels(name, labels, classes, ignore_index)
    if weight is not None:
        _check_weight(weight, classes.classes)
    targets = _Labels(labels, classes, weight, ignore_index, smoothing)
    count, mass = targets.check(threads)
    divisor = denominator(reduction, count, mass)
    source = classes.view(x)
    exact = x.dtype.char == "d"
    shapes = {
        "value": classes.rest,
        "gradient": classes.shape,
        "hessian": (*classes.rest, classes.classes, classes.classes),
    }
    outputs = {
        kind: None if kind == "value" and reduction != "none" else np.empty(shapes[kind], dtype)
        for kind in want
    }
    formula = _from_probabilities if name == "probabilities" else _from_logits

    def process(bounds: Sequence[tuple[int, int]]) -> Iterable[tuple[float, ...]]:
        for start, stop in bounds:
            block = np.empty((classes.classes, stop - start))
            classes.load(source, start, stop, block)
            if name == "probabilities" and not in_unit_interval(block):
                raise unit_interval_error(name, x)
            results = formula(block, targets, start, stop, want, exact)
            ignored = targets.ignored(start, stop)
            total = 0.0
            for kind, result in results.items():
                if ignored is not None:
                    result[(..., ignored) if kind == "gradient" else ignored] = 0
                if kind != "value" and divisor != 1:
                    result /= divisor
                if kind == "value" and outputs[kind] is None:
                    total = float(np.add.reduce(result))
                elif kind == "gradient":
                    classes.store(classes.view(outputs[kind]), start, stop, result)
                else:
                    flat = outputs[kind].reshape(classes.rows, *result.shape[1:])
                    flat[start:stop] = result
            yield (total,)

    numbers = classes.classes ** (2 if want == HESSIAN else 1)
    rows = classes.rows
    (total,) = in_blocks(process, rows, block=classes.block(numbers), workers=threads) or (0.0,)
    with np.errstate(all="ignore"):
        return tuple(
            dtype.type(total / divisor) if out is None else out[()] for out in outputs.values()
        )


def _from_logits(
    z: np.ndarray, targets: _Labels, start: int, stop: int, want: tuple[str, ...], exact: bool
) -> dict[str, np.ndarray]:
    shifted = Shifted(z, exact=exact)
    results = {}
    if targets.hard:
        index = targets.index(start, stop)
        row_weight = targets.weight[index]
        if "value" in want:
            results["value"] = _weighed(row_weight, shifted.log_loss_of(index))
        if "gradient" in want:
            gradient = shifted.softmax()
            where = index, np.arange(len(index))
            gradient[where] = -shifted.complement_of(index)
            results["gradient"] = _weighed(row_weight, gradient)
        if "hessian" in want:
            results["hessian"] = _softmax_jacobian(shifted, row_weight)
        return results
    a, others = targets.weighted(start, stop)
    if "value" in want:
        results["value"] = np.add.reduce(_weighed(a, shifted.log_loss()), axis=0)
    if "gradient" in want:
        results["gradient"] = _weighed(others, shifted.softmax())
        results["gradient"] -= _weighed(a, shifted.complement())
    if "hessian" in want:
        results["hessian"] = _softmax_jacobian(shifted, np.add.reduce(a, axis=0))
    return results


def _from_probabilities(
    p: np.ndarray, targets: _Labels, start: int, stop: int, want: tuple[str, ...], _: bool
) -> dict[str, np.ndarray]:
    a, _ = targets.weighted(start, stop)
    results = {}
    if "value" in want:
        results["value"] = np.add.reduce(_weighed(a, -np.log(p)), axis=0)
    if "gradient" in want:
        results["gradient"] = 0 - _weighed(a, 1 / p)
    if "hessian" in want:
        k, n = p.shape
        hessian = np.zeros((n, k, k))
        hessian[:, np.arange(k), np.arange(k)] = _weighed(a, 1 / p / p).T
        results["hessian"] = hessian
    return results


def _softmax_jacobian(shifted: Shifted, weight: np.ndarray) -> np.ndarray:
    """Return weight (diag(p) - p pᵀ) for each row, (n, K, K), its diagonal as p (1 - p)."""
    p = shifted.softmax().T
    jacobian = -p[:, :, np.newaxis] * p[:, np.newaxis, :]
    k = np.arange(p.shape[1])
    jacobian[:, k, k] = p * shifted.complement().T
    return _weighed(weight[:, np.newaxis, np.newaxis], jacobian)


def _weighed(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return weight times values, with weight 0 times infinity as 0."""
    return np.where((weight == 0) & np.isinf(values), 0, weight * values)


def _check_labels(
    name: str, labels: np.ndarray, classes: ClassAxis, ignore_index: int | None
) -> None:
    if ignore_index is not None and (
        isinstance(ignore_index, bool) or not isinstance(ignore_index, (int, np.integer))
    ):
        raise TypeError(
            f"ignore_index: expected an integer or None, got {type(ignore_index).__name__}; "
            "pass the class index that marks what to leave out, for example -100"
        )
    if labels.shape == classes.shape:
        if ignore_index is not None:
            raise ValueError(
                "ignore_index: expected class indices as labels, got class probabilities of shape "
                f"{labels.shape}; give the rows to leave out probabilities of 0"
            )
        return
    if labels.shape != classes.rest:
        raise ValueError(
            f"{name} and labels: expected labels of shape {classes.rest} (class indices) or "
            f"{classes.shape} (class probabilities) for {name} of shape {classes.shape} with the "
            f"classes on axis {classes.axis}, got {labels.shape}; reshape the labels, or name "
            "another axis"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels: expected integers as class indices, got dtype {labels.dtype}; pass "
            f"labels.astype(int), or class probabilities of shape {classes.shape}"
        )


def _check_weight(weight: np.ndarray, k: int) -> None:
    if weight.shape != (k,):
        raise ValueError(
            f"weight: expected one number for each class, shape ({k},), got {weight.shape}; to "
            'weigh rows, multiply the losses of reduction="none"'
        )
    if not (np.min(weight) >= 0 and np.max(weight) < np.inf):
        raise weight_error("weight", weight)
