"""Put into the head of every page what the theme leaves out.

The face of the text is asked for at once, not when a stylesheet has come and names it: it is there
when the text is first seen, so that no line breaks anew. Without JavaScript, menus that only a
script opens stand open, and their buttons are not there.
"""

from __future__ import annotations

from sphinx.application import Sphinx

FACE = "_static/fonts/serif.woff2"
WITHOUT_SCRIPTS = """
.primary-toggle, .dropdown-toggle, .dropdown-menu [onclick] { display: none !important; }
.bd-header-article .dropdown-menu { display: flex !important; position: static; border: 0; padding: 0; background: none; }
@media (max-width: 959.98px) {
  .bd-container__inner { flex-direction: column; }
  .bd-sidebar-primary {
    order: 1; position: static !important; visibility: visible !important; margin: 0 !important;
    width: auto !important; max-width: none !important; height: auto !important; max-height: none !important;
  }
}
"""  # noqa: E501


def complete(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Name the face, and say what holds without scripts."""
    address = context["pathto"](FACE, 1)
    context["metatags"] = context.get("metatags", "") + (
        f'\n<link rel="preload" href="{address}" as="font" type="font/woff2" crossorigin/>'
        f"\n<noscript><style>{WITHOUT_SCRIPTS}</style></noscript>"
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when a page is written; load the script for the keyboard."""
    app.connect("html-page-context", complete)
    app.add_js_file("keyboard.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
