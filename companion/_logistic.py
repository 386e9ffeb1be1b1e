"""The objective of a logistic regression: value, gradient, what rounding hides, and its steps.

With an intercept each column is first moved by its number nearest to 0, if 0 is outside its range.
The intercept takes that up, nothing else changes, and x - m is as exact as x: so large numbers that
hardly vary, such as years, lose no digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from companion.binary import (
    binary_cross_entropy_with_logits_hessian,
    binary_cross_entropy_with_logits_value_and_gradient,
)

__all__ = ["Objective", "Point", "line_search", "make_objective"]

_EPS = float(np.finfo(np.float64).eps)


class Point(NamedTuple):
    """Parameters, and what the objective is there."""

    parameters: np.ndarray
    logits: np.ndarray
    slope: np.ndarray
    loss: float
    gradient: np.ndarray

    def is_finite(self) -> bool:
        """Return whether loss and parameters are finite."""
        return bool(np.isfinite(self.loss) and np.isfinite(self.parameters).all())

    def is_flat(self, step: np.ndarray, share: float) -> bool:
        """Return whether Newton's step from here would gain at most this share of the loss."""
        return bool(-self.gradient @ step / 2 <= share * self.loss)


class Objective(NamedTuple):
    """Σ wᵢ ℓ((xᵢ - m)·β + c, yᵢ) + l2/2 ‖β‖² in β and, last if there is an intercept, c = b + m·β.

    The design is x - m and a column of 1; penalty and shift are l2 and m, and 0 for the intercept.
    """

    design: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    penalty: np.ndarray
    shift: np.ndarray

    def at(self, parameters: np.ndarray) -> Point:
        """Return the value and the gradient at these parameters."""
        logits = self.design @ parameters
        loss, slope = binary_cross_entropy_with_logits_value_and_gradient(
            logits, self.labels, weight=self.weight, reduction="sum"
        )
        pull = self.penalty * parameters
        loss = float(loss + pull @ parameters / 2)
        return Point(parameters, logits, slope, loss, self.design.T @ slope + pull)

    def gradient_norm(self, point: Point) -> float:
        """Return the largest element of the gradient, each divided by what it could be."""
        size = self.weight @ abs(self.design) + self._largest_pull(point)
        shares = np.divide(abs(point.gradient), size, out=np.zeros_like(size), where=size > 0)
        return float(np.max(shares, initial=0.0))

    def is_rounding(self, point: Point) -> bool:
        """Return whether the gradient is no larger than what rounding may have made of 0.

        Each logit is off by eps Σⱼ|xᵢⱼ βⱼ|, each slope by that times the curvature and by eps of
        itself, and the gradient sums them.
        """
        size = abs(self.design)
        terms = abs(point.slope) + self._curvature(point) * (size @ abs(point.parameters))
        return bool(
            np.all(abs(point.gradient) <= _EPS * (terms @ size + self._largest_pull(point)))
        )

    def _largest_pull(self, point: Point) -> np.ndarray:
        # Not each coefficient's own: where the data leave it at 0, rounding does not, and what it
        # leaves is small beside the others
        return self.penalty * np.max(abs(point.parameters), initial=0.0, where=self.penalty > 0)

    def _curvature(self, point: Point) -> np.ndarray:
        return binary_cross_entropy_with_logits_hessian(
            point.logits, self.labels, weight=self.weight, reduction="sum"
        )

    def curvature_bound(self) -> float:
        """Return a bound of the Hessian's largest eigenvalue, everywhere, in β and b."""
        rows = np.sqrt(self.weight)[:, None] * (self.design + self.shift)
        return float(np.linalg.norm(rows, 2) ** 2 / 4 + np.max(self.penalty, initial=0.0)) or 1.0

    def descent_step(self, point: Point, rate: float) -> np.ndarray:
        """Return the step that is -rate times the gradient in β and b."""
        step = -rate * (point.gradient + self.shift * point.gradient[-1])
        step[-1] += self.shift @ step
        return step

    def newton_step(self, point: Point) -> tuple[np.ndarray, float]:
        """Return -H⁻¹g, without directions in which H is 0 up to rounding, and H's condition."""
        hessian = (self.design.T * self._curvature(point)) @ self.design + np.diag(self.penalty)
        # Columns in other units must not look dependent: scale the diagonal to 1
        diagonal = np.sqrt(np.diag(hessian))
        scale = np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        hessian, gradient = hessian * scale * scale[:, None], scale * point.gradient
        values, vectors = np.linalg.eigh(hessian)
        keep = values > max(self.design.shape) * _EPS * values[-1]
        if keep.all():  # elimination, unlike `vectors`, leaves at 0 what the others do not touch
            return -scale * np.linalg.solve(hessian, gradient), float(values[-1] / values[0])
        along = np.divide(vectors.T @ gradient, values, out=np.zeros_like(values), where=keep)
        return -scale * (vectors @ along), np.inf

    def unshifted(self, point: Point) -> tuple[np.ndarray, float]:
        """Return β and b."""
        beta = point.parameters[:-1].copy()
        return beta, float(point.parameters[-1] - self.shift[:-1] @ beta)

    def gains(self, step: np.ndarray) -> np.ndarray:
        """Return how far each row moves to the side of its label along this step.

        Without a penalty, if no row loses and some gain, moving on for ever lowers the loss for
        ever. A row with a soft label loses on both sides.
        """
        logits = self.design @ step
        return np.select([self.labels == 1, self.labels == 0], [logits, -logits], -abs(logits))


def make_objective(
    features: np.ndarray, labels: np.ndarray, weight: np.ndarray, l2: float, intercept: bool
) -> Objective:
    """Return the objective for arguments that are checked and weights above 0."""
    penalty, shift = np.full(features.shape[1], l2), np.zeros(features.shape[1])
    if intercept:
        shift = np.clip(0.0, features.min(axis=0), features.max(axis=0))
        features = np.column_stack([features - shift, np.ones(len(features))])
        penalty, shift = np.append(penalty, 0.0), np.append(shift, 0.0)
    return Objective(features, labels, weight, penalty, shift)


def line_search(objective: Objective, point: Point, step: np.ndarray) -> Point:
    """Return the first of 1, 1/2, 1/4, … of the step that makes progress, or the point itself."""
    slope = float(point.gradient @ step)
    for halvings in range(60):
        share = 0.5**halvings
        following = objective.at(point.parameters + share * step)
        if following.loss <= point.loss + 1e-4 * share * slope:
            return following
        # Near the minimum rounding hides what the loss gains; the gradient still shows it
        level = following.loss <= point.loss * (1 + _EPS**0.5)
        if level and abs(following.gradient @ step) < 0.9 * abs(slope):
            return following
    return point
