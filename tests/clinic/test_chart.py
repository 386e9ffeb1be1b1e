"""The chart reads a loss off its values: scale, constant, weights, precision, halves."""

import math

import numpy as np
import pytest
from scipy.special import expit, xlog1py, xlogy

from companion.clinic.batches import rounded
from companion.clinic.chart import Chart
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient


def each(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p))


def chart(loss, inputs="probabilities", **options):
    return Chart(Patient(loss), Meaning(inputs, **options))


SCALES = {
    "right": (lambda p, y: each(p, y).mean(), 1, 1),
    "a sum": (lambda p, y: each(p, y).sum(), 5, 7),
    "divided twice": (lambda p, y: each(p, y).mean() / len(p), 1 / 5, 1 / 7),
    "bits": (lambda p, y: each(p, y).mean() / math.log(2), 1 / math.log(2), 1 / math.log(2)),
    "a flipped sign": (lambda p, y: -each(p, y).mean(), -1, -1),
}


@pytest.mark.parametrize(("loss", "scale", "larger"), SCALES.values(), ids=SCALES)
def test_scale_is_what_multiplies_all(loss, scale, larger):
    found = chart(loss)
    # The fit of a loss in float64 leaves some 1e-14.
    assert found.scale == pytest.approx(scale, rel=1e-10, abs=0)
    assert found.scale_of_larger == pytest.approx(larger, rel=1e-10, abs=0)
    assert found.right == (scale == 1)


def test_a_weight_is_what_multiplies_a_class():
    found = chart(lambda p, y: ((1 + 2 * y) * each(p, y)).mean())
    assert found.by_class == pytest.approx([1, 3], rel=1e-10, abs=0)
    assert found.scale is None


def test_a_constant_is_told_from_the_costs():
    found = chart(lambda p, y: each(p, y).mean() + 0.25)
    assert found.clean
    assert not found.right
    assert found.constant == pytest.approx(0.25, rel=1e-10, abs=0)


def test_an_epsilon_in_the_logarithm_is_found_and_its_costs_fit():
    found = chart(lambda p, y: -(y * np.log(p + 1e-3) + (1 - y) * np.log(1 - p + 1e-3)).mean())
    assert found.plain.epsilon == pytest.approx(1e-3, rel=1e-6, abs=0)
    assert found.clean


def test_a_linear_score_of_logits_is_no_cross_entropy():
    found = chart(lambda z, y: ((1 - 2 * y) * z).mean(), "logits")
    assert found.fits
    assert found.linear
    assert not found.clean


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_precision_is_what_the_input_is_rounded_to(kind):
    found = chart(lambda p, y: each(rounded(p, kind), y).mean())
    assert found.precision == kind
    assert found.right


def test_precision_of_a_right_loss_is_float64():
    assert chart(lambda p, y: each(p, y).mean()).precision == "float64"


def test_halves_say_what_each_label_pays():
    found = chart(lambda p, y: -(y * np.log(p) + (1 - y) * np.log(2 - p)).mean())
    assert found.halves[1] == [(pytest.approx(1), "-log p")]
    assert found.halves[0] == [(pytest.approx(-1), "log(2-p)")]


def test_foreign_costs_are_named():
    assert chart(lambda p, y: ((p - y) ** 2).mean()).foreign[0] == "square"
    assert chart(lambda p, y: each(expit(p), y).mean()).foreign[0] == "activation twice"


@pytest.mark.parametrize("loss", [lambda p, y: math.nan, lambda p, y: 1 / 0], ids=["nan", "raises"])
def test_a_loss_without_numbers_fits_nothing(loss):
    found = chart(loss)
    assert not found.fits
    assert not found.right
    assert found.unit is None


def test_tables_with_infinities_are_near_nothing():
    found = chart(lambda p, y: each(p, y).mean())
    assert not found.near(np.array([[np.inf, 1.0]]), np.array([[0.5, 0.5]]))
