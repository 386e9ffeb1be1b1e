"""Make the table of calls a list: what you have and want at left, the libraries in tabs at right.

The source stays a table, whose lines the tests run: "NumPy `line` <br> PyTorch `line`" in its last
column, a bold word where something else is had. The tabs are those of the chapters, so a reader who
chooses a library once has chosen it everywhere.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from executed_tabs import LABELS, tab_set

TAGS = {label: tag for tag, label in LABELS.items()}
AGREE = {2: "both give the same", 3: "all three give the same"}


class CallList(SphinxTransform):
    """Replace each table in a division of the class "calls"."""

    default_priority = 855  # after the openings, before the tabs of cells

    def apply(self) -> None:
        """Change the document in place."""
        for division in list(self.document.findall(_is_list_of_calls)):
            for table in list(division.findall(nodes.table)):
                rows = next(iter(table.findall(nodes.tbody))).children
                table.replace_self(nodes.bullet_list("", *map(_item, rows)))


def _is_list_of_calls(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "calls" in node["classes"]


def _item(row: nodes.row) -> nodes.list_item:
    """Return a row as an item of the list."""
    have, want, lines = (entry.next_node(nodes.paragraph) for entry in row.children)
    calls = _calls(lines)
    bold = next(iter(have.findall(nodes.strong)), None) is not None
    wish = nodes.container(classes=["wish"])
    wish += [_named("have", have), _named("want", want)]
    tick, same = nodes.inline(classes=["tick"]), nodes.Text(f" {AGREE[len(calls)]}")
    wish += nodes.paragraph("", "", tick, same, classes=["same"])
    tabs = tab_set({TAGS[library]: [_code(line)] for library, line in calls.items()})
    return nodes.list_item("", wish, tabs, classes=["other"] if bold else [])


def _named(name: str, paragraph: nodes.paragraph) -> nodes.paragraph:
    """Return a paragraph with its name, "have" or "want", before it."""
    label = nodes.inline("", name, classes=["kicker"])
    text = nodes.inline("", "", *(child.deepcopy() for child in paragraph.children))
    return nodes.paragraph("", "", label, nodes.Text(" "), text, classes=[name])


def _calls(paragraph: nodes.paragraph) -> dict[str, str]:
    """Return {library: line} of a cell: each word before a literal names its library."""
    calls, library = {}, ""
    for child in paragraph.children:
        if isinstance(child, nodes.literal):
            calls[library] = child.astext()
        elif isinstance(child, nodes.Text) and child.astext().strip():
            library = child.astext().strip()
    return calls


def _code(line: str) -> nodes.literal_block:
    return nodes.literal_block(line, line, language="python")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(CallList)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
