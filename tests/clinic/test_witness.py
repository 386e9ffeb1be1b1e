"""A call of a report is code: it pastes, and asks the same question again."""

import numpy as np
import pytest

from companion.clinic.chart import Chart
from companion.clinic.finding import Evidence
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Manner, Patient, Question
from companion.clinic.witness import call_of, witness_of

X, Y = np.array([1.5, -np.inf]), np.array([1.0, 0.0])
MANNERS = {
    "arrays": Manner(),
    "labels first": Manner(swapped=True),
    "columns": Manner(shape="column"),
    "rows": Manner(shape="row"),
    "signs": Manner(signs=True),
    "tensors": Manner("torch"),
}
QUESTIONS = {
    "float64": Question(X, Y),
    "float32": Question(X, Y, dtype="float32"),
    "integer labels": Question(X, Y, label_dtype="uint8"),
    "boolean labels": Question(X, Y, label_dtype="bool"),
    "classes": Question(np.array([[1.0, np.nan, 2.0]]), np.array([2])),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_a_pasted_call_is_the_call(manner, question):
    if manner.framework == "torch":
        torch = pytest.importorskip("torch")
    if manner.signs:
        question = question.but(label_dtype=None)
    scope = {"np": np, "calls": []}
    if manner.framework == "torch":
        scope["torch"] = torch
    exec("def loss(*given): calls.append(given)", scope)
    Patient(scope["loss"], manner=manner).ask(question)
    exec(call_of(question, manner, "loss"), scope)
    first, second = scope["calls"]
    for one, other in zip(first, second, strict=True):
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert np.array_equal(np.asarray(one), np.asarray(other), equal_nan=one.dtype != bool)


def test_a_single_number_is_written_as_one():
    question = Question(np.array([0.5]), np.array([1.0]))
    assert call_of(question, Manner(shape="scalar"), "loss") == "loss(0.5, 1.0)"


def test_a_gradient_is_a_backward_pass_that_pastes():
    torch = pytest.importorskip("torch")
    question = Question(np.array([2.0]), np.array([1.0]), want="gradient", upstream=0.5)
    scope = {"torch": torch, "loss": lambda x, y: x**2 * y}
    exec(call_of(question, Manner("torch"), "loss"), scope)
    assert scope["x"].grad.tolist() == [2.0]


def chart(loss):
    return Chart(Patient(loss), Meaning("probabilities"))


QUESTION = Question(np.array([0.5]), np.array([1.0]))


def test_what_came_and_what_is_right_are_shown():
    found = witness_of(chart(lambda p, y: 1.0), Evidence("", QUESTION), "loss")
    assert found.call == "loss(np.array([0.5]), np.array([1.0]))"
    assert (found.got, found.exact) == ("1", "0.693147")


def test_numbers_that_look_alike_are_shown_with_the_digits_that_tell_them_apart():
    loss = lambda p, y: np.float64(np.log(2)) + 3e-9  # noqa: E731
    found = witness_of(chart(loss), Evidence("", QUESTION), "loss")
    assert (found.got, found.exact) == ("0.69314718356", "0.69314718056")


def test_many_numbers_are_shown_from_the_first_that_differs():
    values = np.array([1.0, 2, 3, 4, 5, 6])
    evidence = Evidence("", QUESTION, exact=values + np.array([0, 0, 0, 0, 1, 0]))
    found = witness_of(chart(lambda p, y: values), evidence, "loss")
    assert (found.got, found.exact) == ("[..., 5, 6]", "[..., 6, 6]")


def test_what_is_right_shows_nothing():
    right = chart(lambda p, y: -np.log(p).mean())
    assert witness_of(right, Evidence("", QUESTION), "loss") is None


def test_what_happens_now_and_then_is_waited_for():
    values = iter([1.0, 1.0, 1.0, 2.0])
    evidence = Evidence(
        "", QUESTION, 1.0, holds=lambda answer: answer.total == 2, calls=("8 calls",), tries=4
    )
    found = witness_of(chart(lambda p, y: next(values)), evidence, "loss")
    assert found.call == "[loss(np.array([0.5]), np.array([1.0])) for _ in range(8)]"
    assert (found.got, found.exact) == ("2", "1")


def test_a_batch_that_repeats_itself_is_written_short():
    question = Question(np.tile([0.5, 0.25, 0.75], 4), np.tile([1.0, 0.0, 1.0], 4))
    written = call_of(question, Manner(), "loss")
    assert written == "loss(np.array([0.5, 0.25, 0.75] * 4), np.array([1.0, 0.0, 1.0] * 4))"


def test_what_does_not_happen_again_is_dropped():
    calls = []
    once = chart(lambda p, y: calls.append(1) or float(len(calls) > 1))
    evidence = Evidence("", QUESTION, holds=lambda answer: answer.total == 0)
    once.ask(QUESTION)
    assert witness_of(once, evidence, "loss") is None


def test_an_exception_is_shown_by_its_name():
    found = witness_of(chart(lambda p, y: 1 / 0), Evidence("", QUESTION), "loss")
    assert found.got == "ZeroDivisionError: division by zero"
