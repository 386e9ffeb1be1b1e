"""Cut the book's fonts out of the original files: the characters that it uses, the weights it sets.

    pip install brotli
    npm pack @fontsource-variable/source-serif-4 @fontsource-variable/source-code-pro   # and unpack
    python .ci/fonts.py FOLDER_OF_WOFF2_FILES

The names inside are changed, as the licence of the originals asks for changed copies.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

TARGET = Path(__file__).parents[1] / "book" / "_static" / "fonts"
LATIN = [*range(0x20, 0x7F), *range(0xC0, 0x100), *map(ord, "–—‘’“”…−×·→≤≥≠≈∞§©²½")]
GREEK = [*range(0x391, 0x3AA), *range(0x3B1, 0x3CA)]
CUTS = [  # (file to make, original, characters, weights)
    ("serif", "source-serif-4-latin-wght-normal", LATIN, (400, 650)),
    ("serif-italic", "source-serif-4-latin-wght-italic", LATIN, (400, 400)),
    ("serif-greek", "source-serif-4-greek-wght-normal", GREEK, (400, 650)),
    ("mono", "source-code-pro-latin-wght-normal", LATIN, (400, 600)),
]


def cut(original: Path, characters: list[int], weights: tuple[int, int]) -> TTFont:
    """Return the font with these characters and weights alone."""
    font = TTFont(original)
    options = subset.Options(layout_features=["kern", "liga", "pnum", "tnum"], hinting=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    low, high = weights
    instancer.instantiateVariableFont(font, {"wght": low if low == high else weights}, inplace=True)
    for record in font["name"].names:
        record.string = str(record).replace("Source Serif 4", "Book Serif").replace(
            "Source Code Pro", "Book Mono").replace("SourceSerif4", "BookSerif").replace(
            "SourceCodePro", "BookMono")  # fmt: skip
    return font


if __name__ == "__main__":
    for name, original, characters, weights in CUTS:
        font = cut(Path(sys.argv[1]) / f"{original}.woff2", characters, weights)
        font.flavor = "woff2"
        font.save(TARGET / f"{name}.woff2")
