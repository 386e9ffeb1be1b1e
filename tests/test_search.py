"""The search of the built site: what people type leads to the page that answers it.

The scripts of the site run in V8, as in a browser, with the built index; a document is not needed.
"""

import json
import re
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from py_mini_racer import MiniRacer
from sphinx import addnodes

from tests.tables.queries import QUERIES
from tests.tables.symptoms import SYMPTOMS

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build/html"
sys.path.insert(0, str(ROOT / "book/_ext"))

import section_search  # noqa: E402

# The page's own scripts in their order; what a browser would bring is what they touch on loading.
BROWSER = """
var SPHINX_HIGHLIGHT_ENABLED = true, marked = null, _ready = () => {};
var localStorage = { setItem: (name, words) => { marked = words; } };
"""
FIRST = 3
TYPED = {question: answers for answers, asked in SYMPTOMS.values() for question in asked}


@pytest.fixture(scope="module")
def browser():
    assert (SITE / "search.html").exists(), f"there is no site in {SITE}: run `make book` first"
    engine = MiniRacer()
    engine.eval(BROWSER)
    loaded = scripts()
    for name in ("searchtools.js", "language_data.js", section_search.INDEX, "section_search.js"):
        (path,) = [path for path in loaded if path.name == name]
        engine.eval(path.read_text(encoding="utf-8"))
    yield engine
    engine.close()


def scripts():
    """Return the files of the scripts that the search page loads."""
    page = BeautifulSoup((SITE / "search.html").read_text(encoding="utf-8"), "html.parser")
    return [SITE / tag["src"].partition("?")[0] for tag in page.find_all("script", src=True)]


def hits(engine, question):
    """Return what the search shows, best first: [page, title, anchor, ..., score, file]."""
    call = f"Search._performSearch(...Search._parseQuery({json.dumps(question)}))"
    return json.loads(engine.eval(f"JSON.stringify({call})"))[::-1]


def missed(engine, question, answers):
    """Return a sentence on a question whose answers are not among the first hits, or None."""
    first = [f"{page}{anchor}" for page, _, anchor, *_ in hits(engine, question)[:FIRST]]
    pages = {hit.partition("#")[0].removeprefix("book/") for hit in first}
    return None if pages & {*answers} else f"{question!r} leads to {first}, not to {answers}"


# What people type ---------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUERIES)
def test_words_that_people_type_lead_to_the_answer(browser, question):
    assert missed(browser, question, QUERIES[question]) is None


@pytest.mark.parametrize("question", TYPED)
def test_symptom_leads_to_its_answer(browser, question):
    assert missed(browser, question, TYPED[question]) is None


def test_each_symptom_is_asked_in_two_ways_or_more():
    asked = [question.lower() for _, questions in SYMPTOMS.values() for question in questions]
    assert len(asked) == len({*asked}), "a question stands twice"
    assert [name for name, (_, questions) in SYMPTOMS.items() if len(questions) < 2] == []


def test_a_question_that_leads_elsewhere_is_named(browser):
    assert missed(browser, "focal loss", ["bibliography"]).startswith("'focal loss' leads to [")
    assert missed(browser, "xyzzy", ["logits"]) == "'xyzzy' leads to [], not to ['logits']"


def test_each_answer_of_the_table_is_a_page():
    wanted = {page for pages in [*QUERIES.values(), *TYPED.values()] for page in pages}
    assert [page for page in wanted if not (SITE / f"book/{page}.html").exists()] == []


def test_words_may_stand_in_any_order_and_among_others(browser):
    for question in ("imbalance of the classes", "my classes are imbalanced, what now"):
        assert missed(browser, question, ["reductions_weights_masks"]) is None


def test_a_page_is_found_by_its_keyword(browser):
    known = section_search.chapters().values()
    taken = {chapter.keyword.lower() for chapter in known if not chapter.above}
    for chapter in known:
        if chapter.above and chapter.keyword in taken:
            continue  # a module that has a chapter of its name: the chapter comes first
        page, _, anchor, *_ = hits(browser, chapter.keyword)[0]
        assert (page, anchor) == (chapter.page, ""), chapter.keyword


# Where a hit opens --------------------------------------------------------------------------------


def test_each_hit_opens_at_an_element_of_its_page(browser):
    index = json.loads(browser.eval("JSON.stringify(Search._index)"))
    ids = {}
    for number, anchor, title, *_ in index["places"]:
        page = index["pages"][number][0]
        if page not in ids:
            text = (SITE / f"{page}.html").read_text(encoding="utf-8")
            ids[page] = {*re.findall(r'\bid="([^"]+)"', text)}
        assert not anchor or anchor in ids[page], (page, title)
    assert len(index["places"]) > 500


def test_a_symptom_opens_at_its_section(browser):
    for question, place in (
        (
            "class imbalance",
            "reductions_weights_masks#what-does-pos-weight-do-to-the-probabilities",
        ),
        ("loss is negative", "what_your_loss_says#how-can-it-be-negative"),
        ("double sigmoid", "logits#what-happens-with-two-sigmoids"),
    ):
        first = [f"{hit[0]}{hit[2]}" for hit in hits(browser, question)[:FIRST]]
        assert f"book/{place}" in first, (question, first)


# What is in the index -----------------------------------------------------------------------------


def test_search_page_loads_one_index():
    names = [path.name for path in scripts()]
    assert names.count(section_search.INDEX) == 1
    assert "searchindex.js" not in names


def test_index_holds_no_mathematics_and_every_number_of_the_prose():
    document = new_document("page")
    section = nodes.section("", nodes.title("", "A floor"), ids=["a-floor"])
    section += nodes.paragraph("", "", nodes.Text("It is 0.5806, "), nodes.math("", r"\frac12 q"))
    section += nodes.math_block("", r"\mathsf{T}")
    document += section
    (place,) = section_search.places(document)
    assert section_search.words(f"{place.title} {place.text}") == ["floor", "0.5806"]


def test_index_knows_other_spellings_of_a_word():
    found = section_search.words("scikit-learn, multi-label, binary cross-entropy")
    assert {"sklearn", "multilabel", "bce"} <= {*found}


def test_imports_of_a_cell_say_nothing_about_its_section():
    code = "from sklearn import (\n    svm,\n)\nimport torch\nroc_auc_score(y, p)"
    section = nodes.section("", nodes.title("", "A cell"), ids=["a-cell"])
    section += nodes.literal_block(code, code)
    document = new_document("page")
    document += section
    (place,) = section_search.places(document)
    assert section_search.words(place.text) == ["roc_auc_scor", "roc", "auc", "score"]


def test_formula_of_a_page_stands_once_in_an_excerpt(browser):
    page = BeautifulSoup((SITE / "book/logits.html").read_text(encoding="utf-8"), "html.parser")
    formula = page.select_one('[role="main"] p .math')
    whole = formula.get_text()
    for element in formula.select(browser.eval("SectionSearch.twice")):
        element.decompose()
    once = formula.get_text()
    assert 0 < len(once) < len(whole) / 2


def test_words_are_the_same_in_both_languages(browser):
    for text in (
        "BCEWithLogitsLoss",
        "0.6931 and 1e-7",
        "pos_weight",
        "naïve Übung",
        "losses, masked",
    ):
        theirs = json.loads(browser.eval(
            f"JSON.stringify(SectionSearch.words({json.dumps(text)}, Search._index.stop))"
        ))  # fmt: skip
        assert {*theirs} <= {*section_search.words(text)}, text


def test_letters_of_a_formula_are_not_marked_on_the_page(browser):
    hits(browser, "gradient p y")
    assert browser.eval("marked") == "gradient"


# The glossary -------------------------------------------------------------------------------------


def test_synonym_counts_for_the_entry_and_for_the_section_it_names():
    link = addnodes.pending_xref("", nodes.inline("", "sec-x"), reftype="ref", reftarget="sec-x")
    text = nodes.paragraph("", "", nodes.Text("A word. See "), link)
    text += nodes.Text(". Also asked as: other word, ")
    text += [nodes.literal("", "0.5"), nodes.Text(".")]
    term = nodes.term("", "word", ids=["term-word"])
    item = nodes.definition_list_item("", term, nodes.definition("", text))
    document = new_document("page")
    document += nodes.definition_list("", item)
    (entry,) = section_search.places(document)
    assert (entry.asked, entry.target) == (["other word", "0.5"], ("ref", "sec-x"))
    section = section_search.Place(["x"], "Title", "body", [], None)
    made = section_search.index(
        {"book/glossary": [entry], "book/logits": [section]}, {"sec-x": ("book/logits", "x")}
    )
    assert made["asked"][1] == [["other", "word"], [0, 1]]
    assert made["words"]["0.5"][-2:] == [1, section_search.ASKED_AS]


@pytest.mark.parametrize(
    "phrase", ["one-hot", "softmax before CrossEntropyLoss", "gradient_accumulation_steps", "bce"]
)
def test_a_synonym_is_met_by_its_own_words(browser, phrase):
    stop = json.dumps(sorted(section_search.STOP))
    typed = json.loads(
        browser.eval(f"JSON.stringify(SectionSearch.words({json.dumps(phrase)}, {stop}))")
    )
    assert section_search.typed(phrase) == {*typed}
