"""The report on a gradient: planted faults are named, right gradients pass, kinks are said."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

from companion.gradient_check import (
    GradientReport,
    check_gradient,
    convergence,
    numerical_gradient,
    numerical_jacobian,
)

LOGITS = np.array([[0.0, 1.0, -2.0], [3.0, 0.5, -1.0]])
LABELS = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.25]])
MATRIX = np.array([[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0], [4.0, -2.0, 1.0]])


def loss(logits):
    """Sum the cross-entropies, told here once more, so that no code of ours judges itself."""
    return np.sum(np.logaddexp(0, logits) - LABELS * logits)


def mean_loss(logits):
    return loss(logits) / LABELS.size


def slope(logits):
    return 1 / (1 + np.exp(-logits)) - LABELS


def slope_with_a_kink_at_zero(logits):
    """Differentiate max(z, 0) − zy + log1p(exp(−|z|)) with 0 for the sign of 0, term by term."""
    e = np.exp(-abs(logits))
    return (logits > 0) - LABELS - np.sign(logits) * e / (1 + e)


def report_of(analytic, numeric, bound=0.0, rtol=0.0, verdict="wrong"):
    a, n, bound, verdict = np.broadcast_arrays(analytic, numeric, bound, verdict)
    return GradientReport(a, n, bound, verdict, rtol, n, n)


def worst(report):
    return report.worst, str(report.verdict[report.worst])


# Planted faults -----------------------------------------------------------------------------------

FAULTS = {
    "flipped sign": (loss, lambda z: -slope(z), "-1 times the numeric one: the sign is flipped"),
    "lost 1/N": (mean_loss, slope, "6 times the numeric one: a 1/N is lost"),
    "1/N too many": (loss, lambda z: slope(z) / 6, "a 1/N too many"),
    "factor of 2": (loss, lambda z: 2 * slope(z), "every element is 2 times the numeric one"),
    "kink of the sum": (loss, slope_with_a_kink_at_zero, ""),
    "transposed": (lambda x: MATRIX @ x, MATRIX.T, "the transpose would be right"),
    "NaN": (loss, lambda z: slope(z) * np.where(z == 0.5, np.nan, 1), ""),
    "infinite": (loss, lambda z: slope(z) + np.where(z == 0.5, np.inf, 0), ""),
}


@pytest.mark.parametrize(("function", "gradient", "hint"), FAULTS.values(), ids=FAULTS)
def test_planted_fault_fails_with_a_hint(function, gradient, hint):
    report = check_gradient(function, gradient, MATRIX[0] if hint.startswith("the t") else LOGITS)
    assert not report.passed
    assert "wrong" in report.verdict
    assert str(report).startswith("gradient check: FAILED")
    assert report.hint == hint if not hint else hint in report.hint
    assert ("hint: " in str(report)) == bool(hint)


@pytest.mark.parametrize(
    ("gradient", "index"),
    [
        (slope_with_a_kink_at_zero, (0, 0)),
        (FAULTS["NaN"][1], (1, 1)),
        (FAULTS["infinite"][1], (1, 1)),
        (lambda z: slope(z) + 1e-6 * (z == 3), (1, 0)),
        (lambda z: slope(z) + 1e-6 * (z == 3) + 1e-3 * (z == -2), (0, 2)),
    ],
)
def test_worst_element_is_the_wrong_one(gradient, index):
    report = check_gradient(loss, gradient, LOGITS)
    assert worst(report) == (index, "wrong")
    assert f"worst element: wrong, at index {index}" in str(report)


@pytest.mark.parametrize(
    ("analytic", "numeric", "bound", "rtol", "verdict", "index"),
    [
        ([2.0, 150.0], [1.0, 100.0], [0.1, 25.0], 0.0, "wrong", 0),  # 10 and 2 bounds off
        ([1.0, 2.0], [0.0, 1.0], [0.0, 1.0], 0.0, "wrong", 0),  # one has no bound
        ([10.0, -1.0], [1.0, 1.0], 0.0, 0.5, "wrong", 1),  # 9 of 5 allowed, 2 of 0.5
        ([2.0, 3.0], [1.0, 1.0], [1.0, 0.1], 0.0, ["wrong", "unclear"], 0),
    ],
)
def test_worst_element_is_furthest_beyond_what_was_allowed(
    analytic, numeric, bound, rtol, verdict, index
):
    assert report_of(analytic, numeric, bound, rtol, verdict).worst == (index,)


@pytest.mark.parametrize(
    ("analytic", "numeric", "rtol", "hint"),
    [
        ([1.0, 2.0], [2.0, 4.0], 0.0, "every element is 0.5 times the numeric one: a 1/N too many"),
        ([2.0, 3.0], [1.0, 1.0], 0.125, "every element is 2 times the numeric one: a 1/N is lost"),
        ([2.0, 3.0 + 1e-9], [1.0, 1.0], 0.125, ""),  # more than two slacks of both, times 2
        ([0.0, 0.0], [1.0, 2.0], 0.0, ""),
        ([2.0], [1.0], 0.0, ""),
        ([[1.0, 9.0], [8.0, 2.0]], [[1.0, 3.0], [5.0, 2.0]], 0.0, ""),  # only the diagonal
    ],
)
def test_hint_needs_every_element(analytic, numeric, rtol, hint):
    assert report_of(analytic, numeric, rtol=rtol).hint == hint


def test_factor_is_seen_through_the_errors_of_the_numeric_slopes():
    report = check_gradient(loss, lambda z: 1000 * slope(z), LOGITS, rtol=0)
    assert report.hint == "every element is 1000 times the numeric one"


def test_reports_cannot_be_changed_and_print_no_sides():
    report = check_gradient(loss, slope, LOGITS)
    for found, name in [(report, "rtol"), (convergence(np.exp, np.exp, 1.0), "order")]:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(found, name, 0)
    assert "left" not in repr(report)
    assert "right=" not in repr(report)


def test_gradient_of_the_kink_is_off_by_half():
    report = check_gradient(loss, slope_with_a_kink_at_zero, LOGITS)
    assert (report.verdict == "wrong").sum() == 1
    assert report.difference[0, 0] == pytest.approx(-0.5, abs=1e-9)
    assert report.bound[0, 0] < 1e-9


@pytest.mark.parametrize("size", [1e-7, -1e-7])
def test_small_relative_error_is_found(size):
    assert not check_gradient(loss, lambda z: slope(z) * (1 + size), LOGITS).passed


def test_rtol_allows_a_relative_error():
    def wrong(z):
        return slope(z) * (1 + 1e-5)

    assert check_gradient(loss, wrong, LOGITS, rtol=2e-5).passed
    assert not check_gradient(loss, wrong, LOGITS, rtol=0.5e-5).passed


@pytest.mark.parametrize(("size", "passed"), [(1.9, True), (2.1, False)])
def test_rtol_is_relative_to_the_larger_of_both(size, passed):
    report = check_gradient(lambda x: np.sum(100 * x), [100 * size] * 2, [1.0, 2.0], rtol=0.5)
    assert report.passed is passed


# Right gradients ----------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
def test_right_gradient_passes_whatever_the_scale_of_the_loss(scale):
    report = check_gradient(lambda z: scale * loss(z), lambda z: scale * slope(z), LOGITS)
    assert report.passed
    assert set(report.verdict.flat) == {"right"}
    assert report.hint == ""
    assert str(report).startswith("gradient check: passed (6 right of 6)")


def test_gradient_may_be_an_array():
    assert check_gradient(loss, slope(LOGITS), LOGITS).passed


def test_elementwise_derivative_is_the_diagonal_of_the_jacobian():
    assert check_gradient(np.exp, np.exp, LOGITS).passed
    assert not check_gradient(np.exp, np.sin, LOGITS).passed


def test_jacobian_is_checked_element_by_element():
    assert check_gradient(lambda x: MATRIX @ x, MATRIX, MATRIX[0]).passed
    off = MATRIX + np.eye(3)[1] * np.array([[0], [0], [1e-3]])
    assert worst(check_gradient(lambda x: MATRIX @ x, off, MATRIX[0])) == ((2, 1), "wrong")


def test_scalar_needs_no_index():
    report = check_gradient(np.exp, np.exp, 1.0)
    assert report.passed
    assert report.worst == ()
    assert "worst element: right\n" in str(report)


def test_method_reaches_the_differences():
    report = check_gradient(np.exp, np.exp, [1.0, 2.0], method="complex")
    assert report.passed
    assert np.all(report.bound < 1e-13)


def test_step_reaches_the_differences():
    report = check_gradient(np.exp, np.exp, [1.0], step=1e-2)
    assert report.passed
    assert report.bound > 1e-6


def test_float32_loss_of_pytorch_passes_and_its_lost_mean_fails():
    labels = torch.tensor(LABELS, dtype=torch.float32)

    def torch_loss(z):
        z = torch.tensor(z, dtype=torch.float32)
        return F.binary_cross_entropy_with_logits(z, labels).item()

    def gradient(z):
        z = torch.tensor(z, dtype=torch.float32, requires_grad=True)
        F.binary_cross_entropy_with_logits(z, labels).backward()
        return z.grad.numpy()

    assert check_gradient(torch_loss, gradient, LOGITS).passed
    report = check_gradient(torch_loss, lambda z: 6 * gradient(z), LOGITS)
    assert not report.passed
    assert "a 1/N is lost" in report.hint


def test_default_rtol_is_the_square_root_of_the_coarsest_eps():
    by_x = check_gradient(loss, slope, LOGITS.astype(np.float32))
    by_gradient = check_gradient(loss, slope(LOGITS).astype(np.float32), LOGITS)
    by_value = check_gradient(lambda z: np.float32(loss(z)), slope, LOGITS)
    coarse = math.sqrt(np.finfo(np.float32).eps)
    assert [r.rtol for r in (by_x, by_gradient, by_value)] == [coarse] * 3
    assert check_gradient(loss, slope, LOGITS).rtol == math.sqrt(np.finfo(np.float64).eps)


def test_minimum_at_which_everything_vanishes_passes():
    assert check_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, np.zeros(3)).passed


# Kinks and noise ----------------------------------------------------------------------------------


def test_kink_is_said_and_any_slope_between_passes():
    for between in (-1, -0.3, 0, 1):
        report = check_gradient(lambda x: np.sum(abs(x)), [1.0, between, 1.0], [1.0, 0.0, 2.0])
        assert report.passed
        assert list(report.verdict) == ["right", "kink", "right"]
        assert worst(report) == ((1,), "kink")
        assert "a kink: slope -1 on the left, 1 on the right" in str(report)


def test_slope_beyond_both_sides_of_a_kink_is_wrong():
    report = check_gradient(lambda x: np.sum(abs(x)), [1.0, 1.1, 1.0], [1.0, 0.0, 2.0])
    assert worst(report) == ((1,), "wrong")
    assert "a kink: slope -1 on the left" in str(report)


def test_right_element_shows_no_two_sides():
    report = check_gradient(loss, slope, LOGITS)
    np.testing.assert_array_equal(report.left, report.numeric)
    np.testing.assert_array_equal(report.right, report.numeric)
    assert "kink" not in str(report)


def test_noise_that_hides_the_slope_is_unclear_and_does_not_pass():
    report = check_gradient(lambda x: np.float16(100 + x), 1.0, 1.0)
    assert worst(report) == ((), "unclear")
    assert not report.passed
    assert "too noisy or too rough" in str(report)


@pytest.mark.parametrize(
    ("x", "values"), [([1.5], 1.0), ([1e3], 1.0), ([1e3, 1e-3], 1.0), ([1.5], [1e-6, 1.0])], ids=str
)
def test_where_all_slopes_vanish_a_thousandth_of_what_is_typical_is_unclear(x, values):
    x, verdicts = np.array(x), set()
    for noise in np.geomspace(1e-7, 1e-2, 60):

        def function(at, noise=noise):
            return np.multiply(1 + noise * math.sin(1e9 * np.sum(at)), values)

        found = check_gradient(function, numerical_jacobian(function, x)[0], x)
        unclear = found.bound > 1e-3 * np.max(abs(function(x))) / max(1.0, abs(x).max())
        np.testing.assert_array_equal(found.verdict == "unclear", unclear)
        verdicts |= set(found.verdict.flat)
    assert verdicts == {"right", "unclear"}


def test_right_element_is_not_called_noisy():
    assert "noisy" not in str(check_gradient(loss, slope, LOGITS))


def test_worst_verdict_comes_before_the_larger_ratio():
    def function(x):
        return abs(x[0]) + x[1] ** 2

    # beside its bound the kink is off by 1, the right element by nothing
    report = check_gradient(function, lambda x: [1.0, 2 * x[1]], [0.0, 1.0])
    assert worst(report) == ((0,), "kink")


# Convergence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "order", "best", "floor"),
    [("forward", 1, 1e-8, 1e-7), ("central", 2, 1e-5, 1e-9), ("complex", 2, 1e-8, 1e-15)],
)
def test_order_of_convergence_is_that_of_the_formula(method, order, best, floor):
    found = convergence(np.exp, np.exp, 1.0, method=method)
    assert found.order == pytest.approx(order, abs=0.02)
    assert best / 30 < found.best_step < best * 30
    assert found.errors.min() <= floor
    assert found.best_step == found.steps[np.argmin(found.errors)]


@pytest.mark.parametrize("method", ["forward", "central"])
def test_errors_fall_with_the_step_and_rise_again(method):
    found = convergence(loss, slope, LOGITS, method=method)
    assert np.all(np.diff(found.steps) < 0)
    assert found.errors[0] > 1e3 * found.errors.min()
    assert found.errors[-1] > 1e3 * found.errors.min()


def test_error_is_the_largest_over_the_elements():
    found = convergence(lambda x: x[0] ** 3 + x[1], lambda x: [3 * x[0] ** 2, 1], [1.0, 1.0], [0.5])
    assert found.errors == pytest.approx([0.25])  # ((1 + h)³ − (1 − h)³) / 2h = 3 + h²
    assert math.isnan(found.order)


def test_steps_come_back_descending():
    found = convergence(np.exp, np.exp, 0.0, [1e-3, 1e-1, 1e-2])
    np.testing.assert_array_equal(found.steps, [1e-1, 1e-2, 1e-3])
    assert found.order == pytest.approx(2, abs=0.01)


def test_default_steps_reach_from_a_tenth_into_the_noise():
    steps = convergence(np.exp, np.exp, 0.0).steps
    np.testing.assert_allclose([steps[0], steps[-1], len(steps)], [0.1, 1e-15, 57])


def test_wrong_gradient_shows_no_order():
    assert math.isnan(convergence(np.exp, lambda x: 2 * np.exp(x), 1.0).order)


# Refused ----------------------------------------------------------------------------------------

BAD = {
    "string": (check_gradient, (loss, ["a"], LOGITS), {}, TypeError, "gradient: expected real"),
    "shape": (check_gradient, (loss, np.ones(6), LOGITS), {}, ValueError,
              r"expected shape \(2, 3\), since x has \(2, 3\) and the function returns \(\), got"),
    "shape of a Jacobian": (check_gradient, (np.exp, np.ones(4), [1.0, 2.0]), {}, ValueError,
                            r"expected shape \(2, 2\), since x has \(2,\)"),
    "not elementwise": (check_gradient, (np.cumsum, np.ones(3), np.ones(3)), {}, ValueError,
                        r"its value \(1,\) depends on element \(0,\)"),
    "negative rtol": (check_gradient, (loss, slope, LOGITS), {"rtol": -1.0}, ValueError,
                      "rtol: expected a number in"),
    "rtol of 1": (check_gradient, (loss, slope, LOGITS), {"rtol": 1.0}, ValueError, "rtol"),
    "method": (check_gradient, (loss, slope, LOGITS), {"method": "best"}, ValueError, "method"),
    "method of convergence": (convergence, (np.exp, np.exp, 1.0), {"method": "best"}, ValueError,
                              "method: expected one of 'central', 'forward', 'complex'"),
    "step of zero": (convergence, (np.exp, np.exp, 1.0, [1e-3, 0.0]), {}, ValueError,
                     "steps: expected positive numbers, got 0.0"),
    "infinite step": (convergence, (np.exp, np.exp, 1.0, [np.inf]), {}, ValueError, "steps"),
    "array": (convergence, (np.exp, np.exp, [1.0, 2.0]), {}, ValueError, "expected one number"),
    "array of a gradient": (numerical_gradient, (np.exp, [1.0, 2.0]), {}, ValueError,
                            "expected one number"),
    "gradient of another shape": (convergence, (np.exp, [1.0], 1.0), {}, ValueError,
                                  r"gradient: expected the shape of x, \(\), got \(1,\)"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "arguments", "options", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_argument_is_refused_by_name(call, arguments, options, kind, message):
    with pytest.raises(kind, match=message):
        call(*arguments, **options)
