"""The objective beneath the trainer: its shift, what rounding may hide, and its steps."""

import mpmath
import numpy as np
import pytest

from companion._logistic import Point, line_search, make_objective

EPS = np.finfo(float).eps
X = np.array([[3.0, -1.0, -2.0], [5.0, 2.0, -4.0], [4.0, 0.5, -7.0], [9.0, 1.0, -3.0]])
Y = np.array([0.0, 1.0, 0.3, 1.0])
W = np.array([1.0, 2.0, 0.5, 3.0])
AT = np.array([0.2, -0.3, 0.1, 0.4])  # parameters, the intercept last


def objective(l2=0.7, intercept=True):
    return make_objective(X, Y, W, l2, intercept)


def exact(beta, b, l2):
    """Return the value, and the gradient in β and b, of the sum as the trainer defines it."""
    z = X @ beta + b
    loss = W @ (np.log1p(np.exp(z)) - Y * z) + l2 / 2 * beta @ beta
    slope = W * (1 / (1 + np.exp(-z)) - Y)
    return loss, np.append(X.T @ slope + l2 * beta, slope.sum())


# The shift ----------------------------------------------------------------------------------------


def test_shift_is_the_number_of_the_column_nearest_to_zero_if_zero_is_outside():
    made = objective()
    np.testing.assert_array_equal(made.shift, [3, 0, -2, 0])
    np.testing.assert_array_equal(made.design, np.column_stack([X - [3, 0, -2], np.ones(4)]))
    np.testing.assert_array_equal(made.penalty, [0.7, 0.7, 0.7, 0])


def test_without_intercept_nothing_takes_a_shift_up():
    made = objective(intercept=False)
    np.testing.assert_array_equal(made.design, X)
    np.testing.assert_array_equal(made.shift, [0, 0, 0])
    np.testing.assert_array_equal(made.penalty, [0.7, 0.7, 0.7])


def test_value_is_that_of_the_sum_for_the_unshifted_parameters():
    made = objective()
    point = made.at(AT)
    beta, b = made.unshifted(point)
    np.testing.assert_array_equal(beta, AT[:3])
    assert b == pytest.approx(0.4 - 3 * 0.2 + 2 * 0.1)
    loss, gradient = exact(beta, b, 0.7)
    assert point.loss == pytest.approx(loss, rel=1e-14, abs=0)
    # in the shifted parameters the slope of β keeps the constant c, not b
    shifted = gradient - np.append(made.shift[:3], 0) * gradient[-1]
    np.testing.assert_allclose(point.gradient, shifted, rtol=1e-13)


def test_point_is_finite_unless_its_loss_or_a_parameter_is_not():
    point = objective().at(AT)
    assert point.is_finite()
    assert not point._replace(loss=np.inf).is_finite()
    assert not point._replace(loss=np.nan).is_finite()
    assert not point._replace(parameters=np.array([0, np.inf, 0, 0])).is_finite()


def test_point_is_flat_where_half_the_slope_along_the_step_is_a_small_share_of_the_loss():
    point = objective().at(AT)._replace(loss=4.0, gradient=np.array([-3.0, 0, 1, 0]))
    step = np.array([1.0, 5.0, 1.0, 0.0])  # a slope of -2: a gain of 1, a quarter of the loss
    assert point.is_flat(step, 0.2501)
    assert point.is_flat(step, 0.25)
    assert not point.is_flat(step, 0.2499)


# What the gradient is measured by -----------------------------------------------------------------


def test_norm_divides_each_element_by_what_it_could_be():
    made = objective()
    point = made.at(AT)
    size = W @ abs(made.design) + np.array([1, 1, 1, 0]) * 0.7 * 0.3
    for j in range(4):
        alone = point._replace(gradient=np.where(np.arange(4) == j, -2.0, 0.0))
        assert made.gradient_norm(alone) == pytest.approx(2 / size[j], rel=1e-14, abs=0)


def test_norm_of_a_column_without_data_is_beside_the_largest_coefficient():
    made = make_objective(np.column_stack([X[:, 1], np.zeros(4)]), Y, W, 0.5, intercept=True)
    point = made.at(np.array([2.0, 1e-17, 0.3]))._replace(gradient=np.array([0, 0.5e-17, 0]))
    assert made.gradient_norm(point) == pytest.approx(0.5e-17 / (0.5 * 2), rel=1e-14, abs=0)
    assert made.is_rounding(point)


def test_norm_without_data_and_penalty_is_zero():
    made = make_objective(np.zeros((2, 1)), np.array([0.0, 1.0]), np.ones(2), 0.0, intercept=False)
    point = made.at(np.array([1.0]))
    assert made.gradient_norm(point) == 0
    assert made.is_rounding(point)


def test_bound_of_rounding_is_eps_times_the_terms_that_were_added():
    made = objective()
    point = made.at(AT)
    z = made.design @ AT
    p = 1 / (1 + np.exp(-z))
    in_logits = EPS * abs(made.design) @ abs(AT)
    in_slopes = W * (p * (1 - p) * in_logits + EPS * abs(p - Y))
    bound = abs(made.design).T @ in_slopes + EPS * np.array([1, 1, 1, 0]) * 0.7 * 0.3
    for j in range(4):
        unit = np.where(np.arange(4) == j, -1.0, 0.0)
        assert made.is_rounding(point._replace(gradient=0.999 * bound[j] * unit))
        assert not made.is_rounding(point._replace(gradient=1.001 * bound[j] * unit))


def test_rounding_is_within_its_bound_where_logits_cancel():
    # b = -1e6 β: the logits are of size 1, the terms that are added to them of size 1e6
    x = np.array([[1e6 - 1.0, 1.0], [1e6 + 0.5, 1.0], [1e6 + 2.0, 1.0]])
    labels = np.array([0.0, 1.0, 1.0])
    made = make_objective(x, labels, np.ones(3), 0.0, intercept=False)
    parameters = np.array([0.7, -0.7e6])
    point = made.at(parameters)
    with mpmath.workdps(40):
        z = [mpmath.mpf(a) * mpmath.mpf(0.7) + b * mpmath.mpf(-0.7e6) for a, b in x.tolist()]
        slope = [1 / (1 + mpmath.exp(-v)) - y for v, y in zip(z, labels.tolist(), strict=True)]
        true = [float(mpmath.fdot(slope, map(mpmath.mpf, column))) for column in x.T.tolist()]
    wrong = point.gradient - np.array(true)
    assert made.is_rounding(point._replace(gradient=wrong))
    assert not made.is_rounding(point)


# Steps --------------------------------------------------------------------------------------------


def test_bound_of_the_curvature_is_that_in_the_parameters_of_the_caller():
    columns = np.column_stack([X, np.ones(4)])
    hessian = columns.T @ np.diag(W) @ columns / 4
    assert objective().curvature_bound() == pytest.approx(
        np.linalg.eigvalsh(hessian).max() + 0.7, rel=1e-12, abs=0
    )


def test_bound_of_no_curvature_is_one():
    made = make_objective(np.zeros((2, 1)), np.array([0.0, 1.0]), np.ones(2), 0.0, intercept=False)
    assert made.curvature_bound() == 1


@pytest.mark.parametrize("intercept", [True, False])
def test_descent_goes_along_the_gradient_of_the_caller(intercept):
    made = objective(intercept=intercept)
    start = AT if intercept else AT[:3]
    point = made.at(start)
    after = made.at(start + made.descent_step(point, 0.01))
    if intercept:
        (beta, b), (beta_after, b_after) = made.unshifted(point), made.unshifted(after)
        moved = np.append(beta_after - beta, b_after - b)
        np.testing.assert_allclose(moved, -0.01 * exact(beta, b, 0.7)[1], rtol=1e-12)
    else:
        moved = after.parameters - start
        np.testing.assert_allclose(moved, -0.01 * exact(start, 0.0, 0.7)[1][:3], rtol=1e-12)


def test_newton_step_solves_with_the_hessian():
    made = objective()
    point = made.at(AT)
    p = 1 / (1 + np.exp(-made.design @ AT))
    hessian = made.design.T @ np.diag(W * p * (1 - p)) @ made.design + np.diag(made.penalty)
    step, condition = made.newton_step(point)
    np.testing.assert_allclose(hessian @ step, -point.gradient, rtol=1e-12)
    scale = 1 / np.sqrt(np.diag(hessian))
    assert condition == pytest.approx(
        np.linalg.cond(hessian * scale * scale[:, None]), rel=1e-10, abs=0
    )


def test_newton_step_of_dependent_columns_is_the_shortest_and_the_condition_infinite():
    doubled = np.column_stack([X[:, 1], 2 * X[:, 1]])
    made = make_objective(doubled, Y, W, 0.0, intercept=False)
    point = made.at(np.zeros(2))
    step, condition = made.newton_step(point)
    assert condition == np.inf
    one = make_objective(X[:, 1:2], Y, W, 0.0, intercept=False)
    single = one.newton_step(one.at(np.zeros(1)))[0][0]
    # beside each other in equal units, each column takes half
    np.testing.assert_allclose(step, [single / 2, single / 4], rtol=1e-12)


@pytest.mark.parametrize(("noise", "kept"), [(1e-6, True), (3e-7, False)])
def test_direction_is_left_out_where_its_curvature_is_rounding_of_the_largest(noise, kept):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 1)) + noise * rng.normal(size=(100, 8))
    made = make_objective(x, np.full(100, 0.3), np.ones(100), 0.0, intercept=False)
    scaled = x / np.sqrt(np.sum(x**2, axis=0))
    least = np.linalg.svd(scaled, compute_uv=False)[-1] ** 2  # of 8 in all
    assert (least > 100 * EPS * 8) == kept
    assert least > 10 * 100 * EPS / 8
    assert np.isfinite(made.newton_step(made.at(np.zeros(8)))[1]) == kept


def test_newton_step_leaves_a_column_without_data_at_zero():
    x = np.column_stack([X, np.zeros(4), 1e-170 * X[:, 1]])
    made = make_objective(x, Y, W, 1.0, intercept=True)
    step = made.newton_step(made.at(np.zeros(6)))[0]
    assert step[3] == 0
    assert 0 < abs(step[4]) < 1e-169


def test_gains_are_logits_towards_the_labels_and_a_loss_for_soft_ones():
    made = objective(intercept=False)
    z = X @ [1.0, -2.0, 0.5]
    np.testing.assert_allclose(
        made.gains(np.array([1.0, -2.0, 0.5])), [-z[0], z[1], -abs(z[2]), z[3]], rtol=1e-15
    )


def test_line_search_takes_the_whole_step_where_it_descends():
    made = objective()
    point = made.at(AT)
    step = made.newton_step(point)[0]
    np.testing.assert_array_equal(line_search(made, point, step).parameters, AT + step)


def test_line_search_halves_a_step_that_overshoots_and_stays_where_no_share_descends():
    made = objective()
    point = made.at(AT)
    step = 4.0 * made.newton_step(point)[0]
    shares = [1.0, 0.5, 0.25]
    falls = [made.at(AT + s * step).loss <= point.loss + 1e-4 * s * point.gradient @ step
             for s in shares]  # fmt: skip
    found = line_search(made, point, step)
    assert not falls[0]
    np.testing.assert_array_equal(found.parameters, AT + shares[falls.index(True)] * step)
    low = point._replace(loss=0.0)
    assert line_search(made, low, step) is low


class Scripted:
    """An objective of one parameter, with the losses and the slopes of a script."""

    def __init__(self, script):
        self.script = script

    def at(self, parameters):
        loss, slope = self.script.get(float(parameters[0]), (np.inf, -2.0))
        return Point(parameters, parameters, parameters, loss, np.array([slope]))


START = Point(np.zeros(1), np.zeros(1), np.zeros(1), 1.0, np.array([-2.0]))
LEVEL = 1 + EPS**0.5


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        # the loss must fall by 1e-4 of what the slope of -2 promises for this share of the step
        ({1.0: (1 - 2.01e-4, -2.0)}, 1.0),
        ({1.0: (1 + 1e-4 * -2.0, -2.0)}, 1.0),
        ({1.0: (1 - 1.99e-4, -2.0), 0.5: (1 - 1.01e-4, -2.0)}, 0.5),
        ({0.5: (1 - 0.99e-4, -2.0), 0.25: (1 - 0.51e-4, -2.0)}, 0.25),
        # or not rise by more than rounding, while the slope becomes less steep by a tenth
        ({1.0: (1.0, -1.79)}, 1.0),
        ({1.0: (1.0, 1.79)}, 1.0),
        ({1.0: (LEVEL - EPS, 0.0)}, 1.0),
        ({1.0: (1.0, -1.81), 0.5: (1.0, 1.81), 0.25: (0.5, 0.0)}, 0.25),
        ({1.0: (LEVEL + 2 * EPS, 0.0), 0.5: (0.5, 0.0)}, 0.5),
        ({0.5**59: (0.5, 0.0)}, 0.5**59),
        ({0.5**60: (0.5, 0.0)}, 0.0),
    ],
)
def test_line_search_wants_a_fall_or_beside_rounding_a_flatter_slope(script, expected):
    found = line_search(Scripted(script), START, np.ones(1))
    assert found.parameters[0] == expected
