"""The first page: ``{landing}`` is its picture, routes and counts, ``{cards}`` the chapters.

Every number is computed: those of the picture by the companion, the counts from the proofs, the
notebooks and the table of planted faults.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from companion import binary_cross_entropy_with_logits as loss
from companion import sigmoid, symbolic
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from chapters import chapters

ROOT = Path(__file__).parents[2]
LEFT, BOTTOM, UNIT, TOP = 32, 276, 43, 18  # a logit and a nat are equally long: slopes look right
ROW, FROM, TO = 342, 130, 450  # the interval from 0 to 1
Z, LABEL = -0.9, 1.0  # what the page shows before anybody has moved anything


class landing(nodes.General, nodes.Element):  # noqa: N801
    """The picture, the routes and the counts."""


class cards(nodes.General, nodes.Element):  # noqa: N801
    """A card for each chapter, by parts."""


class Landing(SphinxDirective):
    """Put a node where the directive stands."""

    def run(self) -> list[nodes.Node]:
        """Return the node that the directive is named after."""
        return [{"landing": landing, "cards": cards}[self.name]()]


def across(z: float) -> float:
    """Return where a logit stands in the picture."""
    return LEFT + (z + 6) * UNIT


def up(nats: float) -> float:
    """Return where a loss stands in the picture."""
    return BOTTOM - nats * UNIT


def graph(label: float) -> str:
    """Return the loss of a label as the data of a path."""
    logits = [i / 10 for i in range(-60, 61)]
    points = (f"{across(z):.1f} {up(loss(z, label)):.1f}" for z in logits)
    return "M" + "L".join(points)


def picture() -> dict[str, object]:
    """Return what the template of the picture shows."""
    p, cost = float(sigmoid(Z)), float(loss(Z, LABEL))
    slope = p - LABEL
    ends = [f"{across(z)} {up(cost + slope * (z - Z)):.1f}" for z in (-6, 6)]
    place = [FROM + value * (TO - FROM) for value in (0, 1, p, LABEL)]
    numbers = {"z": f"{Z:.1f}", "p": f"{p:.3f}", "y": f"{LABEL:.2f}", "loss": f"{cost:.3f}"}
    numbers["slope"] = f"{slope:.3f}"
    return {
        "scale": {"left": LEFT, "bottom": BOTTOM, "unit": UNIT, "row": ROW, "from": FROM, "to": TO},
        "z": Z,
        "label": LABEL,
        "shown": {name: text.replace("-", "−") for name, text in numbers.items()},
        "left": LEFT,
        "right": across(6),
        "bottom": BOTTOM,
        "top": TOP,
        "ticks_x": [(across(z), f"{z}".replace("-", "−")) for z in range(-6, 7, 2)],
        "ticks_y": [(up(nats), f"{nats}") for nats in (2, 4, 6)],
        "one": graph(1),
        "zero": graph(0),
        "tangent": f"M{ends[0]}L{ends[1]}",
        "triangle": f"M{across(Z)} {up(cost):.1f}H{across(Z + 1)}V{up(cost + slope):.1f}",
        "name_x": across(Z + 1) + 7,
        "name_y": f"{up(cost + slope / 2) + 5:.1f}",
        "point": (across(Z), f"{up(cost):.1f}"),
        "row": ROW,
        "gap0": FROM,
        "gap1": TO,
        "gap_p": f"{place[2]:.1f}",
        "gap_y": place[3],
        "gap": f"M{place[2]:.1f} {ROW}H{place[3]}",
    }


def counts() -> dict[str, int]:
    """Return the numbers of chapters, proofs, compared cells and planted faults."""
    numbered = [chapter for chapter in chapters().values() if chapter.number is not None]
    source = (ROOT / "tests" / "test_planted_faults.py").read_text(encoding="utf-8")
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    texts = [
        path.read_text(encoding="utf-8") for path in Path(symbolic.__file__).parent.glob("*.py")
    ]
    return {
        "number": len(numbered),
        "proofs": sum(len(re.findall(r"^def prove_\w+", text, re.M)) for text in texts),
        "cells": sum(chapter.cells for chapter in numbered),
        "faults": sum(getattr(call.func, "id", "") == "Fault" for call in calls),
    }


def visit_landing(self, node: landing) -> None:
    """Write the picture, the routes and the counts."""
    here = self.builder.current_docname
    link = {
        "first": next(iter(chapters())),
        "wrong": "book/what_your_loss_says",
        "call": "book/which_call",
    }
    links = {name: self.builder.get_relative_uri(here, page) for name, page in link.items()}
    self.body.append(self.builder.templates.render("landing.html", picture() | counts() | links))
    raise nodes.SkipNode


def visit_cards(self, node: cards) -> None:
    """Write a card for each chapter."""
    here, parts = self.builder.current_docname, {}
    for chapter in chapters().values():
        if chapter.number is not None:
            address = self.builder.get_relative_uri(here, chapter.page)
            shown = {"address": address, "drawing": chapter.drawing, "keyword": chapter.keyword}
            shown |= {"question": chapter.question, "minutes": chapter.minutes}
            parts.setdefault(chapter.part, []).append(shown)
    self.body.append(self.builder.templates.render("cards.html", {"parts": parts}))
    raise nodes.SkipNode


def add_script(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.Node) -> None:
    """Load the explorer where it is."""
    if doctree is not None and next(doctree.findall(landing), None) is not None:
        app.add_js_file("slope.js", loading_method="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the nodes and the directives."""
    app.add_node(landing, html=(visit_landing, None))
    app.add_node(cards, html=(visit_cards, None))
    app.add_directive("landing", Landing)
    app.add_directive("cards", Landing)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
