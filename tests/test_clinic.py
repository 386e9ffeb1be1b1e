"""`diagnose` and `assert_healthy`: what they refuse, find, allow and say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from companion import binary_cross_entropy, clinic
from companion.clinic import assert_healthy, diagnose
from companion.clinic.inference import declare

ROOT = Path(__file__).parents[1]


def clipped(p, y):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))


def names(report):
    return [each.name for each in report.findings]


REFUSED = {
    "inputs": ({"inputs": "scores"}, "inputs must be one of logits, probabilities"),
    "labels": ({"labels": "one hot"}, "labels must be one of"),
    "reduction": ({"reduction": "average"}, "reduction must be one of mean, sum, none"),
    "task": ({"task": "regression"}, "task must be one of"),
    "dtype": ({"dtype": "float8"}, "dtype must be one of"),
    "both weights": ({"weight": [1, 2], "pos_weight": 2}, "give weight or pos_weight, not both"),
    "an unknown finding": ({"expected": {"cliped": "a reason"}}, "'cliped' is no finding"),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_declaration_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        diagnose(clipped, **options)


@pytest.mark.parametrize("loss", [None, 0.5, "loss", [1.0]], ids=repr)
def test_what_is_no_loss_is_refused(loss):
    with pytest.raises(TypeError, match="loss must be callable"):
        diagnose(loss)


def test_weights_of_one_number_are_those_of_two_classes():
    assert declare(pos_weight=3).weight == (1, 3)
    assert declare(alpha=0.25).weight == (0.75, 0.25)
    assert declare(alpha=0.25, pos_weight=2).weight == (0.75, 0.5)
    assert declare().weight is None


def test_a_mistake_is_found_with_a_call_that_shows_it():
    report = diagnose(clipped, inputs="probabilities", reduction="mean")
    assert names(report)[0] == "clipped"
    scope = {"np": np, "clipped": clipped}
    value = eval(report.findings[0].call, scope)
    assert f"{value:.6g}" == report.findings[0].got


def test_what_is_expected_is_no_finding():
    report = diagnose(clipped, inputs="probabilities", expected={"clipped": "float16"})
    assert "clipped" not in names(report)
    assert [each.name for each in report.expected] == ["clipped"]


def test_a_healthy_loss_passes():
    assert_healthy(binary_cross_entropy, inputs="probabilities", reduction="mean")


def test_the_first_line_of_a_failure_says_what_is_wrong():
    with pytest.raises(AssertionError) as caught:
        assert_healthy(lambda p, y: -clipped(p, y), inputs="probabilities")
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("sign-flipped: ")
    assert any("# got" in line for line in rest)


def test_what_is_allowed_passes_and_must_occur():
    allow = dict.fromkeys(names(diagnose(clipped, inputs="probabilities")), "known")
    assert_healthy(clipped, inputs="probabilities", allow=allow)
    with pytest.raises(AssertionError, match="allowed, and no longer found: overflow; take it off"):
        assert_healthy(clipped, inputs="probabilities", allow=allow | {"overflow": "known"})


def test_what_there_was_no_time_for_is_not_healthy():
    with pytest.raises(AssertionError, match="not examined"):
        assert_healthy(binary_cross_entropy, inputs="probabilities", budget=0.0)


def test_the_clinic_says_which_extra_brings_what_it_needs():
    code = (
        "import sys; sys.modules['mpmath'] = None\n"
        "try:\n    import companion.clinic\n"
        "except ImportError as error:\n    print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == (
        "companion.clinic needs mpmath: pip install 'bce-companion[clinic]'"
    )


def test_pytorch_is_not_imported_for_an_array_loss():
    code = (
        "import sys, numpy as np\nfrom companion.clinic import diagnose\n"
        "diagnose(lambda p, y: -np.mean(y * np.log(p)))\n"
        "print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


def test_public_names_are_those_of_the_module():
    assert all(hasattr(clinic, name) for name in clinic.__all__)
