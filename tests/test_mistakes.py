"""The pages on the mistakes are what the catalogue and the clinic say now."""

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def written():
    pytest.importorskip("torch")
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        return runpy.run_path(str(ROOT / ".ci" / "mistakes.py"))["pages"]()
    finally:
        sys.path.remove(str(ROOT / ".ci"))


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
