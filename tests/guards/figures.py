"""Whether the figures that a notebook stores are those that its code draws now.

nbval compares texts and passes over PNGs; conftest.py makes its run compare these as well.
"""

import base64
import io

import matplotlib
import numpy as np
from PIL import Image

EDGE = 32  # levels of 255 by which no pixel may be off
SHADE, SHARE = 8, 0.001  # levels by which no more than this share of the pixels may be off


def figures(outputs):
    """Return the PNGs of a cell's outputs, as the notebook stores them, the second drawings too."""
    found = []
    for output in outputs:
        if "image/png" in output.get("data", {}):
            second = output.get("metadata", {}).get("image/png", {}).get("narrow")
            found += [output["data"]["image/png"], *([second] if second else [])]
    return found


def figure_complaints(stored, drawn):
    """Whether the figures that a cell stores are those that its code draws now.

    The same Matplotlib draws the same letters everywhere, but another processor may shade the edge
    of a curve by a level or two of 255. So no pixel may be off by more than `EDGE` levels, which
    a letter or a moved line exceeds, and no more than `SHARE` of them by more than `SHADE`,
    which a changed tint exceeds.
    """
    if len(stored) != len(drawn):
        return [f"{len(stored)} figures stored, {len(drawn)} drawn"]
    complaints = []
    for number, pair in enumerate(zip(stored, drawn, strict=True), start=1):
        old, new = (Image.open(io.BytesIO(base64.b64decode(png))) for png in pair)
        if f"version{matplotlib.__version__}," not in old.info.get("Software", ""):
            complaints.append(
                f"figure {number}: stored by {old.info.get('Software', 'something else')!r}, "
                f"not by the installed Matplotlib {matplotlib.__version__}"
            )
        elif old.size != new.size:
            complaints.append(f"figure {number}: stored {old.size}, drawn {new.size} pixels")
        else:
            levels = [np.asarray(image.convert("RGBA"), dtype=np.int16) for image in (old, new)]
            off = np.abs(levels[0] - levels[1]).max(axis=-1)
            if off.max() > EDGE or (off > SHADE).mean() > SHARE:
                complaints.append(
                    f"figure {number}: {np.count_nonzero(off > SHADE)} of {off.size} pixels differ "
                    f"by more than {SHADE} levels, one by {off.max()}"
                )
    return complaints
