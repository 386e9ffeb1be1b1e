"""What calls leave behind, in arguments, in the loss, in the process."""

import random
import time

import numpy as np
import pytest

from companion.clinic.chart import Chart
from companion.clinic.clock import Clock
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient
from companion.clinic.state import FEW, MANY, preserved, settings


def state(loss, **options):
    return Chart(Patient(loss, **options), Meaning("probabilities")).state


def test_the_same_call_is_made_until_an_answer_differs():
    calls = []

    def warms_up(p, y):
        calls.append(1)
        return 1.0 if len(calls) < 4 else 2.0

    [(_, small), _] = state(warms_up).again
    assert [answer.total for answer in small] == [1, 1, 1, 2]


def test_a_large_batch_is_asked_more_often_where_the_value_is_wrong_or_drawn():
    right = lambda p, y: -np.log(np.where(y == 1, p, 1 - p)).mean()  # noqa: E731

    def draws(p, y):
        random.random()
        return right(p, y)

    for loss, times in ((right, FEW), (lambda p, y: 1 + right(p, y), MANY), (draws, MANY)):
        [_, (question, answers)] = state(loss).again
        assert (len(question.x), len(answers)) == (126, times)


def test_a_slow_loss_is_asked_less_often():
    def loss(p, y):
        time.sleep(0.02)
        return 1.0

    [_, (_, answers)] = state(loss, clock=Clock(2.0)).again
    assert len(answers) < MANY / 2


DRAWS = {
    "numpy": lambda: np.random.random(),  # noqa: NPY002 - it is the fault
    "python": random.random,
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_random_numbers_that_are_drawn_are_noticed(draw):
    with preserved():
        assert state(lambda p, y: (draw(), 1.0)[1]).draws
    assert not state(lambda p, y: 1.0).draws


def test_a_gradient_that_accumulates_is_seen():
    kept = np.zeros(5)

    def gradient(p, y):
        kept[...] += p
        return kept.copy()

    first, second = state(lambda p, y: p.sum(), gradient=gradient).gradients
    assert second.values == pytest.approx(2 * first.values)


def test_an_argument_that_is_clipped_in_place_is_seen():
    def loss(p, y):
        np.clip(p, 1e-7, 1 - 1e-7, out=p)
        return -np.log(p).mean()

    question, answer = state(loss).written
    assert answer.changed == ("predictions",)
    assert 1.0 in question.x
    assert state(lambda p, y: p.sum()).written is None


CHANGES = {
    "numpy.geterr": lambda: np.seterr(over="raise" if np.geterr()["over"] != "raise" else "warn"),
    "numpy.random": lambda: np.random.seed(0),  # noqa: NPY002 - it is the fault
    "random.getstate": lambda: random.seed(0),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES)
def test_a_setting_that_a_call_changes_is_named(name, change):
    with preserved():
        assert state(lambda p, y: (change(), 1.0)[1]).settings == [name]
        assert state(lambda p, y: 1.0).settings == []


def test_settings_of_pytorch_are_put_back():
    torch = pytest.importorskip("torch")
    before = settings()
    with preserved():
        torch.set_grad_enabled(False)
        torch.manual_seed(before["torch.get_rng_state"][0] + 1)
        assert not torch.is_grad_enabled()
    after = settings()
    assert after["torch.is_grad_enabled"]
    assert np.array_equal(after["torch.get_rng_state"], before["torch.get_rng_state"])
