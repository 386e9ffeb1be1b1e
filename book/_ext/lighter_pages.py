"""Take out of the built pages what they do not need: the theme's icons, as script and font.

Font Awesome is two thirds of a page's weight; the stylesheet draws the few icons that are used.
Of code, most names, operators and punctuation shall look like the rest, and need no mark; these
were a quarter of a chapter's elements. What misleads screen readers is put right on the way.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = re.compile(r"""\s*<(?:script|link)[^>]*fontawesome[^>]*>(?:</script>)?""")
PUT_RIGHT = {
    ' aria-label="Toggle hidden content"': "",  # contradicts the words on the fold
    ' role="doc-biblioentry"': ' role="listitem"',  # retired by ARIA 1.2
}
# The marks of Pygments to which the stylesheet gives no look of their own.
PLAIN = "bp|cp|dl|fm|go|l|ld|n|na|nb|nc|nd|ni|nl|nn|no|nt|nv|o|p|py|vc|vg|vi|vm|w"
MARK = re.compile(rf'<span class="(?:{PLAIN})(?: [\w-]+)*">([^<]*)</span>')
# An empty cell is the head of nothing.
EMPTY_HEAD = re.compile(r"<th(?P<rest>[^>]*)>(?P<inside>\s*(?:<p>\s*</p>)?\s*)</th>")
SCOPE = re.compile(r'\s*scope="\w+"')
FACE = re.compile(r"@font-face\{[^}]*Font ?Awesome[^}]*\}")
RULE = re.compile(r"([^{};]*\.fa[\w-]*[^{};]*)(\{[^{}]*\})")
COMMA = re.compile(r",(?![^(]*\))")  # between selectors, not inside :is(…)
ICON = re.compile(r"\s*\.fa(?:[bsrl]|-[\w-]+)?(?![\w-])")  # a selector that begins with an icon


def without_icons(style: str) -> str:
    """Return a stylesheet without the icons' faces and selectors; the rest of a rule stays."""

    def rest(match: re.Match[str]) -> str:
        selectors = [each for each in COMMA.split(match[1]) if not ICON.match(each)]
        return ",".join(selectors) + match[2] if selectors else ""

    return RULE.sub(rest, FACE.sub("", style))


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Cut tags and marks from the pages, rules from the theme's stylesheet, and files."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for page in out.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        text = SCRIPT.sub("", text)
        for wrong, right in PUT_RIGHT.items():
            text = text.replace(wrong, right)
        text = MARK.sub(r"\1", text)
        text = EMPTY_HEAD.sub(
            lambda th: f"<td{SCOPE.sub('', th['rest'])}>{th['inside']}</td>", text
        )
        page.write_text(text, encoding="utf-8")
    for style in out.glob("_static/styles/*.css"):
        text = style.read_text(encoding="utf-8")
        style.write_text(without_icons(text), encoding="utf-8")
    for path in out.glob("_static/**/fa-*"):
        path.unlink()
    for path in out.glob("_static/scripts/fontawesome*"):
        path.unlink()


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
