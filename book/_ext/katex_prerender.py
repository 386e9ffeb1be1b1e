"""Render mathematics while the book is built, so that a page needs no script and no network.

MathJax, Jupyter Book's default, is fetched from a CDN by every reader; without it they see raw TeX.
Here KaTeX runs once, inside the build, in the V8 engine that the ``mini-racer`` wheel brings along
(no Node.js), and the page holds finished HTML plus MathML for screen readers. Only KaTeX's
stylesheet and fonts are shipped, in ``book/_static/katex``. TeX that KaTeX does not understand is a
Sphinx warning with its place, so a strict build fails on it.
"""

from __future__ import annotations

import atexit
import json
import re
from functools import cache
from html import escape
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinxcontrib.katex import SRC_DIR, katex_version

LOGGER = logging.getLogger(__name__)
SHORT = 20  # symbols: no line is broken inside
COMMAND, SILENT = re.compile(r"\\(?:[A-Za-z]+|.)"), re.compile(r"[{}\s^_]")
TOKEN, SIZE = re.compile(r"\\(?:[A-Za-z]+|.)|[(){}&]", re.S), re.compile(r"\\(?:[bB]igg?r?|right)$")
ANNOTATION = re.compile(r"(<annotation[^>]*>)[^<]*")  # the source, for those who copy it
OPENING, CLOSING = re.compile(r"[(\[“‘]+$"), re.compile(r"^[.,;:!?)\]”’]+")
STYLESHEET = Path(__file__).parent.parent / "_static/katex/katex.min.css"


@cache
def _engine() -> MiniRacer:
    engine = MiniRacer()
    atexit.register(engine.close)  # left to the interpreter's own end, V8's thread may block it
    engine.eval((SRC_DIR / "katex.min.js").read_text(encoding="utf8"))
    return engine


def grouped(tex: str) -> str:
    """Put braces around what stands in round brackets, where KaTeX then breaks no line."""
    opened: list[tuple[int, int]] = []
    braces: dict[int, str] = {}
    depth = 0
    for token in TOKEN.finditer(tex):
        sign, place = token[0], token.start()
        depth += (sign == "{") - (sign == "}")
        if sign in {"&", "\\\\"}:  # a cell of a table ends before the bracket does
            opened.clear()
        elif sign == "}":
            opened = [(start, outside) for start, outside in opened if outside <= depth]
        elif sign == "(":
            opened.append((place + 1, depth))
        elif sign == ")" and opened:
            start, outside = opened.pop()
            size = SIZE.search(tex[:place])
            end = size.start() if size else place
            if outside == depth and start < end:
                braces[start], braces[end] = "{", "}"
    return "".join(braces.get(place, "") + sign for place, sign in enumerate(tex))


@cache
def render(tex: str, *, display: bool = False) -> str:
    """Return the HTML of a formula; raise ValueError when KaTeX refuses it."""
    options = json.dumps({"displayMode": display, "throwOnError": True, "strict": "error"})
    try:
        html = _engine().eval(f"katex.renderToString({json.dumps(grouped(tex))}, {options})")
        return ANNOTATION.sub(lambda match: match[1] + escape(tex), html)
    except JSEvalException as error:
        reason = str(error).split("ParseError: ")[-1].splitlines()[0]
        raise ValueError(reason) from None


class ShortFormulas(SphinxTransform):
    """Keep a short formula on one line, together with the punctuation that touches it."""

    default_priority = 890

    def apply(self) -> None:
        """Wrap both in an element that the stylesheet does not break."""
        for formula in list(self.document.findall(nodes.math)):
            if len(SILENT.sub("", COMMAND.sub("x", formula.astext()))) > SHORT:
                continue
            parent, place = formula.parent, formula.parent.index(formula)
            whole = nodes.inline(classes=["unbroken"])
            formula.replace_self(whole)
            _take(whole, parent, place - 1, OPENING)
            whole += formula
            _take(whole, parent, parent.index(whole) + 1, CLOSING)


def _take(whole: nodes.inline, parent: nodes.Element, place: int, pattern: re.Pattern[str]) -> None:
    """Move the punctuation from a neighbouring text into the element."""
    if not (0 <= place < len(parent) and isinstance(parent[place], nodes.Text)):
        return
    text = parent[place].astext()
    touching = pattern.search(text)
    if touching:
        whole += nodes.Text(touching[0])
        parent[place] = nodes.Text(pattern.sub("", text))


def _render_or_warn(node: nodes.Element, *, display: bool) -> str:
    tex = node.astext()
    try:
        return render(tex, display=display)
    except ValueError as error:
        LOGGER.warning("%s in the formula %r", error, tex, location=node, type="katex")
        return f"<code>{escape(tex)}</code>"


def visit_math(self, node: nodes.math) -> None:
    """Write an inline formula."""
    self.body.append(self.starttag(node, "span", "", CLASS="math"))
    self.body.append(_render_or_warn(node, display=False) + "</span>")
    raise nodes.SkipNode


def visit_math_block(self, node: nodes.math_block) -> None:
    """Write a displayed formula, with its number and permalink if it has a label."""
    self.body.append(self.starttag(node, "div", "", CLASS="math"))
    self.body.append(_render_or_warn(node, display=True))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer; refuse a stylesheet of another KaTeX version."""
    if f'"{katex_version}"' not in STYLESHEET.read_text(encoding="utf8"):
        raise ExtensionError(f"{STYLESHEET} does not belong to KaTeX {katex_version}; renew it")
    app.add_html_math_renderer("katex_prerender", (visit_math, None), (visit_math_block, None))
    app.add_transform(ShortFormulas)
    app.add_css_file("katex/katex.min.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
