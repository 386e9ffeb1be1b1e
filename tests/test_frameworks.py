"""The stored answers of the frameworks are what the installed ones answer now."""

import json
import platform
import re
from pathlib import Path

import pytest

import companion
from tests.outside import load

ROOT = Path(__file__).parents[1]


frameworks = load(ROOT / "benchmarks" / "frameworks.py")
STORED = json.loads((ROOT / "book" / "_data" / "frameworks.json").read_text(encoding="utf-8"))
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


@pytest.fixture(scope="module", params=frameworks.FRAMEWORKS)
def measured(request):
    if request.param not in frameworks.installed():
        pytest.skip(f"{request.param} is not installed")
    return request.param, frameworks.measure_apart(request.param)


def test_answers_are_the_stored_ones(measured):
    name, now = measured
    wrong = complaints(STORED["facts"][name], now["facts"])
    assert not wrong, f"{name}: {REMEDY}\n" + "\n".join(wrong)


def test_lines_give_the_stored_numbers(measured):
    name, now = measured
    stored = {task: lines[name]["number"] for task, lines in STORED["lines"].items()}
    wrong = complaints(stored, now["numbers"])
    assert not wrong, f"{name}: {REMEDY}\n" + "\n".join(wrong)


def test_numpy_scipy_and_the_peers_of_the_environment_are_asked():
    assert {"NumPy", "SciPy", "companion", "scikit-learn", "PyTorch"} <= {*frameworks.installed()}


def test_every_framework_has_an_answer_to_every_probe():
    assert list(STORED["facts"]) == list(frameworks.FRAMEWORKS)
    for name, facts in STORED["facts"].items():
        assert list(facts) == list(frameworks.PROBES), name


def test_every_probe_has_an_answer_of_some_framework():
    for probe in frameworks.PROBES:
        answers = {facts[probe] for facts in STORED["facts"].values()}
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
    assert set(STORED.get("asked", asked)) == set(asked)


def test_answers_hold_no_path_and_no_address():
    assert traces(STORED["facts"]) == []


@pytest.mark.parametrize("name", ["NumPy", "SciPy"])
def test_line_of_k_classes_is_right_for_logits_of_a_thousand(name):
    np = frameworks.np
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
    np = frameworks.np
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
    assert swapped == pytest.approx(0.75 * 15.94, rel=1e-3)  # float32 rounds 1 - 1e-7


def test_answer_tells_numbers_warnings_and_errors():
    def warn():
        frameworks.warnings.warn("beware", UserWarning, stacklevel=1)
        return frameworks.np.array([1 / 3, -0.0])

    def fail():
        raise ValueError("cannot read /some/where\nat all")

    assert frameworks.answer(warn) == "0.33333 0 (warns)"
    assert frameworks.answer(fail) == "ValueError: cannot read …"
