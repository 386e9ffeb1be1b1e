"""Offer phones the second drawing of a figure, in which its letters are large enough to read.

The notebooks store it beside the first (`companion._phones`). What has no second drawing scrolls.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from sphinx.application import Sphinx

IMAGE = re.compile(r'<img\b[^>]*?\bsrc="(?P<folder>[^"]*_images/)(?P<name>\w+)\.png"[^>]*>')
NARROW = "(max-width: 640px)"


def second_drawings(book: Path) -> dict[str, bytes]:
    """Return the second drawings that notebooks store, by the name that the first has here."""
    found = {}
    for path in sorted(book.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                second = output.get("metadata", {}).get("image/png", {}).get("narrow")
                if second:
                    first = b64decode("".join(output["data"]["image/png"]))
                    found[sha256(first).hexdigest()] = b64decode(second)
    return found


def offer(app: Sphinx, exception: Exception | None) -> None:
    """Write the second drawings, and name them in the pages."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    drawings = second_drawings(Path(app.srcdir) / "book")
    for name, png in drawings.items():
        if (out / f"_images/{name}.png").exists():
            (out / f"_images/{name}_narrow.png").write_bytes(png)

    def with_second(match: re.Match[str]) -> str:
        if match["name"] not in drawings:
            return match[0]
        source = f"{match['folder']}{match['name']}_narrow.png"
        return f'<picture><source media="{NARROW}" srcset="{source}"/>{match[0]}</picture>'

    for page in (out / "book").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "<picture>" not in text:
            page.write_text(IMAGE.sub(with_second, text), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", offer, priority=400)  # before pictures get light
    return {"parallel_read_safe": True, "parallel_write_safe": True}
