"""One diagnosis: its names, its time, and what it leaves in the process, which is nothing."""

import sys
import time
import warnings

import numpy as np
import pytest

import companion
from companion.clinic.declared import declare
from companion.clinic.diagnosis import diagnose_here, name_of

LOGITS = declare(inputs="logits", labels="hard", reduction="mean")


def right(z, y):
    return np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))


def diagnose(loss, budget=20.0, declared=LOGITS, **options):
    return diagnose_here(loss, declared, {}, budget, **options)


class Named:
    def __call__(self, z, y):
        return right(z, y)


class Hostile(Named):
    def __getattr__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("loss", "name"),
    [(right, "right"), (lambda z, y: 0, "loss"), (Named(), "Named"), (Hostile(), "Hostile")],
    ids=["function", "lambda", "object", "object that refuses to be asked"],
)
def test_a_loss_is_called_by_its_name(loss, name):
    assert name_of(loss) == name


def test_a_report_says_where_a_function_is_imported_from():
    def wrong(z, y):
        return -right(z, y)

    wrong.__qualname__ = "wrong"
    assert f"from {__name__} import wrong" in diagnose(wrong).setup


def test_a_budget_of_nothing_is_no_clean_bill():
    report = diagnose(right, budget=0.0)
    assert not report.ok
    assert not report.examined
    assert report.exit_status() == 2
    assert "not examined" in str(report)


def test_a_slow_loss_is_examined_as_far_as_the_budget_goes():
    def slow(z, y):
        time.sleep(0.02)
        return right(z, y)

    began = time.perf_counter()
    report = diagnose(slow, budget=1.0)
    # One call more, and the judging of the last answer.
    assert time.perf_counter() - began < 4
    assert any(text.startswith("whether it has") for text in report.not_tried)
    assert report.table  # the ordinary points come first


def test_at_most_so_many_calls_are_made():
    calls = []

    def counted(z, y):
        calls.append(1)
        return right(z, y)

    assert diagnose(counted, most=40).calls == len(calls) == 40


def test_a_loss_that_hangs_at_once_is_told():
    def hangs(z, y):
        while True:
            pass

    report = diagnose(hangs, budget=4.0)
    assert [each.name for each in report.findings] == ["hangs"]
    assert "was given up" in report.findings[0].sentence


def test_a_slow_loss_does_not_hang_when_the_time_is_up():
    def slow(z, y):
        time.sleep(0.3)
        return right(z, y)

    report = diagnose(slow, budget=1.0)
    assert not report.findings, str(report)


def test_a_call_that_hangs_once_is_no_other_mistake():
    calls = []

    def once(z, y):
        calls.append(1)
        if len(calls) == 20:
            time.sleep(60)
        return right(z, y)

    report = diagnose(once, declared=declare(inputs="logits"))
    assert [each.name for each in report.findings] == ["hangs"], str(report)
    assert "what is as far out as a call that was lost" in report.not_tried


def test_nothing_of_the_process_is_changed():
    torch = pytest.importorskip("torch")

    def meddles(z, y):
        np.seterr(all="raise")
        np.random.seed(3)  # noqa: NPY002 - the state that others share
        torch.manual_seed(3)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        warnings.simplefilter("error")
        print("loss")
        with np.errstate(all="ignore"):
            return right(z, y)

    def state():
        return [
            np.geterr(), np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.get_rng_state().tolist(), torch.is_grad_enabled(), torch.get_default_dtype(),
            list(warnings.filters), sys.stdout,
        ]  # fmt: skip

    before = state()
    report = diagnose(meddles)
    assert state() == before
    assert {"global-state-changed", "prints"} <= {each.name for each in report.findings}


def test_another_variation_asks_other_questions_and_finds_the_same():
    asked = [[], []]

    def loss(z, y):
        asked[-1].append(np.array(z).tolist())
        return -right(z, y)

    first = diagnose(loss)
    asked.append([])
    second = diagnose(loss, variation=3)
    assert asked[1] != asked[2]
    assert [each.name for each in first.findings] == [each.name for each in second.findings]


def test_the_table_shows_what_each_element_pays():
    head, *rows = diagnose(lambda z, y: 2 * right(z, y)).table
    assert head == ("label", "pays class 0", "pays class 1", "should pay 0", "should pay 1")
    assert [row[0] for row in rows] == ["1", "0", "1", "1", "0"]
    assert [round(float(row[1 + int(row[0])]), 6) for row in rows] == [2.0] * 5


def test_rounding_errors_are_no_part_of_the_table():
    _, *rows = diagnose(lambda z, y: 2 * right(z, y)).table
    assert {row[1 + 1 - int(row[0])] for row in rows} == {"0"}


class Kept:
    def compute_loss(self, z, y):
        self.slope = (1 / (1 + np.exp(-z)) - y) / len(y)
        return -right(z, y)

    def backward(self, upstream):
        return upstream * self.slope


class Both:
    def forward(self, z, y):
        return right(z, y)

    def backward(self, z, y):
        return y - 1 / (1 + np.exp(-z))


class Called:
    def __call__(self, z, y):
        return -right(z, y)


def slope(z, y):
    return y - 1 / (1 + np.exp(-z))


HOLDERS = {
    "class with methods": (Both, {}),
    "object with methods": (Both(), {}),
    "class that remembers": (Kept, {}),
    "class that is called": (Called, {}),
    "object that is called": (Called(), {}),
    "function with a gradient": (right, {"gradient": slope}),
}


@pytest.mark.parametrize(("loss", "beside"), HOLDERS.values(), ids=HOLDERS)
def test_calls_paste_after_the_setup_whatever_holds_the_loss(loss, beside):
    report = diagnose(loss, **beside)
    assert report.findings
    scope = {"loss": loss}
    exec(report.setup, scope)
    for found in report.findings:
        exec(found.call, scope)


def test_a_class_is_made_once():
    count = []

    class Counted(Both):
        def __init__(self):
            count.append(1)

    diagnose(Counted)
    assert len(count) == 1


@pytest.mark.parametrize(
    ("name", "ends"),
    [("binary_cross_entropy", True), ("cross_entropy_from_probabilities", False)],
)
def test_report_says_whether_the_ends_of_a_gradient_were_asked(name, ends):
    loss, gradient = getattr(companion, name), getattr(companion, f"{name}_gradient")
    report = diagnose(loss, declared=declare(inputs="probabilities"), gradient=gradient)
    assert report.tried[-1] == ("the gradient and its ends" if ends else "the gradient")
