"""Fold each section headed "Solution …" into a native ``<details>`` element.

Solutions are ordinary notebook sections, so that their cells run and are compared like all
others, in Jupyter they read as Markdown, and JupyterLab can fold them too. Only the site needs
this: a reader should try first. A native element works without a script, by keyboard, and opens by
itself when a link or the browser's search leads inside.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node

LOGGER = logging.getLogger(__name__)
HEADING = re.compile(r"Solution\b")


class solution(nodes.General, nodes.Element):  # noqa: N801
    """A folded section; its first child is the summary."""


class summary(nodes.General, nodes.TextElement):  # noqa: N801
    """The visible line of a folded section."""


class FoldSolutions(SphinxTransform):
    """Replace the sections of solutions by foldable nodes."""

    default_priority = 870  # after the tabs are made, before Sphinx collects the contents at 880

    def apply(self) -> None:
        """Fold, and warn about an exercise that a fold would hide."""
        for section in list(self.document.findall(_is_solution)):
            title, *content = section.children
            folded = solution("", summary("", "", *title.children), *content)
            folded.source, folded.line = section.source, section.line
            section.replace_self(folded)  # which hands over the section's ids and labels
            for exercise in folded.findall(_is_exercise):
                LOGGER.warning(
                    "this exercise would be folded away with the solution above; "
                    "give it a heading of its own",
                    location=exercise,
                )


def _is_solution(node: nodes.Node) -> bool:
    return isinstance(node, nodes.section) and bool(HEADING.match(node.next_node().astext()))


def _is_exercise(node: nodes.Node) -> bool:
    return isinstance(node, exercise_node | exercise_enumerable_node)


def visit_solution(self, node: solution) -> None:
    """Open the fold."""
    self.body.append(self.starttag(node, "details", CLASS="solution"))


def depart_solution(self, node: solution) -> None:
    """Close the fold."""
    self.body.append("</details>\n")


def visit_summary(self, node: summary) -> None:
    """Open the visible line."""
    self.body.append(self.starttag(node, "summary", ""))


def depart_summary(self, node: summary) -> None:
    """Close the visible line."""
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the nodes and the transform."""
    app.add_node(solution, html=(visit_solution, depart_solution))
    app.add_node(summary, html=(visit_summary, depart_summary))
    app.add_transform(FoldSolutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
