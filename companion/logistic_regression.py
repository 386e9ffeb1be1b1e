"""Fit a logistic regression on the losses of this package, by Newton's method or gradient descent.

`fit_logistic_regression` is the smallest trainer that is honest about its end: it says whether it
converged and why not, names labels that are separated perfectly, and features that depend on each
other. `LogisticRegressionResult` holds the coefficients and the way there, and predicts.

The objective is a sum over the N rows, as scikit-learn's: Σ wᵢ ℓ(xᵢ·β + b, yᵢ) + l2/2 ‖β‖², the
intercept b free. So `l2` is scikit-learn's 1/C; for the mean of the losses divide all by Σ wᵢ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from companion.binary import (
    binary_cross_entropy_with_logits_hessian,
    binary_cross_entropy_with_logits_value_and_gradient,
)
from companion.contracts import (
    as_array,
    check_choice,
    check_integer,
    check_number,
    check_unit_interval,
    check_weight,
)
from companion.elementary import sigmoid

__all__ = ["LogisticRegressionResult", "fit_logistic_regression"]

_EPS = float(np.finfo(np.float64).eps)
_ILL_CONDITIONED = 1e10  # coefficients have lost about ten of sixteen digits
_SLIGHT = 1e-6  # a loss of margin that counts as none beside the largest gain
_DEFAULT = "leave it out for the default"
_MAX_ITERATIONS = {"newton": 100, "gradient_descent": 10_000}
_TOLERANCE = {"newton": 1e-12, "gradient_descent": 1e-8}


@dataclass(frozen=True, eq=False)
class LogisticRegressionResult:
    """What `fit_logistic_regression` found, and how."""

    coefficients: np.ndarray
    """β, one for each feature, float64."""
    intercept: float
    """b; 0 where none was asked for."""
    losses: np.ndarray = field(repr=False)
    """The objective at the start and after each iteration."""
    gradient_norm: float
    """The largest element of the gradient, that in βⱼ divided by Σ wᵢ|xᵢⱼ| + l2 |βⱼ|, which
    makes it a pure number from 0 to 1. It is what `tolerance` bounds."""
    condition_number: float
    """Of the Hessian at the end, its rows and columns scaled to a diagonal of 1; infinite where
    features are linearly dependent."""
    iterations: int
    """The number of steps taken."""
    converged: bool
    """Whether the objective has a minimum and this is it, within the tolerance."""
    message: str
    """The same in words, and what to do where it did not converge."""

    def predict_logits(self, features: ArrayLike) -> np.ndarray:
        """Return x·β + b for each row of `features`, shape (N, number of features)."""
        features = _features(features)
        if features.shape[1] != len(self.coefficients):
            raise ValueError(
                f"features: expected {len(self.coefficients)} columns as in the fit, got "
                f"{features.shape[1]}; pass the same features in the same order"
            )
        return features @ self.coefficients + self.intercept

    def predict_probabilities(self, features: ArrayLike) -> np.ndarray:
        """Return the probability of label 1 for each row of `features`."""
        return sigmoid(self.predict_logits(features))


def fit_logistic_regression(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    l2: float = 0.0,
    intercept: bool = True,
    method: str = "newton",
    learning_rate: float | None = None,
    tolerance: float | None = None,
    max_iterations: int | None = None,
) -> LogisticRegressionResult:
    """Minimise Σ wᵢ ℓ(xᵢ·β + b, yᵢ) + l2/2 ‖β‖² over β and b, from β = 0 and b = 0.

    Parameters
    ----------
    features : array_like
        x, shape (N, number of features), finite; computed in float64.
    labels : array_like
        y in [0, 1], shape (N,); soft labels are allowed.
    weight : array_like, optional
        w, shape (N,), finite, at least 0, not all 0; 1 where absent.
    l2 : float
        At least 0; scikit-learn's 1/C.
    intercept : bool
        Whether b is fitted; it is not penalised.
    method : {"newton", "gradient_descent"}
        Newton's method (iteratively reweighted least squares) with a backtracking line search; or
        gradient descent with a constant step.
    learning_rate : float, optional
        The step of gradient descent on this sum; by default 1/L with L = λ/4 + l2 and λ the largest
        eigenvalue of Xᵀ diag(w) X, since σ' is at most 1/4. Below 2/L every step descends.
    tolerance : float, optional
        What `gradient_norm` must reach: by default 1e-12 for Newton's method, whose last steps
        double the digits, and 1e-8 for gradient descent.
    max_iterations : int, optional
        100 for Newton's method, 10 000 for gradient descent.

    Returns
    -------
    LogisticRegressionResult
        Read its `converged` and `message`: nothing is raised where the fit fails.

    Raises
    ------
    TypeError
        If an argument is no array of real numbers, or an option has the wrong type.
    ValueError
        If shapes do not fit, a feature is NaN or infinite, a label lies outside [0, 1], a weight
        is negative or infinite, an option is out of range, or all labels are 0 or all 1 while an
        intercept is fitted: it would grow for ever.

    Notes
    -----
    Where some β separates the labels and `l2` is 0, the loss has no minimum: it falls for ever as
    the coefficients grow. The message says so, and `converged` is False however small the
    gradient. Where features are linearly dependent and `l2` is 0, minima are many; Newton's method
    leaves out the directions that change nothing, and the message says so.

    scikit-learn's `LogisticRegression(C=1/l2)` minimises the same sum. On the standardised
    breast-cancer set with C = 1 its solver "newton-cholesky" at tol=1e-12 agrees with this within
    1e-8 in each coefficient; the default, lbfgs at tol=1e-4, stops earlier, more than 0.001 away.

    References
    ----------
    Hastie, Tibshirani and Friedman (2009), section 4.4.1; Albert and Anderson (1984), Biometrika
    71(1), on separation; Boyd and Vandenberghe (2004), sections 9.2 and 9.5.

    Examples
    --------
    >>> result = fit_logistic_regression([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1])
    >>> print(f"{result.coefficients[0]:.4f} {result.intercept:.4f} {result.converged}")
    0.9082 -1.3623 True

    These labels are separated, so that no coefficient is large enough:

    >>> result = fit_logistic_regression([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    >>> print(result.converged, result.message.partition(":")[0])
    False no minimum
    """
    check_choice("method", method, tuple(_MAX_ITERATIONS))
    if learning_rate is not None:
        learning_rate = check_number("learning_rate", learning_rate, "(0, inf)", _DEFAULT)
    problem = _problem(features, labels, weight, l2, intercept)
    tolerance = check_number(
        "tolerance", _TOLERANCE[method] if tolerance is None else tolerance, "(0, inf)", _DEFAULT
    )
    limit = _MAX_ITERATIONS[method] if max_iterations is None else max_iterations
    mend = f"leave it out for {_MAX_ITERATIONS[method]}"
    if check_integer("max_iterations", limit, mend) < 1:
        raise ValueError(f"max_iterations: expected at least 1, got {limit}; {mend}")
    if method == "newton":
        if learning_rate is not None:
            raise ValueError(
                f"learning_rate: expected None for Newton's method, got {learning_rate!r}; it "
                "searches its own steps, so leave it out or use method='gradient_descent'"
            )
        rate = bound = 0.0
    else:
        bound = problem.lipschitz()
        rate = 1 / bound if learning_rate is None else learning_rate
    point, step = problem.at(np.zeros(problem.design.shape[1])), None
    losses, norm = [point.loss], problem.gradient_norm(point)
    while norm > tolerance and len(losses) <= limit and np.isfinite(point.loss):
        if method == "newton":
            step = problem.newton_step(point)[0]
            following = _line_search(problem, point, step)
            if following is None:
                break
        else:
            step = -rate * point.gradient
            following = problem.at(point.parameters + step)
        before, point, norm = norm, following, problem.gradient_norm(following)
        losses.append(point.loss)
        if method == "newton" and norm > before / 2 and losses[-1] >= losses[-2]:
            break  # neither the gradient nor the loss falls any more
    condition = problem.newton_step(point)[1]
    converged, message = _verdict(problem, point, step, losses, norm, tolerance, limit, condition)
    if method == "gradient_descent" and not converged and losses[-1] > min(losses):
        message += f" (the loss rose: a learning_rate of at most {1 / bound:.3g} cannot do that)"
    width = len(point.parameters) - intercept
    return LogisticRegressionResult(
        point.parameters[:width].copy(),
        float(point.parameters[width]) if intercept else 0.0,
        np.array(losses),
        norm,
        condition,
        len(losses) - 1,
        converged,
        message,
    )


class _Point(NamedTuple):
    parameters: np.ndarray
    logits: np.ndarray
    loss: float
    gradient: np.ndarray


class _Problem(NamedTuple):
    """The objective: its value, its derivatives and its steps."""

    design: np.ndarray  # the features, and a column of 1 for the intercept
    labels: np.ndarray
    weight: np.ndarray
    penalty: np.ndarray  # l2 for each column, 0 for the intercept

    def at(self, parameters: np.ndarray) -> _Point:
        with np.errstate(all="ignore"):
            logits = self.design @ parameters
            loss, slope = binary_cross_entropy_with_logits_value_and_gradient(
                logits, self.labels, weight=self.weight, reduction="sum"
            )
            loss = float(loss + self.penalty @ parameters**2 / 2)
            return _Point(
                parameters, logits, loss, self.design.T @ slope + self.penalty * parameters
            )

    def gradient_norm(self, point: _Point) -> float:
        size = self.weight @ abs(self.design) + self.penalty * abs(point.parameters)
        return float(np.max(abs(point.gradient) / np.where(size > 0, size, 1), initial=0.0))

    def lipschitz(self) -> float:
        """Return a bound of the Hessian's largest eigenvalue, everywhere."""
        rows = np.sqrt(self.weight)[:, None] * self.design
        return float(np.linalg.norm(rows, 2) ** 2 / 4 + np.max(self.penalty, initial=0.0)) or 1.0

    def newton_step(self, point: _Point) -> tuple[np.ndarray, float]:
        """Return -H⁻¹g, without directions in which H is 0 up to rounding, and H's condition."""
        curvature = binary_cross_entropy_with_logits_hessian(
            point.logits, self.labels, weight=self.weight, reduction="sum"
        )
        hessian = (self.design.T * curvature) @ self.design + np.diag(self.penalty)
        # Columns in other units must not look dependent: scale the diagonal to 1
        diagonal = np.sqrt(np.diag(hessian))
        scale = np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
        values, vectors = np.linalg.eigh(hessian * scale * scale[:, None])
        keep = values > max(self.design.shape) * _EPS * np.max(values, initial=0.0)
        inverse = np.where(keep, 1 / np.where(keep, values, 1), 0)
        step = -scale * (vectors @ (inverse * (vectors.T @ (scale * point.gradient))))
        return step, float(values[-1] / values[0]) if len(values) and keep.all() else np.inf


def _line_search(problem: _Problem, point: _Point, step: np.ndarray) -> _Point | None:
    """Return the first of 1, 1/2, 1/4, … of the step that makes progress, or None."""
    slope = float(point.gradient @ step)
    for halvings in range(60):
        share = 0.5**halvings
        following = problem.at(point.parameters + share * step)
        if following.loss <= point.loss + 1e-4 * share * slope:
            return following
        # Near the minimum rounding hides what the loss gains; the gradient still shows it
        level = following.loss <= point.loss * (1 + _EPS**0.5)
        if level and abs(following.gradient @ step) < 0.9 * abs(slope):
            return following
    return None


def _verdict(
    problem: _Problem,
    point: _Point,
    step: np.ndarray | None,
    losses: list[float],
    norm: float,
    tolerance: float,
    limit: int,
    condition: float,
) -> tuple[bool, str]:
    """Return whether the end is a minimum, and the same in words."""
    free = not problem.penalty.any()
    if free and _gains(problem, point.logits).min() > 0:
        return False, (
            "no minimum: the labels are separated perfectly, so that without L2 the loss falls to "
            "0 as the coefficients grow for ever; pass l2 > 0"
        )
    gains = _gains(problem, point.logits if step is None else problem.design @ step)
    if free and gains.max() > 0 and gains.min() >= -_SLIGHT * gains.max():
        return False, (
            "no minimum: some labels are separated perfectly and none is against it, so that "
            "without L2 a coefficient grows for ever; pass l2 > 0"
        )
    end = f"the scaled gradient is {norm:.1e} after {len(losses) - 1} iterations"
    if not np.isfinite(point.loss):
        return False, f"diverged: the loss is {point.loss}; {end}; lower the learning_rate"
    if not norm <= tolerance:
        mend = "raise max_iterations, standardise the features or take method='newton'"
        if len(losses) <= limit:
            mend = "rounding allows no more progress: standardise the features, or pass l2 > 0"
        if condition > _ILL_CONDITIONED:
            mend += f"; the features are nearly dependent, condition number {condition:.1e}"
        return False, f"not converged: {end}, above the tolerance {tolerance:.1e}; {mend}"
    message = f"converged: {end}"
    if condition == np.inf:
        message += (
            "; the features are linearly dependent, so that this is one of many minima: drop "
            "features, or pass l2 > 0"
        )
    elif condition > _ILL_CONDITIONED:
        message += (
            f"; the features are nearly dependent, condition number {condition:.1e}: of the "
            "coefficients only the first digits are sure"
        )
    return True, message


def _gains(problem: _Problem, logits: np.ndarray) -> np.ndarray:
    """Return how far each row with a weight moves to the side of its label along these logits.

    If no row loses and some gain, moving on for ever lowers the loss for ever. A row with a soft
    label loses on both sides.
    """
    y = problem.labels
    return np.select([y == 1, y == 0], [logits, -logits], -abs(logits))[problem.weight > 0]


# Arguments --------------------------------------------------------------------------------------


def _problem(
    features: ArrayLike, labels: ArrayLike, weight: ArrayLike | None, l2: float, intercept: bool
) -> _Problem:
    x = _features(features)
    y = as_array("labels", labels).astype(np.float64)
    w = np.ones(len(x)) if weight is None else as_array("weight", weight).astype(np.float64)
    for name, array in (("labels", y), ("weight", w)):
        if array.shape != x.shape[:1]:
            mend = f"{name}.ravel()" if array.size == len(x) else "one number for each row"
            raise ValueError(
                f"{name}: expected shape {x.shape[:1]}, since features has {x.shape}, got "
                f"{array.shape}; pass {mend}"
            )
    check_unit_interval("labels", y, "trainer")
    check_weight("weight", w, y.shape)
    if not w.any():
        raise ValueError("weight: expected a positive sum, got 0; give some row a weight")
    if not isinstance(intercept, (bool, np.bool_)):
        raise TypeError(f"intercept: expected True or False, got {intercept!r}; choose one")
    penalty = np.full(x.shape[1], check_number("l2", l2, "[0, inf)", _DEFAULT))
    used = y[w > 0]
    if intercept and used[0] in (0, 1) and np.all(used == used[0]):
        raise ValueError(
            f"labels: expected 0 and 1, got only {used[0]:g}; with one class alone the intercept "
            "grows for ever: add rows of the other class"
        )
    if intercept:
        x, penalty = np.column_stack([x, np.ones(len(x))]), np.append(penalty, 0.0)
    return _Problem(x, y, w, penalty)


def _features(features: ArrayLike) -> np.ndarray:
    x = as_array("features", features).astype(np.float64, order="C")  # one order of the sums
    if x.ndim != 2 or not len(x):
        raise ValueError(
            f"features: expected shape (N, number of features) with at least one row, got "
            f"{x.shape}; for one feature pass features.reshape(-1, 1)"
        )
    if not np.isfinite(x).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise ValueError(
            f"features: expected finite numbers, got {x[row, column]} at index ({row}, {column}); "
            "remove the row, or fill the gap"
        )
    return x
