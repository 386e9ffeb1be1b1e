"""Show consecutive notebook cells that say the same thing in several libraries as synced tabs.

A tab written in Markdown holds code that nobody ran. Here the author tags ordinary code cells
(``tab-numpy``, ``tab-pytorch``, …); in Jupyter they stay plain cells that run and are compared like
any other, and on the site neighbours become one set of tabs. A tag that returns starts a new
set only after every tab had its turn, so a tab may hold several cells in a row.
"""

from __future__ import annotations

from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_design.shared import create_component

LOGGER = logging.getLogger(__name__)
PREFIX = "tab-"
LABELS = {
    "tab-numpy": "NumPy",
    "tab-pytorch": "PyTorch",
    "tab-sklearn": "scikit-learn",
    "tab-sympy": "SymPy",
}


class ExecutedTabs(SphinxTransform):
    """Wrap neighbouring tagged code cells in sphinx-design's tab components."""

    default_priority = 860  # before Sphinx collects figures, labels and contents at 880

    def apply(self) -> None:
        """Group the tagged cells of every parent and replace each group by a tab set."""
        parents = {id(cell.parent): cell.parent for cell in self.document.findall(_is_tagged)}
        for parent in parents.values():
            parent.children = _with_tabs(parent.children)
            for child in parent.children:
                child.parent = parent


def _is_tagged(node: nodes.Node) -> bool:
    return bool(_tag(node))


def _tag(node: nodes.Node) -> str:
    if not (isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"):
        return ""
    tags = node.get("cell_metadata", {}).get("tags", [])
    return next((tag for tag in tags if tag.startswith(PREFIX)), "")


def _with_tabs(children: list[nodes.Node]) -> list[nodes.Node]:
    result: list[nodes.Node] = []
    tabs: dict[str, list[nodes.Node]] = {}
    for tag, run in groupby(children, key=_tag):
        cells = list(run)
        if tag in tabs or not tag:
            result += _tab_set(tabs)
            tabs = {}
        if not tag:
            result += cells
        elif tag in LABELS:
            tabs[tag] = cells
        else:
            known = ", ".join(LABELS)
            LOGGER.warning("unknown tab tag %r; known are %s", tag, known, location=cells[0])
            result += cells
    return result + _tab_set(tabs)


def _tab_set(tabs: dict[str, list[nodes.Node]]) -> list[nodes.Node]:
    if len(tabs) < 2:
        for tag, cells in tabs.items():
            LOGGER.warning("a lone %s cell: tabs need two neighbours", tag, location=cells[0])
        return [cell for cells in tabs.values() for cell in cells]
    return [tab_set(tabs)]


def tab_set(tabs: dict[str, list[nodes.Node]]) -> nodes.container:
    """Return tabs, by their tags in `LABELS`; readers choose a library for all of them at once."""
    items = []
    for tag, cells in tabs.items():
        label = nodes.rubric(LABELS[tag], LABELS[tag], classes=["sd-tab-label"])
        label["sync_group"], label["sync_id"] = "library", tag.removeprefix(PREFIX)
        content = create_component("tab-content", classes=["sd-tab-content"], children=cells)
        items.append(
            create_component("tab-item", classes=["sd-tab-item"], children=[label, content])
        )
    return create_component("tab-set", classes=["sd-tab-set"], children=items)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(ExecutedTabs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
