"""What was found is put in order: causes first, their consequences withheld, limits last."""

import itertools

import numpy as np
import pytest

from companion.clinic.catalogue import BY_NAME, EXPLAINS
from companion.clinic.chart import Chart
from companion.clinic.clock import Clock
from companion.clinic.examination import Found, examine, lost, ordered
from companion.clinic.finding import Evidence
from companion.clinic.meaning import Meaning
from companion.clinic.patient import Patient, Question
from companion.clinic.witness import Witness


def found(name, severity=None):
    return Found(BY_NAME[name], Evidence("", severity=severity), Witness("", "", ""))


def names(each):
    return [one.finding.name for one in each]


def test_a_cause_withholds_its_consequence():
    assert "gradient-dead" in EXPLAINS["clipped"]
    causes, consequences, limits = ordered([found("clipped"), found("gradient-dead")])
    assert (names(causes), names(consequences), limits) == (["clipped"], ["gradient-dead"], [])


def test_without_its_cause_a_consequence_is_a_cause():
    assert names(ordered([found("gradient-dead")])[0]) == ["gradient-dead"]


def test_a_limit_explains_nothing():
    causes, _, limits = ordered([found("clipped", "limit"), found("gradient-dead")])
    assert names(causes) == ["gradient-dead"]
    assert names(limits) == ["clipped"]


def test_the_worst_comes_first_and_equals_keep_their_order():
    one, two, three = found("clipped"), found("formula-wrong"), found("stateful")
    for order in itertools.permutations([one, two, three]):
        causes, *_ = ordered(list(order))
        severities = [each.severity for each in causes]
        assert severities == sorted(severities, key=["critical", "major", "minor"].index)


def test_no_finding_is_lost_or_doubled():
    everything = [found(name) for name in BY_NAME]
    causes, consequences, limits = ordered(everything)
    assert causes
    shown = names(causes) + names(consequences) + names(limits)
    assert len(set(shown)) == len(shown)
    kept = {name for name in BY_NAME if found(name).severity != "limit"}
    assert kept <= set(shown)


def chart(loss, **options):
    return Chart(Patient(loss, **options), Meaning("logits", "hard"))


def test_of_wrong_values_the_first_that_fits_is_the_one():
    result, _ = examine(chart(lambda z, y: -np.logaddexp(0, (1.0 - 2 * y) * z).mean()), "loss")
    assert [each for each in names(result) if each in ("sign-flipped", "formula-wrong")] == [
        "sign-flipped"
    ]


def test_time_that_runs_out_names_what_was_not_looked_for():
    clock = Clock(20.0, most=30)
    result, missed = examine(chart(lambda z, y: float(np.sum(z)), clock=clock), "loss")
    assert missed[-1] == "not-twice-differentiable"
    assert set(names(result)).isdisjoint(missed)


@pytest.mark.parametrize(
    ("how", "name"), [("hangs", "hangs"), ("kills the process", "kills-the-process")]
)
def test_what_was_lost_is_told_without_a_call(how, name):
    question = Question(np.array([800.0]), np.array([1.0]))
    one = chart(lambda z, y: 1 / 0, trouble=[(question, how)])
    assert names(lost(one, "loss")) == [name]
    assert one.patient.clock.calls == 0
