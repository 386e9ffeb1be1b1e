"""A tick on a page says that an assert was seen to fail: so it was, and so it does again."""

import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/_ext"))

import ticks  # noqa: E402

_spec = importlib.util.spec_from_file_location("seen_failing", ROOT / ".ci/seen_failing.py")
seen_failing = importlib.util.module_from_spec(_spec)
sys.modules["seen_failing"] = seen_failing
_spec.loader.exec_module(seen_failing)

RECORDS = seen_failing.stored()
# Chapters that run within seconds.
QUICK = ["dot_multiply_einsum", "jacobian", "soft_targets"]


def stale(path, records):
    """Return the records whose assert, or whose planted line, is not in its place any more."""
    cells = dict(seen_failing.code_cells(path))
    found = []
    for each in records:
        try:
            lines = cells[each["cell"]].splitlines()
            p = each["planted"]
            source = cells[p["in"]] if p["in"] in cells else source_of(p["in"])
            seen_failing.Fault(p["in"], p["line"], p["from"], p["to"]).into(source)
        except (AttributeError, KeyError, LookupError):
            found.append(each)
            continue
        if each["line"] > len(lines) or lines[each["line"] - 1].strip() != each["assert"]:
            found.append(each)
    return found


def source_of(name):
    room, _, function = name.rpartition(".")
    return inspect.getsource(inspect.unwrap(getattr(sys.modules[room], function)))


# The records --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_is_about_a_line_that_is_there(name):
    for module in {each["planted"]["in"].rpartition(".")[0] for each in RECORDS[name]} - {""}:
        importlib.import_module(module)
    old = stale(ROOT / f"book/{name}.ipynb", RECORDS[name])
    assert not old, f"run .ci/seen_failing.py book/{name}.ipynb: {old}"


def test_most_asserts_of_the_book_were_seen_failing():
    paths = list((ROOT / "book").glob("*.ipynb"))
    asserts = sum(len(seen_failing.Chapter(path).checks()) for path in paths)
    assert 0.7 * asserts < sum(map(len, RECORDS.values())) <= asserts


def test_no_record_changes_a_comparison_or_a_tolerance_of_an_assert():
    for each in (each for records in RECORDS.values() for each in records):
        old, new = each["planted"]["from"], each["planted"]["to"]
        if old == each["assert"]:
            for word in ("==", "!=", "<", ">", "rtol", "atol", " and ", " or ", " not ", " in "):
                assert old.count(word) == new.count(word), each


@pytest.mark.parametrize("name", [name for name in QUICK if name in RECORDS])
def test_a_sample_fails_again(name):
    command = [sys.executable, ".ci/seen_failing.py", "--check", "--sample", "4"]
    done = subprocess.run(
        [*command, f"book/{name}.ipynb"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout


# The tool -----------------------------------------------------------------------------------------

SOURCE = """def double(x):
    return 2 * x
x = 3
assert double(x) == 6
assert x == x
assert abs(double(0.5) - 1) < 1e-9"""


@pytest.fixture
def notebook(tmp_path):
    def written(*sources):
        cells = [new_code_cell(source, id=f"cell{i}") for i, source in enumerate(sources)]
        nbformat.write(new_notebook(cells=cells), tmp_path / "small.ipynb")
        return tmp_path / "small.ipynb"

    return written


def test_an_assert_that_can_fail_is_seen_failing_and_one_that_cannot_is_not(notebook):
    found = seen_failing.search(notebook(SOURCE), lambda text: None)
    assert sorted(line for _, line in found) == [4, 6]
    assert {text for text, _ in found.values()} == {
        "assert double(x) == 6",
        "assert abs(double(0.5) - 1) < 1e-9",
    }


def test_a_fault_in_a_cell_before_reaches_the_assert(notebook):
    found = seen_failing.search(notebook("x = 2", "y = 0", "assert x == 2"), lambda text: None)
    [(text, fault)] = found.values()
    assert (text, fault.place, fault.old) == ("assert x == 2", "cell0", "x = 2")


def test_an_assert_that_fails_as_it_stands_is_no_check(notebook):
    path = notebook("x = 2\ntry:\n    assert x == 3\nexcept AssertionError:\n    pass")
    assert seen_failing.search(path, lambda text: None) == {}


def test_nothing_is_changed_in_what_an_assert_compares_and_how_closely():
    faults = seen_failing.faults("cell", SOURCE)
    changed = {fault.new for fault in faults if fault.old.startswith("assert")}
    assert "assert double(x) == 7" not in changed
    assert "assert -double(x) == 6" in changed
    assert not [new for new in changed if "<" in new and not new.endswith(" < 1e-9")]
    close = "assert np.allclose(f(z, atol=2), 5, rtol=3)"
    assert {fault.new for fault in seen_failing.faults("cell", close)} == {
        "assert np.allclose(-f(z, atol=2), 5, rtol=3)",
        "assert np.allclose((f(z, atol=2) + 1), 5, rtol=3)",
        "assert np.allclose(f(z, atol=2)[None], 5, rtol=3)",
        "assert np.allclose(f(-z, atol=2), 5, rtol=3)",
    }


def test_another_seed_is_no_fault():
    assert seen_failing.faults("cell", "rng = np.random.default_rng(0)") == []


def test_what_does_not_fail_again_is_reported(notebook):
    path = notebook("x = 2", "assert x > 1")
    kept = {"cell": "cell1", "line": 1, "assert": "assert x > 1"}
    up, down = ({"in": "cell0", "line": 1, "from": "x = 2", "to": f"x = {x}"} for x in (3, 0))
    assert seen_failing.repeat(path, [kept | {"planted": up}]) == [kept | {"planted": up}]
    assert seen_failing.repeat(path, [kept | {"planted": down}]) == []


def test_what_a_search_misses_is_kept_while_it_fails_again(notebook):
    path = notebook("x = 2", "assert x > 1", "assert x < 3")
    low = {"in": "cell0", "line": 1, "from": "x = 2", "to": "x = 0"}
    old = {"cell": "cell1", "line": 1, "assert": "assert x > 1", "planted": low}
    new = {"cell": "cell2", "line": 1, "assert": "assert x < 3", "planted": {}}
    wrong = old | {"planted": low | {"to": "x = 9"}}
    assert seen_failing.kept(path, [old, new], [new]) == [old, new]
    assert seen_failing.kept(path, [wrong], [new]) == [new]


def test_a_record_of_a_line_that_changed_is_stale(notebook):
    planted = {"in": "cell0", "line": 1, "from": "x = 2", "to": "x = 3"}
    kept = {"cell": "cell1", "line": 1, "assert": "assert x > 1", "planted": planted}
    assert stale(notebook("x = 2", "assert x > 1"), [kept]) == []
    assert stale(notebook("x = 2", "assert x > 0"), [kept]) == [kept]
    assert stale(notebook("x = 1", "assert x > 1"), [kept]) == [kept]
    assert stale(notebook("assert x > 1"), [kept]) == [kept]


# The ticks ----------------------------------------------------------------------------------------


def test_a_line_is_ticked_while_it_is_the_one_that_failed():
    block = nodes.literal_block("", "x = 2\nassert x > 1\nassert x > 0")
    kept = [{"line": 2, "assert": "assert x > 1"}, {"line": 3, "assert": "assert x >= 0"}]
    ticks.mark(block, kept)
    assert block["highlight_args"] == {"hl_lines": [2]}
    assert block["classes"] == ["seen-failing"]
    other = nodes.literal_block("", "assert x")
    ticks.mark(other, kept)
    assert (other["classes"], other.get("highlight_args")) == ([], None)


def test_a_cell_is_found_by_its_name_and_not_by_its_place(monkeypatch):
    path = ROOT / "book/jacobian.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    place, cell = next((i, c) for i, c in enumerate(cells) if "assert " in c.source)
    lines = dict(enumerate((text.strip() for text in cell.source.splitlines()), start=1))
    line = next(number for number, text in lines.items() if text.startswith("assert "))
    record = {"cell": cell.id, "line": line, "assert": lines[line]}
    monkeypatch.setattr(ticks, "seen_failing", lambda: {"jacobian": [record]})
    document = nodes.section()
    for index in (place - 1, place):
        block = nodes.literal_block("", cell.source)
        document += nodes.container("", block, nb_element="cell_code", cell_index=index)
    transform = ticks.Ticks.__new__(ticks.Ticks)
    transform.document = document
    env = SimpleNamespace(docname="book/jacobian", doc2path=lambda name: str(path))
    monkeypatch.setattr(ticks.Ticks, "env", env)
    transform.apply()
    blocks = list(document.findall(nodes.literal_block))
    assert [block.get("highlight_args") for block in blocks] == [None, {"hl_lines": [line]}]
