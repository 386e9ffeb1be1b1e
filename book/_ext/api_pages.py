"""The reference of the package: ``{modules}`` is its index, ``{submodules}`` the parts of a module.

A page below `book/api` is about one public module: its heading says what for, its first block of
Python how to import it. The index is made of these two, and a part that a package gains stands on
the package's page by itself, so that a new loss needs one new page and no other list.
"""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import iter_modules

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from chapters import chapters

ROOT = Path(__file__).parents[2]
IMPORT = re.compile(r"^```python\n(.+)$", re.M)
ABOVE, ROW = "book/api", "| {} | `{}` | {{doc}}`{} </{}>` |"
PART = """
# `{0}`

```{{eval-rst}}
.. automodule:: {0}
   :members:
```
"""


def index() -> str:
    """Return the table of all modules: what for, how to import it, its page."""
    lines = ["| For | Import | Page |", "|---|---|---|"]
    for page, chapter in chapters().items():
        if chapter.above == ABOVE:
            text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
            line = IMPORT.findall(text)[0]
            lines.append(ROW.format(chapter.question, line, chapter.keyword, page))
    return "\n".join(lines)


def parts(package: str) -> list[str]:
    """Return the public modules of a package by name."""
    folder = ROOT / package.replace(".", "/")
    names = sorted(module.name for module in iter_modules([str(folder)]))
    return [f"{package}.{name}" for name in names if not name.startswith("_")]


class Written(SphinxDirective):
    """Parse Markdown that is made here, headings included."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown says."""
        if self.name == "modules":
            text = f":::{{div}} full-width stacked\n{index()}\n:::"
            for page in chapters():
                self.env.note_dependency(str(ROOT / f"{page}.md"))
        else:
            text = "".join(PART.format(module) for module in parts(self.arguments[0]))
        place = nodes.section()
        self.state.nested_parse(StringList(text.splitlines()), 0, place, match_titles=True)
        return place.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("modules", Written)
    app.add_directive("submodules", Written)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
