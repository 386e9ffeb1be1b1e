"""What a loss is meant to compute, and that number exactly.

A `Meaning` is what was declared, or what is assumed: logits or probabilities, a mean or a sum,
weights, smoothing. Each element of the labels (or row, for several classes) is a sum over classes,
`targets` times `costs`: for the plain loss of one number, y · (-log p) + (1 - y) · (-log(1 - p)).
So K is 2 there, class 0 first. `exact` asks the judge, `companion.reference`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from companion import elementary, reference
from companion.clinic.patient import Question
from companion.reference import focal

__all__ = ["Meaning"]


@dataclass(frozen=True)
class Meaning:
    """What a loss is meant to compute."""

    inputs: str = "logits"
    """"logits" or "probabilities"."""
    labels: str = "soft"
    """"soft" (anything in [0, 1]), "hard" (0 or 1), "signs" (-1 or 1), "index" or "one-hot"."""
    reduction: str = "mean"
    """"mean", "sum" or "none"."""
    by_row: bool = False
    """Whether a table of predictions may be reduced over its last axis alone."""
    base: float = math.e
    weight: tuple[float, ...] | None = None
    """What multiplies the cost of each class."""
    smoothing: float = 0.0
    gamma: float = 0.0
    epsilon: float | tuple[float, float] = 0.0
    """What a loss was found to add inside its logarithms, of a no and a yes where they differ;
    `exact` leaves it out."""
    ignore: float | None = None
    dtype: str | None = None
    """The dtype that the loss is used with."""
    classes: int = 3
    """K, where labels are indices."""

    @property
    def binary(self) -> bool:
        """Whether one number is one prediction."""
        return self.labels not in ("index", "one-hot")

    @property
    def logits(self) -> bool:
        """Whether predictions are logits."""
        return self.inputs == "logits"

    @property
    def plain(self) -> Meaning:
        """The same costs without weights, smoothing and base."""
        return replace(self, base=math.e, weight=None, smoothing=0.0)

    def costs(self, x: Any) -> np.ndarray:
        """Return what each class costs for these predictions; shape (..., K)."""
        x, e = np.asarray(x, np.float64), self.epsilon
        if e:
            p = (
                x
                if not self.logits
                else elementary.sigmoid(x)
                if self.binary
                else elementary.softmax(x)
            )
            no, yes = e if isinstance(e, tuple) else (e, e)
            return (
                np.stack([-np.log(1 - p + no), -np.log(p + yes)], -1)
                if self.binary
                else -np.log(p + yes)
            )
        if self.binary and self.logits:
            costs = np.stack([elementary.softplus(x), elementary.softplus(-x)], axis=-1)
        elif self.binary:
            costs = np.stack([-np.log1p(-x), -np.log(x)], axis=-1)
        elif self.logits:
            costs = -elementary.log_softmax(x, axis=-1)
        else:
            costs = -np.log(x)
        return costs * (-np.expm1(-costs)) ** self.gamma if self.gamma else costs

    def targets(self, y: Any) -> np.ndarray:
        """Return what multiplies each cost, weights and base included; shape (..., K)."""
        y = np.asarray(y)
        if self.binary:
            t = np.stack([1.0 - y, y.astype(float)], axis=-1)
            kept = y != self.ignore if self.ignore is not None else np.ones(y.shape, bool)
        elif self.labels == "index":
            kept = y != self.ignore if self.ignore is not None else np.ones(y.shape, bool)
            t = np.eye(self.classes)[np.where(kept, y, 0).astype(int)]
        else:
            t, kept = y.astype(float), np.ones(y.shape[:-1], bool)
        t = t * (1 - self.smoothing) + self.smoothing / t.shape[-1]
        t = t * (self.weight if self.weight is not None else 1.0) / math.log(self.base)
        return np.where(kept[..., None], t, 0.0)

    def divisor(self, y: Any) -> float:
        """Return what a mean divides by: the elements (or rows) that count."""
        if self.reduction != "mean":
            return 1.0
        y = np.asarray(y)
        rows = y if self.labels != "one-hot" else y[..., 0]
        kept = rows.size if self.ignore is None else np.count_nonzero(rows != self.ignore)
        return float(max(kept, 1))

    def value(self, x: Any, y: Any) -> np.ndarray:
        """Return the loss in float64, reduced; 0 · inf is 0."""
        targets = self.targets(y)
        with np.errstate(all="ignore"):
            each = np.where(targets == 0, 0.0, targets * self.costs(x)).sum(axis=-1)
        return each if self.reduction == "none" else np.asarray(each.sum() / self.divisor(y))

    def exact(self, question: Question) -> np.ndarray:
        """Return the exact value (or derivative) of the binary numbers that a question holds.

        They are float64, a few roundings from the judge's digits (rows of probabilities and most
        focal losses: from float64), for "gradient", "hessian" and "second" of the shape of the
        predictions.
        """
        x = np.array(question.x, question.dtype).astype(np.float64)
        y = np.asarray(question.y)
        order = {"value": 0, "gradient": 1}.get(question.want, 2)
        each = self._elements(x, y, order)
        if order:
            return each * (question.upstream / self.divisor(y))
        return (
            each
            if self.reduction == "none"
            else np.asarray(math.fsum(each.ravel()) / self.divisor(y))
        )

    def _elements(self, x: np.ndarray, y: np.ndarray, order: int) -> np.ndarray:
        targets = self.targets(y)
        rows = x.reshape(-1) if self.binary else x.reshape(-1, x.shape[-1])
        weights = targets.reshape(-1, targets.shape[-1])
        found = [
            self._one(row, weight, order)
            for row, weight in zip(rows.tolist(), weights.tolist(), strict=True)
        ]
        return np.array(found, np.float64).reshape(x.shape if order else targets.shape[:-1])

    def _one(self, x: Any, weights: list[float], order: int) -> Any:
        """Return the value or a derivative of one element, by the judge."""
        total = sum(weights)
        if total == 0:
            return 0.0 if self.binary or not order else [0.0] * len(x)
        if self.gamma:
            return self._focal(x, weights, order)
        if not self.binary:
            return self._row(x, weights, order)
        if not self.logits:
            function = (
                reference.binary_cross_entropy,
                reference.binary_cross_entropy_gradient,
                reference.binary_cross_entropy_hessian,
            )[order]
            return sum(
                float(function(x, label, weight=weight))
                for label, weight in enumerate(weights)
                if weight
            )
        function = (
            reference.binary_cross_entropy_with_logits,
            reference.binary_cross_entropy_with_logits_gradient,
            reference.binary_cross_entropy_with_logits_hessian,
        )[order]
        return float(function(x, weights[1] / total, weight=total))

    def _row(self, x: list[float], weights: list[float], order: int) -> Any:
        total = sum(weights)
        shares = [weight / total for weight in weights]
        if self.logits and order == 0:
            return float(reference.cross_entropy(x, shares)) * total
        if self.logits and order == 1:
            return [float(g) * total for g in reference.cross_entropy_gradient(x, shares)]
        if self.logits:
            hessian = reference.cross_entropy_hessian(x, shares)
            return [float(sum(row)) * total for row in hessian]
        with np.errstate(all="ignore"):
            p, w = np.array(x), np.array(weights)
            if order == 0:
                return float(np.where(w == 0, 0.0, -w * np.log(p)).sum())
            return np.where(w == 0, 0.0, -w / p if order == 1 else w / p**2).tolist()

    def _focal(self, x: Any, weights: list[float], order: int) -> float:
        """Return the focal loss of one element; of binary logits by the judge."""
        if not (self.binary and self.logits):
            return self._focal_of_probabilities(np.asarray(x), np.array(weights), order)
        function = (
            focal.binary_focal_cross_entropy_with_logits,
            focal.binary_focal_cross_entropy_with_logits_gradient,
        )[min(order, 1)]
        return sum(
            w * float(function(x, label, gamma=self.gamma)) for label, w in enumerate(weights) if w
        )

    def _focal_of_probabilities(self, x: np.ndarray, weights: np.ndarray, order: int) -> Any:
        with np.errstate(all="ignore"):
            p = np.stack([1 - x, x]) if self.binary else x
            p = elementary.softmax(x) if self.logits else p
            costs = -elementary.log_softmax(x) if self.logits else -np.log(p)
            others = -np.expm1(-costs)
            if order == 0:
                each = others**self.gamma * costs
                return float(np.where(weights == 0, 0.0, weights * each).sum())
            # By the logarithm of each probability, then by what it is made of.
            slopes = -self.gamma * others ** (self.gamma - 1) * p * costs - others**self.gamma
            slopes = np.where(weights == 0, 0.0, weights * slopes)
            if self.binary:
                no, yes = np.where(weights == 0, 0.0, slopes / p)
                return float(yes - no)
            if not self.logits:
                return np.where(weights == 0, 0.0, slopes / p).tolist()
            return (slopes - p * slopes.sum()).tolist()
