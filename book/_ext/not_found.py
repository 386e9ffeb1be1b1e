"""A page for addresses that lead nowhere, which a host shows at any depth: `404.html`.

Its links are relative to the top of the site, which it has to find out: from `html_baseurl` where
that is set, else by a line of script that asks for the search index in the folders above the
address. It offers the search and the pages whose names are nearest to what was asked for.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.config import Config

from chapters import chapters

FIND_THE_TOP = """<script>
if (location.protocol !== "file:")
for (let at = location.pathname.split("/").slice(0, -1); at.length; at.pop()) {
  const ask = new XMLHttpRequest(), top = at.join("/") + "/";
  try { ask.open("HEAD", top + "searchindex.js", false); ask.send(); } catch { break; }
  if (ask.status === 200 && /javascript/.test(ask.getResponseHeader("Content-Type"))) {
    document.head.append(Object.assign(document.createElement("base"), { href: top }));
    break;
  }
}
</script>"""


def base(address: str) -> str:
    """Return what tells a browser where the top of the site is."""
    path = urlsplit(address).path.rstrip("/")
    return f'<base href="{path}/"/>' if address else FIND_THE_TOP


def pages() -> str:
    """Return [address, keyword, question] of all pages, as a script reads them."""
    listed = [[f"{each.page}.html", each.keyword, each.question] for each in chapters().values()]
    return json.dumps(listed, ensure_ascii=False).replace("</", "<\\/")


def add(app: Sphinx, config: Config) -> None:
    """Add the page to those that are built."""
    config.html_additional_pages["404"] = "404.html"


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Give the template what it shows."""
    if page == "404":
        context["title"], context["pages"] = "This page is not here", pages()
        context["metatags"] = base(app.config.html_baseurl) + context.get("metatags", "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moments when the configuration is complete, and when a page is written."""
    app.connect("config-inited", add)
    app.connect("html-page-context", describe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
