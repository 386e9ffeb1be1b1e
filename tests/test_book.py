"""The guards of the book: each notebook obeys every one, and each one has been seen to fail."""

import base64
import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import nbformat
import numpy as np
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbval.plugin import IPyNbCell, nocolors

from tests.guards.book import GUARDS, TAGS, contents_complaints
from tests.guards.figures import figure_complaints
from tests.guards.prose_numbers import claims, number_complaints
from tests.outside import load

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))


refresh = load(ROOT / ".ci" / "refresh.py")


# The book -----------------------------------------------------------------------------------------


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_notebook_obeys(notebook, guard):
    complaints = guard(notebook)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_file_is_as_refresh_writes_it(path):
    text = path.read_text(encoding="utf-8")
    written = refresh.as_written(nbformat.reads(text, as_version=4))
    assert text == written, "the file has other metadata or another order: make refresh mends it"


def test_every_page_is_in_the_table_of_contents_and_every_entry_is_a_page():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    paths = [path for path in (ROOT / "book").rglob("*.*") if path.suffix in {".ipynb", ".md"}]
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in paths]
    complaints = contents_complaints(toc, [page for page in pages if "/." not in page])
    assert not complaints, "\n".join(complaints)


def test_run_executes_the_notebooks_in_this_environment(pytestconfig):
    assert pytestconfig.option.nbval
    assert pytestconfig.option.nbval_current_env


def test_known_tabs_are_those_that_the_site_makes():
    tabs = load(ROOT / "book" / "_ext" / "executed_tabs.py").LABELS
    assert {tag for tag in TAGS if tag.startswith("tab-")} == set(tabs)


# Planted faults -----------------------------------------------------------------------------------

OPENING = """# A small chapter
**The question.** What does it cost? **What you will be able to do.** Say so.
**What you need.** Nothing."""
PNG = "iVBORw0KGgo="


def code(source, *outputs, count, **metadata):
    return new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata=metadata, id=f"code-{count}"
    )


def text(source, identity, **metadata):
    return new_markdown_cell(source, metadata=metadata, id=identity)


def printed(words, name="stdout"):
    return new_output("stream", name=name, text=words)


def raised(kind, message, *traceback):
    return new_output("error", ename=kind, evalue=message, traceback=list(traceback))


def figure_output():
    return new_output("display_data", {"image/png": PNG, "text/plain": "<Figure size 641x480>"})


def chapter():
    """A chapter of nine cells that obeys every guard: the faults below are planted into it."""
    return new_notebook(
        cells=[
            text(OPENING, "opening"),
            text("## Why it costs\n\nThe loss of 0.5 is 0.693, and `0.12345` is code.", "why"),
            code("print(f'{loss:.6f}')", printed("0.693147\n"), count=1),
            code(
                "plt.show()",
                figure_output(),
                count=2,
                tags=["hide-input"],
                mystnb={"image": {"alt": "The loss falls as the probability rises"}},
            ),
            code(
                "check(2)",
                raised("ValueError", "2 is too much", "\x1b[31mValueError\x1b[39m: 2 is too much"),
                count=3,
                tags=["raises-exception"],
            ),
            text("## Exercises\n### Twice\n:::{exercise}\n:label: twice\nTwice?\n:::", "twice"),
            text("### Solution: twice", "solution", **{"jp-MarkdownHeadingCollapsed": True}),
            code("twice(1)", count=4),
            text("## Further reading\n{cite}`good1952`", "reading"),
        ],
        metadata=refresh.METADATA,
    )


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_the_chapter_without_a_fault_obeys(guard):
    assert guard(chapter()) == []


def edit(position, **changes):
    """A fault that sets attributes of the cell at this position, counted from 1."""
    return lambda nb: nb.cells[position - 1].update(changes)


def mark(position, **metadata):
    return lambda nb: nb.cells[position - 1].metadata.update(metadata)


def say(words):
    return edit(2, source=f"## Why it costs\n\n{words}")


def run(source, *outputs):
    return edit(3, source=source, outputs=list(outputs))


HOME_OF_ROOT = "/".join(["", "root"])  # in pieces: no file of the project holds such a path

FAULTS = {
    "never executed": ("execution_counts", edit(3, execution_count=None), "cell 3 .* count None"),
    "executed twice": ("execution_counts", edit(3, execution_count=2), "count 2, expected 1"),
    "warned": ("errors_and_warnings", run("f()", printed("!", "stderr")), "cell 3 .*on stderr"),
    "raised": (
        "errors_and_warnings",
        run("f()", raised("TypeError", "no", "TypeError: no")),
        "TypeError in a cell not tagged",
    ),
    "raised nothing": ("errors_and_warnings", edit(5, outputs=[]), "nothing was raised"),
    "raised with a stack": (
        "errors_and_warnings",
        edit(5, outputs=[raised("TypeError", "no", "Cell In[3], line 1", "TypeError: no")]),
        "a traceback with its stack",
    ),
    "misspelt tag": ("known_tags", mark(4, tags=["hide_input"]), "unknown tag hide_input"),
    "not compared": ("known_tags", mark(3, tags=["nbval-skip"]), "unknown tag nbval-skip"),
    "not compared, said in the code": (
        "known_tags",
        run("# NBVAL_IGNORE_OUTPUT\nf()"),
        "out of the comparison",
    ),
    "literals asserted": (
        "assert_complaints",
        run("assert np.isclose(np.log(2) + np.log(3), np.log(6))"),
        r"cell 3: literals alone are asserted: np.isclose\(",
    ),
    "the same asserted to be the same": (
        "assert_complaints",
        run("a = f(x)\nb = f(x)\nassert a == b"),
        "cell 3: both sides are the same: a == b",
    ),
    "the same through another name": (
        "assert_complaints",
        run("a = f(x)\nb = a\nnp.testing.assert_allclose(b, f(x), rtol=1e-12)"),
        "both sides are the same",
    ),
    "tolerance wider than a tail": (
        "assert_complaints",
        run("torch.testing.assert_close(loss, theirs, rtol=1e-6, atol=1e-6)"),
        "an atol above 1e-08 needs the reason",
    ),
    "a relative tolerance that does not decide": (
        "assert_complaints",
        run("assert np.allclose(loss, theirs, rtol=1e-14)"),
        "a default decides for small numbers; say atol=0",
    ),
    "needless exception for a tolerance": (
        "assert_complaints",
        run("# tolerance-ok: it is wide enough\nassert loss == theirs"),
        "the exception tolerance-ok is needless",
    ),
    "number behind the label of an exercise": (
        "number_complaints",
        say("## Why\n\n:::{exercise}\n:label: ex-why\n\nIt costs 0.777.\n:::"),
        r"cell 2: 0\.777 in the text",
    ),
    "figure without alt text": ("alt_texts", mark(4, mystnb={}), "cell 4 .* too little: ''"),
    "alt text of two words": (
        "alt_texts",
        mark(4, mystnb={"image": {"alt": "A loss"}}),
        "too little: 'A loss'",
    ),
    "alt text that is a path": (
        "alt_texts",
        mark(4, mystnb={"image": {"alt": "see this file at _images/loss.png"}}),
        "too little",
    ),
    "path printed": ("machine_paths", run("f()", printed("in /home/me/x.py")), "/home/me/x.py"),
    "path in the code": ("machine_paths", run("open('/tmp/data')"), "/tmp/data"),
    "path in the text": (
        "machine_paths",
        say(f"Look in {HOME_OF_ROOT}/book."),
        f"cell 2 .*{HOME_OF_ROOT}/book",
    ),
    "path of Windows": ("machine_paths", run("", printed(r"C:\Users\me")), r"C:\\Users"),
    "path of a package": (
        "machine_paths",
        run("", printed("lib/site-packages/x.py")),
        "site-packages",
    ),
    "path of a cell": (
        "machine_paths",
        run("", printed("ipykernel_123/4.py:1: UserWarning")),
        "ipykernel_123",
    ),
    "path in a traceback": (
        "machine_paths",
        edit(5, outputs=[raised("E", "", "File /opt/x.py:3")]),
        "/opt/x.py",
    ),
    "address of an object": (
        "machine_paths",
        run("f", new_output("execute_result", {"text/plain": "<function f at 0x7f1c2d3e4f50>"})),
        "at 0x7f1c2d3e4f50",
    ),
    "all digits printed": (
        "rounded_outputs",
        run("loss", printed("0.8605048440456026")),
        "cell 3 .*0.8605048440456026 is not rounded",
    ),
    "all digits in an array": (
        "rounded_outputs",
        run(
            "p", new_output("execute_result", {"text/plain": "array([0.1, 6.123233995736766e-17])"})
        ),
        "6.123233995736766e-17 is not rounded",
    ),
    "all digits allowed without a reason": (
        "rounded_outputs",
        run("mp.log(2)  # digits-ok:", printed("0.69314718055994530942")),
        "without a reason",
    ),
    "all digits allowed without need": (
        "rounded_outputs",
        run("mp.log(2)  # digits-ok: the same on every machine", printed("0.693")),
        "without need",
    ),
    "no cell id": ("normal_metadata", lambda nb: nb.cells[2].pop("id"), "cell 3 .*no cell id"),
    "cell id twice": ("normal_metadata", edit(3, id="why"), "cell 3 .*no cell id"),
    "unknown metadata": (
        "normal_metadata",
        mark(3, slideshow={}),
        "cell 3 .*metadata slideshow",
    ),
    "no title": ("shape_of_a_chapter", edit(1, source="Hello"), "does not start with the title"),
    "two titles": ("shape_of_a_chapter", say("\n# Another"), "2 headings of level 1"),
    "no question": (
        "shape_of_a_chapter",
        edit(1, source=OPENING.replace("question", "answer")),
        r"lacks \*\*The question",
    ),
    "needs told too late": (
        "shape_of_a_chapter",
        edit(1, source=OPENING.replace("**What you need", "\n## Later\n**What you need")),
        r"lacks \*\*What you need",
    ),
    "no reading": ("shape_of_a_chapter", edit(9, source="## Links"), "not Exercises and Further"),
    "no exercise": (
        "exercises_have_solutions",
        edit(6, source="## Exercises"),
        "the chapter has no exercise",
    ),
    "no solution": (
        "exercises_have_solutions",
        edit(7, source="### Answer"),
        "cell 6 .*no solution with executed code",
    ),
    "solution not executed": (
        "exercises_have_solutions",
        lambda nb: nb.cells.pop(7),
        "cell 6 .*no solution with executed code",
    ),
    "solution not folded": (
        "exercises_have_solutions",
        lambda nb: nb.cells[6].metadata.clear(),
        "cell 7 .*not marked as folded",
    ),
    "solution in the cell of its exercise": (
        "exercises_have_solutions",
        lambda nb: nb.cells[5].update(source=nb.cells[5].source + "\n" + nb.cells.pop(6).source),
        "cell 6 .*a cell of its own",
    ),
    "exercise folded into a solution": (
        "exercises_have_solutions",
        lambda nb: nb.cells.insert(8, text(":::{exercise}\nThrice?\n:::", "thrice")),
        "cell 7 .*an exercise inside it",
    ),
    "two exercises, one solution": (
        "exercises_have_solutions",
        lambda nb: nb.cells.insert(6, text(":::{exercise}\nThrice?\n:::", "thrice")),
        "several exercises below one heading",
    ),
    "backticks around a directive": (
        "readable_directives",
        say("```{note}\nText\n```"),
        "cell 2 .*{note} shows as raw text",
    ),
    "a directive that is no admonition": (
        "readable_directives",
        say(":::{tab-set}\n:::"),
        "{tab-set} shows as raw text",
    ),
    "glue": ("readable_directives", say("It is {glue:text}`loss`."), "cell 2 .*glue shows"),
    "too many words": (
        "length_of_a_chapter",
        say("word " * 2000),
        r"5 cells and 20\d\d words before .*, at most 50 and 2000",
    ),
    "too many cells": (
        "length_of_a_chapter",
        lambda nb: nb.cells.__setitem__(slice(1, 1), [text("More.", str(i)) for i in range(50)]),
        "cells and .* words before the exercises, at most 50",
    ),
    "number mistyped": (
        "number_complaints",
        say("The loss is 0.694."),
        "cell 2: 0.694 in the text",
    ),
    "number in an alt text": (
        "number_complaints",
        mark(4, mystnb={"image": {"alt": "The loss falls to 0.105 at the right end"}}),
        "cell 4: 0.105 in the alt text",
    ),
    "number in a caption": (
        "number_complaints",
        mark(4, mystnb={"figure": {"caption": "The loss falls to 0.105"}}),
        "cell 4: 0.105 in the caption",
    ),
    "number in a comment": (
        "number_complaints",
        run("f()  # about 0.105"),
        "cell 3: 0.105 in a comment",
    ),
    "number typed into a text": (
        "number_complaints",
        run("print('The loss is 0.105')", printed("The loss is 0.105")),
        "cell 3: 0.105 in a text of the code is typed by hand",
    ),
    "number typed into an f-string": (
        "number_complaints",
        run("print(f'The loss is 0.105 at {p:.125f}')", printed("The loss is 0.105 at 1")),
        "cell 3: 0.105 in a text of the code is typed by hand",
    ),
    "exception without a reason": (
        "number_complaints",
        say("It is 1.96. <!-- numbers-ok: 1.96 -->"),
        "1.96 gives no reason",
    ),
    "exception without need": (
        "number_complaints",
        say("It is 0.693. <!-- numbers-ok: 0.693 it is the logarithm -->"),
        "0.693 is needless",
    ),
}


@pytest.mark.parametrize(("guard", "plant", "complaint"), FAULTS.values(), ids=FAULTS)
def test_planted_fault_is_named(guard, plant, complaint):
    nb = chapter()
    plant(nb)
    complaints = {function.__name__: function for function in GUARDS}[guard](nb)
    assert re.search(complaint, "\n".join(complaints))


def test_every_guard_has_been_seen_to_fail():
    assert {guard for guard, _, _ in FAULTS.values()} == {guard.__name__ for guard in GUARDS}


def test_reasons_excuse_numbers_and_digits():
    nb = chapter()
    say("It is 1.96. <!-- numbers-ok: 1.96 the textbook's value -->")(nb)
    run("mp.log(2)  # digits-ok: the same everywhere", printed("0.69314718055994530942"))(nb)
    assert [complaint for guard in GUARDS for complaint in guard(nb)] == []


@pytest.mark.parametrize(
    ("toc", "complaint"),
    [
        ({"root": "book/index"}, "book/logits is not in _toc.yml"),
        (
            {"root": "book/index", "chapters": [{"file": "book/logits"}, {"file": "book/gone"}]},
            "_toc.yml names book/gone, which is not there",
        ),
        (
            {"root": "book/index", "parts": [{"chapters": [{"file": "book/logits.ipynb"}] * 2}]},
            "_toc.yml names book/logits twice",
        ),
        (
            {"root": "book/index", "chapters": [{"sections": [{"glob": "book/api/*"}]}]},
            "_toc.yml names book/api/*, which is not there",
        ),
    ],
    ids=["page missing", "entry without a page", "entry twice", "pattern without a page"],
)
def test_fault_in_the_table_of_contents_is_named(toc, complaint):
    pages = ["book/index", "book/logits"]
    if "glob" in str(toc):
        toc["chapters"].append({"glob": "book/lo*"})
    assert contents_complaints(toc, pages) == [complaint]


# Numbers ------------------------------------------------------------------------------------------


def complaints_about(words, *, output="", source="f()"):
    nb = chapter()
    say(words)(nb)
    run(source, printed(output))(nb)
    return number_complaints(nb)


PROVED = {
    "rounded": ("It is 0.693.", "0.693147"),
    "rounded half up": ("It is 0.125.", "0.1245"),
    "of any sign": ("It falls by 0.625.", "-0.625"),
    "with its minus": ("It is −0.625.", "-0.62500"),
    "a difference is no sign": ("It is $1-0.625$ or 1 − 0.625.", "0.625"),
    "percent of a share": ("That is 62.7 %.", "0.6274"),
    "percent in TeX": (r"That is $62.7\,\%$ or $62.7\%$.", "0.6274"),
    "percent as printed": ("That is 62.7 per cent.", "62.7%"),
    "share of a percent": ("That is 0.627.", "62.7%"),
    "thousands": ("There are 12,345 of them.", "12345"),
    "thousands in TeX": (r"There are $12\,345$ or $12{,}345$ of them.", "12,345"),
    "thousand and no thousand": ("There are 212 of them.", "[357,212]"),
    "exponent": ("It is 1.23e-7.", "1.2345e-07"),
    "exponent in TeX": (r"It is $1.23 \times 10^{-7}$.", "1.2345e-07"),
    "exponent in Unicode": ("It is 1.23 × 10⁻⁷.", "0.00000012345"),
    "sum displayed as an array": ("It is 2.50.", "array([1.00, 2.50])"),
}
UNPROVED = {
    "last digit": ("It is 0.694.", "0.693147"),
    "more digits than printed": ("It is 0.700.", "0.7"),
    "a lost minus": ("It is −0.625.", "0.625"),
    "percent of nothing": ("That is 62.7.", "0.627"),
    "thousands": ("There are 12,346 of them.", "12345"),
    "exponent": ("It is 1.23e-7.", "1.2345e-08"),
    "exponent in TeX": (r"It is $1.23 \cdot 10^{-7}$.", "1.2345e+07"),
    "whole number": ("There are 569 of them.", "568"),
    "in a heading": ("### Why 0.105", "0.693"),
    "in mathematics": ("$$ p = 0.105 $$ (eq:loss-123)", "0.693"),
    "in a math role": ("It is {math}`p = 0.105`.", "0.693"),
    "in an exercise": (":::{exercise} Where 0.105?\n:label: e-125\n:::", "0.693"),
    "in the text of a link": ("[0.105](https://example.org/0.25)", "0.693"),
}
NO_CLAIMS = [
    "two digits: 0.25, 12, 1.5e-300",
    "round numbers: 1000, 20,000, 100 %, 1e100",
    "`0.123`, ``0.123 ` 0.456``, {ref}`0.123`, {eq}`eq:0.123`",
    "```python\nx = 0.123\n```",
    "~~~\n0.123\n~~~",
    "[here](https://example.org/0.123) and <https://example.org/123456>",
    "https://doi.org/10.1000/123456, 10.1109/5.771073, arXiv:1708.02002v2",
    "Python 3.11, scikit-learn 1.9.1, version 2.13, 0.21.2",
    "IEEE 754, ISO 8601",
    "Section 4.12, Eq. (10.122), p. 205, pp. 205–206, Figure 123",
    "(1952), (Good, 1952), (Good 1952; Cox, 1958a), in 1952, since 1944",
    r"$10^{-308}$, $2 \times 10^{308}$, 10⁻³²⁴",
    "float64, float32, x_123, #123456, log1p",
    "(target-123)=\n:label: eq-123",
    "<!-- numbers-ok: 0.123 this is read elsewhere -->",
]


@pytest.mark.parametrize(("words", "output"), PROVED.values(), ids=PROVED)
def test_number_is_proved_by_an_output(words, output):
    assert claims(words), "nothing is claimed"
    assert complaints_about(words, output=output) == []


@pytest.mark.parametrize(("words", "output"), UNPROVED.values(), ids=UNPROVED)
def test_number_is_not_proved_by_an_output(words, output):
    assert len(complaints_about(words, output=output)) == 1


@pytest.mark.parametrize("words", NO_CLAIMS)
def test_text_claims_nothing(words):
    assert claims(words) == []


def test_number_of_the_code_proves_itself_and_not_its_rounding():
    source = "p = [0.8605048440456026, -1.25, 569]\nq = mpf('0.625')  # 0.555 0.125"
    assert complaints_about("0.8605048440456026, −1.25, 569, 0.625", source=source[:-14]) == []
    assert len(complaints_about("0.861 and 0.555 and 0.125", source=source)) == 5


def test_text_of_a_figure_proves_nothing():
    nb = chapter()
    say("There are 641 of them.")(nb)
    assert number_complaints(nb) == ["cell 2: 641 in the text is not printed by this chapter"
                                     " (print it; to state it is not enough)"]  # fmt: skip


def test_tags_of_html_prove_nothing_and_its_text_does():
    nb = chapter()
    table = "<style>td {width: 123px}</style><td height='456'>0.789</td>"
    run("t", new_output("execute_result", {"text/html": table}))(nb)
    say("0.789")(nb)
    assert number_complaints(nb) == []
    say("123 or 456")(nb)
    assert len(number_complaints(nb)) == 2


def mistyped(nb):
    """Yield copies of a notebook with the last digit of one number of its Markdown changed."""
    for position, cell in enumerate(nb.cells):
        if cell.cell_type != "markdown":
            continue
        for claim in claims(cell.source):
            number = re.match(r"[\d.]+", claim.text)[0]
            if cell.source.count(number) == 1 and number[-1] in "12345678":
                copy = nbformat.from_dict(nb)
                wrong = number[:-1] + str(int(number[-1]) + 1)
                copy.cells[position].source = cell.source.replace(number, wrong)
                yield number, wrong, copy


def test_mistyped_digits_of_the_chapter_are_nearly_all_noticed(notebook):
    # Not all: the neighbour of a number may be printed as well.
    slips = [(number, wrong, number_complaints(nb)) for number, wrong, nb in mistyped(notebook)]
    missed = [f"{number} as {wrong}" for number, wrong, complaints in slips if not complaints]
    assert len(missed) <= 0.2 * len(slips), missed


# Figures ------------------------------------------------------------------------------------------


def drawing(title="The loss of one label", shift=0.0, colour="C0", size=(6.4, 4.8), **metadata):
    figure = Figure(figsize=size, dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    p = np.linspace(0.01, 0.99, 200)
    # In pixels of height: the axes hold 4.8 in × 100 dpi × 0.77 for 5 nats.
    axes.plot(p, -np.log(p) + shift * 5 / 369.6, color=colour)
    axes.fill_between(p, 0, -np.log(p), alpha=0.2, color=colour)
    axes.set(ylim=(0, 5), title=title)
    file = io.BytesIO()
    figure.savefig(file, metadata=metadata)
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture(scope="module")
def stored():
    return drawing()


FIGURE_FAULTS = {
    "e for c": {"title": "The loss of onc label"},
    "i for l": {"title": "The ioss of one label"},
    "h for n": {"title": "The loss of ohe label"},
    "small for capital": {"title": "the loss of one label"},
    "I for l": {"title": "The Ioss of one label"},
    "a comma": {"title": "The loss, of one label"},
    "a curve moved by two pixels": {"shift": 2.0},
    "a curve moved by half a pixel": {"shift": 0.5},
    "another colour": {"colour": "C1"},
    "a tint": {"colour": "#2f87c4"},
    "another size": {"size": (6.4, 4.7)},
}


@pytest.mark.parametrize("change", FIGURE_FAULTS.values(), ids=FIGURE_FAULTS)
def test_changed_figure_is_stale(stored, change):
    assert len(figure_complaints([stored], [drawing(**change)])) == 1


@pytest.mark.parametrize("shift", [0.0, 1e-9, 1e-6])
def test_last_digits_of_a_curve_do_not_make_a_figure_stale(stored, shift):
    assert figure_complaints([stored], [drawing(shift=shift)]) == []


def test_figure_of_another_matplotlib_is_stale(stored):
    old = drawing(Software="Matplotlib version0.99, https://matplotlib.org/")
    (complaint,) = figure_complaints([old], [stored])
    assert f"not by the installed Matplotlib {matplotlib.__version__}" in complaint


def test_missing_figure_is_noticed(stored):
    assert figure_complaints([stored], []) == ["1 figures stored, 0 drawn"]


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize(("title", "same"), [("The loss of one label", True), ("Loss", False)])
def test_run_of_nbval_compares_figures_and_their_second_drawings(stored, title, same, which):
    item = SimpleNamespace(
        parent=SimpleNamespace(skip_compare=("image/png", "metadata")),
        sanitize=lambda data: data,
        colors=nocolors,
    )
    pictures = [stored, stored]
    pictures[which] = drawing(title)
    drawn, kept = (
        [new_output("display_data", {"image/png": a}, metadata={"image/png": {"narrow": b}})]
        for a, b in (pictures, [stored, stored])
    )
    assert IPyNbCell.compare_outputs(item, drawn, kept) is same
    assert any("pixels differ" in line for line in item.comparison_traceback) is not same


# Refreshing ---------------------------------------------------------------------------------------


def set_minor(nb):
    nb.nbformat_minor = 4


NOISE = {
    "widget state": lambda nb: nb.metadata.update(widgets={"state": {}}),
    "another kernel": lambda nb: nb.metadata.kernelspec.update(name="conda-env"),
    "a version of Python": lambda nb: nb.metadata.language_info.update(version="3.11.7"),
    "an older format": set_minor,
    "timings": mark(3, execution={"iopub.status.busy": "2026-11-23"}),
    "outputs in pieces": edit(3, outputs=[printed("0.69"), printed("3147\n")]),
}


@pytest.mark.parametrize("add", NOISE.values(), ids=NOISE)
def test_refresh_writes_the_same_file_whatever_the_noise(add):
    nb = chapter()
    clean = nbformat.writes(nb) + "\n"
    add(nb)
    assert nbformat.writes(nb) + "\n" != clean
    assert refresh.as_written(nb) == clean


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """One run of refresh: a small notebook, the same again, and one that raises."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "beside.txt").write_text("here")
    small = [
        code("print(open('beside.txt').read())", count=7),
        code("print(1, flush=True)\nprint(2)\nx = 6", count=None),
        code("x * 7", printed("stale"), count=1),
    ]
    broken = [text("# Title", "a"), code("x = 1", count=1), code("x / 0", count=2)]
    small, broken = new_notebook(cells=small), new_notebook(cells=broken)
    nbformat.write(small, folder / "small.ipynb")
    nbformat.write(broken, folder / "broken.ipynb")
    names = ["small.ipynb", "small.ipynb", "broken.ipynb", "small.ipynb"]
    run = subprocess.run(
        [sys.executable, ROOT / ".ci" / "refresh.py", *names],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return SimpleNamespace(folder=folder, broken=broken, run=run)


def test_refresh_writes_the_outputs_of_a_fresh_kernel_in_the_folder_of_the_notebook(refreshed):
    cells = nbformat.read(refreshed.folder / "small.ipynb", as_version=4).cells
    assert [cell.execution_count for cell in cells] == [1, 2, 3]
    assert [cell.outputs[0].get("text") for cell in cells] == ["here\n", "1\n2\n", None]
    assert cells[2].outputs[0].data["text/plain"] == "42"


def test_second_refresh_changes_nothing_and_says_so(refreshed):
    lines = refreshed.run.stdout.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["written", "unchanged"]
    assert "small.ipynb 3 cells, " in lines[0]


def test_refresh_stops_at_the_cell_that_raises_names_it_and_leaves_its_notebook(refreshed):
    assert refreshed.run.returncode == 1
    assert len(refreshed.run.stdout.splitlines()) == 3
    sentence = "broken.ipynb, cell 3 (x / 0): ZeroDivisionError: division by zero"
    assert refreshed.run.stderr.strip().endswith(sentence)
    assert nbformat.read(refreshed.folder / "broken.ipynb", as_version=4) == refreshed.broken
