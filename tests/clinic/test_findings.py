"""Each finding is found in its sick example, and nowhere in the mended ones."""

import re
import sys
import warnings

import numpy as np
import pytest

from companion.clinic import diagnose
from companion.clinic.catalogue import catalogue
from companion.clinic.finding import LIMIT

IN_A_CHILD = {"hangs", "kills-the-process"}  # tests/clinic/test_isolate.py asks these
HERE = [finding for finding in catalogue() if finding.name not in IN_A_CHILD]
IN_TORCH = [finding for finding in catalogue() if finding.in_torch]
NOT_IN_TORCH = {  # nothing to say about PyTorch, and why
    "hangs": "a loop is mended where it is",
    "kills-the-process": "so is a call that ends the process",
    "crashes": "so is a wrong name",
    "prints": "so is a line that prints",
    "global-state-changed": "np.errstate is NumPy's",
}
# What PyTorch's own functions have, where the mistake is another one.
LIMITS = {finding.name for finding in catalogue() if finding.severity == LIMIT}
PYTORCHS = {"clipped", "tail-digits-lost"} | LIMITS


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


@pytest.mark.parametrize("finding", IN_TORCH, ids=lambda finding: finding.name)
def test_the_fix_in_pytorch_mends_it_and_has_no_mistake_but_pytorchs(finding):
    report = diagnose(**run(finding.in_torch), **finding.declared, budget=30)
    assert finding.name not in names(report), str(report)
    known = LIMITS if "companion" in finding.in_torch else PYTORCHS
    assert names(report) <= known, str(report)
    assert not report.at_least("major"), str(report)


@pytest.mark.parametrize("finding", IN_TORCH, ids=lambda finding: finding.name)
def test_the_fix_in_pytorch_gives_what_the_fix_in_numpy_gives(finding):
    report = diagnose(**run(finding.sick), **finding.declared, budget=30)
    found = (*report.findings, *report.withheld, *report.limits)
    call = next(each.call for each in found if each.name == finding.name)
    call = re.sub(rf"\b{report.name}\(", "loss(", call)
    numpy_, torch_ = answer(call, finding.mended), answer(call, finding.in_torch, on_tensors)
    assert numpy_.shape == torch_.shape
    if finding.name in ("bad-values-hidden", "labels-unchecked"):  # NaN or a refusal: not hidden
        assert {str(numpy_), str(torch_)} <= {"nan", "ValueError"}
        return
    # Both in float64 from the same arrays, and the formulas differ in their roundings.
    np.testing.assert_allclose(torch_, numpy_, rtol=1e-12, atol=1e-15)


def test_each_fix_is_there_in_pytorch_or_has_a_reason():
    without = {each.name for each in catalogue() if "torch" not in each.mended + each.in_torch}
    assert without == set(NOT_IN_TORCH)
    assert not [each.name for each in IN_TORCH if "torch" in each.mended]


def answer(call, source, adapt=lambda function: function):
    """Return what the last line of a call gives, or the name of the refusal."""
    functions = {name: adapt(each) for name, each in run(source).items() if each is not None}
    *lines, last = call.splitlines()
    try:
        exec("\n".join(lines), functions | {"np": np}, functions)
        return np.asarray(eval(last, {"np": np}, functions))
    except (TypeError, ValueError) as error:
        return np.asarray(type(error).__name__)


def on_tensors(function):
    torch = pytest.importorskip("torch")
    return lambda *given: function(*(torch.as_tensor(np.asarray(each)) for each in given))


@pytest.mark.parametrize("finding", HERE, ids=lambda finding: finding.name)
def test_the_call_of_a_finding_pastes_and_shows_it(finding):
    found = run(finding.sick)
    report = diagnose(**found, **finding.declared, budget=30)
    own = next(
        d for d in (*report.findings, *report.withheld, *report.limits) if d.name == finding.name
    )
    assert own.got != own.exact or not own.call
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
