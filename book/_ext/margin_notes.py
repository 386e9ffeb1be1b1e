"""Set a note beside the paragraph that it belongs to, in the margin of a wide page.

In a notebook a note is a ``:::{margin}`` block below its paragraph, where it reads as an aside. On
the site it comes before the paragraph, so that the stylesheet can let it float beside it, or set it
above, indented, where the page has no margin. A cell that is wrong on purpose gets such a note too.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from openings import WRONG

LOGGER = logging.getLogger(__name__)


class margin_note(nodes.General, nodes.Element):  # noqa: N801
    """An aside."""


class Margin(SphinxDirective):
    """Parse the note where it is written; the transform moves it."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the note."""
        self.assert_has_content()
        note = margin_note()
        self.set_source_info(note)
        self.state.nested_parse(self.content, self.content_offset, note)
        return [note]


class MarginNotes(SphinxTransform):
    """Move each note before what it belongs to, and write those of the wrong cells."""

    default_priority = 865  # a note must not part the cells that become tabs at 860

    def apply(self) -> None:
        """Change the document in place."""
        for note in list(self.document.findall(margin_note)):
            parent = note.parent
            above = parent.children[: parent.index(note)]
            while above and isinstance(above[-1], nodes.Invisible | margin_note):
                above.pop()
            if not above or isinstance(above[-1], nodes.title):
                LOGGER.warning("this note has nothing above it to stand beside", location=note)
            else:
                parent.remove(note)
                parent.insert(parent.index(above[-1]), note)
        for cell in list(self.document.findall(_is_wrong)):
            comment = WRONG.search(cell.astext())[0].lstrip("# ")
            how = comment.partition(" on purpose")[0].capitalize()
            words = nodes.paragraph("", "", nodes.strong("", f"{how} on purpose."))
            words += nodes.Text(" Don’t copy this cell.")
            note = margin_note("", words, classes=["wrong"])
            cell.parent.insert(cell.parent.index(cell), note)


def _is_wrong(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and {"cell", "wrong"} <= set(node["classes"])


def visit_margin_note(self, node: margin_note) -> None:
    """Open the aside; a note is no landmark of the page."""
    self.body.append(self.starttag(node, "aside", CLASS="margin-note", role="note"))


def depart_margin_note(self, node: margin_note) -> None:
    """Close the aside."""
    self.body.append("</aside>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive in place of the theme's, the node and the transform."""
    app.add_node(margin_note, html=(visit_margin_note, depart_margin_note))
    app.add_directive("margin", Margin, override=True)
    app.add_transform(MarginNotes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
