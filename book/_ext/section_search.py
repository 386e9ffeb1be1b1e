"""Index the sections of the book for its search, so that a hit opens where the answer stands.

Sphinx indexes whole pages and skips numbers. Here a section, an entry of the glossary and a
function of the API are each a place of their own; words and numbers are kept, mathematics is left
out, and what the glossary says a word is "also asked as" counts for the entry and for the section
that it points to. `_static/section_search.js` ranks the places; the search page loads this index
alone.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish, english_stopwords

from chapters import chapters

INDEX = "sectionindex.js"
KEPT = "section_search_places"  # the attribute of the environment that is stored between builds
TOKEN = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?|[^\W\d]\w*")
HYPHENED = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
IMPORT = re.compile(r"^(?:from \S+ )?import (?:\([^)]*\)|.*)$", re.M)
ASKED = re.compile(r"Also asked as: ([^.]+(?:\.\d[^.]*)*)\.")
# What people put around a question.
SMALL = """
am an can cant could did do does doesn doesnt don dont get gets getting give gives got has have how
i m me my our s should so t too very we what when where which why would you your
"""
STOP = {*english_stopwords, *SMALL.split()} - {"not", "no"}
# How much a word counts in a title, as a synonym, at most in a text.
TITLE, ASKED_AS, BODY = 5, 6, 12
# How likely a place is what somebody looks for.
WEIGHT = {"book/five_texts": 0.6, "book/bibliography": 0.3, "book/api": 0.6, "book/glossary": 0.9}
BELOW = {"book/api": 0.5, "book/mistakes": 0.9}  # of the pages below these
ASIDE = {"Exercises": 0.5, "Further reading": 0.5}  # the first also holds the folded solutions
# Short names that people type for what the pages spell out.
SHORT = {
    "scikit-learn": "sklearn",
    "TensorFlow": "tf",
    "LightGBM": "lgbm lgb",
    "XGBoost": "xgb",
    "binary cross-entropy": "bce",
}

_stem = functools.cache(SearchEnglish({}).stem)


class Place(NamedTuple):
    """What can be found: ids of its element, title, text, synonyms, and where it sends on."""

    ids: list[str]
    title: str
    text: str
    asked: list[str]
    target: tuple[str, str] | None  # ("ref" or "doc", its name)


def words(text: str) -> list[str]:
    """Return the words and numbers of a text as the search compares them."""
    found = []
    for name, short in SHORT.items():
        text += f" {short}" * len(re.findall(name, text, re.IGNORECASE))
    text += "".join(" " + word.replace("-", "") for word in HYPHENED.findall(text))
    for token in TOKEN.findall(text):
        pieces = [token]
        if "_" in token.strip("_"):
            pieces += token.strip("_").split("_")
        elif token[:1].isupper() and len(camel := CAMEL.findall(token)) > 1:
            pieces += camel
        found += [word.lower() for word in pieces]
    return [word if word[0].isdigit() else _stem(word) for word in found if _counts(word)]


def typed(phrase: str) -> set[str]:
    """Return the words of a phrase as the script finds them in a question."""
    found = [token.lower() for token in TOKEN.findall(phrase)]
    return {word if word[0].isdigit() else _stem(word) for word in found if _counts(word)}


def _counts(word: str) -> bool:
    return word not in STOP and (len(word) > 1 or word.isdigit())


def _text(node: nodes.Node) -> str:
    """Return the text of a node without mathematics, names of targets and other places."""
    skipped = nodes.math | nodes.math_block | addnodes.desc | nodes.raw
    if _is_place(node) or isinstance(node, skipped | nodes.target | nodes.comment):
        return " "
    if isinstance(node, addnodes.pending_xref) and not node.get("refexplicit"):
        return f" {node.astext()} " if node.get("refdomain") == "py" else " "
    if isinstance(node, nodes.literal_block):
        return f" {IMPORT.sub('', node.astext())} "
    if isinstance(node, nodes.Text):
        return node.astext()
    inline = isinstance(node, nodes.TextElement)
    return ("" if inline else " ").join(_text(child) for child in node.children) + " "


def _is_place(node: nodes.Node) -> bool:
    """Tell whether something is found by itself: a section with a title, an entry, a function."""
    if isinstance(node, nodes.definition_list_item):
        term = node.first_child_matching_class(nodes.term)
        return term is not None and any(i.startswith("term-") for i in node[term]["ids"])
    if isinstance(node, nodes.section):
        return node.first_child_matching_class(nodes.title) is not None
    return isinstance(node, addnodes.desc)


def places(document: nodes.document) -> Iterator[Place]:
    """Yield what can be found on a page, in the order of the page."""
    for node in document.findall(_is_place):
        if isinstance(node, nodes.section):
            title, *rest = sorted(node.children, key=lambda c: not isinstance(c, nodes.title))
            text = " ".join(_text(child) for child in rest)
            yield Place(node["ids"], title.astext(), text, [], None)
        elif isinstance(node, addnodes.desc):
            signature = node.next_node(addnodes.desc_signature)
            if signature is not None and signature.get("ids"):
                text = " ".join(_text(child) for child in node.children)
                yield Place(signature["ids"], signature["ids"][0], text, [], None)
        else:
            yield _entry(node)


def _entry(item: nodes.Element) -> Place:
    """Return an entry of the glossary: its last reference is where it sends on."""
    term = item.next_node(nodes.term)
    text = " ".join(" ".join(_text(child) for child in item.children).split())
    asked = [part.strip() for found in ASKED.findall(text) for part in found.split(",")]
    links = [
        (link["reftype"], link["reftarget"])
        for link in item.findall(addnodes.pending_xref)
        if link.get("reftype") in {"ref", "doc"}
    ]
    return Place(term["ids"], term.astext(), text, asked, links[-1] if links else None)


def collect(app: Sphinx, document: nodes.document) -> None:
    """Keep the places of a page that was read."""
    kept = app.env.__dict__.setdefault(KEPT, {})
    kept[app.env.docname] = [*places(document)]


def forget(app: Sphinx, env: Any, docname: str) -> None:
    """Drop the places of a page that will be read again, or is gone."""
    env.__dict__.get(KEPT, {}).pop(docname, None)


def merge(app: Sphinx, env: Any, docnames: set[str], other: Any) -> None:
    """Take over what another process has read."""
    kept = env.__dict__.setdefault(KEPT, {})
    kept |= {
        name: found for name, found in other.__dict__.get(KEPT, {}).items() if name in docnames
    }


def index(pages: dict[str, list[Place]], labels: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Return what the script ranks by: pages, places, the weights of words in places, synonyms."""
    known = chapters()
    names, found, texts = [], [], []
    at: dict[tuple[str, str], int] = {}
    for page, all_places in sorted(pages.items()):
        chapter = known.get(page)
        first = all_places[0].title if all_places else page
        names.append([page, escape(chapter.keyword if chapter else first)])
        for number, place in enumerate(all_places):
            for name in ["", *place.ids] if number == 0 else place.ids:
                at[page, name] = len(found)
            anchor = "" if number == 0 else place.ids[0]
            weight = WEIGHT.get(page, BELOW.get(page.rpartition("/")[0], 1))
            weight *= ASIDE.get(place.title, 1)
            found.append([len(names) - 1, anchor, escape(place.title), 0, weight])
            keyword = chapter.keyword if chapter and number == 0 else ""
            texts.append((place, Counter(words(f"{place.title} {keyword}"))))
    counts: list[Counter[str]] = []
    for number, (place, title) in enumerate(texts):
        body = Counter(words(place.text))
        found[number][3] = body.total() + title.total()
        counts.append(Counter({word: min(n, BODY) for word, n in body.items()}))
        counts[-1].update(dict.fromkeys(title, TITLE))
    asked = []
    for number, (place, _) in enumerate(texts):
        targets = {number, _target(place, labels, at)} - {None}
        for phrase in [place.title, *place.asked] if place.asked or place.target else []:
            asked.append([sorted(typed(phrase)), sorted(targets)])
            for target in targets:
                counts[target].update(dict.fromkeys(words(phrase), ASKED_AS))
    weights: dict[str, list[int]] = {}
    for number, words_of_place in enumerate(counts):
        for word, weight in words_of_place.items():
            weights.setdefault(word, []).extend((number, weight))
    return {"pages": names, "places": found, "words": weights, "asked": asked, "stop": sorted(STOP)}


def _target(
    place: Place, labels: dict[str, tuple[str, str]], at: dict[tuple[str, str], int]
) -> int | None:
    if place.target is None:
        return None
    kind, name = place.target
    return at.get(labels.get(name, ("", "")) if kind == "ref" else (f"book/{Path(name).name}", ""))


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the index, and have the search page load it instead of Sphinx's."""
    page = Path(app.outdir) / "search.html"
    if exception or app.builder.format != "html" or not page.exists():
        return
    labels = {name: entry[:2] for name, entry in app.env.get_domain("std").anonlabels.items()}
    made = index(app.env.__dict__.get(KEPT, {}), labels)
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    page.with_name(INDEX).write_text(f"Search.setIndex({text})", encoding="utf-8")
    old = page.read_text(encoding="utf-8")
    page.write_text(old.replace('"searchindex.js"', f'"{INDEX}"'), encoding="utf-8")


def script(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Give the search page the script that ranks."""
    if page == "search":
        app.add_js_file("section_search.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to what is read, written and finished."""
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("html-page-context", script)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
