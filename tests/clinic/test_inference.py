"""What was not declared is read off the values: the inputs, the order, a reduction, a base."""

import math

import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax, softmax, xlog1py, xlogy

from companion.clinic.declared import Declared
from companion.clinic.inference import infer
from companion.clinic.patient import Patient


def p_loss(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p))


def z_loss(z, y):
    return -(y * log_expit(z) + (1 - y) * log_expit(-z))


def rows(z, y):
    return -log_softmax(z, axis=-1)[np.arange(len(y)), y]


# What it is, and what is assumed of it that is not usual.
LOSSES = {
    "probabilities": (lambda p, y: p_loss(p, y).mean(), ("probabilities", "soft", "mean"), set()),
    "logits": (lambda z, y: z_loss(z, y).mean(), ("logits", "soft", "mean"), set()),
    "a sum": (lambda z, y: z_loss(z, y).sum(), ("logits", "soft", "sum"), {"reduction"}),
    "one for each": (z_loss, ("logits", "soft", "none"), {"reduction"}),
    "bits": (lambda p, y: p_loss(p, y).mean() / math.log(2), ("probabilities", "soft", "mean"),
             {"base"}),
    "weights": (lambda p, y: ((1 + 2 * y) * p_loss(p, y)).mean(),
                ("probabilities", "soft", "mean"), {"weight"}),
    "smoothing": (lambda z, y: z_loss(z, 0.9 * y + 0.05).mean(), ("logits", "soft", "mean"),
                  {"smoothing"}),
    "labels first": (lambda y, z: (np.logaddexp(0, z) - y * z).mean(), ("logits", "soft", "mean"),
                     {"order"}),
    "labels of -1 and 1": (lambda z, y: -log_expit(y * z).mean(), ("logits", "signs", "mean"),
                           {"labels"}),
    "classes": (lambda z, y: rows(z, y).mean(), ("logits", "index", "mean"), set()),
    "rows": (lambda p, y: -xlogy(y, p).sum(axis=1).mean(), ("probabilities", "one-hot", "mean"),
             set()),
    "rows of logits": (lambda z, y: -(y * np.log(softmax(z, axis=1))).sum(axis=1).mean(),
                       ("logits", "one-hot", "mean"), set()),
}  # fmt: skip


@pytest.mark.parametrize(("loss", "meaning", "unusual"), LOSSES.values(), ids=LOSSES)
def test_a_right_loss_is_recognised(loss, meaning, unusual):
    reading = infer(Patient(loss), Declared())
    found = reading.chart.meaning
    assert (found.inputs, found.labels, found.reduction) == meaning
    assert {each.name for each in reading.assumed if not each.usual} == unusual
    assert reading.chart.right
    assert reading.cost < 1


def test_what_is_declared_is_not_assumed():
    declared = Declared(inputs="logits", labels="hard", reduction="mean", task="binary")
    assert infer(Patient(lambda z, y: z_loss(z, y).mean()), declared).assumed == ()


def test_a_declared_meaning_is_kept_whatever_the_loss_does():
    reading = infer(Patient(lambda p, y: p_loss(p, y).sum()), Declared("logits", reduction="mean"))
    assert reading.chart.meaning.inputs == "logits"
    assert reading.chart.meaning.reduction == "mean"
    assert not reading.chart.right


@pytest.mark.parametrize("inputs", ["probabilities", "logits"])
def test_one_fault_does_not_change_what_it_is(inputs):
    each = p_loss if inputs == "probabilities" else z_loss
    reading = infer(Patient(lambda x, y: -each(x, 1 - y).mean()), Declared())
    assert reading.chart.meaning.inputs == inputs


def test_a_loss_that_hangs_is_asked_no_more():
    calls = []

    def hangs(x, y):
        calls.append(1)
        while True:
            pass

    reading = infer(Patient(hangs), Declared())
    assert reading.chart.ordinary.lost
    assert len(calls) == 1


def test_an_extra_sigmoid_is_not_taken_for_a_meaning():
    reading = infer(Patient(lambda z, y: z_loss(expit(z), y).mean()), Declared("logits"))
    assert reading.cost >= 1
