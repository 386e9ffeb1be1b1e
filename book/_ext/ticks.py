"""Put a tick beside each assert that was seen to fail, and beside no other.

`book/_data/seen_failing.yml` holds, by chapter, the asserts with the fault under which each failed
(`.ci/seen_failing.py` makes it, and repeats it). A tick stands only while the line on the page is,
letter by letter, the one that failed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

BOOK = Path(__file__).parents[1]
STORE = BOOK / "_data/seen_failing.yml"


@cache
def seen_failing() -> dict[str, list[dict[str, Any]]]:
    """Return the records by chapter."""
    return yaml.safe_load(STORE.read_text(encoding="utf-8")) or {}


class Ticks(SphinxTransform):
    """Mark the lines; the stylesheet draws the ticks."""

    default_priority = 845  # before cells are folded or put into tabs

    def apply(self) -> None:
        """Change the cells of a chapter that has records."""
        source = Path(self.env.doc2path(self.env.docname))
        records = seen_failing().get(source.stem, [])
        if not records or source.suffix != ".ipynb":
            return
        names = [cell.id for cell in nbformat.read(source, as_version=4).cells]
        for cell in self.document.findall(nodes.container):
            if cell.get("nb_element") == "cell_code":
                own = [each for each in records if each["cell"] == names[cell["cell_index"]]]
                block = cell.next_node(nodes.literal_block)
                if own and block is not None:
                    mark(block, own)


def mark(block: nodes.literal_block, records: list[dict[str, Any]]) -> None:
    """Mark the lines of a block that are those of the records."""
    lines = dict(enumerate((line.strip() for line in block.astext().splitlines()), start=1))
    found = [each["line"] for each in records if lines.get(each["line"]) == each["assert"]]
    if found:
        block["highlight_args"] = {"hl_lines": sorted(found)}
        block["classes"].append("seen-failing")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(Ticks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
