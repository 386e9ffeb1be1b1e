"""What a page looks like where somebody shares it: a title, a sentence, one picture for the book.

The picture is drawn while the book is built, in the fonts and colours of the pages. A link to it
has to be whole, with the site's address, which only `html_baseurl` knows: in `_config.yml` as
`html: baseurl:`, or in the variable `BOOK_BASE_URL`. Without it a page names no picture.
"""

from __future__ import annotations

import html
import os
import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx.config import Config

from chapters import chapters
from drawings import sigmoid, softplus

STATIC = Path(__file__).parents[1] / "_static"
NAME = "_static/social-card.png"
WIDTH, HEIGHT, FINER = 1200, 630, 3
TITLE = "Binary cross-entropy, derived and checked"
PROMISE = "What a page prints, a machine has run again and compared."
ALT = "The losses of the labels 1 and 0 against the logit, and a tangent whose slope is p minus y"
ACROSS, UP, BOTTOM = 92, 64, 592  # pixels of a logit and of a nat; where the loss is 0
Z = -1.7  # where the tangent touches the loss of label 1


def colours() -> dict[str, str]:
    """Return the light colours of the stylesheet by name."""
    style = (STATIC / "book.css").read_text(encoding="utf-8")
    return dict(reversed(re.findall(r"--([\w-]+): (?:light-dark\()?(#\w{6})", style)))


def place(z: float, nats: float) -> tuple[float, float]:
    """Return where a loss at a logit stands, in pixels of the finer picture."""
    return FINER * (WIDTH / 2 + ACROSS * z), FINER * (BOTTOM - UP * nats)


def card() -> Image.Image:
    """Draw the picture."""
    hue = colours()
    picture = Image.new("RGB", (FINER * WIDTH, FINER * HEIGHT), hue["paper"])
    draw = ImageDraw.Draw(picture)

    def line(points: list[tuple[float, float]], colour: str, width: float) -> None:
        draw.line([place(*point) for point in points], hue[colour], round(FINER * width), "curve")

    logits = [z / 20 for z in range(-140, 141)]
    line([(-7, 0), (7, 0)], "line", 1.5)
    line([(z, softplus(z)) for z in logits], "zero-graphic", 4)
    line([(z, softplus(-z)) for z in logits], "one-graphic", 7)
    cost, slope = softplus(-Z), sigmoid(Z) - 1
    line([(z, cost + slope * (z - Z)) for z in (Z - 2.4, Z + 2)], "slope", 4)
    for i in range(10):  # dashes
        line([(Z + i / 10, cost), (Z + i / 10 + 0.05, cost)], "slope", 2)
        if i < 8:
            ends = [cost + slope * (i + part) / 8 for part in (0, 0.5)]
            line([(Z + 1, end) for end in ends], "slope", 2)
    x, y = place(Z, cost)
    radius = 13 * FINER
    draw.ellipse(
        (x - radius, y - radius, x + radius, y + radius), hue["paper"], hue["slope"], 5 * FINER
    )

    def text(at: tuple[float, float], words: str, face: str, size: int, colour: str, anchor: str):
        font = ImageFont.truetype(STATIC / f"fonts/{face}.woff2", FINER * size)
        if face == "serif":
            font.set_variation_by_axes([500 if size > 60 else 400])
        draw.text((FINER * at[0], FINER * at[1]), words, hue[colour], font, anchor)

    first, _, second = TITLE.partition(", ")
    text((WIDTH / 2, 138), f"{first},", "serif", 88, "ink", "ms")
    text((WIDTH / 2, 226), second, "serif-italic", 82, "ink", "ms")
    text((WIDTH / 2, 298), PROMISE, "serif", 29, "ink-2", "ms")
    x, y = place(Z + 1, cost + slope / 2)
    text((x / FINER + 14, y / FINER), "p − y", "serif-italic", 36, "slope", "lm")
    return picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def write(app: Sphinx, exception: Exception | None) -> None:
    """Put the picture beside the stylesheet, in as many colours as it needs."""
    if exception is None and app.builder.format == "html":
        card().quantize(64, dither=Image.Dither.NONE).save(Path(app.outdir) / NAME, optimize=True)


def tags(address: str, page: str, title: str, sentence: str) -> str:
    """Return what a page says of itself to those that show links to it."""
    found = {"og:type": "website", "og:site_name": "Binary cross-entropy", "og:title": title}
    if sentence:
        found["og:description"] = sentence
    if address:
        top = address.rstrip("/")
        found |= {"og:url": f"{top}/{page}.html", "og:image": f"{top}/{NAME}", "og:image:alt": ALT}
        found |= {"og:image:width": str(WIDTH), "og:image:height": str(HEIGHT)}
    lines = [f'<meta property="{name}" content="{html.escape(v)}"/>' for name, v in found.items()]
    size = "summary_large_image" if address else "summary"
    return "\n".join([*lines, f'<meta name="twitter:card" content="{size}"/>'])


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Add the tags to a page."""
    chapter = chapters().get(page)
    title = re.sub(r"<[^>]+>", "", html.unescape(str(context.get("title") or TITLE)))
    sentence = chapter.question if chapter and chapter.question else PROMISE
    if page == app.config.root_doc:
        title = TITLE
    text = tags(app.config.html_baseurl, page, title, sentence)
    context["metatags"] = f"{context.get('metatags') or ''}\n{text}"


def read_address(app: Sphinx, config: Config) -> None:
    """Take the site's address from the environment where it is said there."""
    config.html_baseurl = os.environ.get("BOOK_BASE_URL", config.html_baseurl)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the configuration, to each page and to the end of the build."""
    app.connect("config-inited", read_address)
    app.connect("html-page-context", describe, priority=950)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
