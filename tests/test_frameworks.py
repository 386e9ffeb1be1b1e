"""The stored answers of the frameworks are what the installed ones answer now."""

import json
import platform
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import companion
from tests.outside import load

ROOT = Path(__file__).parents[1]


frameworks = load(ROOT / "benchmarks" / "frameworks.py")
boosters = load(ROOT / "benchmarks" / "boosters.py")
STORED = json.loads((ROOT / "book" / "_data" / "frameworks.json").read_text(encoding="utf-8"))
ANSWERS = STORED["facts"] | STORED["boosters"]
REMEDY = "make frameworks stores the answers anew"


def complaints(stored, measured):
    """Name each stored answer that differs from the measured one."""
    return [
        f"{probe}: stored {stored.get(probe)!r}, measured {found!r}"
        for probe, found in measured.items()
        if stored.get(probe) != found
    ]


def traces(facts):
    """Name each answer that holds a path or the address of an object."""
    trace = re.compile(r"/\w+/|\\\w|0x[0-9a-f]{6}|site-packages")
    return [
        f"{name}, {probe}: {found}"
        for name, answers in facts.items()
        for probe, found in answers.items()
        if trace.search(found)
    ]


@pytest.fixture(scope="module", params=[*frameworks.FRAMEWORKS, *boosters.BOOSTERS])
def measured(request):
    if request.param not in frameworks.installed():
        pytest.skip(f"{request.param} is not installed")
    return request.param, frameworks.measure_apart(request.param)


def test_answers_are_the_stored_ones(measured):
    name, now = measured
    wrong = complaints(ANSWERS[name], now["facts"])
    assert not wrong, f"{name}: {REMEDY}\n" + "\n".join(wrong)


def test_lines_give_the_stored_numbers(measured):
    name, now = measured
    if name in boosters.BOOSTERS:
        assert "numbers" not in now
        return
    stored = {task: lines[name]["number"] for task, lines in STORED["lines"].items()}
    wrong = complaints(stored, now["numbers"])
    assert not wrong, f"{name}: {REMEDY}\n" + "\n".join(wrong)


def test_numpy_scipy_and_the_peers_of_the_environment_are_asked():
    assert {"NumPy", "SciPy", "companion", "scikit-learn", "PyTorch"} <= {*frameworks.installed()}


def test_every_framework_has_an_answer_to_every_probe():
    assert list(STORED["facts"]) == list(frameworks.FRAMEWORKS)
    for name, facts in STORED["facts"].items():
        assert list(facts) == list(frameworks.PROBES), name
    assert list(STORED["boosters"]) == list(boosters.BOOSTERS)
    for name, facts in STORED["boosters"].items():
        assert list(facts) == list(boosters.PROBES), name


def test_every_probe_has_an_answer_of_some_framework():
    for probe in frameworks.PROBES:
        answers = {facts[probe] for facts in STORED["facts"].values()}
        assert answers - {frameworks.NO_CALL}, probe
    for probe in boosters.PROBES:
        answers = {facts[probe] for facts in STORED["boosters"].values()}
        assert answers - {frameworks.NO_CALL}, probe


@pytest.mark.parametrize("task", frameworks.LINES)
def test_lines_of_a_task_give_one_number(task):
    stored = STORED["lines"][task]
    assert {name.partition(" ")[0] for name in stored} == set(frameworks.LINES[task])
    assert [stored[name]["line"] for name in stored] == [
        frameworks.LINES[task][name.partition(" ")[0]] for name in stored
    ]
    assert len({entry["number"] for entry in stored.values()}) == 1, stored


def test_stored_versions_are_the_pinned_ones():
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "frameworks.sh").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"(?m)^([a-z-]+)==([\d.]+)$", pins))
    pinned |= dict(re.findall(r"([a-z-]+)==([\d.]+)", script))
    assert set(STORED["versions"]) == set(frameworks.PACKAGES)
    assert {name: pinned[name] for name in STORED["versions"]} == STORED["versions"], REMEDY


def test_circumstances_name_the_day_and_no_machine():
    asked = frameworks.circumstances()
    assert list(asked) == ["date", "python", "system", "companion"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", asked["date"])
    assert asked["companion"] == companion.__version__
    assert platform.node() not in asked.values()
    stored = STORED["asked"]
    assert list(stored) == list(asked), REMEDY
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", stored["date"])
    assert re.fullmatch(r"3\.\d+\.\d+", stored["python"])
    assert re.fullmatch(r"\w+ \w+", stored["system"])
    assert stored["companion"]


def test_stored_answers_say_what_was_not_asked():
    assert STORED["not_asked"] == frameworks.NOT_ASKED, REMEDY


def test_answers_hold_no_path_and_no_address():
    assert traces(ANSWERS) == []


@pytest.mark.parametrize("name", ["NumPy", "SciPy"])
def test_line_of_k_classes_is_right_for_logits_of_a_thousand(name):
    arrays = {
        "class_logits": np.array([[1000, 0, -1000], [0, 1000, 0]], "float32"),
        "classes": np.array([1, 1]),
    }
    names = frameworks.FRAMEWORKS[name][1]().names | arrays
    assert eval(frameworks.LINES["K classes"][name], names) == 500  # the mean of 1000 and 0


# Planted faults -----------------------------------------------------------------------------------


def test_wrong_answer_and_missing_answer_are_named():
    stored = dict(STORED["facts"]["PyTorch"])
    measured = dict(stored)
    assert complaints(stored, measured) == []
    stored["p: 0, label 1"] = "16.118"
    del stored["z: inf, label 1"]
    assert complaints(stored, measured) == [
        "p: 0, label 1: stored '16.118', measured '100'",
        "z: inf, label 1: stored None, measured 'nan'",
    ]


@pytest.mark.parametrize(
    "found",
    [
        "OSError: cannot read /home/somebody/keras.json",
        r"OSError: cannot read C:\Users\somebody",
        "TypeError: <object object at 0x7f3c5a1b2e90> is no tensor",
        "ImportError: site-packages is empty",
    ],
)
def test_answer_with_a_path_or_an_address_is_named(found):
    facts = {"PyTorch": {"p: default": "0.27978", "p: empty": found}}
    assert traces(facts) == [f"PyTorch, p: empty: {found}"]


def lenient(p, y):
    """Return a loss with the faults of several frameworks: it clips, and it broadcasts."""
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(p) + (1 - y) * np.log1p(-p)).mean()


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        ("p: (4, 1) with labels (4,)", "broadcasts to (4, 4)"),
        ("p: 0, label 1, float64", "16.118"),
        ("p: default", "0.27978"),
        ("z: inf, label 1", frameworks.NO_CALL),
    ],
)
def test_probe_finds_out_what_a_known_loss_does(probe, expected):
    known = frameworks.Framework(on_probabilities=lenient, each_probability=lenient)
    assert frameworks.answer(lambda: frameworks.PROBES[probe](known)) == expected


@pytest.mark.parametrize(("order", "first"), [(1, "prediction"), (-1, "labels")])
def test_probe_finds_out_the_order_of_the_arguments(order, first):
    known = frameworks.Framework(positional_probabilities=lambda *pair: lenient(*pair[::order]))
    assert frameworks.PROBES["p: first argument"](known) == first
    swapped = float(frameworks.PROBES["p: swapped"](known))
    assert swapped == pytest.approx(0.75 * 15.94, rel=1e-3, abs=0)  # float32 rounds 1 - 1e-7


def test_answer_tells_numbers_warnings_and_errors():
    def warn():
        warnings.warn("beware", UserWarning, stacklevel=1)
        return np.array([1 / 3, -0.0])

    def fail():
        raise ValueError("cannot read /some/where\nat all")

    assert frameworks.answer(warn) == "0.33333 0 (warns)"
    assert frameworks.answer(fail) == "ValueError: cannot read …"


def test_answer_tells_no_time_of_day_and_no_place_in_a_library_s_sources():
    def fail():
        raise ValueError("[21:12:36] /build/src/objective/loss.cc:83: label must be in [0, 1]")

    assert frameworks.answer(fail) == "ValueError: label must be in [0, 1]"


# A booster of one tree, with the faults of several libraries.


def known(start=None, own_start=0.0, scale=1.0, signs=(1, 1), soft=True, output="logit"):
    def fit(labels, rate=1.0, penalty=0.0, own=None, given=None):
        y = np.asarray(labels, float) if soft else (np.asarray(labels) > 0).astype(float)
        base = np.log(y.mean() / (1 - y.mean())) if start is None else start
        z = base if own is None else own_start
        z = np.full(len(y), z if given is None else given, float)
        slope, curve = (own or boosters.right_pair)(z, y)
        if own is not None:
            slope, curve = signs[0] * slope, signs[1] * curve
        leaves = np.split(scale * np.array([slope, curve]), [boosters.ZEROS], axis=1)
        steps = [-rate * g.sum() / (h.sum() + penalty) for g, h in leaves]
        raw = np.array(steps) + (z[0] if given is None else 0)
        plain = {"logit": raw, "probability": boosters.sigmoid(raw), "class": (raw > 0) * 1}
        return boosters.Fitted(raw, plain[output])

    return boosters.Booster(fit)


def told_of(booster, probe):
    return frameworks.answer(lambda: boosters.PROBES[probe](booster))


@pytest.mark.parametrize(
    ("fault", "probe", "right", "wrong"),
    [
        ({"start": 0.0}, "start", "-1.3863", "0"),
        ({"own_start": 0.5}, "start, objective of one's own", "0", "0.5"),
        ({"scale": 1 / 20}, "gradient", "0.1333", "0.0067"),
        ({"scale": 1 / 20}, "Hessian", "0.16", "0.008"),
        ({"signs": (-1, -1)}, "objective of one's own", "p - y, p(1 - p)", "y - p, -p(1 - p)"),
        ({"signs": (1, -1)}, "objective of one's own", "p - y, p(1 - p)", "p - y, -p(1 - p)"),
        ({"soft": False}, "label 0.3 counts as", "0.3", "1"),
        ({"soft": False}, "label 2 counts as", "2", "1"),
        ({"output": "class"}, "predict", "logit", "class"),
        ({"output": "probability"}, "predict, objective of one's own", "logit", "probability"),
    ],
)
def test_probe_finds_out_what_a_known_booster_does(fault, probe, right, wrong):
    healthy = {"start": 0.0} if probe == "label 2 counts as" else {}
    assert told_of(known(**healthy), probe) == right
    assert told_of(known(**healthy | fault), probe) == wrong


def test_probe_tells_the_given_start_apart_and_the_exact_step():
    assert told_of(known(), "raw output after a given start of 2") == "0"
    assert told_of(known(), "step at logit 20, label 1") == "1"
    lacking = boosters.Booster(known().fit, takes_own=False, takes_start=False)
    for probe in ("objective of one's own", "step at logit 20, label 1"):
        assert told_of(lacking, probe) == frameworks.NO_CALL
    assert told_of(lacking, "reported loss at logit 1000, label 0") == frameworks.NO_CALL
