"""Derivatives are judged by differences of the loss's own values, against closed forms."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from companion.clinic.chart import Chart
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Manner, Patient, Question


def value(z, y):
    return -(y * log_expit(z) + (1 - y) * log_expit(-z)).sum()


def slope(z, y):
    return expit(z) - y


def chart(loss=value, gradient=slope, hessian=None):
    return Chart(Patient(loss, gradient, hessian), Meaning("logits", reduction="sum"))


def test_differences_are_the_derivative():
    slopes, question = chart().slopes, chart().batches.ordinary
    z = question.x
    # The stencil's error is h⁴ f⁽⁵⁾ / 30, about 1e-12, and rounding about 1e-13.
    np.testing.assert_allclose(slopes.own, expit(z) - question.y, rtol=1e-9)
    second = slopes.differences(question, second=True)
    # 1e-2 instead of 2e-3: about 1e-9, and rounding 1e-12.
    np.testing.assert_allclose(second, expit(z) * expit(-z), rtol=1e-7)


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.2, 5.0])
def test_factor_is_what_the_gradient_is_multiplied_by(factor):
    found = chart(gradient=lambda z, y: factor * slope(z, y)).slopes
    assert found.factor == pytest.approx(factor, rel=1e-7, abs=0)
    assert found.wrong == (factor != 1)


def test_a_wrong_gradient_is_no_multiple():
    found = chart(gradient=lambda z, y: expit(z) + y).slopes
    assert found.wrong
    assert found.factor is None


def test_a_wrong_value_does_not_make_its_gradient_wrong():
    found = chart(lambda z, y: 3 * (z**2).sum(), lambda z, y: 6 * z).slopes
    assert not found.wrong


def test_without_a_gradient_nothing_is_measured():
    slopes = Chart(Patient(value), Meaning("logits", reduction="sum")).slopes
    assert not slopes.measurable
    assert slopes.far == slopes.at_zero == []


def test_at_zero_the_derivative_of_abs_is_seen():
    (_, answer, own), *_ = chart(
        gradient=lambda z, y: np.where(z == 0, 0, slope(z, y))
    ).slopes.at_zero
    assert answer.values.tolist() == [0, 0]
    assert own == pytest.approx([0.5, -0.5], rel=1e-9, abs=0)


def test_far_out_the_right_gradient_is_given_with_each_answer():
    for question, answer, right in chart().slopes.far:
        z, y = question.x[0], question.y[0]
        exact = expit(z) if not y else -expit(-z)
        assert float(right[0]) == pytest.approx(float(exact), rel=1e-14, abs=0)
        assert answer.finite


def test_the_second_derivative_by_autograd_is_compared_with_the_values():
    torch = pytest.importorskip("torch")
    loss = lambda z, y: torch.nn.functional.binary_cross_entropy_with_logits(z, y)  # noqa: E731
    one = Chart(Patient(loss, manner=Manner("torch")), Meaning("logits"))
    answer, own = one.slopes.second
    np.testing.assert_allclose(answer.values, own, rtol=1e-6)
    _, tenth = one.slopes.scaled
    np.testing.assert_allclose(tenth.values, 0.1 * one.slopes.given.values, rtol=1e-12)


def test_the_given_second_derivative_is_asked():
    found = chart(hessian=lambda z, y: expit(z) * expit(-z)).slopes
    answer, own = found.hessian
    np.testing.assert_allclose(answer.values, own, rtol=1e-7)
    assert isinstance(found.question, Question)
