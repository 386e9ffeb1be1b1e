"""Nest the list of source files as HTML asks for: a list within a list stands in an item of it.

The page `_modules/index` is Sphinx's; it puts the inner list beside the items, and a screen reader
counts wrong.
"""

from __future__ import annotations

from bs4 import BeautifulSoup
from sphinx.application import Sphinx

PAGE = "_modules/index"


def nested(body: str) -> str:
    """Return the page's text with every inner list moved into the item before it."""
    soup = BeautifulSoup(body, "html.parser")
    for inner in soup.select("ul > ul"):
        inner.find_previous_sibling("li").append(inner)
    return str(soup)


def mend(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Do so on that page."""
    if page == PAGE:
        context["body"] = nested(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when a page is written."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
