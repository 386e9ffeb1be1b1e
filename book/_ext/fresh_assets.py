"""Build every page anew when a stylesheet, a template, an extension or a fact has changed.

Sphinx looks at the pages alone: with those unchanged it stops before it copies the static files,
and never asks whether the code that made a page is still the same. A digest of these folders, kept
as a configuration value, lets Sphinx notice by itself. So does a second value for what a page shows
of the rest of the project: sidebar, cards and counts change while the page itself does not. Pages
of source code, for which `viewcode` looks at the code alone, are removed where they are older.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from chapters import chapters
from landing import counts
from moved import moved

BOOK = Path(__file__).parents[1]
FOLDERS = [BOOK / name for name in ("_data", "_ext", "_static", "_templates", "explorers")]


def digest(folders: list[Path]) -> str:
    """Return a digest of the names and contents of all files below some folders."""
    total = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def facts() -> str:
    """Return what pages show of others: the chapters, the counts, where sections have gone."""
    return repr((chapters(), counts(), moved()))


def remember(app: Sphinx, config: Config) -> None:
    """Hand digest and facts to Sphinx, which compares them with the last build's."""
    config.fresh_assets_digest = digest(FOLDERS)
    config.fresh_assets_facts = facts()


def forget_listings(app: Sphinx) -> None:
    """Remove the pages of source code that are older than what made them."""
    made = max(path.stat().st_mtime for folder in FOLDERS for path in folder.rglob("*.*"))
    for page in Path(app.outdir, "_modules").rglob("*.html"):
        if page.stat().st_mtime < made:
            page.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the values: one that has Sphinx read all pages again, and one that it write them."""
    app.add_config_value("fresh_assets_digest", "", "env", [str])
    app.add_config_value("fresh_assets_facts", "", "html", [str])
    app.connect("config-inited", remember)
    app.connect("builder-inited", forget_listings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
