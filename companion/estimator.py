"""A scikit-learn classifier on the losses of this package, for pipelines and cross-validation.

`BinaryLogisticRegression` takes part wherever scikit-learn's `LogisticRegression` does, fits by
`companion.logistic_regression.fit_logistic_regression`, and keeps the digits of small
probabilities. Needs scikit-learn, 1.5 or later.
"""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import compute_sample_weight, validation
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from companion.elementary import log_sigmoid, sigmoid
from companion.logistic_regression import fit_logistic_regression

__all__ = ["BinaryLogisticRegression"]


class BinaryLogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression for two classes, minimising Σ wᵢ ℓᵢ + ‖β‖² / (2 C).

    Parameters
    ----------
    C : float
        The inverse of the L2 penalty, above 0; `numpy.inf` for none.
    fit_intercept : bool
        Whether an intercept is fitted; it is not penalised.
    class_weight : dict or "balanced", optional
        A factor for the weight of each class; "balanced" makes the weights of
        both sum to the same.
    method : {"newton", "gradient_descent"}
        As in `fit_logistic_regression`.
    tol : float, optional
        The scaled gradient to reach; see `fit_logistic_regression` for the default.
    max_iter : int, optional
        The most iterations; see `fit_logistic_regression` for the default.

    Attributes
    ----------
    classes_
        The two labels, sorted; the second is the one whose probability the logits stand for.
    coef_, intercept_
        Shapes (1, number of features) and (1,), as scikit-learn's.
    n_iter_
        The number of iterations, shape (1,).
    result_
        Losses, condition number, and in words how the fit ended.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    A fit that did not converge raises a `ConvergenceWarning` with the reason.

    Examples
    --------
    The probability of the other class is not 1 - p, which would have no digits left:

    >>> model = BinaryLogisticRegression().fit([[-1.0], [1.0]], ["no", "yes"])
    >>> print(f"{model.coef_[0, 0]:.4f}", model.classes_, model.predict([[-3.0], [3.0]]))
    0.6748 ['no' 'yes'] ['no' 'yes']
    >>> print([f"{p:.4e}" for p in model.predict_proba([[60.0]])[0]])
    ['2.6029e-18', '1.0000e+00']
    """

    def __init__(
        self,
        C: float = 1.0,  # noqa: N803 (scikit-learn's name)
        *,
        fit_intercept: bool = True,
        class_weight: dict[Any, float] | str | None = None,
        method: str = "newton",
        tol: float | None = None,
        max_iter: int | None = None,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.method = method
        self.tol = tol
        self.max_iter = max_iter

    def fit(
        self,
        X: ArrayLike,  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> BinaryLogisticRegression:
        """Fit the coefficients, and return self.

        Parameters
        ----------
        X : array_like
            Features, shape (N, number of features), finite.
        y : array_like
            Labels of two classes, shape (N,), numbers or strings.
        sample_weight : array_like, optional
            At least 0, shape (N,).

        Raises
        ------
        ValueError
            If there are not exactly two classes, a weight is negative, or a parameter is out of
            range.
        """
        X, y = _validated(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            few = "one class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise ValueError(
                f"y: expected two classes, got {few}. Only binary classification is supported. "
                f"The type of the target is {type_of_target(y)}; take scikit-learn's "
                "LogisticRegression for more classes"
            )
        if isinstance(self.C, bool) or not isinstance(self.C, Real) or not self.C > 0:
            raise ValueError(f"C: expected a number above 0, got {self.C!r}; numpy.inf is no L2")
        # pyrefly: ignore[missing-attribute]  (scikit-learn has no public name for it)
        weight = validation._check_sample_weight(sample_weight, X, dtype=np.float64)
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            # Older versions of scikit-learn balance the counts, newer ones these sums
            sums = np.bincount(codes, weight)
            weight = weight * (sums.sum() / 2 / np.where(sums > 0, sums, 1))[codes]
        elif self.class_weight is not None:
            weight = weight * compute_sample_weight(self.class_weight, y)
        self.result_ = fit_logistic_regression(
            X,
            codes,
            weight=weight,
            l2=1 / self.C,
            intercept=self.fit_intercept,
            method=self.method,
            tolerance=self.tol,
            max_iterations=self.max_iter,
        )
        self.coef_ = self.result_.coefficients[None]
        self.intercept_ = np.array([self.result_.intercept])
        self.n_iter_ = np.array([self.result_.iterations])
        if not self.result_.converged:
            warnings.warn(self.result_.message, ConvergenceWarning, stacklevel=2)
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:  # noqa: N803
        """Return the logits of the second class, shape (N,)."""
        validation.check_is_fitted(self)
        X = _validated(self, X, dtype=np.float64, reset=False)  # noqa: N806
        return X @ self.coef_[0] + self.intercept_[0]

    def predict(self, X: ArrayLike) -> np.ndarray:  # noqa: N803
        """Return the more probable class for each row."""
        logits = self.decision_function(X)
        return self.classes_[(logits > 0).astype(int)]

    def predict_proba(self, X: ArrayLike) -> np.ndarray:  # noqa: N803
        """Return σ(-z) and σ(z), shape (N, 2): both keep their digits where they are small."""
        logits = self.decision_function(X)
        return np.column_stack([sigmoid(-logits), sigmoid(logits)])

    def predict_log_proba(self, X: ArrayLike) -> np.ndarray:  # noqa: N803
        """Return log σ(-z) and log σ(z), shape (N, 2), finite for every finite logit."""
        logits = self.decision_function(X)
        return np.column_stack([log_sigmoid(-logits), log_sigmoid(logits)])

    def __sklearn_tags__(self) -> Any:
        """Say to scikit-learn 1.6 and later that there are two classes."""
        # pyrefly: ignore[missing-attribute]  (its stubs are those of 1.5)
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _more_tags(self) -> dict[str, bool]:
        """Say the same to scikit-learn 1.5."""
        return {"binary_only": True}


def _validated(estimator: BaseEstimator, *args: Any, **options: Any) -> Any:
    """Check and convert X and y; scikit-learn 1.5 has that as a method of the estimator."""
    if hasattr(validation, "validate_data"):
        return validation.validate_data(estimator, *args, **options)
    # pyrefly: ignore[missing-attribute]  (in 1.5 alone)
    return estimator._validate_data(*args, **options)
