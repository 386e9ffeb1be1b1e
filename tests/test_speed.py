"""What pages and docstrings say of speed is what the stored benchmark measured."""

import json
import re
from pathlib import Path

import pytest

from companion import engine

ROOT = Path(__file__).parents[1]
STORED = json.loads((ROOT / "book" / "_data" / "speed.json").read_text(encoding="utf-8"))
REMEDY = "say so, or run make bench"
ONE_LINER, NUMPY, NUMBA = "NumPy one-liner", "companion", "companion, Numba"
CLAIM = re.compile(r"([\d.]+) to ([\d.]+) times as\s+fast as\s+(the one-liner|on NumPy)")


def ratios(slow, fast, quantities, stored):
    """Return how many times as fast the second way is on the largest arrays, wherever measured."""
    found = []
    for run in stored.values():
        records = [r for r in run["records"] if r["quantity"] in quantities]
        largest = max((r["size"] for r in records), key=int)
        times = {
            (r["quantity"], r["dtype"], r["method"]): r["nanoseconds"]
            for r in records
            if r["size"] == largest
        }
        found += [
            time / times[quantity, dtype, fast]
            for (quantity, dtype, method), time in times.items()
            if method == slow
        ]
    return found


def complaints(text, slow, quantities, stored=STORED):
    """Return what a text claims of the compiled loss and the benchmark did not measure."""
    found = ratios(slow, NUMBA, quantities, stored)
    measured = f"{min(found):.1f}", f"{max(found):.1f}"
    claims = [match[:2] for match in CLAIM.findall(text)]
    assert claims, "no claim was found"
    return [f"{low} to {high}: measured {measured}, {REMEDY}" for low, high in claims
            if (low, high) != measured]  # fmt: skip


def test_readme_says_how_much_faster_than_the_one_liner_the_compiled_loss_is():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert complaints(text, ONE_LINER, {"value"}) == []


def test_engine_says_how_much_faster_than_numpy_the_compiled_loss_is():
    assert complaints(engine.__doc__, NUMPY, {"value", "value and gradient"}) == []


def test_claims_of_speed_stand_where_they_are_tested():
    places = ("*.md", "book/*.md", "book/*.ipynb", "companion/**/*.py")
    papers = [path for place in places for path in ROOT.glob(place)]
    claiming = {
        path.relative_to(ROOT).as_posix()
        for path in papers
        if re.search(r"times\s+as\s+fast|times faster", path.read_text(encoding="utf-8"))
    }
    assert claiming == {"README.md", "companion/engine.py"}


@pytest.mark.parametrize("run", STORED)
def test_stored_times_say_when_where_and_with_what(run):
    stored = STORED[run]
    assert run in {"AVX-512", "no AVX-512"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", stored["date"])
    assert stored["processor"]
    assert {"python", "numpy"} <= set(stored["versions"])
    methods = {r["method"] for r in stored["records"] if r["quantity"] == "value"}
    assert {ONE_LINER, NUMPY, NUMBA, "reading both arrays", "floor: exp and log1p"} <= methods
    assert all(r["nanoseconds"] > 0 for r in stored["records"])


def test_a_claim_that_the_file_no_longer_bears_is_named():
    fast = {"quantity": "value", "dtype": "float64", "size": "1000", "method": NUMBA}
    slow = fast | {"method": ONE_LINER}
    stored = {"AVX-512": {"records": [fast | {"nanoseconds": 2}, slow | {"nanoseconds": 9}]}}
    text = "3.0 to 4.5 times as fast as\nthe one-liner of NumPy"
    (named,) = complaints(text, ONE_LINER, {"value"}, stored)
    assert named.startswith("3.0 to 4.5: measured ('4.5', '4.5')")
    assert complaints(text.replace("3.0", "4.5"), ONE_LINER, {"value"}, stored) == []
