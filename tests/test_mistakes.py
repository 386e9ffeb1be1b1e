"""The pages on the mistakes are what the catalogue and the clinic say now."""

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
