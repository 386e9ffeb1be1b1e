"""One call: fresh arguments, and whatever happens is an answer."""

import math
import sys
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from companion.clinic.patient import Answer, Manner, Patient, Question, as_numbers

X, Y = np.array([1.3, -0.7]), np.array([1.0, 0.0])
QUESTION = Question(X, Y)

RESULTS = {
    "float": (2.5, [2.5]),
    "int": (3, [3.0]),
    "list": ([1.0, 2.0], [1.0, 2.0]),
    "0-d array": (np.array(2.5), [2.5]),
    "1 x 1": (np.array([[2.5]]), [2.5]),
    "pair": ((2.5, np.ones(2)), [2.5]),
    "decimal": (Decimal("2.5"), [2.5]),
    "fraction": (Fraction(5, 2), [2.5]),
    "mpmath": (mpmath.mpf("2.5"), [2.5]),
    "objects that are numbers": (np.array([2.5], dtype=object), [2.5]),
    "bool": (True, [1.0]),
}
NO_NUMBERS = {
    "None": (None, "NoneType"),
    "text": ("2.5", "str"),
    "mapping": ({"loss": 2.5}, "dict"),
    "empty tuple": ((), "tuple"),
    "empty array": (np.array([]), "an empty array"),
    "complex": (2.5 + 0j, "complex128"),
    "objects": (np.array([object()]), "ndarray"),
    "ragged": ([[1.0], [1.0, 2.0]], "list"),
    "too large": (10**400, "int"),
    "text in an array": (np.array(["a"]), "<U1"),
    "a generator": ((v for v in X), "generator"),
    "a date": (np.datetime64("2020-01-01"), "datetime64[D]"),
}


@pytest.mark.parametrize(("result", "numbers"), RESULTS.values(), ids=RESULTS)
def test_a_result_is_read_as_numbers(result, numbers):
    values, _ = as_numbers(result)
    assert values.dtype == np.float64
    assert values.ravel().tolist() == numbers


@pytest.mark.parametrize(("result", "note"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_holds_no_numbers_is_named(result, note):
    assert as_numbers(result) == (None, note)


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError


class Bare(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [ValueError("no"), SilentError(), Bare("no"), SystemExit(3)], ids=repr
)
def test_an_exception_is_an_answer(error):
    def loss(x, y):
        raise error

    answer = Patient(loss).ask(QUESTION)
    assert answer.values is None
    assert answer.error.startswith(type(error).__name__ + ":")


def test_an_interrupt_is_the_users():
    def loss(x, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Patient(loss).ask(QUESTION)


def test_arguments_are_fresh_and_what_is_written_into_is_named():
    def loss(x, y):
        x += 1
        y[...] = 0
        return float(x.sum())

    answer = Patient(loss).ask(QUESTION)
    assert answer.changed == ("predictions", "labels")
    assert QUESTION.x.tolist() == [1.3, -0.7]
    assert Patient(loss).ask(QUESTION).total == answer.total


def test_what_is_printed_is_noticed():
    said = [0]

    def loss(x, y):
        said[0] += 5
        return 1.0

    assert Patient(loss, printed=lambda: said[0]).ask(QUESTION).printed
    assert not Patient(lambda x, y: 1.0, printed=lambda: said[0]).ask(QUESTION).printed


MANNERS = {
    "swapped": (Manner(swapped=True), (Y, X)),
    "signs": (Manner(signs=True), (X, 2 * Y - 1)),
    "column": (Manner(shape="column"), (X[:, None], Y[:, None])),
    "row": (Manner(shape="row"), (X[None], Y[None])),
    "list": (Manner(shape="list"), (X.tolist(), Y.tolist())),
}


@pytest.mark.parametrize(("manner", "arguments"), MANNERS.values(), ids=MANNERS)
def test_a_loss_is_called_in_its_manner(manner, arguments):
    calls = []
    Patient(lambda *given: calls.append(given), manner=manner).ask(QUESTION)
    for got, want in zip(calls[0], arguments, strict=True):
        assert type(got) is type(want)
        assert np.array_equal(got, want)


def test_single_numbers_are_asked_one_by_one():
    answer = Patient(lambda x, y: x if y else -x, manner=Manner(shape="scalar")).ask(QUESTION)
    assert answer.values.tolist() == [1.3, 0.7]


def test_dtypes_are_those_that_were_asked_for():
    calls = []
    patient = Patient(lambda *given: calls.append(given))
    patient.ask(QUESTION.but(dtype="float32", label_dtype="bool"))
    patient.ask(Question(X, np.array([1, 0])))
    assert [each.dtype.name for call in calls for each in call] == [
        "float32", "bool", "float64", "int64",
    ]  # fmt: skip


def test_autograd_gives_the_gradient_and_the_second_derivative():
    pytest.importorskip("torch")
    patient = Patient(lambda x, y: (x**3 * y).sum(), manner=Manner("torch"))
    y = np.array([1.0, 2.0])
    assert patient.ask(Question(X, y, want="gradient")).values == pytest.approx(3 * X**2 * y)
    assert patient.ask(Question(X, y, want="second")).values == pytest.approx(6 * X * y)
    tenth = patient.ask(Question(X, y, want="gradient", upstream=0.1))
    assert tenth.values == pytest.approx(0.3 * X**2 * y)


def test_a_detached_result_has_no_gradient():
    pytest.importorskip("torch")
    patient = Patient(lambda x, y: x.detach().sum(), manner=Manner("torch"))
    assert patient.ask(QUESTION.but(want="gradient")).note == "detached"


def test_a_returned_gradient_is_the_second_of_the_pair():
    patient = Patient(lambda x, y: (1.0, 2 * x), "returned")
    assert patient.ask(QUESTION.but(want="gradient")).values.tolist() == [2.6, -1.4]


def test_each_question_is_announced_and_its_end_too():
    said = []
    patient = Patient(lambda x, y: 1 / 0, announce=said.append)
    patient.ask(QUESTION)
    assert said == [QUESTION, None]


ZEROES = np.array([1.0, 0.0])
EXTREME = {
    "itself": (Question(X, Y), Question(X, Y), True),
    "other ordinary numbers": (Question(X + 0.1, Y), Question(X, Y), False),
    "the same with other labels": (Question(X, 1 - Y), Question(X, Y), False),
    "the same with labels of another dtype": (
        Question(X, Y, label_dtype="int64"), Question(X, Y), False,
    ),
    "further out": (Question([-900.0], [0.0]), Question([800.0], [1.0]), True),
    "as far, another label": (Question([800.0], [0.0]), Question([800.0], [1.0]), True),
    "nearer": (Question([40.0], [1.0]), Question([800.0], [1.0]), False),
    "a derivative of it": (Question([800.0], [1.0], want="gradient"), Question([800.0], [1.0]),
                           False),
    "another shape": (Question([800.0, 1.0], Y), Question([800.0], [1.0]), False),
    "infinity after infinity": (Question([-math.inf], [0.0]), Question([math.inf], [1.0]), True),
    "a far one after infinity": (Question([800.0], [0.0]), Question([math.inf], [1.0]), False),
    "certain after certain": (Question([1.0], [1.0]), Question([0.0], [1.0]), True),
    "likely after certain": (Question([0.9], [1.0]), Question([0.0], [1.0]), False),
    "a logit after a certain probability": (Question([2.0], [1.0]), Question([0.0], [1.0]), False),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "is_so"), EXTREME.values(), ids=EXTREME)
def test_what_is_as_extreme_as_what_went_wrong_is_not_asked_again(one, other, is_so):
    calls = []
    loss = lambda x, y: calls.append(1)  # noqa: E731
    patient = Patient(loss, gradient=loss, trouble=[(other, "hangs")])
    answer = patient.ask(one)
    assert answer.lost == is_so
    assert len(calls) == (not is_so)


def test_answers_are_the_same_to_a_tolerance_and_nan_is_nan():
    one = Answer(np.array([1.0, math.nan]))
    assert one.same(Answer(np.array([1.0 + 1e-15, math.nan])))
    assert not one.same(Answer(np.array([1.1, math.nan])))
    assert not one.same(Answer(error="ValueError: no"))
    assert Answer(error="ValueError: 1").same(Answer(error="ValueError: 2"))


def test_a_call_that_does_not_come_back_is_remembered():
    def loss(x, y):
        while abs(x).max() > 5:
            pass
        return 1.0

    patient = Patient(loss)
    patient.ask(QUESTION)
    assert patient.ask(Question([800.0], [1.0])).error == "hangs"
    calls = patient.clock.calls
    assert patient.ask(Question([-900.0], [1.0])).error == "hangs"
    assert patient.clock.calls == calls


def test_pytorch_is_not_imported_to_look_at_a_result():
    assert as_numbers(1.0)[0] is not None
    assert "torch" not in vars(sys.modules["companion.clinic.patient"])
