"""Put into the head of every page what the theme leaves out.

The faces of the text are asked for at once, not when a stylesheet has come and names them: they
are there when the text is first seen, so that no line breaks anew. Without JavaScript, menus that
only a script opens stand open, and their buttons are not there.
"""

from __future__ import annotations

from sphinx.application import Sphinx

FACES = ["_static/fonts/serif.woff2", "_static/fonts/serif-italic.woff2"]
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
    """Name the faces, and say what holds without scripts."""
    kind = 'as="font" type="font/woff2" crossorigin'
    faces = [f'<link rel="preload" href="{context["pathto"](face, 1)}" {kind}/>' for face in FACES]
    style = f"<noscript><style>{WITHOUT_SCRIPTS}</style></noscript>"
    context["metatags"] = "\n".join([context.get("metatags", ""), *faces, style])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when a page is written; load the script for the keyboard."""
    app.connect("html-page-context", complete)
    app.add_js_file("keyboard.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
