"""The reference pages in Markdown: every example is run, every line of a table evaluated."""

import doctest
import importlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F  # noqa: N812
import yaml
from sklearn.metrics import log_loss

import companion
from companion import reference, torch_losses
from companion.gradient_check import check_gradient
from tests.guards.prose_numbers import claims

BOOK = Path(__file__).parents[1] / "book"
sys.path.insert(0, str(BOOK / "_ext"))

import api_pages  # noqa: E402

PAGES = {
    path.relative_to(BOOK).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*BOOK.glob("*.md"), *BOOK.glob("api/*.md")])
}


# The examples -------------------------------------------------------------------------------------


def run_examples(name, markdown):
    """Run the examples of a page one after another; return (number failed, number tried)."""
    blocks = re.findall(r"^```pycon\n(.*?)^```$", markdown, flags=re.M | re.S)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, name, 0)
    results = doctest.DocTestRunner(verbose=False).run(test)
    return results.failed, results.attempted


@pytest.mark.parametrize("name", [name for name, text in PAGES.items() if ">>>" in text])
def test_examples_print_what_the_page_shows(name):
    failed, tried = run_examples(name, PAGES[name])
    assert tried == PAGES[name].count("\n>>> "), "an example stands outside a ```pycon block"
    assert failed == 0


def test_a_wrong_example_is_found(capsys):
    assert run_examples("planted", "```pycon\n>>> 1 + 1\n3\n```\n") == (1, 1)
    assert "Expected:\n    3\nGot:\n    2" in capsys.readouterr().out


@pytest.mark.parametrize("name", PAGES)
def test_prose_states_no_number_that_nothing_computed(name):
    assert [claim.text for claim in claims(PAGES[name])] == []


# The package, module by module --------------------------------------------------------------------

MODULES = [name for name in PAGES if name.startswith("api/")]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_s_page_says_what_for_and_how_to_import(name):
    module = f"companion.{name.removeprefix('api/')}"
    assert re.match(rf"# `{module}`: \w[^|`]+\n", PAGES[name])
    [line] = re.findall(r"^```python\n(.+)\n```$", PAGES[name], re.M)
    brought = {}
    exec(line, brought)
    names = vars(importlib.import_module(module))
    for imported in brought.keys() - {"__builtins__"}:
        assert brought[imported] is names.get(imported, sys.modules[module])


def test_the_index_of_modules_has_a_row_for_each():
    table = api_pages.index()
    for name in MODULES:
        [line] = re.findall(r"^```python\n(.+)\n```$", PAGES[name], re.M)
        assert table.count(f"| `{line}` | ") == 1
        assert table.count(f"</book/{name}>` |") == 1
    assert table.count("\n") == len(MODULES) + 1


def test_the_parts_of_a_module_are_its_public_modules():
    assert api_pages.parts("companion.reference") == ["companion.reference.focal"]  # and not _exact


# The table of calls -------------------------------------------------------------------------------

LINE = re.compile(r"(NumPy|PyTorch|scikit-learn) `([^`]+)`")
ARRAYS = {
    "logits": np.array([2.0, -1.0, 0.5, -3.0, 0.25]),
    "labels": np.array([1.0, 0.0, 0.0, 1.0, 1.0]),
    "weight": np.array([1.0, 0.5, 2.0, 3.0, 0.0]),
    "pos_weight": np.array(3.0),
    "class_logits": np.array(
        [[2.0, 0.0, -1.0], [0.5, 0.25, 1.0], [-1.0, 3.0, 0.0], [0.0, 0.0, 1.5], [1.0, -2.0, 0.5]]
    ),
    "classes": np.array([0, 2, 1, 0, 1]),
    "class_weight": np.array([1.0, 0.5, 2.0]),
    "soft_labels": np.array([0.5, 0.3, 0.5, 0.9, 0.0]),
    "soft_classes": np.array([[0.2, 0.3, 0.5]] * 3 + [[1.0, 0.0, 0.0]] * 2),
    "mask": np.array([True, False, True, True, False]),
    "channel_weight": np.array([1.0, 2.0, 3.0]),
    "question_weight": np.array([4.0, 0.5, 2.0]),
    "chosen": np.array([1.0, -0.5, 2.0, 0.25, 3.0]),
    "rejected": np.array([0.5, 0.75, -1.0, 0.25, 3.5]),
    "positive": np.array([2.0, 0.5, -1.0]),
    "unlabelled": np.array([-2.0, 1.0, -3.0, 0.5]),
    "share": np.array(0.3),
    "at_risk": np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0]] + [[1.0] * 3] * 2),
    "pair_logits": np.array([[2.0, -1.0, 0.5], [-3.0, 0.25, -2.0], [1.0, -0.5, 3.0]]),
    "image_logits": np.random.default_rng(0).normal(size=(2, 3, 4, 5)),
    "image_labels": np.random.default_rng(1).integers(0, 2, size=(2, 3, 4, 5)).astype(float),
    "pixel_classes": np.random.default_rng(2).integers(0, 3, size=(2, 4, 5)),
}
ARRAYS["answers"] = np.eye(3)[ARRAYS["classes"]]
ARRAYS["marked"] = np.where(ARRAYS["mask"], ARRAYS["labels"], -1.0)
ARRAYS["signs"] = 2 * ARRAYS["labels"] - 1
ARRAYS["probabilities"] = 1 / (1 + np.exp(-ARRAYS["logits"]))
ARRAYS["log_probabilities"] = np.log(ARRAYS["probabilities"])
ARRAYS["columns"] = np.stack([1 - ARRAYS["probabilities"], ARRAYS["probabilities"]], axis=1)
ARRAYS["codes"] = ARRAYS["labels"] + 1
ARRAYS["possible"] = np.array([[True, False, True]] * 2 + [[False, True, True]] + [[True] * 3] * 2)
ARRAYS["gradient"] = (ARRAYS["probabilities"] - ARRAYS["labels"]) / 5
ARRAYS["losses"] = np.log1p(np.exp(ARRAYS["logits"])) - ARRAYS["labels"] * ARRAYS["logits"]
NAMES = {
    "NumPy": ARRAYS
    | {name: getattr(companion, name) for name in companion.__all__}
    | {"np": np, "check_gradient": check_gradient},
    "PyTorch": {name: torch.tensor(array) for name, array in ARRAYS.items()}
    | {"torch": torch, "F": F, "twins": torch_losses},
    "scikit-learn": ARRAYS
    | {"log_loss": log_loss, "sigmoid": companion.sigmoid, "softmax": companion.softmax, "np": np},
}


def rows(markdown):
    """Return {what you have and want: {library: line}} of the table of calls."""
    table = [line.strip("|").split("|") for line in markdown.splitlines() if "NumPy `" in line]
    return {
        f"{have.strip(' *')}: {want.strip()}": dict(LINE.findall(lines))
        for have, want, lines in table
    }


def value(library, line):
    """Evaluate a line with the names that its library has; a pair becomes one flat array."""
    result = eval(line, dict(NAMES[library]))
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(np.asarray(part)) for part in parts])


CALLS = rows(PAGES["which_call"])
TWINS = {"binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy"}


def test_the_table_of_calls_is_found_whole():
    lines = [lib for calls in CALLS.values() for lib in calls]
    assert len(lines) == len(LINE.findall(PAGES["which_call"]))
    assert {"NumPy", "PyTorch", "scikit-learn"} == set(lines)


# PyTorch's own, when its forward mode is first asked for
DEPRECATED = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@DEPRECATED
@pytest.mark.parametrize("wish", CALLS)
def test_lines_of_a_row_compute_the_same(wish):
    calls = dict(CALLS[wish])
    expected = value("NumPy", calls.pop("NumPy"))
    assert calls, "a row needs a second library to be compared with"
    for library, line in calls.items():
        # Well-scaled numbers and a handful of operations: a few rounding errors, no more.
        np.testing.assert_allclose(value(library, line), expected, rtol=1e-14, atol=1e-16)


@DEPRECATED
def test_pytorch_s_lines_with_the_twins_are_the_same_lines():
    swapped = SimpleNamespace(**vars(F) | {name: getattr(torch_losses, name) for name in TWINS})
    used = re.compile(r"F\.(\w+)")
    lines = [calls["PyTorch"] for calls in CALLS.values() if "PyTorch" in calls]
    lines = [line for line in lines if TWINS & set(used.findall(line))]
    assert len(lines) > 10
    for line in lines:
        twin = eval(line, NAMES["PyTorch"] | {"F": swapped})
        twin = np.concatenate([np.ravel(x) for x in (twin if isinstance(twin, tuple) else (twin,))])
        np.testing.assert_allclose(twin, value("PyTorch", line), rtol=1e-13, atol=1e-16)


def test_lines_for_missing_labels_take_nan_where_none_is(monkeypatch):
    [calls] = [calls for wish, calls in CALLS.items() if wish.startswith("missing labels**, NaN")]
    expected = {library: value(library, line) for library, line in calls.items()}
    missing = np.where(ARRAYS["mask"], ARRAYS["labels"], np.nan)
    for library in calls:
        labels = torch.tensor(missing) if library == "PyTorch" else missing
        monkeypatch.setitem(NAMES[library], "labels", labels)
    assert {library: value(library, line) for library, line in calls.items()} == expected


@pytest.mark.parametrize("wish", CALLS)
def test_no_two_rows_give_the_same_advice(wish):
    others = [calls for other, calls in CALLS.items() if other != wish]
    assert CALLS[wish] not in others


def test_a_line_that_computes_something_else_is_found():
    [calls] = rows(
        "| logits | mean loss | NumPy `binary_cross_entropy(logits * 0 + 0.5, labels)` <br> "
        "PyTorch `F.binary_cross_entropy_with_logits(logits, labels)` |"
    ).values()
    different = value("NumPy", calls["NumPy"]) - value("PyTorch", calls["PyTorch"])
    assert abs(different[0]) > 0.1


# The cheat sheet ----------------------------------------------------------------------------------

ROW = re.compile(r"^\| ([^|]+) \| .+ \| `([^`]+)` \|$", flags=re.M)
FRAMEWORKS = json.loads((BOOK / "_data" / "frameworks.json").read_text(encoding="utf-8"))
LOGITS = [0.0, 1e-8, -0.7, 1.3, 17.0, -17.0, 40.0, -40.0, 700.0, -700.0]
IN_THE_LOGIT = {
    "probability $p = \\sigma(z)$": lambda z, y: reference.sigmoid(z),
    "$\\ln \\sigma(z)$": lambda z, y: reference.log_sigmoid(z),
    "loss $\\ell$": reference.binary_cross_entropy_with_logits,
    "$\\partial\\ell / \\partial z$": reference.binary_cross_entropy_with_logits_gradient,
    "$\\partial^2\\ell / \\partial z^2$": reference.binary_cross_entropy_with_logits_hessian,
    "loss with `pos_weight` $\\alpha$": lambda z, y: reference.binary_cross_entropy_with_logits(
        z, y, pos_weight=3
    ),
}
IN_THE_PROBABILITY = {
    "loss $\\ell$": reference.binary_cross_entropy,
    "$\\partial\\ell / \\partial p$": reference.binary_cross_entropy_gradient,
    "$\\partial^2\\ell / \\partial p^2$": reference.binary_cross_entropy_hessian,
}
CLASSES = {
    "loss": reference.cross_entropy,
    "gradient": reference.cross_entropy_gradient,
    "Hessian": reference.cross_entropy_hessian,
}


def lines_of(section):
    """Return {what: line of code} of one section of the cheat sheet."""
    _, _, text = PAGES["cheat_sheet"].partition(f"\n## {section}\n")
    assert text, f"no section {section!r}"
    return dict(ROW.findall(text.partition("\n## ")[0]))


def cheat(line, **names):
    return eval(line, vars(np) | vars(scipy.special) | names)


def off_by(line, judge, z, y):
    names = {"z": np.float64(z), "y": y, "alpha": 3}
    shared = dict(re.findall(r"`(\w) = ([^`]+)`", PAGES["cheat_sheet"]))
    names |= {name: cheat(definition, **names) for name, definition in shared.items()}
    assert {"e", "h"} <= set(names)
    computed = cheat(line, **names)
    return reference.ulp_error(np.float64(computed), judge(z, y))


def test_cheat_sheet_is_tested_whole():
    lines = ROW.findall(PAGES["cheat_sheet"])
    assert len(lines) == len(IN_THE_LOGIT) + len(IN_THE_PROBABILITY) + len(CLASSES)


@pytest.mark.parametrize("what", IN_THE_LOGIT)
@pytest.mark.parametrize("y", [0, 1, True])
def test_line_in_the_logit_is_right_in_the_tails(what, y):
    line = lines_of("What does one logit cost?")[what]
    # Exponential, logarithm, division and two sums: at most four ulp.
    assert max(off_by(line, IN_THE_LOGIT[what], z, y) for z in LOGITS) <= 4


@pytest.mark.parametrize("what", IN_THE_PROBABILITY)
@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
def test_line_in_the_probability_is_right(what, y):
    line = lines_of("What does one probability cost?")[what]
    for p in (5e-324, 1e-170, 1e-150, 1e-9, 0.25, 0.5, 0.9, 1 - 1e-9):
        with np.errstate(over="ignore"):
            computed = cheat(line, p=np.float64(p), y=y)
            assert reference.ulp_error(computed, IN_THE_PROBABILITY[what](p, y)) <= 4


@pytest.mark.parametrize("what", CLASSES)
def test_line_of_several_classes_is_right(what):
    logits, c = np.array([2.0, -1.0, 0.5]), 1
    line = lines_of("What changes with K classes?")[what]
    computed = cheat(line, logits=logits, c=c, onehot=np.eye(3)[c])
    exact = np.array(CLASSES[what](logits.tolist(), c), dtype=object).astype(float)
    np.testing.assert_allclose(computed, exact, rtol=1e-14)


@pytest.mark.parametrize("task", FRAMEWORKS["lines"])
def test_line_of_each_framework_is_the_one_that_was_run(task):
    run = {name.partition(" ")[0]: e["line"] for name, e in FRAMEWORKS["lines"][task].items()}
    tables = re.findall(r"(?:^\| \w\S* \| `[^`]+` \|\n)+", PAGES["cheat_sheet"], flags=re.M)
    shown = [dict(re.findall(r"^\| (\S+) \| `([^`]+)` \|$", table, flags=re.M)) for table in tables]
    assert run in shown


@pytest.mark.parametrize("logits", [[40.0, 0.0, 0.0], [-800.0, 0.0, 3.0]])
def test_loss_of_several_classes_keeps_its_digits(logits):
    line = lines_of("What changes with K classes?")["loss"]
    for c in range(3):
        computed = cheat(line, logits=np.array(logits), c=c)
        assert reference.ulp_error(computed, reference.cross_entropy(logits, c)) <= 4


def test_line_of_pytorch_is_right_at_finite_logits_and_nan_at_a_certain_right_answer():
    [line] = re.findall(r"`(-\(y \* logsigmoid[^`]+)`", PAGES["cheat_sheet"])
    for y in (0.0, 0.3, 1.0):
        z = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
        losses = eval(line, {"logsigmoid": F.logsigmoid, "z": z, "y": y})
        slopes = torch.autograd.grad(losses.sum(), z)[0]
        for at, loss, slope in zip(LOGITS, losses.tolist(), slopes.tolist(), strict=True):
            exact = float(reference.binary_cross_entropy_with_logits(at, y))
            assert loss == pytest.approx(exact, rel=1e-14, abs=0)
            exact = float(reference.binary_cross_entropy_with_logits_gradient(at, y))
            assert slope == pytest.approx(exact, rel=1e-14, abs=1e-300)
    certain = torch.tensor(torch.inf)
    assert torch.isnan(eval(line, {"logsigmoid": F.logsigmoid, "z": certain, "y": 1.0}))


def test_a_line_that_loses_digits_is_found():
    assert (
        off_by("1 / (1 + exp(-z)) - y", IN_THE_LOGIT["$\\partial\\ell / \\partial z$"], 40, 1) > 4
    )


# The five texts -----------------------------------------------------------------------------------


def test_every_corrected_claim_is_listed_once():
    label = re.compile(r"\((seed-\d{3}-\d+)\)=")
    notebooks = (path.read_text(encoding="utf-8") for path in BOOK.glob("*.ipynb"))
    corrected = [name for text in notebooks for name in label.findall(text)]
    listed = re.findall(r"<(seed-\d{3}-\d+)>`", PAGES["five_texts"])
    assert len(corrected) == len(set(corrected)) > 40
    assert sorted(listed) == sorted(corrected)


# The citation -------------------------------------------------------------------------------------


def test_page_on_citing_says_what_citation_cff_says():
    citation = yaml.safe_load((BOOK.parent / "CITATION.cff").read_text(encoding="utf-8"))
    fields = dict(re.findall(r"^  (\w+) += \{+([^}]+)\}+", PAGES["how_to_cite"], flags=re.M))
    assert fields == {
        "title": citation["title"],
        "author": citation["authors"][0]["name"],
        "version": "…",
    }
