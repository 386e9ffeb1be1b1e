"""What a page tells of its chapter: part, number, keyword, question, minutes, what is checked.

Part and keyword come from `_toc.yml` (the keyword is the title there), the question is the page's
heading, and the counts are counted in the notebook. The sidebar, the head of a chapter, the cards
of the first page and the links to the neighbours all read this.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import nbformat
import yaml
from bs4 import BeautifulSoup
from sphinx.application import Sphinx

from drawings import drawing
from ticks import seen_failing

ROOT = Path(__file__).parents[2]
WORDS, CELLS = 200, 4  # read in a minute
PROOF = re.compile(r"\bprove_\w+")


@dataclass(frozen=True)
class Chapter:
    """A page in the table of contents."""

    page: str
    part: str
    number: int | None  # None on a page of reference
    keyword: str
    question: str
    minutes: int
    cells: int  # of code, whose outputs are compared with a fresh run
    proofs: int  # by SymPy, run on the page
    above: str = ""  # the page below which it unfolds

    @property
    def drawing(self) -> str:
        """The drawing, as SVG."""
        return drawing(self.page)


@cache
def chapters() -> dict[str, Chapter]:
    """Return every page by its name, in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found: dict[str, Chapter] = {}
    for part in toc["parts"]:
        for entry in part["chapters"]:
            page = entry["file"]
            path = ROOT / f"{page}.ipynb"
            number = (
                sum(c.number is not None for c in found.values()) + 1 if path.exists() else None
            )
            about = _read(path) if path.exists() else {}
            keyword = entry.get("title", page)
            facts = {"question": "", "minutes": 0, "cells": 0, "proofs": 0} | about
            found[page] = Chapter(page, part["caption"], number, keyword, **facts)
            for below in _below(entry):
                text = (ROOT / f"{below}.md").read_text(encoding="utf-8")
                about = facts | {"question": _question(re.findall(r"^# (.+)$", text, re.M)[0])}
                name = Path(below).name
                found[below] = Chapter(below, part["caption"], None, name, **about, above=page)
    return found


def _below(entry: dict[str, Any]) -> list[str]:
    """Return the pages that unfold below an entry of the table of contents, by name."""
    patterns = [section["glob"] for section in entry.get("sections", [])]
    paths = sorted(path for pattern in patterns for path in ROOT.glob(f"{pattern}.md"))
    return [path.relative_to(ROOT).with_suffix("").as_posix() for path in paths]


def _question(heading: str) -> str:
    question = heading.partition(": ")[2] or heading
    return question[0].upper() + question[1:]


def _read(path: Path) -> dict[str, Any]:
    cells = nbformat.read(path, as_version=4).cells
    heading = re.findall(r"^# (.+)$", cells[0].source, re.M)[0]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    text = list(takewhile(lambda cell: "## Exercises" not in cell.source.splitlines(), cells))
    words = sum(len(cell.source.split()) for cell in text if cell.cell_type == "markdown")
    minutes = words / WORDS + len(text) / CELLS
    return {
        "question": _question(heading),
        "minutes": max(5, 5 * round(minutes / 5)),
        "cells": len(code),
        "proofs": len({name for source in code for name in PROOF.findall(source)}),
    }


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Give the templates what they show, and the page's body its head."""
    known = chapters()
    parts: dict[str, list[Chapter]] = {}
    for chapter in known.values():
        if not chapter.above:
            parts.setdefault(chapter.part, []).append(chapter)
    context["parts"], context["logo"] = parts, drawing("logo")
    context["chapter"] = chapter = known.get(page)
    context["unfolded"] = unfolded = chapter and (chapter.above or page)
    context["below"] = [each for each in known.values() if each.above == unfolded]
    context["page_sections"] = _sections(context.get("toc") or "")
    names = _neighbours(chapter) if chapter else []
    place = names.index(page) if chapter else -1
    context["before"] = known[names[place - 1]] if place > 0 else None
    context["after"] = known[names[place + 1]] if -1 < place < len(names) - 1 else None
    if chapter is None:
        return
    if chapter.question:
        of_module = chapter.above == "book/api"
        name = f"companion.{chapter.keyword}" if of_module else chapter.keyword
        context["title"] = f"{name}: {chapter.question}"
        text = html.escape(f"{context['title']} Binary cross-entropy, derived and checked.")
        context["metatags"] += f'\n<meta name="description" content="{text}"/>'
    if chapter.number is None or "body" not in context:
        return
    last = sum(c.number is not None for c in known.values())
    kicker = f'<p class="kicker">{html.escape(chapter.part)} · {chapter.number} of {last}</p>'
    facts = [f"<b>{html.escape(chapter.keyword)}</b>", f"{chapter.minutes} min"]
    if chapter.proofs:
        facts.append(
            f'<span class="tick"></span> {chapter.proofs} SymPy proof{"s" * (chapter.proofs > 1)}'
        )
    facts.append(f'<span class="tick"></span> {chapter.cells} cells compared with a fresh run')
    if failing := len(seen_failing().get(Path(page).name, [])):
        facts.append(f'<span class="tick"></span> {failing} asserts seen failing')
    below = "".join(f"<span>{fact}</span>" for fact in facts)
    body = context["body"].replace("<h1", f"{kicker}<h1", 1)
    context["body"] = body.replace("</h1>", f'</h1><p class="chapter-facts">{below}</p>', 1)


def _neighbours(chapter: Chapter) -> list[str]:
    """Return the pages among which its reader turns: of its own level, after the one above them."""
    known = chapters().values()
    level = [each.page for each in known if each.above == chapter.above]
    return [chapter.above, *level] if chapter.above else level


def _sections(toc: str) -> list[tuple[str, str]]:
    """Return (address, title) of the page's sections, without solutions."""
    soup = BeautifulSoup(toc, "html.parser")
    top = soup.select("ul > li > ul")[:1]
    links = [item.find("a") for item in (top[0].find_all("li", recursive=False) if top else [])]
    return [(link["href"], link.decode_contents()) for link in links if link]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when a page is written."""
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
