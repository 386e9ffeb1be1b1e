"""Whatever holds a loss becomes a function, and is called as it wants to be."""

import functools
import math

import numpy as np
import pytest
from scipy.special import log_expit

from companion.clinic.meeting import as_function, attribute, gradient_of, made, meet
from companion.clinic.patient import Patient, Question

QUESTION = Question(np.array([1.3, -0.7, 0.4]), np.array([1.0, 0.0, 1.0]))
VALUE = float(-np.mean(log_expit([1.3, 0.7, 0.4])))


def flat(z, y):
    return -np.mean(log_expit((2.0 * y - 1) * z))


class Called:
    def __call__(self, z, y):
        return flat(z, y)


class Forward:
    def forward(self, z, y):
        self.z, self.y = z, y
        return flat(z, y)

    def backward(self):
        return (1 / (1 + np.exp(-self.z)) - self.y) / len(self.y)


class Method:
    def compute_loss(self, z, y):
        return flat(z, y)

    def grad(self, z, y):
        return (1 / (1 + np.exp(-z)) - y) / len(y)


class Needs:
    def __init__(self, model):
        self.model = model


HOLDERS = {
    "function": flat,
    "partial": functools.partial(flat),
    "lambda": lambda z, y: flat(z, y),
    "vectorised function": np.vectorize(lambda z, y: flat(z, np.array([y]))),
    "class": Called,
    "object": Called(),
    "class with forward": Forward,
    "object with a method": Method(),
    "bound method": Method().compute_loss,
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_what_holds_a_loss_is_a_function(holder):
    function, _ = as_function(made(holder))
    assert np.mean(function(QUESTION.x, QUESTION.y)) == pytest.approx(VALUE, rel=1e-15, abs=0)


@pytest.mark.parametrize(
    "holder",
    [Forward, Forward(), Method, Method()],
    ids=[
        "class with forward",
        "object with forward",
        "class with a method",
        "object with a method",
    ],
)
def test_a_method_beside_the_loss_is_its_gradient(holder):
    gradient, name, _ = gradient_of(made(holder))
    assert name in ("backward", "grad")
    x, y = QUESTION.x, QUESTION.y
    assert gradient(x, y) == pytest.approx((1 / (1 + np.exp(-x)) - y) / 3)


@pytest.mark.parametrize(
    "holder", [flat, Called, functools.partial(flat)], ids=["function", "class", "partial"]
)
def test_without_such_a_method_there_is_no_gradient(holder):
    assert gradient_of(made(holder)) == (None, "", "")


@pytest.mark.parametrize(
    "holder", [3, "loss", None, object()], ids=["number", "text", "None", "object"]
)
def test_what_holds_no_loss_is_a_type_error(holder):
    with pytest.raises(TypeError, match="callable"):
        as_function(holder)


def test_a_class_that_needs_arguments_asks_for_an_instance():
    with pytest.raises(TypeError, match=r"'model'; give an instance, as in loss = Needs\("):
        made(Needs)


def test_an_attribute_whose_getter_raises_is_none():
    class Hostile:
        @property
        def loss(self):
            raise RuntimeError

    assert attribute(Hostile(), "loss") is None


def demands(shape):
    def loss(z, y):
        if np.shape(z) != shape or np.shape(y) != shape:
            raise ValueError("shape")
        return flat(z, y)

    return loss


def of_lists(z, y):
    if not isinstance(z, list):
        raise TypeError("lists")
    return flat(np.array(z), np.array(y))


def of_numbers(z, y):
    return math.log1p(math.exp(-z if y else z))


MANNERS = {
    "flat": flat,
    "column": demands((3, 1)),
    "row": demands((1, 3)),
    "list": of_lists,
    "scalar": of_numbers,
}


@pytest.mark.parametrize(("shape", "loss"), MANNERS.items(), ids=MANNERS)
def test_the_shape_that_a_loss_wants_is_found(shape, loss):
    patient = meet(Patient(loss), QUESTION)
    assert patient.manner.shape == shape
    assert np.mean(patient.ask(QUESTION).values) == pytest.approx(VALUE)


def test_tensors_are_given_to_what_wants_tensors_and_arrays_to_the_others():
    torch = pytest.importorskip("torch")
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    patient = meet(Patient(loss), QUESTION)
    assert patient.manner.framework == "torch"
    assert patient.ask(QUESTION).total == pytest.approx(VALUE)
    assert meet(Patient(flat), QUESTION).manner.framework == "numpy"


EXCEPTIONS = {
    "arrays": (lambda z, y: np.mean(unknown), "numpy", "NameError"),  # noqa: F821
    "tensors": (lambda z, y: z.detach().nothing, "torch", "AttributeError"),
}


@pytest.mark.parametrize(("loss", "framework", "error"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_the_exception_that_is_reported_is_that_of_the_call_that_was_meant(loss, framework, error):
    pytest.importorskip("torch")
    patient = meet(Patient(loss), QUESTION)
    assert patient.manner.framework == framework
    assert patient.ask(QUESTION).error.startswith(error)


def test_a_call_that_returns_no_number_is_told_from_one_that_raises():
    pytest.importorskip("torch")
    patient = meet(Patient(lambda z, y: {"loss": flat(z, y)}), QUESTION)
    assert patient.ask(QUESTION).note == "dict"
