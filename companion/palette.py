"""The colours of the book's figures, by their meaning, and their usual sizes.

Name a colour by what it stands for (`LABEL_ONE`, not blue), so that one edit here changes the whole
book. `use()` once at the top of a notebook sets Matplotlib up: every figure then has the same
fonts, the same white ground and exactly the size it asks for. It is stored a second time, narrow
and with its panels one below the other, for phones.

The colours start from Okabe and Ito's. Lines stand out from white by 3:1 or more, and any two of
them differ for readers with deuteranopia or protanopia too; the tests measure both. The dark theme
shows the same pictures inverted with the hue turned back, so contrast and hue both stay.

References
----------
Okabe and Ito (2008), "Color universal design".
"""

from companion._phones import draw_for_phones_too

__all__ = [
    "COLOURS",
    "DIGITS",
    "GRADIENT",
    "HESSIAN",
    "LABEL_ONE",
    "LABEL_ZERO",
    "LOSS",
    "NEUTRAL",
    "ONE_PANEL",
    "REFERENCE",
    "RIGHT",
    "TWO_PANELS",
    "WRONG",
    "use",
]

LABEL_ONE = "#0072B2"
LABEL_ZERO = "#D55E00"
LOSS = "#1A1A1A"
GRADIENT = "#1D5A58"
HESSIAN = "#802680"
RIGHT = "#3A9D58"
WRONG = "#8E1516"
REFERENCE = "#8C8C8C"

NEUTRAL = "#E4E4E4"  # areas and grids, never lines that carry a meaning

COLOURS = {
    "label one": LABEL_ONE,
    "label zero": LABEL_ZERO,
    "loss": LOSS,
    "gradient": GRADIENT,
    "hessian": HESSIAN,
    "right": RIGHT,
    "wrong": WRONG,
    "reference": REFERENCE,
}

# How many digits of a result are right: all, most, less than half, none; not finite; not judged.
DIGITS = ("#FFF6DA", "#FBC566", "#E4692B", WRONG, LOSS, "#CFCFCF")

# Width and height in inches; at 144 dots per inch a page's column shows them sharp.
ONE_PANEL = (7.0, 3.5)
TWO_PANELS = (7.0, 3.25)


def use() -> None:
    """Set Matplotlib up for the book, from its own defaults, whatever a matplotlibrc says.

    In a notebook, figures are stored as PNG at their full size: not cut to what is drawn, which
    would give every figure another width.
    """
    import matplotlib

    matplotlib.rcdefaults()
    matplotlib.rcParams.update(
        {
            "figure.figsize": ONE_PANEL,
            "figure.dpi": 144,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.dpi": "figure",
            "savefig.facecolor": "white",
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.edgecolor": "none",
            "legend.framealpha": 0.9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": LOSS,
            "axes.labelcolor": LOSS,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": NEUTRAL,
            "grid.linewidth": 0.8,
            "lines.linewidth": 2,
        }
    )
    if "inline" in matplotlib.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png", bbox_inches=None)
        draw_for_phones_too()
