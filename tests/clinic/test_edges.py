"""At the edges: certain predictions, caps, far logits, tails, against closed forms."""

import math

import numpy as np
import pytest
from scipy.special import xlog1py, xlogy

from companion.clinic.chart import Chart
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient


def each(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p))


def logistic(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))


def edges(loss, inputs="probabilities", **options):
    return Chart(Patient(loss), Meaning(inputs, **options)).edges


def clipped(e):
    return lambda p, y: each(np.clip(p, e, 1 - e), y).mean()


def with_epsilon(e):
    return lambda p, y: -(y * np.log(p + e) + (1 - y) * np.log(1 - p + e)).mean()


def test_certain_and_right_predictions_cost_nothing():
    found = edges(lambda p, y: each(p, y).mean())
    assert [(probe.total, probe.right) for probe in found.certain["float64"]] == [(0, 0)] * 2
    assert [probe.total for probe in found.lost["float64"]] == [math.inf] * 2
    assert found.caps == []


@pytest.mark.parametrize("e", [1e-3, 1e-7, 1e-12])
def test_a_clip_is_a_plateau_and_no_bias(e):
    # The upper end 1 - e is rounded, so its cap is known to e / 2⁻⁵³ alone.
    for cap, rtol in zip(edges(clipped(e)).caps, (1e-12, 2e-16 / e), strict=True):
        assert cap.value == pytest.approx(-math.log(e), rel=1e-4, abs=0)
        assert cap.epsilon == pytest.approx(e, rel=max(rtol, 1e-12), abs=0)
        assert cap.plateau
        assert not cap.biased


@pytest.mark.parametrize("e", [1e-3, 1e-7])
def test_an_epsilon_is_a_bias_and_no_plateau(e):
    for cap in edges(with_epsilon(e)).caps:
        assert cap.epsilon == pytest.approx(e, rel=1e-6, abs=0)
        assert cap.biased
        assert not cap.plateau


def test_a_bounded_logarithm_is_told_from_a_clip():
    torch = pytest.importorskip("torch")
    loss = torch.nn.functional.binary_cross_entropy
    found = edges(lambda p, y: loss(torch.from_numpy(p), torch.from_numpy(y)))
    assert [(cap.value, cap.clamped) for cap in found.caps] == [(100, True)] * 2


def test_far_logits_cost_what_they_are():
    found = edges(logistic, "logits")
    assert {probe.total for probe in found.far["float64"]} >= {20.0 + 2.061153620314381e-09, 800.0}
    # Some roundings of each dtype.
    for dtype, rtol in (("float64", 1e-14), ("float32", 1e-6)):
        assert not any(probe.off(rtol) for probe in found.far[dtype])


def test_a_naive_sigmoid_is_off_in_the_tails():
    def naive(z, y):
        p = 1 / (1 + np.exp(-z))
        return np.mean(np.where(y == 1, -np.log(p), -np.log(1 - p)))

    found = edges(naive, "logits")
    assert found.measurable
    assert any(probe.off(1e-3) for probe in found.tails)
    assert not any(probe.off(1e-3) for probe in edges(logistic, "logits").tails)


@pytest.mark.parametrize("labels", ["index", "one-hot"])
def test_an_edge_of_several_classes_is_one_row(labels):
    found = edges(lambda z, y: 1.0, "logits", labels=labels, classes=4)
    question = found.question([800.0, 0.0, -0.5], 1)
    assert question.x.tolist() == [[800.0, 0.0, -0.5, -0.7]]
    assert question.y.tolist() == ([1] if labels == "index" else [[0, 1, 0, 0]])


def test_where_one_element_alone_is_wrong_no_edge_is_measured():
    found = edges(lambda p, y: -each(p, y).mean())
    assert not found.measurable
    assert found.certain["float64"] == found.tails == []
    assert found.of_nan is None
