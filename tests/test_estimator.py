"""The classifier: scikit-learn's own checks, and agreement with its LogisticRegression."""

import re
import warnings

import mpmath
import numpy as np
import pytest
import scipy.sparse
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
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
    # log_sigmoid is within the 3 ULP of softplus, each at most 2.3e-16 of the number
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


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_folds_without_a_level_end_without_a_warning(method):
    rng = np.random.default_rng(0)
    town = rng.choice(list("abcdefgh"), p=[0.23] * 4 + [0.02] * 4, size=60)
    labels = rng.random(60) < np.where(town < "c", 0.3, 0.7)
    encoder = OneHotEncoder(categories=[list("abcdefghi")], sparse_output=False)
    features = encoder.fit_transform(town[:, None])
    absent = 0
    for seed in range(10):
        for fold, _ in KFold(4, shuffle=True, random_state=seed).split(features):
            model = BinaryLogisticRegression(method=method).fit(features[fold], labels[fold])
            empty = ~features[fold].any(axis=0)
            absent += empty[:8].any()
            peer = LogisticRegression(solver="newton-cholesky", tol=1e-12)
            peer.fit(features[fold], labels[fold])
            assert model.result_.converged
            assert np.all(model.coef_[0, empty] == 0)
            # gradient descent stops at 1e-8, times a condition number below 100
            tolerance = {"newton": 1e-8, "gradient_descent": 1e-6}[method]
            np.testing.assert_allclose(model.coef_, peer.coef_, rtol=0, atol=tolerance)
    assert absent > 10


def test_fits_that_fail_still_warn():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 2))
    separated = features[:, 0] > 0.1
    mixed = separated ^ (rng.random(30) < 0.2)
    for labels, options, reason in (
        (separated, {"C": np.inf}, "separated perfectly"),
        (separated, {"C": np.inf, "method": "gradient_descent", "max_iter": 300}, "separated"),
        (mixed, {"max_iter": 2}, "after 2 iterations, above the tolerance"),
        (mixed, {"max_iter": 0}, "after 0 iterations"),
        (mixed, {"method": "gradient_descent", "max_iter": 3}, "raise max_iter, centre and scale"),
    ):
        with pytest.warns(ConvergenceWarning, match=reason):
            BinaryLogisticRegression(**options).fit(features, labels)
    with pytest.warns(ConvergenceWarning, match="centre and scale the features"):
        BinaryLogisticRegression(method="gradient_descent", max_iter=50).fit(features + 1e6, mixed)


def test_tolerance_of_zero_is_met_by_rounding(cancer):
    model = BinaryLogisticRegression(tol=0).fit(*cancer)
    peer = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(*cancer)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=0, atol=1e-8)
    assert model.n_iter_[0] < 20


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


# Refused ----------------------------------------------------------------------------------------

# Words of the trainer that mean nothing to a user of the class
FOREIGN = r"l2|max_iterations|learning_rate|tolerance=|\bweight=|features:|labels:|\bintercept:"
X3, Y3 = np.array([[0.0], [1.0], [2.0]]), np.array([0, 1, 0])
BAD = {
    "three classes": ({}, {"y": [0, 1, 2]}, ValueError, "y: expected two classes, got 3 classes"),
    "one class": ({}, {"y": [1, 1, 1]}, ValueError, "y: expected two classes, got one class"),
    "soft labels": ({}, {"y": [0.1, 0.5, 0.9]}, ValueError,
                    "y: expected two classes, got numbers between.* to fit_logistic_regression"),
    "missing label": ({}, {"y": np.array([None, 1, 1], object)}, ValueError,
                      r"got objects \(NoneType and int\).*; leave out the rows without a label"),
    "C of zero": ({"C": 0.0}, {}, ValueError, "C: expected a number above 0, got 0.0"),
    "negative C": ({"C": -1}, {}, ValueError, "C: expected a number above 0, got -1"),
    "C of True": ({"C": True}, {}, ValueError, "C: expected a number above 0, got True"),
    "C of text": ({"C": "1"}, {}, ValueError, "C: expected a number above 0, got '1'"),
    "C of NaN": ({"C": np.nan}, {}, ValueError, "C: expected a number above 0, got nan"),
    "C that is too small": ({"C": 1e-310}, {}, ValueError, "C: .*got 1e-310; pass 1e-300"),
    "C of NumPy too small": ({"C": np.float64(1e-310)}, {}, ValueError, "C: .*1e-310"),
    "method": ({"method": "lbfgs"}, {}, ValueError, "method: expected one of 'newton'"),
    "fit_intercept of 1": ({"fit_intercept": 1}, {}, TypeError,
                           "fit_intercept: expected True or False, got 1; choose one"),
    "negative tol": ({"tol": -1.0}, {}, ValueError, r"tol: expected a number in \[0, inf\)"),
    "infinite tol": ({"tol": np.inf}, {}, ValueError, "tol: expected a number in"),
    "tol of text": ({"tol": "low"}, {}, TypeError, "tol: expected real numbers"),
    "negative max_iter": ({"max_iter": -1}, {}, ValueError, "max_iter: expected at least 0"),
    "half an iteration": ({"max_iter": 1.5}, {}, TypeError, "max_iter: expected an integer"),
    "class_weight": ({"class_weight": "foo"}, {}, ValueError,
                     "class_weight: expected None, 'balanced' or a dict .*got 'foo'; choose one"),
    "class_weight of a list": ({"class_weight": [1, 2]}, {}, ValueError, "class_weight: expected"),
    "misspelt class": ({"class_weight": {"0": 2.0, 1: 1.0}}, {}, ValueError,
                       r"class_weight: expected the classes \[0, 1\] as keys, got \['0'\]; name"),
    "negative class_weight": ({"class_weight": {0: -1.0}}, {}, ValueError,
                              "class_weight: expected finite values of at least 0, got -1.0"),
    "class_weight of text": ({"class_weight": {0: "2"}}, {}, TypeError, "class_weight: expected"),
    "class of weight 0": ({"class_weight": {0: 0.0}}, {}, ValueError,
                          "class_weight: expected weights above 0 in both.*only in class 1"),
    "sample_weight of one class": (
        {"class_weight": {0: 2}}, {"sample_weight": [1, 0, 1]}, ValueError,
        "sample_weight: expected weights above 0 in both classes.*only in class 0;.*fit_intercept"),
    "class_weight of 0 beside sample_weight": (
        {"class_weight": {0: 0}}, {"sample_weight": [1, 2, 1]}, ValueError,
        "class_weight: expected weights above 0 in both classes"),
    "balance without one class": (
        {"class_weight": "balanced"}, {"sample_weight": [1, 0, 1]}, ValueError,
        "sample_weight: expected weights above 0 in both classes.*only in class 0"),
    "balance of too much": (
        {"class_weight": "balanced"}, {"sample_weight": [1e308, 1e308, 1e308]}, ValueError,
        "sample_weight: expected a sum below 1e.290, got inf"),
    "negative sample_weight": ({"class_weight": {0: 2}}, {"sample_weight": [1, -1, 1]}, ValueError,
                               "sample_weight: expected finite values of at least 0, got -1.0"),
    "overflow of both": ({"class_weight": {0: 1e200}}, {"sample_weight": [1e200, 1, 1]}, ValueError,
                         "sample_weight: expected finite values of at least 0, got inf"),
    "no feature": ({"fit_intercept": False}, {"X": np.empty((3, 0))}, ValueError, "0 feature"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "changes", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_refused_by_name(options, changes, kind, message):
    with pytest.raises(kind, match=message) as caught:
        BinaryLogisticRegression(**options).fit(**{"X": X3, "y": Y3} | changes)
    assert type(caught.value) is kind
    assert not re.search(FOREIGN, str(caught.value))


def test_sparse_features_are_refused_and_the_mends_work(cancer):
    features, names = cancer
    sparse = scipy.sparse.csr_array(np.where(features > 1, features, 0))
    model = BinaryLogisticRegression().fit(sparse.toarray(), names)
    message = (
        r"X: expected a dense array, got the sparse csr_array; pass X.toarray\(\), "
        r"or .*sklearn.linear_model.LogisticRegression"
    )
    for call in (lambda: model.fit(sparse, names), lambda: model.predict(sparse)):
        with pytest.raises(TypeError, match=message):
            call()
    peer = LogisticRegression(tol=1e-10, max_iter=1000).fit(sparse, names)
    np.testing.assert_allclose(peer.coef_, model.coef_, rtol=0, atol=1e-4)


def test_more_classes_are_refused_and_the_mend_works():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    features = rng.normal(size=(90, 2)) + 3 * np.eye(3)[labels, :2]
    with pytest.raises(ValueError, match="got 3 classes") as caught:
        BinaryLogisticRegression().fit(features, labels)
    assert "sklearn.linear_model.LogisticRegression, or" in str(caught.value)
    assert "OneVsRestClassifier(BinaryLogisticRegression())" in str(caught.value)
    mended = OneVsRestClassifier(BinaryLogisticRegression()).fit(features, labels)
    peer = OneVsRestClassifier(LogisticRegression(tol=1e-10)).fit(features, labels)
    np.testing.assert_array_equal(mended.predict(features), peer.predict(features))
    assert mended.score(features, labels) > 0.8


@pytest.mark.parametrize(
    ("labels", "kinds", "mend", "classes"),
    [
        ([0, 1, 0], "int", "float", [0.0, 1.0]),
        ([False, True, False], "bool", "float", [0.0, 1.0]),
        ([0.0, True, 0], "bool and float and int", "float", [0.0, 1.0]),
        ([1, "b", 1], "int and str", "str", ["1", "b"]),
    ],
)
def test_objects_are_refused_and_the_mend_works(labels, kinds, mend, classes):
    labels = np.array(labels, object)
    with pytest.raises(ValueError, match=rf"objects \({kinds}\).*; pass y.astype\({mend}\)"):
        BinaryLogisticRegression().fit(X3, labels)
    fitted = BinaryLogisticRegression().fit(X3, labels.astype(mend))
    assert fitted.classes_.tolist() == classes
    np.testing.assert_array_equal(fitted.coef_, BinaryLogisticRegression().fit(X3, Y3).coef_)


@pytest.mark.parametrize("kind", [str, np.str_])
def test_names_as_objects_are_classes(kind):
    labels = np.array([kind(name) for name in ("no", "yes", "no")], object)
    fitted = BinaryLogisticRegression().fit(X3, labels)
    assert fitted.classes_.tolist() == ["no", "yes"]
    assert fitted.predict(X3).tolist() == ["no", "no", "no"]


def test_features_too_large_are_refused_and_the_mend_works(cancer):
    features, names = cancer
    features = features * np.where(np.arange(30) == 7, 1e160, 1)
    with pytest.raises(ValueError, match="X: expected squares with a sum below") as caught:
        BinaryLogisticRegression(C=np.inf).fit(features, names)
    column, divisor = re.search(r"in column (\d+);.*column by (\S+)", str(caught.value)).groups()
    features[:, int(column)] /= float(divisor)
    model = BinaryLogisticRegression().fit(features, names)
    peer = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(features, names)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=0, atol=1e-8)


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("c", [1e-300, np.inf])
def test_weights_too_large_are_refused_and_the_mend_works(c, by_class):
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(50, 2)), rng.random(50) < 0.4
    factors = {False: 1e307, True: 3e306}
    weight = np.where(labels, factors[True], factors[False])
    model = BinaryLogisticRegression(C=c, class_weight=factors if by_class else None)
    name = "class_weight" if by_class else "sample_weight"
    with pytest.raises(ValueError, match=f"{name}: expected a sum below 1e.290, got inf") as caught:
        model.fit(features, labels, None if by_class else weight)
    divisor = float(re.search(r"divide the weights by ([\d.e+]+)", str(caught.value))[1])
    assert ("multiply C by the same number" in str(caught.value)) == (c < np.inf)
    mended = BinaryLogisticRegression(C=c * divisor).fit(features, labels, weight / divisor)
    peer = LogisticRegression(C=c * 1e307, solver="newton-cholesky", tol=1e-12)
    peer.fit(features, labels, weight / 1e307)
    np.testing.assert_allclose(mended.coef_, peer.coef_, rtol=0, atol=1e-8)


def test_one_class_alone_may_have_a_weight_where_no_intercept_is_fitted(cancer):
    features, names = cancer
    options = {"fit_intercept": False, "class_weight": {"benign": 0}}
    model = BinaryLogisticRegression(**options).fit(features, names)
    only = features[names == "malignant"]
    result = fit_logistic_regression(only, np.ones(len(only)), l2=1, intercept=False)
    np.testing.assert_allclose(model.coef_[0], result.coefficients, rtol=1e-9)


@pytest.mark.parametrize("balanced", [True, False])
def test_class_that_is_not_named_has_the_factor_one(cancer, balanced):
    features, names = cancer
    counts = {c: np.sum(names == c) for c in ("benign", "malignant")}
    ratio = counts["malignant"] / counts["benign"]  # 0.59
    given = {"benign": ratio}
    model = BinaryLogisticRegression(class_weight=given, C=np.inf, fit_intercept=False)
    options = {"C": np.inf, "fit_intercept": False}
    weight = np.where(names == "benign", ratio, 1.0)
    if balanced:  # the same up to a factor of all, which changes nothing without a penalty
        model = BinaryLogisticRegression(class_weight="balanced", **options)
    features = features[:, :2]
    model.fit(features, names)
    expected = BinaryLogisticRegression(**options).fit(features, names, weight)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-9)


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e280])
def test_balanced_classes_weigh_half_of_the_sum_each(size):
    features, labels = np.arange(6.0)[:, None], np.array([0, 1, 0, 1, 0, 0])
    weight = np.array([1e-310, 0.1, 5.0, 0.2, 2.0, 3.0])
    sums = np.bincount(labels, weight)
    options = {"C": 1 / size}  # a penalty that grows with the weights
    balanced = BinaryLogisticRegression(class_weight="balanced", **options)
    balanced.fit(features, labels, weight * size)
    factors = {k: sums.sum() / 2 / sums[k] for k in (0, 1)}
    expected = BinaryLogisticRegression(class_weight=factors).fit(features, labels, weight)
    np.testing.assert_allclose(balanced.coef_, expected.coef_, rtol=1e-9)


def test_key_that_is_no_class_is_allowed_where_both_classes_are_named():
    weights = {0: 2.0, 1: 1.0, 2: 5.0}  # for all sets of labels of a study
    model = BinaryLogisticRegression(class_weight=weights).fit(X3, Y3)
    expected = BinaryLogisticRegression().fit(X3, Y3, [2.0, 1.0, 2.0])
    np.testing.assert_array_equal(model.coef_, expected.coef_)


@pytest.mark.parametrize(
    ("options", "features", "labels", "words"),
    [
        ({"C": np.inf}, X3, [0, 0, 1], "pass a finite C"),
        ({"C": np.inf}, X3[[0, 1, 1, 2]], [0, 0, 1, 1], "pass a finite C"),
        ({"C": np.inf}, X3[[0, 1, 2, 1]] * [[1, 2]], [0, 1, 0, 0], "or pass a finite C"),
        ({"C": 1e18}, X3[[0, 1, 2, 1]] * [[1, 2]], [0, 1, 0, 0], "or lower C"),
        ({"max_iter": 1}, X3, Y3, "raise max_iter, or centre"),
        ({"C": np.inf}, X3[[0, 1, 2, 1]] * 1e-200, [0, 1, 1, 0], "rounding allows no more"),
        ({"method": "gradient_descent", "max_iter": 1}, X3, Y3, "or take method='newton'"),
    ],
)
def test_endings_are_told_in_the_words_of_the_class(options, features, labels, words):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = BinaryLogisticRegression(**options).fit(features, labels)
    message = model.result_.message
    assert words in message
    assert not re.search(FOREIGN, message)
    assert [str(w.message) for w in caught] == [] if model.result_.converged else [message]
