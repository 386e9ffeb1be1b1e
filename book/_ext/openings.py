"""Set the opening of a chapter, fold its imports, and mark the cells that are wrong on purpose.

In a notebook these are plain cells: three paragraphs that begin in bold, a cell of imports, a
comment "wrong on purpose". The site shows the question large, the aims and the needs side by side,
the imports in one line, and a red bar along what nobody should copy.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

QUESTION, *AIMS = "The question.", "What you will be able to do.", "What you need."
IMPORT = re.compile(r"^(?:import|from) ([\w.]+)", re.M)
STATEMENT = re.compile(r"(?:import|from) [^(\n]+(?:\([^)]*\))?|[\w.]+\([^()\n]*\)")
WRONG = re.compile(r"#.*\bon purpose\b")


class imports(nodes.General, nodes.Element):  # noqa: N801
    """A folded cell of imports; `names` of libraries stand in the visible line."""


class Openings(SphinxTransform):
    """Do all three; each needs nothing of the others."""

    default_priority = 850  # before the tabs are made

    def apply(self) -> None:
        """Change the document in place."""
        self._set_opening()
        cells = [n for n in self.document.findall(nodes.container) if _source(n)]
        for cell in cells[:1]:
            source, tags = _source(cell), cell.get("cell_metadata", {}).get("tags", [])
            names = dict.fromkeys(name.split(".")[0] for name in IMPORT.findall(source))
            only = _only_imports(source)
            if only or (names and "hide-input" in tags):
                cell["hide_mode"] = ""  # one fold is enough
                title = "Imports" if only else "Imports and helpers"
                fold = imports(title=title, names=[*names])
                cell.replace_self(fold)
                fold += cell
        for cell in cells:
            if WRONG.search(_source(cell)):
                cell["classes"].append("wrong")

    def _set_opening(self) -> None:
        found = {}
        for paragraph in list(self.document.findall(nodes.paragraph)):
            start = next((child for child in paragraph.children if child.astext()), None)
            if isinstance(start, nodes.strong):
                found.setdefault(start.astext(), paragraph)
        if not {QUESTION, *AIMS} <= found.keys():
            return
        lead, *aims = (found[start] for start in (QUESTION, *AIMS))
        opening = nodes.container(classes=["opening"])
        lead.replace_self(opening)
        while lead.pop(0).astext() != QUESTION:  # which the large type says
            pass
        if isinstance(lead[0], nodes.Text):
            lead[0] = nodes.Text(lead[0].lstrip())
        both = nodes.container(classes=["aims"])
        for paragraph in aims:
            paragraph.parent.remove(paragraph)
            both += paragraph
        opening += [lead, both]


def _source(node: nodes.Node) -> str:
    """Return the source of a code cell, "" of anything else."""
    if not (isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"):
        return ""
    block = node.next_node(nodes.literal_block)
    return "" if block is None else block.astext()


def _only_imports(source: str) -> bool:
    """Return whether a cell imports and sets up, and does nothing else."""
    return bool(IMPORT.search(source)) and not STATEMENT.sub("", source).strip()


def visit_imports(self, node: imports) -> None:
    """Open the fold."""
    names = " ".join(f"<code>{name}</code>" for name in node["names"])
    self.body.append(f'<details class="imports"><summary>{node["title"]}: {names}</summary>')


def depart_imports(self, node: imports) -> None:
    """Close the fold."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the node and the transform."""
    app.add_node(imports, html=(visit_imports, depart_imports))
    app.add_transform(Openings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
