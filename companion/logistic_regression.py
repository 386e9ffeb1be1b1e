"""Fit a logistic regression on the losses of this package, by Newton's method or gradient descent.

`fit_logistic_regression` is the smallest trainer that is honest about its end: it says whether it
converged and why not, names labels that are separated perfectly, and features that depend on each
other. `LogisticRegressionResult` holds the coefficients and the way there, and predicts.

The objective is a sum over the N rows, as scikit-learn's: Σ wᵢ ℓ(xᵢ·β + b, yᵢ) + l2/2 ‖β‖², the
intercept b free. So `l2` is scikit-learn's 1/C; for the mean of the losses divide all by Σ wᵢ.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from companion._logistic import Objective, Point, line_search, make_objective
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

_SURE = 0.01  # tolerance times condition, the error of coefficients: two digits are left
_DEPENDENT = 1e6  # a condition number that is worth a word, however loose the tolerance
_SLIGHT = 1e-9  # a loss of margin that counts as none beside the largest gain
_MOVING = 1e-3  # in logits: Newton's last step to a minimum is smaller, one to infinity about 1
_HUGE = 1e290, 1e300  # the sums of weights and of squares stay below, so that nothing overflows
_DEFAULT = "leave it out for the default"
_MAX_ITERATIONS = {"newton": 100, "gradient_descent": 10_000}
_TOLERANCE = {"newton": 1e-12, "gradient_descent": 1e-8}
_TOO_FEW = {
    "newton": "raise max_iterations, or centre and scale the features",
    "gradient_descent": "raise max_iterations, centre and scale the features, or take "
    "method='newton'",
}
_STUCK = "rounding allows no more progress: centre and scale the features"


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
    """The largest element of the gradient, that in βⱼ divided by Σ wᵢ|xᵢⱼ| + l2 max|β|, which
    makes it a pure number from 0 to 1. It is what `tolerance` bounds. For a column of one sign
    beside an intercept, xᵢⱼ is counted from the smallest: no offset makes a gradient look small."""
    condition_number: float
    """Of the Hessian at the end, its rows and columns scaled to a diagonal of 1; infinite where
    features are linearly dependent, NaN where the fit diverged. The columns are those of
    `gradient_norm`."""
    iterations: int
    """The number of steps taken."""
    converged: bool
    """Whether the objective has a minimum and this is it, within the tolerance or rounding."""
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


@np.errstate(all="ignore")  # what overflows is refused or said, and no minimum needs an underflow
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
        x, shape (N, number of features), finite; computed in float64. Beside an intercept
        offsets cost β no digits.
    labels : array_like
        y in [0, 1], shape (N,); soft labels are allowed.
    weight : array_like, optional
        w, shape (N,), finite, at least 0, not all 0; 1 where absent. A row of weight 0 is left out.
    l2 : float
        At least 0; scikit-learn's 1/C.
    intercept : bool
        Whether b is fitted; it is not penalised.
    method : {"newton", "gradient_descent"}
        Newton's method (iteratively reweighted least squares) with a backtracking line search; or
        gradient descent with a constant step.
    learning_rate : float, optional
        The step of gradient descent on this sum; by default 1/L with L = λ/4 + l2 and λ the largest
        eigenvalue of Xᵀ diag(w) X, since σ' is at most 1/4. Below 2/L no step climbs, but by
        rounding.
    tolerance : float, optional
        What `gradient_norm` must reach: by default 1e-12 for Newton's method, whose last steps
        double the digits, and 1e-8 for gradient descent; 0 asks for as much as rounding allows. A
        gradient no larger than the rounding of its terms has arrived, unless labels are separated.
        With a penalty, Newton's next step must also gain no more than this share of the loss.
    max_iterations : int, optional
        At least 0; 100 for Newton's method, 10 000 for gradient descent.

    Returns
    -------
    LogisticRegressionResult
        Read its `converged` and `message`: where no minimum is found there is no warning, and
        an error only where all labels are alike.

    Raises
    ------
    TypeError
        If an argument is no array of real numbers, or an option has the wrong type.
    ValueError
        If shapes do not fit, a feature is NaN or infinite, a label lies outside [0, 1], a weight
        is negative or infinite, an option is out of range, all labels are 0 or all 1 while an
        intercept is fitted (it would grow for ever), or features or weights are so large that their
        sums of squares, or sums, come near overflow.

    Notes
    -----
    Where some β separates the labels and `l2` is 0, the loss has no minimum: it falls for ever as
    the coefficients grow. The message says so, and `converged` is False however small the
    gradient, unless the fit stops before its steps show it. Where features are linearly dependent
    and `l2` is 0, minima are many; Newton's method leaves out the directions that change nothing,
    and the message says so.

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
        if method == "newton":
            raise ValueError(
                f"learning_rate: expected None for Newton's method, got {learning_rate!r}; it "
                "searches its own steps, so leave it out or use method='gradient_descent'"
            )
    objective = _objective(features, labels, weight, l2, intercept)
    tolerance = check_number(
        "tolerance", _TOLERANCE[method] if tolerance is None else tolerance, "[0, inf)", _DEFAULT
    )
    limit = _MAX_ITERATIONS[method] if max_iterations is None else max_iterations
    mend = f"leave it out for {_MAX_ITERATIONS[method]}"
    if check_integer("max_iterations", limit, mend) < 0:
        raise ValueError(f"max_iterations: expected at least 0, got {limit}; {mend}")
    bound = objective.curvature_bound() if method == "gradient_descent" else 1.0
    rate = 1 / bound if learning_rate is None else learning_rate
    point = objective.at(np.zeros(len(objective.shift)))
    losses, norm = [point.loss], objective.gradient_norm(point)
    penalised = method == "newton" and objective.penalty.any()
    while (norm > tolerance or penalised) and len(losses) <= limit and point.is_finite():
        if method == "newton":
            step = objective.newton_step(point)[0]
            if norm <= tolerance and point.is_flat(step, min(tolerance, 1.0) ** 1.5):
                break
            following = line_search(objective, point, step)
        else:
            following = objective.at(point.parameters + objective.descent_step(point, rate))
        before, point, norm = norm, following, objective.gradient_norm(following)
        losses.append(point.loss)
        if method == "newton" and norm > before / 2 and losses[-1] >= losses[-2]:
            break  # neither the gradient nor the loss falls any more
    mend = _STUCK if method == "newton" and len(losses) <= limit else _TOO_FEW[method]
    converged, condition, message = _verdict(objective, point, losses, norm, tolerance, mend)
    if learning_rate is not None and not (converged or losses[-1] <= min(losses)):
        message += f" (the loss rose: a learning_rate of at most {1 / bound:.3g} cannot do that)"
    coefficients, constant = objective.unshifted(point) if intercept else (point.parameters, 0.0)
    return LogisticRegressionResult(
        coefficients,
        constant,
        np.array(losses),
        norm,
        condition,
        len(losses) - 1,
        converged,
        message,
    )


def _verdict(
    objective: Objective,
    point: Point,
    losses: list[float],
    norm: float,
    tolerance: float,
    mend: str,
) -> tuple[bool, float, str]:
    """Return whether the end is a minimum, the condition there, and the first in words."""
    if not point.parameters.size:
        return True, 1.0, "converged: there is nothing to fit, neither a feature nor an intercept"
    end = f"the scaled gradient is {norm:.1e} after {len(losses) - 1} iterations"
    if not point.is_finite():
        return False, np.nan, f"diverged: the loss is {point.loss}; {end}; lower the learning_rate"
    ahead, condition = objective.newton_step(point)
    free = not objective.penalty.any()
    if free and objective.gains(point.parameters).min() > 0:
        message = (
            "no minimum: the labels are separated perfectly, so that without L2 the loss falls to "
            "0 as the coefficients grow for ever; pass l2 > 0"
        )
        return False, condition, message
    gains = objective.gains(ahead)
    if free and gains.max() > _MOVING and gains.min() >= -_SLIGHT * gains.max():
        message = (
            "no minimum: some labels are separated perfectly and none is against it, so that "
            "without L2 a coefficient grows for ever; pass l2 > 0"
        )
        return False, condition, message
    more = "pass l2 > 0" if free else "raise l2"
    # Near separation all slopes are small before the minimum is there
    steep = not free and not point.is_flat(ahead, tolerance)
    converged = objective.is_rounding(point) or (norm <= tolerance and not steep)
    message = f"converged: {end}"
    if norm > tolerance and not converged:
        message = f"not converged: {end}, above the tolerance {tolerance:.1e}; {mend}"
    elif not converged:
        message = f"not converged: {end}, but the loss still falls; {mend}, or raise l2"
    elif norm > tolerance:
        message += ", no more than rounding makes of 0"
    if condition == np.inf and converged:
        message += (
            "; the features are linearly dependent, so that this is one of many minima: drop "
            f"features, or {more}"
        )
    elif condition > max(_DEPENDENT, _SURE / max(tolerance, _TOLERANCE["newton"])):
        message += (
            f"; the features are nearly dependent, condition number {condition:.1e}, so that of "
            f"the coefficients at most the first digits are sure: drop features, or {more}"
        )
    return converged, condition, message


# Arguments --------------------------------------------------------------------------------------


def _objective(
    features: ArrayLike, labels: ArrayLike, weight: ArrayLike | None, l2: float, intercept: bool
) -> Objective:
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
    check_weight("weight", w, y.shape, dialect="trainer")
    if not w.any():
        raise ValueError("weight: expected a positive sum, got 0; give some row a weight")
    if not isinstance(intercept, (bool, np.bool_)):
        raise TypeError(f"intercept: expected True or False, got {intercept!r}; choose one")
    l2 = check_number("l2", l2, "[0, inf)", _DEFAULT)
    x, y, w = x[w > 0], y[w > 0], w[w > 0]
    if intercept and y[0] in (0, 1) and np.all(y == y[0]):
        raise ValueError(
            f"labels: expected 0 and 1, got only {y[0]:g}; with one class alone the intercept "
            "grows for ever: add rows of the other class"
        )
    _check_size(x, w, l2)
    return make_objective(x, y, w, l2, bool(intercept))


def _check_size(x: np.ndarray, weight: np.ndarray, l2: float) -> None:
    """Refuse numbers whose sums of squares overflow."""
    total = np.sum(weight)
    if not total < _HUGE[0]:
        too = ", and l2 by the same number" if l2 else ""
        raise ValueError(
            f"weight: expected a sum below {_HUGE[0]:g}, got {total:g}; divide weight by "
            f"{weight.max():g}{too}"
        )
    squares = np.sum((np.sqrt(weight)[:, None] * x) ** 2, axis=0)
    if not np.sum(squares) < _HUGE[1]:
        column = int(np.argmax(squares))
        largest = abs(x[:, column]).max()
        raise ValueError(
            f"features: expected squares with a sum below {_HUGE[1]:g}, got {largest:g} in column "
            f"{column}; scale the features: divide this column by {largest:.0e}"
        )


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
