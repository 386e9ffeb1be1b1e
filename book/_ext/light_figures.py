"""Make the figures of the built pages light: fewer colours, room kept, fetched when they come near.

Smoothed edges give a figure some thousand shades; with the 256 that suit it best it has a third of
the bytes, and no reader sees the difference. Width and height let a page keep the room before a
figure is there, so that nothing jumps. Whoever wants each pixel finds them in the notebook.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image
from sphinx.application import Sphinx

COLOURS = 256  # as many as one byte tells apart
PICTURE = re.compile(
    r'<(?P<tag>img|source)\b(?P<before>[^>]*?)(?P<address>\b(?:src|srcset)="(?P<path>[^"]*_images/'
    r'[^"/]+\.png)")(?P<after>[^>]*?)\s*/?>'
)


def lighten_picture(path: Path) -> tuple[int, int]:
    """Write a picture with fewer colours, unless that was done; return its width and height."""
    with Image.open(path) as picture:
        if picture.mode != "P" and picture.convert("RGBA").getextrema()[3] == (255, 255):
            method, dither = Image.Quantize.MEDIANCUT, Image.Dither.NONE
            light = picture.convert("RGB").quantize(COLOURS, method, kmeans=1, dither=dither)
            light.save(path, optimize=True)
        return picture.size


def lighten(app: Sphinx, exception: Exception | None) -> None:
    """Treat all pictures, and tell the pages how large they are."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    sizes = {path.name: lighten_picture(path) for path in (out / "_images").glob("*.png")}

    def with_size(match: re.Match[str]) -> str:
        size = sizes.get(match["path"].rpartition("/")[2])
        if size is None or " width=" in match[0]:
            return match[0]
        lazy = ' loading="lazy"' if match["tag"] == "img" else ""
        inside = f"{match['before']}{match['address']}{match['after']}"
        return f'<{match["tag"]}{inside} width="{size[0]}" height="{size[1]}"{lazy}/>'

    for page in out.glob("book/*.html"):
        text = page.read_text(encoding="utf-8")
        new = PICTURE.sub(with_size, text)
        if new != text:
            page.write_text(new, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build, when the second pictures of phones are made."""
    app.connect("build-finished", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
