"""The trainer: scikit-learn's coefficients, a minimum that mpmath confirms, and honest endings."""

import re
import warnings

import mpmath
import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from companion.logistic_regression import fit_logistic_regression
from tests.tables.engines import INSIDE_NUMPY

FOUR = np.array([[0.0], [1.0], [2.0], [3.0]])
MIXED = np.array([0, 1, 0, 1])


@pytest.fixture(scope="module")
def cancer():
    data, target = load_breast_cancer(return_X_y=True)
    return {"raw": data, "standardised": (data - data.mean(axis=0)) / data.std(axis=0)}, target


def scikit_learn(features, labels, weight, solver="newton-cholesky", tol=1e-12, **options):
    model = LogisticRegression(solver=solver, tol=tol, max_iter=10_000, **options)
    model.fit(features, labels, weight)
    return np.append(model.coef_[0], model.intercept_)


def together(result):
    return np.append(result.coefficients, result.intercept)


def draw(size=40, features=3, seed=0):
    """Return features, hard labels that overlap, and weights."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, features))
    y = (x @ np.arange(1, features + 1) + 4 * rng.normal(size=size) > 0).astype(float)
    return x, y, rng.uniform(0, 2, size)


def exact_gradient(result, features, labels, weight, l2):
    """Return the largest element of the objective's gradient, and the objective, in 50 digits."""
    with mpmath.workdps(50):
        beta = [mpmath.mpf(float(b)) for b in result.coefficients]
        slopes = [l2 * b for b in beta] + [mpmath.mpf(0)]
        loss = sum((b * b for b in beta), mpmath.mpf(0)) * l2 / 2
        for x, y, w in zip(features, labels, weight, strict=True):
            x = [mpmath.mpf(float(v)) for v in x]
            z = sum((b * v for b, v in zip(beta, x, strict=True)), mpmath.mpf(result.intercept))
            loss += w * (mpmath.log1p(mpmath.exp(z)) - y * z)
            slope = w * (1 / (1 + mpmath.exp(-z)) - y)
            slopes = [s + slope * v for s, v in zip(slopes, [*x, 1], strict=True)]
        return [float(s) for s in slopes], float(loss)


def exact_minimum(features, labels, weight, l2, start):
    """Return β and b of the minimum, by Newton's method in 50 digits."""
    with mpmath.workdps(50):
        rows = [[*map(mpmath.mpf, row), mpmath.mpf(1)] for row in np.asarray(features).tolist()]
        labels, weight = np.asarray(labels, float).tolist(), np.asarray(weight, float).tolist()
        penalty = [mpmath.mpf(l2)] * (len(rows[0]) - 1) + [mpmath.mpf(0)]
        theta = mpmath.matrix([mpmath.mpf(float(v)) for v in start])
        for _ in range(40):
            hessian, gradient = mpmath.diag(penalty), mpmath.diag(penalty) * theta
            for row, y, w in zip(rows, labels, weight, strict=True):
                p = 1 / (1 + mpmath.exp(-mpmath.fdot(row, theta)))
                x = mpmath.matrix(row)
                gradient += w * (p - y) * x
                hessian += w * p * (1 - p) * x * x.T
            step = mpmath.lu_solve(hessian, gradient)
            theta -= step
            if mpmath.norm(step) <= mpmath.mpf(10) ** -30 * mpmath.norm(theta):
                return [float(t) for t in theta]
    raise AssertionError("no minimum found")


def is_separated(features, labels, weight):
    """Return whether some line is against no label and for one: a linear programme tells."""
    sides = np.where(np.asarray(labels) > 0, 1, -1)[:, None]
    rows = (sides * np.column_stack([features, np.ones(len(labels))]))[np.asarray(weight) > 0]
    # the most that all margins together can be, each from 0 to 1
    count, width = rows.shape
    margins = np.append(np.zeros(width), -np.ones(count))
    found = linprog(
        margins, np.column_stack([-rows, np.eye(count)]), np.zeros(count),
        bounds=[(-1e3, 1e3)] * width + [(0, 1)] * count,
    )  # fmt: skip
    assert found.status == 0
    return -found.fun > 1e-6


# Against scikit-learn -----------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("intercept", [True, False], ids=["intercept", "no intercept"])
@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("data", ["standardised", "raw"])
def test_coefficients_are_those_of_scikit_learns_newton_solver(
    cancer, data, c, intercept, weighted
):
    features, labels = cancer[0][data], cancer[1]
    weight = np.random.default_rng(0).uniform(0, 3, len(labels)) if weighted else None
    result = fit_logistic_regression(features, labels, l2=1 / c, intercept=intercept, weight=weight)
    peer = scikit_learn(features, labels, weight, C=c, fit_intercept=intercept)
    assert result.converged
    np.testing.assert_allclose(together(result), peer, rtol=0, atol=1e-8)


def test_default_of_scikit_learn_stops_earlier_as_the_docstring_says(cancer):
    features, labels = cancer[0]["standardised"], cancer[1]
    result = fit_logistic_regression(features, labels, l2=1)
    default = scikit_learn(features, labels, None, solver="lbfgs", tol=1e-4)
    assert 0.001 < np.max(abs(together(result) - default)) < 0.1


def test_gradient_descent_arrives_at_the_same_coefficients(cancer):
    features, labels = cancer[0]["standardised"][:, :8], cancer[1]
    result = fit_logistic_regression(
        features, labels, l2=10, method="gradient_descent", tolerance=1e-11
    )
    assert result.converged
    peer = scikit_learn(features, labels, None, C=0.1)
    np.testing.assert_allclose(together(result), peer, rtol=0, atol=1e-8)


def fold(seed, weighted, full):
    """Return a fold of rows in which the last of six levels does not occur, and weights."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 5, 80)
    features = np.column_stack([np.eye(6)[levels][:, 0 if full else 1 :], rng.normal(size=(80, 2))])
    truth = features @ rng.normal(size=features.shape[1])
    labels = (truth + rng.logistic(size=80) > 0).astype(int)
    weight = rng.integers(0, 3, 80) if weighted else np.ones(80)
    return features, labels, weight.astype(float), 5 if full else 4


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize(
    ("method", "l2", "full", "seeds"),
    [
        ("newton", 1.0, True, 200),
        ("newton", 1e-6, True, 200),
        ("newton", 0.0, False, 200),
        ("gradient_descent", 1.0, False, 10),
        ("gradient_descent", 1e-6, False, 5),
        ("gradient_descent", 0.0, False, 5),
    ],
)
def test_fold_without_one_level_ends_as_scikit_learn_and_a_linear_programme_say(
    method, l2, full, seeds, weighted
):
    tolerance = {"newton": None, "gradient_descent": 1e-11}[method]
    agreed = 0
    for seed in range(seeds):
        features, labels, weight, empty = fold(seed, weighted, full)
        result = fit_logistic_regression(
            features, labels, weight=weight, l2=l2, method=method, tolerance=tolerance
        )
        if l2 == 0 and is_separated(features, labels, weight):
            assert not result.converged, seed
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of the empty column
            c = 1 / l2 if l2 else np.inf
            full_columns, seen = np.delete(features, empty, axis=1), weight > 0
            # scikit-learn 1.5 takes a weight of 0 for a fault of its Hessian
            peer = scikit_learn(full_columns[seen], labels[seen], weight[seen], C=c)
        assert result.coefficients[empty] == 0
        if np.max(abs(np.delete(together(result), empty) - peer)) <= 1e-8:
            agreed += 1
            assert result.converged, (seed, result.message)
    assert agreed >= 0.8 * seeds  # the others are separated, or ill-conditioned


@pytest.mark.parametrize("l2", [1e-14, 1e-20])
def test_rounding_in_an_empty_column_is_no_failure_where_the_penalty_decides_nothing(l2):
    for seed in range(10):
        features, labels, weight, empty = fold(seed, False, full=True)
        if is_separated(features, labels, weight):
            continue
        result = fit_logistic_regression(features, labels, l2=l2)
        assert result.converged
        assert abs(result.coefficients[empty]) < 1e-8
        assert "linearly dependent" in result.message
        assert result.message.endswith("drop features, or raise l2")


# Against mpmath -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
def test_gradient_vanishes_at_the_end(method, l2, soft):
    features, labels, weight = draw()
    labels = 0.8 * labels + 0.1 if soft else labels
    result = fit_logistic_regression(features, labels, weight=weight, l2=l2, method=method)
    slopes, loss = exact_gradient(result, features, labels, weight, l2)
    assert result.converged
    # the tolerance times the sum of weights and features; gradient descent's is 1e-8
    assert np.max(np.abs(slopes)) <= {"newton": 1e-12, "gradient_descent": 1e-8}[method] * 100
    assert result.losses[-1] == pytest.approx(loss, rel=1e-13, abs=0)


def test_gradient_norm_and_losses_at_the_start_are_those_of_the_formula():
    features, labels, weight = draw()
    # with a tolerance of almost 1 no step is taken
    result = fit_logistic_regression(features, labels, weight=weight, l2=2.0, tolerance=0.999)
    assert result.iterations == 0
    assert list(result.coefficients) == [0, 0, 0]
    assert result.losses == pytest.approx([weight.sum() * np.log(2)])
    columns = np.column_stack([features, np.ones(len(features))])
    expected = abs(columns.T @ (weight * (0.5 - labels))) / (weight @ abs(columns))
    assert result.gradient_norm == pytest.approx(expected.max())


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
@pytest.mark.parametrize("tolerance", [1.0, 1e300])
def test_start_is_within_a_tolerance_of_one_or_more(tolerance, method):
    result = fit_logistic_regression(FOUR, MIXED, l2=1.0, method=method, tolerance=tolerance)
    assert result.converged
    assert result.iterations == 0


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_tolerance_is_met_by_a_norm_that_equals_it(method):
    start = fit_logistic_regression(FOUR, MIXED, method=method, max_iterations=0)
    result = fit_logistic_regression(FOUR, MIXED, method=method, tolerance=start.gradient_norm)
    assert result.converged
    assert result.iterations == 0


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
@pytest.mark.parametrize("l2", [0.0, 1.0])
def test_start_that_is_the_minimum_is_left_alone(l2, method):
    result = fit_logistic_regression(FOUR, np.full(4, 0.5), l2=l2, method=method, tolerance=0.0)
    assert result.converged
    assert result.iterations == 0


def test_result_is_shown_without_its_losses():
    assert "losses" not in repr(fit_logistic_regression(FOUR, MIXED))


def test_gradient_norm_is_scaled_by_the_penalty_too():
    result = fit_logistic_regression(
        FOUR, MIXED, l2=3.0, method="gradient_descent", learning_rate=0.1, max_iterations=1
    )
    beta, b = result.coefficients[0], result.intercept
    residual = 1 / (1 + np.exp(-(FOUR[:, 0] * beta + b))) - MIXED
    scaled = [(residual @ FOUR[:, 0] + 3 * beta) / (6 + 3 * abs(beta)), residual.sum() / 4]
    assert result.gradient_norm == pytest.approx(np.max(np.abs(scaled)))
    # the first step goes along the gradient at 0: Σ (1/2 − y) x = −1 and Σ (1/2 − y) = 0
    assert (beta, b) == (pytest.approx(0.1), pytest.approx(0))


def test_default_learning_rate_is_one_over_the_bound_of_the_curvature():
    result = fit_logistic_regression(
        FOUR, MIXED, l2=3.0, weight=[1, 2, 3, 4], method="gradient_descent", max_iterations=1
    )
    design = np.column_stack([FOUR, np.ones(4)])
    bound = np.linalg.eigvalsh(design.T @ np.diag([1, 2, 3, 4]) @ design).max() / 4 + 3
    gradient = design.T @ (np.array([1, 2, 3, 4]) * (0.5 - MIXED))
    np.testing.assert_allclose(together(result), -gradient / bound, rtol=1e-12)


def test_condition_number_is_that_of_the_scaled_hessian():
    features, labels, weight = draw()
    features = features * [1e-3, 1, 1e6]  # units do not matter
    result = fit_logistic_regression(features, labels, weight=weight)
    p = result.predict_probabilities(features)
    columns = np.column_stack([features, np.ones(len(features))])
    hessian = columns.T @ np.diag(weight * p * (1 - p)) @ columns
    scale = 1 / np.sqrt(np.diag(hessian))
    expected = np.linalg.cond(hessian * scale * scale[:, None])
    assert result.condition_number == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("l2", [0.0, 1.0])
@pytest.mark.parametrize("offset", [-1e10, 1e4, 1e6, 1e12])
def test_offset_of_the_features_costs_no_digits(offset, l2):
    features, labels, weight = draw(features=2)
    features = features + offset * np.array([1, 3])
    result = fit_logistic_regression(features, labels, weight=weight, l2=l2)
    expected = exact_minimum(features, labels, weight, l2, together(result))
    assert result.converged
    assert result.iterations < 10
    # the tolerance of 1e-12 times the condition number, which is below 100
    np.testing.assert_allclose(result.coefficients, expected[:2], rtol=1e-10)
    assert result.intercept == pytest.approx(expected[2], rel=1e-10, abs=0)


def test_start_is_no_minimum_however_large_the_offset():
    features, labels, _ = draw(features=1)
    result = fit_logistic_regression(
        features + 1e9, labels, method="gradient_descent", max_iterations=20
    )
    assert not result.converged
    assert "centre and scale the features, or take method='newton'" in result.message


def test_label_that_is_nearly_against_nothing_still_makes_a_minimum():
    result = fit_logistic_regression([[1e-7], [1.0], [-1.0]], [0, 1, 0], intercept=False)
    with mpmath.workdps(40):
        small = mpmath.mpf(1e-7)
        expected = mpmath.findroot(
            lambda b: small / (1 + mpmath.exp(-small * b)) - 2 / (1 + mpmath.exp(b)), 17
        )
    assert result.converged
    assert result.coefficients[0] == pytest.approx(float(expected), rel=1e-9, abs=0)
    slow = fit_logistic_regression(
        [[1e-7], [1.0], [-1.0]], [0, 1, 0], intercept=False, method="gradient_descent",
        max_iterations=500,
    )  # fmt: skip
    assert slow.message.startswith("not converged")


@pytest.mark.parametrize("l2", [1e-4, 1e-9, 1e-14, 1e-20])
def test_minimum_of_separated_labels_is_found_where_a_small_penalty_puts_it(l2):
    # the gradient is below the tolerance long before: every slope is
    result = fit_logistic_regression(FOUR, [0, 0, 1, 1], l2=l2)
    expected = exact_minimum(FOUR, [0, 0, 1, 1], np.ones(4), l2, together(result))
    assert result.converged
    np.testing.assert_allclose(together(result), expected, rtol=1e-8)


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_loss_that_still_falls_is_no_end_however_small_the_gradient(method):
    options = {"l2": 1e-300, "method": method, "tolerance": 0.1}
    early = fit_logistic_regression(FOUR, [0, 0, 1, 1], max_iterations=40, **options)
    assert early.gradient_norm < 0.1
    assert not early.converged
    assert "but the loss still falls; raise max_iterations" in early.message
    assert early.message.endswith("or raise l2")
    assert "dependent" not in early.message


@pytest.mark.parametrize("size", [1e-170, 1e-300])
def test_features_that_vanish_beside_the_penalty_get_their_small_coefficients(size):
    features, labels, weight = draw()
    result = fit_logistic_regression(features * size, labels, weight=weight, l2=1.0)
    mean = weight @ labels / weight.sum()
    # to first order in β: the penalty alone balances the slope at the mean
    expected = (weight * (labels - mean)) @ (features * size)
    assert result.converged
    np.testing.assert_allclose(result.coefficients, expected, rtol=1e-10)


# Too large --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
@pytest.mark.parametrize("l2", [0.0, 1.0])
@pytest.mark.parametrize("size", [1e151, 1e160, 1e305])
def test_features_whose_squares_overflow_are_refused_and_the_mend_helps(size, l2, method):
    features, labels, _ = draw()
    features = features * [1, size, 1]
    with np.errstate(all="raise"), pytest.raises(ValueError, match="features: expected squa") as e:
        fit_logistic_regression(features, labels, l2=l2, method=method)
    column, divisor = re.search(
        r"in column (\d);.*divide this column by (\S+)", str(e.value)
    ).groups()
    assert column == "1"
    features[:, 1] /= float(divisor)
    np.testing.assert_allclose(abs(features[:, 1]).max(), 1, rtol=0.5)
    mended = fit_logistic_regression(features, labels, l2=l2)
    peer = scikit_learn(features, labels, None, C=1 / l2 if l2 else np.inf)
    np.testing.assert_allclose(together(mended), peer, rtol=0, atol=1e-8)


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
@pytest.mark.parametrize("l2", [0.0, 1e300])
@pytest.mark.parametrize("size", [1e290, 1e308])
def test_weights_whose_sum_overflows_are_refused_and_the_mend_helps(size, l2, method):
    features, labels, weight = draw()
    large = weight / weight.max() * size
    with np.errstate(all="raise"), pytest.raises(ValueError, match="weight: expected a sum") as e:
        fit_logistic_regression(features, labels, weight=large, l2=l2, method=method)
    divisor = float(re.search(r"divide weight by ([\d.e+]+)", str(e.value))[1])
    assert ("and l2 by the same number" in str(e.value)) == (l2 > 0)
    mended = fit_logistic_regression(features, labels, weight=large / divisor, l2=l2 / divisor)
    scale = weight.max() / size * divisor  # the mended weights are those of the draw, scaled
    expected = exact_minimum(features, labels, weight, l2 / divisor * scale, together(mended))
    np.testing.assert_allclose(together(mended), expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1e-300, 1e-140, 1e140, 1e280])
def test_weights_of_any_other_size_change_nothing_without_penalty(size):
    features, labels, weight = draw()
    with np.errstate(all="raise"):
        result = fit_logistic_regression(features, labels, weight=weight * size)
    expected = fit_logistic_regression(features, labels, weight=weight)
    assert result.converged
    np.testing.assert_allclose(together(result), together(expected), rtol=1e-10)


def test_row_of_weight_zero_may_be_as_large_as_it_likes():
    features, labels, weight = draw()
    weight[0] = 0
    expected = fit_logistic_regression(features[1:], labels[1:], weight=weight[1:])
    features[0] = 1e308
    result = fit_logistic_regression(features, labels, weight=weight)
    np.testing.assert_array_equal(together(result), together(expected))


@pytest.mark.parametrize("rate", [1e10, 1e160, 1e300, 1.7e308])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_learning_rate_that_overflows_is_said_and_raises_nothing(rate, offset):
    features, labels, _ = draw()
    options = {"method": "gradient_descent", "learning_rate": rate, "max_iterations": 50}
    with np.errstate(all="raise"):
        result = fit_logistic_regression(features + offset, labels, l2=1.0, **options)
        free = fit_logistic_regression(features + offset, labels, **options)
    assert not result.converged
    assert not free.converged
    assert result.message.startswith("diverged: the loss is ")
    assert "lower the learning_rate (the loss rose: a learning_rate of at most" in result.message
    assert np.isnan(result.condition_number)


# What does not matter -----------------------------------------------------------------------------


def test_weight_counts_rows():
    features, labels, _ = draw()
    counts = np.random.default_rng(1).integers(0, 4, len(labels))
    weighted = fit_logistic_regression(features, labels, weight=counts, l2=0.1)
    repeated = fit_logistic_regression(
        np.repeat(features, counts, axis=0), np.repeat(labels, counts), l2=0.1
    )
    np.testing.assert_allclose(together(weighted), together(repeated), rtol=1e-9)


def test_row_of_weight_zero_may_have_any_label():
    features, labels, weight = draw()
    weight[:3] = 0
    flipped = np.concatenate([1 - labels[:3], labels[3:]])
    results = [fit_logistic_regression(features, y, weight=weight) for y in (labels, flipped)]
    np.testing.assert_allclose(together(results[0]), together(results[1]), rtol=1e-12)


@pytest.mark.parametrize("kind", [bool, np.int8, np.float32])
def test_dtype_of_features_and_labels_does_not_matter(kind):
    features = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [1, 1], [0, 1]])
    labels = np.array([0, 1, 0, 1, 0, 1])
    expected = together(fit_logistic_regression(features, labels, l2=0.1))
    result = fit_logistic_regression(features.astype(kind), labels.astype(kind), l2=0.1)
    np.testing.assert_array_equal(together(result), expected)


def test_arguments_are_left_as_they_are():
    features, labels, weight = draw()
    copies = features.copy(), labels.copy(), weight.copy()
    fit_logistic_regression(features, labels, weight=weight)
    for array, copy in zip((features, labels, weight), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_intercept_alone_is_the_logit_of_the_mean():
    result = fit_logistic_regression(np.empty((4, 0)), [1, 1, 1, 0])
    assert result.coefficients.shape == (0,)
    assert result.intercept == pytest.approx(np.log(3), rel=1e-12, abs=0)


def test_without_intercept_it_is_zero_and_not_fitted():
    result = fit_logistic_regression(FOUR + 0.5, MIXED, intercept=False)
    assert result.intercept == 0
    assert result.converged


def test_newton_survives_a_start_from_which_full_steps_overshoot():
    features, labels = np.array([[0.01], [100.0], [-100.0], [0.02]]), [0, 1, 0, 1]
    result = fit_logistic_regression(features, labels, l2=1e-6)
    assert result.converged
    assert np.all(np.diff(result.losses) <= 1e-12 * result.losses[0])


# Honest endings -----------------------------------------------------------------------------------


def test_losses_have_one_entry_for_the_start_and_one_for_each_iteration():
    result = fit_logistic_regression(FOUR, MIXED)
    assert len(result.losses) == result.iterations + 1
    assert result.losses[0] == pytest.approx(4 * np.log(2))
    assert np.all(np.diff(result.losses) <= 0)
    assert result.message.startswith("converged: the scaled gradient is ")
    assert result.message.endswith(f"after {result.iterations} iterations")


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_too_few_iterations_are_said(method):
    result = fit_logistic_regression(FOUR, MIXED, method=method, max_iterations=2)
    assert not result.converged
    assert result.iterations == 2
    assert "not converged: the scaled gradient is" in result.message
    assert "after 2 iterations, above the tolerance" in result.message
    assert "raise max_iterations" in result.message


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_perfect_separation_is_said_and_never_called_converged(method):
    result = fit_logistic_regression(FOUR, [0, 0, 1, 1], method=method)
    assert not result.converged
    assert result.message.startswith("no minimum: the labels are separated perfectly")
    assert result.losses[-1] < 0.05
    assert result.coefficients[0] > 5


@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_perfect_separation_is_said_as_soon_as_it_is_seen(method):
    # the line between them is x = 1.5, so that one step has it
    result = fit_logistic_regression(
        FOUR - 1.5, [0, 0, 1, 1], intercept=False, method=method, max_iterations=1
    )
    assert 0 < result.coefficients[0] * 0.5 < 1
    assert result.message.startswith("no minimum: the labels are separated perfectly")


@pytest.mark.parametrize(("against", "said"), [(0.8e-9, "no minimum: some"), (1.2e-9, "not conv")])
def test_label_against_by_less_than_a_billionth_counts_as_none(against, said):
    # from 0 Newton's step moves the logits by 2 and by -2 times the small one
    features = [[against], [1.0], [-1.0]]
    result = fit_logistic_regression(features, [0, 1, 0], intercept=False, max_iterations=0)
    assert result.message.startswith(said)


def test_separation_of_all_but_a_tie_is_said():
    result = fit_logistic_regression([[0.0], [1], [2], [2], [3]], [0, 0, 0, 1, 1])
    assert not result.converged
    assert result.message.startswith("no minimum: some labels are separated perfectly")
    assert result.losses[-1] == pytest.approx(2 * np.log(2), rel=1e-3, abs=0)  # of the tie


def test_separated_breast_cancer_is_said(cancer):
    result = fit_logistic_regression(cancer[0]["standardised"], cancer[1])
    assert not result.converged
    assert "the labels are separated perfectly" in result.message


@pytest.mark.parametrize(
    "options",
    [{"l2": 1e-3}, {"weight": [1, 1, 1, 1, 1]}],
    ids=["penalty", "overlap"],
)
def test_no_separation_is_seen_where_there_is_none(options):
    labels = [0, 0, 1, 1, 1] if "l2" in options else [0, 0, 1, 1, 0]
    result = fit_logistic_regression(np.arange(5.0)[:, None], labels, **options)
    assert result.converged


def test_row_of_weight_zero_prevents_no_separation():
    result = fit_logistic_regression(FOUR, [0, 0, 1, 0], weight=[1, 1, 1, 0])
    assert "separated perfectly" in result.message


def test_soft_label_prevents_separation():
    result = fit_logistic_regression(FOUR, [0, 0, 1, 0.9])
    assert result.converged


def test_dependent_features_are_said():
    features, labels, _ = draw()
    doubled = np.column_stack([features, features[:, 0] + features[:, 1]])
    result = fit_logistic_regression(doubled, labels)
    assert result.converged
    assert result.condition_number == np.inf
    assert "linearly dependent, so that this is one of many minima" in result.message
    assert result.message.endswith("drop features, or pass l2 > 0")
    single = fit_logistic_regression(features, labels)
    assert single.condition_number < 100
    np.testing.assert_allclose(
        result.predict_logits(doubled), single.predict_logits(features), rtol=0, atol=1e-9
    )


def test_penalty_makes_dependent_features_well_posed():
    features, labels, _ = draw()
    doubled = np.column_stack([features, features[:, 0]])
    result = fit_logistic_regression(doubled, labels, l2=1.0)
    assert result.condition_number < 1e3
    assert "dependent" not in result.message
    assert result.coefficients[0] == pytest.approx(result.coefficients[3], rel=1e-10, abs=0)


def test_nearly_dependent_features_converge_and_are_said():
    features, labels, _ = draw(200)
    noise = np.random.default_rng(5).normal(size=200)
    result = fit_logistic_regression(
        np.column_stack([features, features[:, 0] + 1e-6 * noise]), labels
    )
    assert result.converged
    assert 1e10 < result.condition_number < 1e14
    assert "nearly dependent, condition number" in result.message


def test_feature_of_zeros_gets_the_coefficient_zero():
    features, labels, _ = draw()
    result = fit_logistic_regression(np.column_stack([features, np.zeros(len(labels))]), labels)
    assert result.converged
    assert result.coefficients[3] == 0


@pytest.mark.parametrize("tolerance", [0.0, 1e-30])
@pytest.mark.parametrize("method", ["newton", "gradient_descent"])
def test_tolerance_below_rounding_is_met_by_rounding(method, tolerance):
    features, labels, weight = draw()
    result = fit_logistic_regression(
        features, labels, weight=weight, l2=1.0, method=method, tolerance=tolerance,
        max_iterations=2000,
    )  # fmt: skip
    expected = exact_minimum(features, labels, weight, 1.0, together(result))
    assert result.converged
    assert (result.iterations < 20) == (method == "newton")
    assert result.message.endswith("iterations, no more than rounding makes of 0")
    assert 0 < result.gradient_norm < 1e-14
    np.testing.assert_allclose(together(result), expected, rtol=1e-13)


def test_no_progress_above_rounding_is_said():
    # squares of 1e-340 are 0: nothing can be learnt, and nothing is claimed
    features, labels, _ = draw()
    result = fit_logistic_regression(features * 1e-170, labels)
    assert not result.converged
    assert result.gradient_norm > 0.01
    assert "rounding allows no more progress: centre and scale the features" in result.message
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    assert fit_logistic_regression(scaled, labels).converged


def test_no_iteration_returns_the_start_and_says_so():
    result = fit_logistic_regression(FOUR, MIXED, max_iterations=0)
    assert not result.converged
    assert "after 0 iterations" in result.message
    assert together(result).tolist() == [0, 0]


@pytest.mark.parametrize("labels", [MIXED, np.ones(4)])
def test_nothing_to_fit_is_said(labels):
    result = fit_logistic_regression(np.empty((4, 0)), labels, intercept=False)
    assert result.converged
    assert result.message.startswith("converged: there is nothing to fit")
    assert result.losses == pytest.approx([4 * np.log(2)])


def test_sure_digits_are_counted_from_the_tolerance():
    # condition number about 1e7: enough digits at 1e-12, none at 1e-8
    features, labels, weight = draw(200)
    noise = np.random.default_rng(5).normal(size=200)
    features = np.column_stack([features, features[:, 0] + 1e-3 * noise])
    result = fit_logistic_regression(features, labels, weight=weight)
    assert 1e6 < result.condition_number < 1e8
    assert "dependent" not in result.message
    loose = fit_logistic_regression(features, labels, weight=weight, tolerance=1e-8)
    assert "of the coefficients at most the first digits are sure" in loose.message
    assert fit_logistic_regression(features, labels, tolerance=0).message.endswith("of 0")


def test_learning_rate_that_diverges_is_said():
    features, labels, _ = draw()
    result = fit_logistic_regression(
        features, labels, l2=1.0, method="gradient_descent", learning_rate=10.0, max_iterations=500
    )
    assert not result.converged
    assert "the loss rose: a learning_rate of at most" in result.message
    assert "diverged" in result.message


@INSIDE_NUMPY  # its last bit rises here, that of another engine need not
def test_rise_by_rounding_at_the_minimum_is_no_fault_of_the_learning_rate():
    result = fit_logistic_regression(
        FOUR, MIXED, method="gradient_descent", learning_rate=0.3, tolerance=0.0,
        max_iterations=1000,
    )  # fmt: skip
    assert result.losses[-1] > result.losses.min()
    assert result.converged
    assert result.message.endswith("no more than rounding makes of 0")


def test_learning_rate_that_is_too_small_is_not_blamed_for_a_rise():
    result = fit_logistic_regression(
        FOUR, MIXED, method="gradient_descent", learning_rate=1e-6, max_iterations=5
    )
    assert not result.converged
    assert "the loss rose" not in result.message


# Predictions --------------------------------------------------------------------------------------


def test_predictions_are_the_line_and_its_sigmoid():
    result = fit_logistic_regression(FOUR, MIXED)
    logits = FOUR[:, 0] * result.coefficients[0] + result.intercept
    np.testing.assert_allclose(result.predict_logits(FOUR), logits, rtol=1e-15)
    np.testing.assert_allclose(
        result.predict_probabilities(FOUR), 1 / (1 + np.exp(-logits)), rtol=1e-14
    )


def test_predictions_want_the_same_number_of_features():
    with pytest.raises(ValueError, match="features: expected 1 columns as in the fit, got 2"):
        fit_logistic_regression(FOUR, MIXED).predict_logits(np.ones((4, 2)))


# Refused ----------------------------------------------------------------------------------------

BAD = {
    "features of text": ({"features": [["a"]] * 4}, TypeError, "features: expected real numbers"),
    "one-dimensional features": ({"features": FOUR[:, 0]}, ValueError,
                                 r"features: expected shape \(N, number of features\).*got \(4,\)"),
    "no rows": ({"features": np.empty((0, 1))}, ValueError, "with at least one row"),
    "NaN feature": ({"features": [[0.0], [np.nan], [1.0], [2.0]]}, ValueError,
                    r"features: expected finite numbers, got nan at index \(1, 0\)"),
    "infinite feature": ({"features": [[0.0], [1.0], [1.0], [np.inf]]}, ValueError,
                         r"got inf at index \(3, 0\)"),
    "labels of a column": ({"labels": MIXED[:, None]}, ValueError,
                           r"labels: expected shape \(4,\).*got \(4, 1\); pass labels.ravel"),
    "too few labels": ({"labels": [0, 1]}, ValueError, "one number for each row"),
    "labels of -1 and 1": ({"labels": [-1, 1, -1, 1]}, ValueError, "signs: pass"),
    "NaN label": ({"labels": [0, 1, np.nan, 1]}, ValueError, "NaN marks what is unknown"),
    "only 1": ({"labels": [1, 1, 1, 1]}, ValueError, "labels: expected 0 and 1, got only 1"),
    "only 0": ({"labels": [0, 0, 0, 0], "l2": 1.0}, ValueError, "got only 0"),
    "one row": ({"features": [[2.0]], "labels": [1]}, ValueError, "got only 1; with one class"),
    "only 1 with weight": ({"weight": [0, 1, 0, 1]}, ValueError, "got only 1; with one class"),
    "weight of a wrong length": ({"weight": [1, 2]}, ValueError, r"weight: expected shape \(4,\)"),
    "negative weight": ({"weight": [1, -1, 1, 1]}, ValueError, "at least 0, got -1.0"),
    "infinite weight": ({"weight": [1, np.inf, 1, 1]}, ValueError, "at least 0, got inf"),
    "no weight": ({"weight": [0, 0, 0, 0]}, ValueError, "weight: expected a positive sum, got 0"),
    "negative l2": ({"l2": -1.0}, ValueError, r"l2: expected a number in \[0, inf\)"),
    "infinite l2": ({"l2": np.inf}, ValueError, "l2: expected a number in"),
    "NaN l2": ({"l2": np.nan}, ValueError, "l2: expected a number in"),
    "l2 for each feature": ({"l2": [1.0]}, ValueError, "l2: expected one number in"),
    "intercept of 2": ({"intercept": 2}, TypeError, "intercept: expected True or False, got 2"),
    "method": ({"method": "adam"}, ValueError, "method: expected one of 'newton', 'gradient_desc"),
    "rate for Newton": ({"learning_rate": 0.1}, ValueError, "learning_rate: expected None for"),
    "rate of zero": ({"learning_rate": 0.0, "method": "gradient_descent"}, ValueError,
                     r"learning_rate: expected a number in \(0, inf\)"),
    "negative tolerance": ({"tolerance": -1e-9}, ValueError, "tolerance: expected a number in"),
    "-1 iterations": ({"max_iterations": -1}, ValueError, "max_iterations: expected at least 0"),
    "half an iteration": ({"max_iterations": 1.5}, TypeError, "an integer, got float"),
    "True iterations": ({"max_iterations": True}, TypeError, "an integer, got bool"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_refused_by_name(options, kind, message):
    arguments = {"features": FOUR, "labels": MIXED} | options
    with pytest.raises(kind, match=message):
        fit_logistic_regression(**arguments)


def test_one_class_without_intercept_has_a_minimum_with_a_penalty():
    result = fit_logistic_regression(FOUR, np.ones(4), intercept=False, l2=1.0)
    assert result.converged
    alone = fit_logistic_regression(FOUR, np.ones(4), intercept=False)
    assert alone.message.startswith("no minimum")


def test_a_size_that_is_named_as_the_limit_is_refused():
    with pytest.raises(ValueError, match=re.escape("weight: expected a sum below 1e+290")):
        fit_logistic_regression(FOUR, MIXED, weight=[5e289, 5e289, 0, 0])
    rest = np.sqrt(1e300 - 1e150 * 1e150)
    assert np.sum(np.array([1e150, rest]) ** 2) == 1e300
    with pytest.raises(ValueError, match=re.escape("squares with a sum below 1e+300")):
        fit_logistic_regression([[1e150, rest], [0, 0]], [0, 1])


def test_a_gradient_just_at_the_tolerance_is_small_enough_but_the_loss_may_still_fall():
    options = {"l2": 1e-2, "method": "gradient_descent", "max_iterations": 5}
    norm = fit_logistic_regression(FOUR, FOUR[:, 0] > 1, tolerance=0, **options).gradient_norm
    result = fit_logistic_regression(FOUR, FOUR[:, 0] > 1, tolerance=norm, **options)
    assert result.gradient_norm == norm
    assert not result.converged
    assert "but the loss still falls" in result.message
