"""Each finding is found in its sick example, and nowhere in the mended one."""

import sys
import warnings

import pytest

from companion.clinic import diagnose
from companion.clinic.catalogue import catalogue

IN_A_CHILD = {"hangs", "kills-the-process"}  # tests/clinic/test_isolate.py asks these
HERE = [finding for finding in catalogue() if finding.name not in IN_A_CHILD]


def run(source):
    if "torch" in source:
        pytest.importorskip("torch")
    names = {}
    exec(source, names)
    return {key: names.get(key) for key in ("loss", "gradient", "hessian")}


def names(report):
    return {d.name for d in (*report.findings, *report.withheld, *report.limits)}


@pytest.mark.parametrize("finding", HERE, ids=lambda finding: finding.name)
def test_finding_is_named_in_its_sick_example(finding):
    report = diagnose(**run(finding.sick), **finding.declared, budget=30)
    assert finding.name in names(report), str(report)


@pytest.mark.parametrize("finding", HERE, ids=lambda finding: finding.name)
def test_the_fix_of_a_finding_mends_it(finding):
    report = diagnose(**run(finding.mended), **finding.declared, budget=30)
    assert finding.name not in names(report), str(report)
    assert not report.at_least("major"), str(report)


@pytest.mark.parametrize("finding", HERE, ids=lambda finding: finding.name)
def test_the_call_of_a_finding_pastes_and_shows_it(finding):
    found = run(finding.sick)
    report = diagnose(**found, **finding.declared, budget=30)
    own = next(
        d for d in (*report.findings, *report.withheld, *report.limits) if d.name == finding.name
    )
    scope = dict(found) | {type(found["loss"]).__name__: found["loss"]}
    scope |= {getattr(found["loss"], "__name__", "loss"): found["loss"]}
    exec(report.setup.partition(";")[0], scope)
    raised = ""
    with warnings.catch_warnings(action="ignore"):
        try:
            exec(own.call, scope)
        except Exception as error:
            raised = type(error).__name__
    assert raised in own.got + own.sentence


def test_the_judge_is_there_when_the_clinic_is():
    assert "mpmath" in sys.modules
