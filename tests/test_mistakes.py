"""The pages on the mistakes are what the catalogue says now; book and clinic link each other."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

from companion.clinic.catalogue import BY_NAME
from tests.clinic.test_findings import LIMITS, PYTORCHS

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
LINKS = yaml.safe_load((BOOK / "_data/mistakes.yml").read_text(encoding="utf-8"))
LABELS = {
    label
    for path in [*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")]
    for label in re.findall(r"\(((?:sec|seed)-[\w-]+)\)=", path.read_text(encoding="utf-8"))
}


@pytest.fixture(scope="module")
def writer():
    pytest.importorskip("torch")
    return runpy.run_path(str(ROOT / ".ci" / "mistakes.py"))


@pytest.fixture(scope="module")
def written(writer):
    return writer["pages"]()


def test_each_page_is_what_the_catalogue_makes_of_it(written):
    old = [path for path, text in written.items() if (ROOT / "book" / path).read_text() != text]
    assert not old, f"run .ci/mistakes.py again: {old}"


def test_no_page_is_left_over(written):
    pages = {f"mistakes/{path.name}" for path in (ROOT / "book" / "mistakes").glob("*.md")}
    assert pages | {"mistakes.md"} == set(written)


def raised(code):
    """Return the name of what some code raises, or an empty text."""
    try:
        exec(code, {})
    except (ArithmeticError, LookupError, NameError, RuntimeError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"[:40]
    return ""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_each_example_runs_as_it_is_pasted(written, capsys):
    sections = [each for text in written.values() for each in text.split("\n(mistake-")[1:]]
    codes = [each.split("```")[1].removeprefix("python\n") for each in sections]
    asked = [code for code in codes if "# got " in code]  # the others hang, or end the process
    assert len(asked) > 70
    assert not [code for code in asked if raised(code) not in code.split("# got ")[1]]
    assert "loss" in capsys.readouterr().out


def test_what_came_and_what_is_right_differ_in_print(written):
    pairs = re.findall(r"# got (.+), exact (.+)", "\n".join(written.values()))
    assert len(pairs) > 70
    assert not [got for got, exact in pairs if got == exact]


# Links both ways ----------------------------------------------------------------------------------


def test_each_finding_has_its_section():
    assert set(LINKS["findings"]) == set(BY_NAME)
    assert all(each["section"].startswith("sec-") for each in LINKS["findings"].values())


def test_each_place_that_is_named_exists():
    texts = [label for each in LINKS["findings"].values() for label in each.get("texts", ())]
    answers = list(LINKS["misconceptions"].values())
    sections = [each["section"] for each in (*LINKS["findings"].values(), *answers)]
    assert not {*sections, *texts, *LINKS["no_finding"]} - LABELS
    assert not {name for each in LINKS["met"].values() for name in each["findings"]} - set(BY_NAME)
    assert not {each["finding"] for each in answers if "finding" in each} - set(BY_NAME)
    assert len(answers) == 30


def test_the_counts_are_those_of_the_chapter():
    source = (BOOK / "clinic.ipynb").read_text(encoding="utf-8")
    chapter = dict(re.findall(r'    \\"([^"\\]+)\\": (\d+),\\n', source))
    chapter.pop("nothing to report")
    assert len(chapter) > 8
    assert {words: str(LINKS["met"][words]["losses"]) for words in chapter} == chapter


def test_what_is_said_of_pytorchs_own_functions_is_what_is_tested(writer):
    assert set(writer["IN_PYTORCH"]) == PYTORCHS - LIMITS


def test_each_error_of_the_five_texts_has_a_finding_or_is_no_mistake_of_a_loss():
    texts = [label for each in LINKS["findings"].values() for label in each.get("texts", ())]
    errors = sorted(label for label in LABELS if label.startswith("seed-"))
    assert sorted([*texts, *LINKS["no_finding"]]) == errors


def test_the_five_texts_link_their_findings_and_are_linked_by_them():
    page = (BOOK / "five_texts.md").read_text(encoding="utf-8")
    there = dict(
        re.findall(r"<(seed-\d{3}-\d+)>` \(in the clinic: {ref}`.* <mistake-(.*)>`\)", page)
    )
    back = {}
    for path in (BOOK / "mistakes").glob("*.md"):
        _, *parts = re.split(r"^\(mistake-(.*)\)=$", path.read_text(encoding="utf-8"), flags=re.M)
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            more = text.split("More: ")[1].split('; {ref}`"')[0]
            back |= dict.fromkeys(re.findall(r"<(seed-\d{3}-\d+)>`", more), name)
    meant = {
        label: name for name, each in LINKS["findings"].items() for label in each.get("texts", ())
    }
    assert there == back == meant
