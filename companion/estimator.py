"""A scikit-learn classifier on the losses of this package, for pipelines and cross-validation.

`BinaryLogisticRegression` takes part where scikit-learn's `LogisticRegression` does, for two
classes and dense features, fits by `companion.logistic_regression.fit_logistic_regression`, and
keeps the digits of small probabilities. Needs scikit-learn, 1.5 or later.
"""

from __future__ import annotations

import dataclasses
import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import validation
from sklearn.utils.multiclass import type_of_target

from companion.contracts import as_array, check_weight
from companion.elementary import log_sigmoid, sigmoid
from companion.logistic_regression import fit_logistic_regression

__all__ = ["BinaryLogisticRegression"]

# What the trainer's messages begin with, and what they advise, in the words of this class
_ARGUMENTS = {
    "features": "X",
    "intercept": "fit_intercept",
    "tolerance": "tol",
    "max_iterations": "max_iter",
}
_ADVICE = {
    "pass l2 > 0": "pass a finite C",
    "raise l2": "lower C",
    "divide weight by": "divide the weights by",
    "and l2 by the same number": "and multiply C by the same number",
    "raise max_iterations": "raise max_iter",
}


class BinaryLogisticRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression for two classes, minimising Σ wᵢ ℓᵢ + ‖β‖² / (2 C).

    Parameters
    ----------
    C : float
        The inverse of the L2 penalty, above 0; `numpy.inf` for none.
    fit_intercept : bool
        Whether an intercept is fitted; it is not penalised.
    class_weight : dict or "balanced", optional
        A factor for the weight of each class, 1 where it is not named; "balanced"
        makes the weights of both sum to the same.
    method : {"newton", "gradient_descent"}
        As in `fit_logistic_regression`.
    tol : float, optional
        The scaled gradient to reach; 0 for as much as rounding allows. See
        `fit_logistic_regression` for the default.
    max_iter : int, optional
        The most iterations, at least 0; see `fit_logistic_regression` for the default.

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
        TypeError
            If X is sparse, or a parameter other than C and class_weight has the wrong type.
        ValueError
            If y has not exactly two classes, or is of dtype object and not all strings; if with
            an intercept only one class has a weight; if a weight is negative, a parameter is out
            of range, or numbers are so large that sums come near overflow.
        """
        X, y = _validated(self, X, y, dtype=np.float64)  # noqa: N806
        _check_objects(y)
        kind = type_of_target(y)
        if kind == "continuous":
            raise ValueError(
                "y: expected two classes, got numbers between them. Unknown label type: "
                f"{kind}; pass classes, or take soft labels to fit_logistic_regression of "
                "companion.logistic_regression"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            few = "one class" if len(self.classes_) == 1 else f"{len(self.classes_)} classes"
            raise ValueError(
                f"y: expected two classes, got {few}. Only binary classification is supported. "
                f"The type of the target is {kind}; for more classes take "
                "sklearn.linear_model.LogisticRegression, or one against the rest with "
                "sklearn.multiclass.OneVsRestClassifier(BinaryLogisticRegression())"
            )
        # pyrefly: ignore[missing-attribute]  (scikit-learn has no public name for it)
        weight = validation._check_sample_weight(sample_weight, X, dtype=np.float64)
        check_weight("sample_weight", weight, y.shape)
        factors = self._factors(codes, weight)
        source = "class_weight" if sample_weight is None or not factors.all() else "sample_weight"
        with np.errstate(over="ignore"):  # the trainer refuses what is infinite
            weight = weight * factors[codes]
        used = np.unique(codes[weight > 0])
        if self.fit_intercept and len(used) == 1:
            raise ValueError(
                f"{source}: expected weights above 0 in both classes, got them only in class "
                f"{self.classes_[used[0]]}; give the other class a weight, or pass "
                "fit_intercept=False"
            )
        try:
            result = fit_logistic_regression(
                X,
                codes,
                weight=weight,
                l2=self._l2(),
                intercept=self.fit_intercept,
                method=self.method,
                tolerance=self.tol,
                max_iterations=self.max_iter,
            )
        except (TypeError, ValueError) as error:
            name, colon, rest = str(error).partition(":")
            name = {**_ARGUMENTS, "weight": source}.get(name, name)
            raise type(error)(name + colon + _in_our_words(rest)) from None
        self.result_ = dataclasses.replace(result, message=_in_our_words(result.message))
        self.coef_ = self.result_.coefficients[None]
        self.intercept_ = np.array([self.result_.intercept])
        self.n_iter_ = np.array([self.result_.iterations])
        if not self.result_.converged:
            warnings.warn(self.result_.message, ConvergenceWarning, stacklevel=2)
        return self

    def _l2(self) -> float:
        if not isinstance(self.C, bool) and isinstance(self.C, Real) and self.C > 0:
            with np.errstate(over="ignore"):
                l2 = float(1 / self.C)
            if l2 < np.inf:
                return l2
        raise ValueError(
            f"C: expected a number above 0, got {self.C!r}; pass 1e-300 to numpy.inf (no L2)"
        )

    def _factors(self, codes: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the factor of each class."""
        if self.class_weight is None:
            return np.ones(len(self.classes_))
        if isinstance(self.class_weight, dict):
            classes = self.classes_.tolist()
            unknown = self.class_weight.keys() - classes
            if unknown and len(self.class_weight) - len(unknown) < 2:
                raise ValueError(
                    f"class_weight: expected the classes {classes} as keys, got "
                    f"{sorted(unknown, key=str)}; name both classes as they stand in y"
                )
            factors = as_array("class_weight", [self.class_weight.get(c, 1) for c in classes])
            check_weight("class_weight", factors, (2,))
            return factors
        if isinstance(self.class_weight, str) and self.class_weight == "balanced":
            # Older versions of scikit-learn balance the counts, newer ones these sums
            sums = np.bincount(codes, weight / (weight.max() or 1))
            return sums.sum() / 2 / np.where(sums > 0, sums, 1)
        raise ValueError(
            f"class_weight: expected None, 'balanced' or a dict with a factor for each class, got "
            f"{self.class_weight!r}; choose one of these"
        )

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


def _validated(estimator: BaseEstimator, X: ArrayLike, *y: ArrayLike, **options: Any) -> Any:  # noqa: N803
    """Check and convert X and y; scikit-learn 1.5 has that as a method of the estimator."""
    if hasattr(X, "toarray"):
        raise TypeError(
            f"X: expected a dense array, got the sparse {type(X).__name__}; pass X.toarray(), or "
            "where that is too large take sklearn.linear_model.LogisticRegression"
        )
    if hasattr(validation, "validate_data"):
        return validation.validate_data(estimator, X, *y, **options)
    # pyrefly: ignore[missing-attribute]  (in 1.5 alone)
    return estimator._validate_data(X, *y, **options)


def _check_objects(y: np.ndarray) -> None:
    """Refuse labels of dtype object that are not all strings, as a column of pandas may have."""
    kinds = {type(label) for label in y} if y.dtype == object else set()
    if all(issubclass(kind, str) for kind in kinds):
        return
    if type(None) in kinds:
        mend = "leave out the rows without a label"
    elif all(issubclass(kind, Real | np.bool_) for kind in kinds):
        mend = "pass y.astype(float)"
    else:
        mend = "pass y.astype(str), if each is a name"
    names = " and ".join(sorted(kind.__name__ for kind in kinds))
    raise ValueError(
        f"y: expected a dtype of numbers, or strings, got objects ({names}). "
        "Unknown label type: unknown; "
        f"{mend}"
    )


def _in_our_words(message: str) -> str:
    for theirs, ours in _ADVICE.items():
        message = message.replace(theirs, ours)
    return message
