"""Stack the panels of a figure on a phone, where side by side their labels would be too small.

A figure whose panels are parted by a white gutter, from top to bottom, is cut there; the browser of
a narrow screen takes the second picture, in which they stand one below the other.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from matplotlib.image import imread, imsave
from sphinx.application import Sphinx

IMAGE = re.compile(r'<img\b[^>]*?\bsrc="(?P<folder>[^"]*_images/)(?P<name>\w+)\.png"[^>]*>')
WIDE, GUTTER = 900, 8  # pixels: of a figure worth cutting, and between two panels
NARROW = "(max-width: 640px)"


def stacked(picture: np.ndarray) -> np.ndarray | None:
    """Return the panels one below the other, None where no gutter in the middle parts them."""
    height, width = picture.shape[:2]
    if width < WIDE or width < 1.5 * height:
        return None
    empty = (picture == picture[0, 0]).all(axis=(0, 2))
    middle = [x for x in range(int(0.35 * width), int(0.65 * width)) if empty[x]]
    runs = np.split(middle, np.flatnonzero(np.diff(middle) > 1) + 1) if middle else []
    widest = max(runs, key=len, default=())
    if len(widest) < GUTTER:
        return None
    cut = int(widest[len(widest) // 2])
    panels = picture[:, :cut], picture[:, cut:]
    across = max(panel.shape[1] for panel in panels)
    ground = np.broadcast_to(picture[0, 0], (2 * height, across, picture.shape[2])).copy()
    for i, panel in enumerate(panels):
        ground[i * height : (i + 1) * height, : panel.shape[1]] = panel
    return ground


def offer(app: Sphinx, exception: Exception | None) -> None:
    """Make the second pictures, and name them in the pages."""
    if exception or app.builder.format != "html":
        return
    out, made = Path(app.outdir), {}
    for path in (out / "_images").glob("*.png"):
        second = stacked(imread(path))
        if second is not None:
            imsave(path.with_name(f"{path.stem}_stacked.png"), second)
            made[path.stem] = f"{path.stem}_stacked.png"

    def with_second(match: re.Match[str]) -> str:
        if match["name"] not in made:
            return match[0]
        source = f'<source media="{NARROW}" srcset="{match["folder"]}{made[match["name"]]}"/>'
        return f"<picture>{source}{match[0]}</picture>"

    for page in out.glob("book/*.html"):
        text = page.read_text(encoding="utf-8")
        if "<picture>" not in text:
            page.write_text(IMAGE.sub(with_second, text), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the end of the build."""
    app.connect("build-finished", offer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
