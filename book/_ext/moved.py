"""Lead a link into a section that moved to another page to where it is now.

A browser tells no server which section it looks for, so a page that lost sections carries a line of
script: where the section named in the address is not on the page, it goes on to the new one.
`book/moved.yml` says which: old page, old section, new page and section. An old section may be a
pattern, whose parts stand in the new address as $1, the whole as $&.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import yaml
from sphinx.application import Sphinx

TABLE = Path(__file__).parents[1] / "moved.yml"
SCRIPT = """<script>(moved => {{
  const at = decodeURIComponent(location.hash.slice(1));
  if (!at || document.getElementById(at)) return;
  const old = Object.keys(moved).find(name => RegExp(`^(?:${{name}})$`).test(at));
  if (old) location.replace(at.replace(RegExp(`^(?:${{old}})$`), moved[old]));
}})({})</script>"""


@functools.cache
def moved() -> dict[str, dict[str, str]]:
    """Return the new addresses by old page and old section."""
    return yaml.safe_load(TABLE.read_text(encoding="utf-8")) or {}


def lead_on(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Put the script under the page's text."""
    sections = moved().get(page.removeprefix("book/"))
    if sections and "body" in context:
        addresses = {old: new.replace("#", ".html#") for old, new in sections.items()}
        context["body"] += SCRIPT.format(json.dumps(addresses, sort_keys=True))


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when a page is written."""
    app.connect("html-page-context", lead_on)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
