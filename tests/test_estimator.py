"""The classifier: scikit-learn's own checks, and agreement with its LogisticRegression."""

import mpmath
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from companion.estimator import BinaryLogisticRegression
from companion.logistic_regression import fit_logistic_regression

# A list, because pytest no longer likes the generator that older versions give
CHECKS = parametrize_with_checks([BinaryLogisticRegression()])
CHECKS = pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), ids=CHECKS.kwargs["ids"])


@CHECKS
def test_check_of_scikit_learn_passes(estimator, check):
    name = getattr(check, "func", check).__name__
    if sklearn.__version__.startswith("1.6.") and "weight_equivalence" in name:
        pytest.skip("1.6 makes labels binary by the first one, after shuffling one of two copies")
    check(estimator)


@pytest.fixture(scope="module")
def cancer():
    data, target = load_breast_cancer(return_X_y=True)
    names = np.array(["malignant", "benign"])
    return StandardScaler().fit_transform(data), names[target]


@pytest.mark.parametrize("class_weight", [None, "balanced", {"benign": 0.5, "malignant": 3.0}])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("regularisation", [0.1, 10.0])
def test_attributes_are_those_of_scikit_learn(cancer, class_weight, fit_intercept, regularisation):
    features, names = cancer
    weight = np.random.default_rng(0).uniform(0, 2, len(names))
    options = {"C": regularisation, "fit_intercept": fit_intercept}
    model = BinaryLogisticRegression(class_weight=class_weight, **options)
    model.fit(features, names, sample_weight=weight)
    if class_weight == "balanced":  # of which scikit-learn 1.5 and 1.9 have different ideas
        class_weight = {c: weight.sum() / 2 / weight[names == c].sum() for c in model.classes_}
    options |= {"class_weight": class_weight, "solver": "newton-cholesky", "tol": 1e-12}
    peer = LogisticRegression(**options).fit(features, names, weight)
    np.testing.assert_array_equal(model.classes_, ["benign", "malignant"])
    assert model.coef_.shape == peer.coef_.shape
    assert model.intercept_.shape == peer.intercept_.shape
    # both stop at rounding; coefficients are below 10 and the condition number below 1e4
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, peer.intercept_, rtol=0, atol=1e-8)
    np.testing.assert_array_equal(model.predict(features), peer.predict(features))
    np.testing.assert_allclose(
        model.decision_function(features), peer.decision_function(features), rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        model.predict_proba(features), peer.predict_proba(features), rtol=0, atol=1e-7
    )
    assert model.n_iter_.shape == (1,)
    assert 3 < model.n_iter_[0] < 20
    assert model.result_.converged


@pytest.fixture(scope="module")
def steep():
    """Return a model whose logits are the feature."""
    model = BinaryLogisticRegression().fit([[-1.0], [1.0]], [0, 1])
    model.coef_, model.intercept_ = np.array([[1.0]]), np.array([0.0])
    return model


@pytest.mark.parametrize("logit", [-700.0, -40.0, -1.0, 0.0, 1.0, 40.0, 700.0])
def test_probabilities_and_their_logarithms_keep_their_digits(steep, logit):
    exact = [1 / (1 + mpmath.exp(sign * mpmath.mpf(logit))) for sign in (1, -1)]
    probabilities = [float(p) for p in exact]
    with mpmath.workdps(400):
        logarithms = [float(-mpmath.log1p(mpmath.exp(s * mpmath.mpf(logit)))) for s in (1, -1)]
    # sigmoid and log_sigmoid promise 2 ULP and 2 ULP
    np.testing.assert_allclose(steep.predict_proba([[logit]])[0], probabilities, rtol=1e-15)
    np.testing.assert_allclose(steep.predict_log_proba([[logit]])[0], logarithms, rtol=1e-15)


def test_logit_zero_goes_to_the_first_class_as_in_scikit_learn(steep):
    assert steep.predict([[0.0]])[0] == 0
    assert steep.predict([[1e-300]])[0] == 1


def test_infinite_c_is_no_penalty():
    features, labels = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    model = BinaryLogisticRegression(C=np.inf).fit(features, labels)
    result = fit_logistic_regression(features, labels)
    np.testing.assert_array_equal(model.coef_[0], result.coefficients)
    assert model.result_.losses[-1] == result.losses[-1]


def test_separated_labels_raise_a_warning_with_the_reason():
    with pytest.warns(ConvergenceWarning, match="separated perfectly") as caught:
        BinaryLogisticRegression(C=np.inf).fit([[0.0], [1.0]], [0, 1])
    assert caught[0].filename == __file__


def test_options_reach_the_fit(cancer):
    features, names = cancer
    options = {"method": "gradient_descent", "max_iter": 7, "tol": 1e-3}
    with pytest.warns(ConvergenceWarning, match="after 7 iterations, above the tolerance 1.0e-03"):
        model = BinaryLogisticRegression(**options).fit(features, names)
    assert model.n_iter_ == [7]
    assert clone(model).get_params() == model.get_params()


def test_takes_part_in_pipelines_and_cross_validation():
    data, target = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), BinaryLogisticRegression())
    peer = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-10, max_iter=1000))
    np.testing.assert_allclose(
        cross_val_score(model, data, target, scoring="neg_log_loss"),
        cross_val_score(peer, data, target, scoring="neg_log_loss"),
        rtol=1e-4,  # lbfgs stops earlier
    )


BAD = {
    "three classes": ({}, [0, 1, 2], "y: expected two classes, got 3 classes"),
    "one class": ({}, [1, 1, 1], "y: expected two classes, got one class"),
    "C of zero": ({"C": 0.0}, [0, 1, 0], "C: expected a number above 0, got 0.0"),
    "negative C": ({"C": -1}, [0, 1, 0], "C: expected a number above 0, got -1"),
    "C of True": ({"C": True}, [0, 1, 0], "C: expected a number above 0, got True"),
    "C of text": ({"C": "1"}, [0, 1, 0], "C: expected a number above 0, got '1'"),
    "C of NaN": ({"C": np.nan}, [0, 1, 0], "C: expected a number above 0, got nan"),
    "method": ({"method": "lbfgs"}, [0, 1, 0], "method: expected one of 'newton'"),
}


@pytest.mark.parametrize(("options", "labels", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_refused_by_name(options, labels, message):
    with pytest.raises(ValueError, match=message):
        BinaryLogisticRegression(**options).fit([[0.0], [1.0], [2.0]], labels)
