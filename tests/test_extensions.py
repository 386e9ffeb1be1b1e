"""The book's own Sphinx extensions: what they make of a notebook, and what they refuse."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import docutils_namespace

from companion import binary_cross_entropy_with_logits, palette

ROOT = Path(__file__).parents[1]
STYLE = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")
sys.path.insert(0, str(ROOT / "book/_ext"))

import docstring_bars  # noqa: E402
import fresh_assets  # noqa: E402
import katex_prerender  # noqa: E402
import moved  # noqa: E402
import not_found  # noqa: E402
import openings  # noqa: E402
import page_heads  # noqa: E402
import repository_links  # noqa: E402
import social_card  # noqa: E402
import source_list  # noqa: E402


def code(source, *tags):
    """An executed cell that printed its own source."""
    outputs = [new_output("stream", text=f"printed {source}\n")]
    return new_code_cell(source, execution_count=1, outputs=outputs, metadata={"tags": [*tags]})


def prose(source):
    return new_markdown_cell(source)


NOTEBOOKS = {
    "index": [
        prose(
            "# A chapter\n\n**The question.** What?\n\n**What you will be able to do.** This.\n\n"
            "**What you need.** $1$.\n\n$$ \\frac{1}{2} $$ (eq-half)\n\n"
            "A half, $p$, see {eq}`eq-half`; or ($q$.)\n\n"
            "Longer: $a + b + c + d + e + f \\quad g + h + i + j + k + l$."
        ),
        code(
            "import numpy as np\nfrom torch.nn import (\n    functional,\n)\nnp.seterr(all='warn')"
        ),
        code("import later\n\nx = 1 / 0  # wrong on purpose"),
        code("a_numpy", "tab-numpy"),
        code("more_numpy", "tab-numpy", "hide-input"),
        code("a_pytorch", "tab-pytorch"),
        code("b_numpy", "tab-numpy"),
        code("b_sklearn", "tab-sklearn"),
        code("plain"),
        prose("## Exercises\n\n### Why?\n\n:::{exercise}\n:label: ex-why\n\nWhy?\n:::"),
        prose("(sol-why)=\n### Solution: why\n\nBecause $p < 1$."),
        code("c_numpy", "tab-numpy"),
        code("c_pytorch", "tab-pytorch"),
        prose("#### A remark inside\n\nInside."),
        prose("## Solutions by others\n\nSee {ref}`ex-why` and {ref}`ours <sol-why>`."),
        prose("```{toctree}\nlone\nhelpers\nunknown\nhidden\nnotes\ntex\ncalls\n```"),
    ],
    "lone": [prose("# A lone tab"), code("x", "tab-numpy"), prose("between"), code("y")],
    "helpers": [
        prose("# Helpers"),
        code("import numpy\n\n\ndef f(): ...", "hide-input"),
        code("z"),
    ],
    "unknown": [prose("# Unknown"), code("x", "tab-numpy"), code("y", "tab-fortran")],
    "hidden": [prose("# Hidden\n\n## Solution\n\n:::{exercise}\n:label: ex-hidden\n\nHow?\n:::")],
    "calls": [
        prose(
            "# Calls\n\n:::{div} calls\n| Have | Want | Line |\n|---|---|---|\n"
            "| **logits** | loss, $\\gamma$ | NumPy `a(x, 1)` <br> PyTorch `F.a(x)` |\n"
            "| logits | sum | NumPy `b` <br> PyTorch `F.b` <br> scikit-learn `sk.b` |\n:::"
        )
    ],
    "notes": [
        prose(
            "# Notes\n\nFirst.\n\n:::{margin}\nAn aside on $p$.\n:::\n\n:::{margin}\nAnother.\n:::"
            "\n\nSecond."
        ),
        code("a_numpy", "tab-numpy"),
        code("a_pytorch  # naive on purpose", "tab-pytorch"),
        prose(":::{margin}\nOn the tabs.\n:::"),
        prose("## Early\n\n:::{margin}\nToo early.\n:::\n\nText."),
    ],
    "tex": [prose("# Bad TeX\n\nLet $\\frac{1}$ be, and $\\undefined$.")],
}
EXTENSIONS = ["myst_nb", "sphinx_design", "sphinx_exercise"]
OURS = ["executed_tabs", "call_list", "folded_solutions", "katex_prerender", "docstring_bars"]
OURS += ["openings", "margin_notes"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A tiny book, built once: its pages by name, and the warnings."""
    source = tmp_path_factory.mktemp("source")
    for name, cells in NOTEBOOKS.items():
        notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        nbformat.write(notebook, source / f"{name}.ipynb")
    warnings = io.StringIO()
    options = {
        "extensions": EXTENSIONS + OURS,
        "html_math_renderer": "katex_prerender",
        "html_theme": "basic",
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["colon_fence", "dollarmath"],
    }
    out = source / "_out"
    with docutils_namespace():
        Sphinx(
            source, None, out, out / "trees", "html", options, status=None, warning=warnings
        ).build()
    pages = {
        name: BeautifulSoup((out / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        for name in NOTEBOOKS
    }
    return SimpleNamespace(warnings=warnings.getvalue().splitlines(), **pages)


def about(site, name):
    return [line for line in site.warnings if f"{name}.ipynb" in line]


# Executed tabs ------------------------------------------------------------------------------------


def test_neighbours_become_tabs_in_the_order_of_the_cells(site):
    sets = [
        [label.get_text(strip=True) for label in tabs.find_all("label")]
        for tabs in site.index.select(".sd-tab-set")
    ]
    assert sets == [["NumPy", "PyTorch"], ["NumPy", "scikit-learn"], ["NumPy", "PyTorch"]]


def test_a_tab_keeps_every_cell_with_its_output(site):
    first = site.index.select(".sd-tab-content")[0].get_text()
    assert all(text in first for text in ("printed a_numpy", "printed more_numpy"))
    assert "pytorch" not in first


def test_tabs_of_one_library_are_chosen_together(site):
    labels = site.index.select(".sd-tab-set label")
    assert {label["data-sync-group"] for label in labels} == {"library"}
    assert [label["data-sync-id"] for label in labels][:2] == ["numpy", "pytorch"]


def test_a_cell_without_a_tag_stays_outside(site):
    [cell] = [c for c in site.index.select("div.cell") if "printed plain" in c.get_text()]
    assert cell.find_parent(class_="sd-tab-set") is None


def test_a_lone_tab_is_a_warning(site):
    assert ["a lone tab-numpy cell" in line for line in about(site, "lone")] == [True]


def test_an_unknown_tab_is_a_warning(site):
    warnings = about(site, "unknown")
    assert any("unknown tab tag 'tab-fortran'" in line for line in warnings)


# The list of calls --------------------------------------------------------------------------------


def test_a_table_of_calls_becomes_a_list_of_what_you_have_and_want(site):
    [calls] = site.calls.select("div.calls")
    assert not calls.find_all("table")
    first, second = calls.select("li")
    assert first.select_one(".wish p").get_text() == "have logits"
    assert first.select_one("p.want").get_text().startswith("want loss, ")
    assert first.select_one("p.want math") is not None
    assert [li.get("class") for li in (first, second)] == [["other"], None]
    agree = [li.select_one("p.same").get_text().strip() for li in (first, second)]
    assert agree == ["both give the same", "all three give the same"]
    assert all(li.select_one("p.same .tick") for li in (first, second))


def test_each_call_stands_in_the_tab_of_its_library_and_the_tabs_are_chosen_together(site):
    for li, expected in zip(
        site.calls.select("div.calls li"),
        [
            {"numpy": "a(x, 1)", "pytorch": "F.a(x)"},
            {"numpy": "b", "pytorch": "F.b", "sklearn": "sk.b"},
        ],
        strict=True,
    ):
        tabs = {
            label["data-sync-id"]: label.find_next_sibling("div").get_text().strip()
            for label in li.select("label")
        }
        assert tabs == expected
        assert {label["data-sync-group"] for label in li.select("label")} == {"library"}
    assert len(site.calls.select("input[checked]")) == 2


# Folded solutions ---------------------------------------------------------------------------------


def test_a_solution_is_folded_with_all_that_belongs_to_it(site):
    [fold] = site.index.select("details.solution")
    assert fold.summary.get_text() == "Solution: why"
    assert all(text in fold.get_text() for text in ("Because", "printed c_pytorch", "Inside."))
    assert len(fold.select(".sd-tab-set")) == 1


def test_what_follows_a_solution_is_not_folded(site):
    [heading] = [h for h in site.index.find_all("h2") if "by others" in h.get_text()]
    assert heading.find_parent("details") is None


def test_a_link_leads_into_the_fold(site):
    [link] = [a for a in site.index.find_all("a") if a.get_text() == "ours"]
    [fold] = site.index.select("details.solution")
    target = link["href"].removeprefix("#")
    assert target == fold["id"] or fold.find(id=target) is not None


def test_an_exercise_inside_a_solution_is_a_warning(site):
    assert ["would be folded away" in line for line in about(site, "hidden")] == [True]


def test_the_sound_chapter_has_no_warning(site):
    assert about(site, "index") == []


# Openings -----------------------------------------------------------------------------------------


def test_the_question_leads_and_aims_and_needs_stand_side_by_side(site):
    opening = site.index.select_one("div.opening")
    lead, aims = opening.find_all(recursive=False)
    assert lead.get_text() == "What?"
    starts = [aim.strong.get_text() for aim in aims.find_all("p", recursive=False)]
    assert starts == ["What you will be able to do.", "What you need."]
    assert opening.find_previous_sibling().name == "h1"


def test_a_first_cell_of_imports_is_folded_and_named(site):
    [fold] = site.index.select("details.imports")
    assert fold.summary.get_text() == "Imports: numpy torch"
    assert "functional" in fold.get_text()


def test_a_hidden_first_cell_with_helpers_is_folded_once(site):
    [fold] = site.helpers.find_all("details")
    assert fold.summary.get_text() == "Imports and helpers: numpy"


def test_a_first_cell_that_does_something_is_not_folded(site):
    assert not openings._only_imports("import numpy as np\n\nx = np.ones(3)")
    assert not openings._only_imports("print(1)")
    assert not site.lone.select("details.imports")


def test_a_cell_that_is_wrong_on_purpose_is_marked(site):
    assert ["1 / 0" in cell.get_text() for cell in site.index.select("div.cell.wrong")] == [True]


# Margin notes -------------------------------------------------------------------------------------


def beside(site, words):
    """The note with these words, and what it stands before."""
    [note] = [n for n in site.notes.select("aside.margin-note") if words in n.get_text()]
    return note, note.find_next_sibling()


def test_notes_stand_before_the_paragraph_above_them_in_their_order(site):
    first, second = beside(site, "An aside")
    assert second.get_text() == "\nAnother.\n"
    assert second.find_next_sibling().get_text() == "First."
    assert first.select_one(".katex") is not None


def test_a_note_is_no_landmark(site):
    assert {note["role"] for note in site.notes.find_all("aside")} == {"note"}


def test_a_note_below_tabs_stands_before_the_set(site):
    _, tabs = beside(site, "On the tabs")
    assert "sd-tab-set" in tabs["class"]


def test_a_cell_that_is_wrong_on_purpose_has_a_note_in_its_words(site):
    note, cell = beside(site, "Naive on purpose.")
    assert "a_pytorch" in cell.get_text()
    assert "wrong" in note["class"]


def test_a_note_without_a_paragraph_above_it_is_a_warning(site):
    assert ["nothing above it" in line for line in about(site, "notes")] == [True]


# Mathematics --------------------------------------------------------------------------------------


def test_a_formula_is_finished_html_with_mathml(site):
    block = site.index.select_one("div.math")
    assert block.find("math") is not None
    assert block.select_one(".katex-html .mfrac") is not None
    assert block.select_one(".eqno").get_text().startswith("(1)")


def test_no_script_is_needed_for_mathematics(site):
    scripts = " ".join(tag.get("src", "") + tag.get_text() for tag in site.index.select("script"))
    assert "katex" not in scripts.lower()
    assert "mathjax" not in scripts.lower()


def test_a_short_formula_keeps_the_punctuation_that_touches_it(site):
    wholes = [whole for whole in site.index.select(".unbroken") if whole.find("math")]
    texts = [whole.find_all(string=True, recursive=False) for whole in wholes]
    assert ["".join(text) for text in texts if text] == [".", ",", "(.)", "."]


def test_a_long_formula_may_be_broken(site):
    [formula] = [m for m in site.index.select("span.math") if "quad" in m.get_text()]
    assert formula.find_parent(class_="unbroken") is None


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("f(p - y)", "f({p - y})"),
        ("((a) + b)", "({({a}) + b})"),
        ("\\bigl(a\\bigr)", "\\bigl({a}\\bigr)"),
        ("\\frac{(a}{b)}", "\\frac{(a}{b)}"),
        ("(a & b)", "(a & b)"),
        ("(a \\\\ b)", "(a \\\\ b)"),
        ("[0, 1) \\(", "[0, 1) \\("),
        ("f()", "f()"),
        ("(1 + \\alpha)", "({1 + \\alpha})"),
    ],
)
def test_what_stands_in_brackets_is_grouped(tex, expected):
    assert katex_prerender.grouped(tex) == expected


def test_the_source_of_a_formula_is_kept_as_it_was_written():
    formula = BeautifulSoup(katex_prerender.render("f(a) < 1"), "html.parser")
    assert formula.annotation.get_text() == "f(a) < 1"


def test_bad_tex_is_a_warning_with_its_place(site):
    warnings = about(site, "tex")
    assert len(warnings) == 2
    assert "Undefined control sequence: \\undefined" in " ".join(warnings)


@pytest.mark.parametrize("tex", ["\\frac{1}", "\\undefined", "{", "1 % 2"])
def test_bad_tex_is_refused(tex):
    with pytest.raises(ValueError, match=r"\w+"):
        katex_prerender.render(tex, display=True)


def test_a_program_that_rendered_a_formula_ends():
    # The engine's thread, if left running, blocks most exits: three tries find it.
    program = "import katex_prerender; katex_prerender.render('p')"
    for _ in range(3):
        command = [sys.executable, "-c", program]
        subprocess.run(command, cwd=ROOT / "book/_ext", check=True, timeout=60)


def test_a_stylesheet_of_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(katex_prerender, "katex_version", "0.0.1")
    with pytest.raises(ExtensionError, match=r"does not belong to KaTeX 0\.0\.1"):
        katex_prerender.setup(None)


def test_every_font_of_the_stylesheet_is_there_and_no_other():
    folder = ROOT / "book/_static/katex"
    named = set(katex_prerender.STYLESHEET.read_text("utf-8").split("url(")[1:])
    fonts = {name.partition(")")[0] for name in named}
    assert fonts == {f"fonts/{path.name}" for path in (folder / "fonts").iterdir()}


# Repository links ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://github.com/some/book", "https://github.com/some/book"),
        ("https://github.com/some/book.git\n", "https://github.com/some/book"),
        ("https://user:secret@github.com/some/book.git", "https://github.com/some/book"),
        ("git@github.com:some/book.git", "https://github.com/some/book"),
        ("ssh://git@gitlab.com/some/book.git", "https://gitlab.com/some/book"),
        ("https://git.example.org/some/book", ""),
        ("https://github.com.example.org/some/book", ""),
        ("/srv/git/book.git", ""),
        ("../book", ""),
        ("file:///home/github.com/some/book", ""),
        ("", ""),
    ],
)
def test_only_an_address_of_a_public_forge_is_used(url, address):
    assert repository_links.public_address(url) == address


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository whose origin is a forge, and no variable that says something else."""
    for name in ("BOOK_REPOSITORY_URL", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    for command in (["init", "-q"], ["remote", "add", "origin", "git@github.com:by/origin.git"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_origin_is_used_when_nothing_else_is_said(clone):
    assert repository_links.find_repository(clone) == "https://github.com/by/origin"


def test_a_forge_comes_before_the_origin(clone, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "by/forge")
    assert repository_links.find_repository(clone) == "https://github.com/by/forge"


def test_the_variable_comes_first(clone, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "by/forge")
    monkeypatch.setenv("BOOK_REPOSITORY_URL", "https://gitlab.com/by/variable")
    assert repository_links.find_repository(clone) == "https://gitlab.com/by/variable"


def test_an_empty_variable_means_no_buttons(clone, monkeypatch):
    monkeypatch.setenv("BOOK_REPOSITORY_URL", "")
    assert options_for(clone)["launch_buttons"] == {}


def test_a_local_origin_means_no_buttons(clone):
    subprocess.run(["git", "remote", "set-url", "origin", "/srv/book"], cwd=clone, check=True)
    options = options_for(clone)
    assert (options["repository_url"], options["use_repository_button"]) == ("", False)
    assert options["launch_buttons"] == {}


def test_colab_is_offered_for_github_alone(clone, monkeypatch):
    assert "colab_url" in options_for(clone)["launch_buttons"]
    monkeypatch.setenv("BOOK_REPOSITORY_URL", "https://gitlab.com/by/variable")
    assert "colab_url" not in options_for(clone)["launch_buttons"]


def options_for(folder):
    """Return the theme's options after the extension has filled them in."""
    config = SimpleNamespace(html_theme_options={"repository_url": "https://github.com/not/ours"})
    repository_links.add_links(SimpleNamespace(confdir=folder), config)
    return config.html_theme_options


# Docstrings ---------------------------------------------------------------------------------------


def test_bars_are_escaped_in_text_and_left_alone_in_examples_and_literals():
    lines = ["The size |z|, or ``|z|``.", "", ">>> a | b", "c | d", "", "then |y|"]
    docstring_bars.escape_bars(None, "function", "name", None, None, lines)
    assert lines == [
        "The size \\|z\\|, or ``|z|``.", "", ">>> a | b", "c | d", "", "then \\|y\\|"
    ]  # fmt: skip


# Moved sections -----------------------------------------------------------------------------------


def test_only_a_page_that_lost_sections_has_a_script_and_its_text_stays(monkeypatch):
    monkeypatch.setattr(moved, "moved", lambda: {"logits": {"old": "jacobian#new"}})
    lost, other = {"body": "<p>text</p>"}, {"body": "<p>text</p>"}
    moved.lead_on(None, "book/logits", "page.html", lost, None)
    moved.lead_on(None, "book/shapes", "page.html", other, None)
    moved.lead_on(None, "book/api/logits", "page.html", other, None)
    moved.lead_on(None, "book/logits", "search.html", {}, None)
    assert lost["body"].startswith("<p>text</p><script>")
    assert '({"old": "jacobian.html#new"})' in lost["body"]
    assert other["body"] == "<p>text</p>"


# Addresses that lead nowhere ----------------------------------------------------------------------


def test_a_page_for_any_depth_knows_the_top_of_the_site_or_looks_for_it():
    assert not_found.base("https://example.org/some/book/") == '<base href="/some/book/"/>'
    assert not_found.base("https://example.org/book") == '<base href="/book/"/>'
    assert not_found.base("https://example.org") == '<base href="/"/>'
    assert 'createElement("base")' in not_found.base("")


def test_the_list_of_pages_cannot_end_the_script_that_holds_it(monkeypatch):
    page = SimpleNamespace(page="book/x", keyword="X", question="Why </script>?")
    monkeypatch.setattr(not_found, "chapters", lambda: {"book/x": page})
    assert "</" not in not_found.pages()
    assert json.loads(not_found.pages()) == [["book/x.html", "X", "Why </script>?"]]


# The card -----------------------------------------------------------------------------------------


def test_the_card_shows_both_losses_where_they_are():
    picture = np.asarray(social_card.card()).astype(int)
    assert picture.shape == (630, 1200, 3)
    for label, hue, sign in ((1, palette.LABEL_ONE, 1), (0, palette.LABEL_ZERO, -1)):
        hue = [int(hue[i : i + 2], 16) for i in (1, 3, 5)]
        for z in (2 * sign, -3 * sign):  # away from the tangent and from the other loss
            column = picture[:, round(600 + social_card.ACROSS * z)]
            [rows] = np.nonzero(np.abs(column - hue).sum(axis=1) < 30)
            height = social_card.UP * float(binary_cross_entropy_with_logits(z, label))
            # A line of at most 7 pixels, and steep: its middle is known to a pixel.
            assert rows.mean() == pytest.approx(social_card.BOTTOM - height, abs=1.5)


def test_a_page_names_the_card_where_the_address_is_known_and_only_there():
    known = social_card.tags("https://example.org/b/", "book/x", 'A "title"', "Why?")
    assert '"og:image" content="https://example.org/b/_static/social-card.png"' in known
    assert '"og:url" content="https://example.org/b/book/x.html"' in known
    assert '"og:title" content="A &quot;title&quot;"' in known
    assert 'twitter:card" content="summary_large_image"' in known
    unknown = social_card.tags("", "book/x", "A", "Why?")
    assert "og:image" not in unknown
    assert 'twitter:card" content="summary"' in unknown


def test_the_address_is_taken_from_the_environment(monkeypatch):
    config = SimpleNamespace(html_baseurl="https://example.org/said/")
    monkeypatch.delenv("BOOK_BASE_URL", raising=False)
    social_card.read_address(None, config)
    assert config.html_baseurl == "https://example.org/said/"
    monkeypatch.setenv("BOOK_BASE_URL", "https://example.org/other/")
    social_card.read_address(None, config)
    assert config.html_baseurl == "https://example.org/other/"


# What makes the book be built anew ----------------------------------------------------------------


def test_digest_changes_with_a_name_and_with_a_content(tmp_path):
    style = tmp_path / "book.css"
    style.write_text("p { margin: 0 }", encoding="utf-8")
    first = fresh_assets.digest([tmp_path])
    style.write_text("p { margin: 1px }", encoding="utf-8")
    second = fresh_assets.digest([tmp_path])
    style.rename(tmp_path / "other.css")
    assert len({first, second, fresh_assets.digest([tmp_path])}) == 3


def test_digest_forgets_what_python_leaves_behind(tmp_path):
    first = fresh_assets.digest([tmp_path])
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/module.pyc").write_bytes(b"0")
    assert fresh_assets.digest([tmp_path]) == first


def test_stylesheets_and_extensions_are_watched():
    watched = {path.name for folder in fresh_assets.FOLDERS for path in folder.iterdir()}
    assert {"book.css", "executed_tabs.py", "brand.html", "slope.js"} <= watched


def test_sphinx_reads_all_pages_again_when_the_digest_changes(tmp_path, monkeypatch):
    (tmp_path / "index.rst").write_text("A page\n======\n", encoding="utf-8")
    read = []
    for now in ("one", "one", "two"):
        monkeypatch.setattr(fresh_assets, "digest", lambda folders, now=now: now)
        status = io.StringIO()
        options = {"extensions": ["fresh_assets"], "html_theme": "basic"}
        out = tmp_path / "out"
        with docutils_namespace():
            Sphinx(tmp_path, None, out, out, "html", options, status=status).build()
        read.append("1 added" in status.getvalue())
    assert read == [True, False, True]


def test_sphinx_writes_all_pages_again_when_what_they_show_of_others_changes(tmp_path, monkeypatch):
    (tmp_path / "index.rst").write_text("A page\n======\n", encoding="utf-8")
    written, read = [], []
    for now in ("19 chapters", "19 chapters", "20 chapters"):
        monkeypatch.setattr(fresh_assets, "facts", lambda now=now: now)
        status = io.StringIO()
        options = {"extensions": ["fresh_assets"], "html_theme": "basic"}
        out = tmp_path / "out"
        with docutils_namespace():
            Sphinx(tmp_path, None, out, out, "html", options, status=status).build()
        written.append("no targets are out of date" not in status.getvalue())
        read.append("1 added" in status.getvalue())
    assert written == [True, False, True]
    assert read == [True, False, False]


def test_facts_tell_of_chapters_proofs_and_moved_sections():
    facts = fresh_assets.facts()
    assert "keyword='Logits'" in facts
    assert "'proofs': " in facts
    assert "'focal_loss#" in facts


# What the theme leaves out ----------------------------------------------------------------------


def test_the_face_of_the_text_is_there_and_asked_for_in_the_head():
    context = {"pathto": lambda path, resource: f"../{path}", "metatags": "<meta>"}
    page_heads.complete(None, "book/page", "", context, None)
    assert (ROOT / "book" / page_heads.FACE).exists()
    assert context["metatags"].startswith("<meta>\n")
    link = BeautifulSoup(context["metatags"], "html.parser").find("link", rel="preload")
    assert link["href"] == "../_static/fonts/serif.woff2"
    assert page_heads.FACE.removeprefix("_static/") in STYLE
    assert link.has_attr("crossorigin")  # without it a browser loads the face twice


def test_without_scripts_no_button_of_the_theme_is_left():
    assert ".dropdown-toggle" in page_heads.WITHOUT_SCRIPTS
    context = {"pathto": lambda path, resource: path}
    page_heads.complete(None, "page", "", context, None)
    assert BeautifulSoup(context["metatags"], "html.parser").select_one("noscript > style")


def test_a_list_in_a_list_stands_in_an_item():
    body = "<h1>M</h1><ul><li>a</li><ul><li>b</li><ul><li>c</li></ul></ul><li>d</li></ul>"
    inner = "<ul><li>b<ul><li>c</li></ul></li></ul>"
    assert source_list.nested(body) == f"<h1>M</h1><ul><li>a{inner}</li><li>d</li></ul>"
    context = {"body": body}
    source_list.mend(None, "book/page", "", context, None)
    assert context["body"] == body


def test_pages_of_source_code_older_than_what_made_them_are_removed(tmp_path):
    pages = [tmp_path / f"_modules/{name}.html" for name in ("old", "new")]
    for page in pages:
        page.parent.mkdir(exist_ok=True)
        page.touch()
    os.utime(pages[0], (0, 0))
    os.utime(pages[1], (2**32, 2**32))
    fresh_assets.forget_listings(SimpleNamespace(outdir=tmp_path))
    assert [page.exists() for page in pages] == [False, True]
