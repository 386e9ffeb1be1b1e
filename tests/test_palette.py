"""The colours can be seen and told apart, and every figure has the size it asks for."""

import base64
import io
import itertools

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from companion import palette

# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color
# vision deficiency", severity 1.0, for linear RGB.
SIGHT = {
    "colour": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
# sRGB to XYZ, and the white of its standard illuminant D65 (IEC 61966-2-1)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    """Linear RGB of #rrggbb (IEC 61966-2-1)."""
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast_to_white(colour):
    """WCAG's contrast ratio."""
    return 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05)


def lab(rgb):
    """CIELAB of linear RGB."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, other, sight):
    """CIE 1976 colour difference as the eye with that sight sees it."""
    return np.linalg.norm(lab(SIGHT[sight] @ linear(one)) - lab(SIGHT[sight] @ linear(other)))


def inverted(colour):
    """The colour in the dark theme, by CSS `invert(.93) hue-rotate(180deg)`."""
    r, g, b = (0.93 + (1 - 2 * 0.93) * c for c in matplotlib.colors.to_rgb(colour))
    luma = 0.213 * r + 0.715 * g + 0.072 * b
    return tuple(np.clip([2 * luma - c for c in (r, g, b)], 0, 1))


@pytest.mark.parametrize("meaning", palette.COLOURS)
def test_line_stands_out_from_white(meaning):
    # WCAG 2.2, criterion 1.4.11: graphical objects need 3:1
    assert contrast_to_white(palette.COLOURS[meaning]) >= 3


@pytest.mark.parametrize("meaning", palette.COLOURS)
def test_line_stands_out_from_the_dark_page(meaning):
    line = TO_XYZ[1] @ linear(inverted(palette.COLOURS[meaning]))
    page = TO_XYZ[1] @ linear(inverted("white"))
    assert (line + 0.05) / (page + 0.05) >= 3


# A difference of 2.3 can just be noticed in patches side by side; thin lines apart need far more.
TELLS_LINES_APART = 15


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(palette.COLOURS, 2)))
def test_any_two_meanings_can_be_told_apart(one, other, sight):
    colours = palette.COLOURS
    assert difference(colours[one], colours[other], sight) >= TELLS_LINES_APART


def test_difference_notices_red_against_green():
    assert difference("#c04040", "#7c7c38", "colour") > 2 * TELLS_LINES_APART
    assert difference("#c04040", "#7c7c38", "deuteranopia") < TELLS_LINES_APART


def test_contrast_notices_yellow():
    assert contrast_to_white("yellow") < 3
    assert contrast_to_white("black") == pytest.approx(21)


def test_every_colour_is_listed_under_its_meaning():
    named = {value for name, value in vars(palette).items() if str(value).startswith("#")}
    assert named == {*palette.COLOURS.values(), palette.NEUTRAL}


@pytest.fixture
def settings():
    """Matplotlib's settings, given back afterwards."""
    with matplotlib.rc_context():
        yield matplotlib.rcParams


def test_use_overrules_the_settings_of_a_user(settings):
    palette.use()
    wanted = settings.copy()
    settings.update({"lines.linewidth": 7, "axes.titlesize": 3, "savefig.transparent": True})
    palette.use()
    assert settings == wanted


@pytest.mark.parametrize("size", [palette.ONE_PANEL, palette.TWO_PANELS], ids=str)
def test_figure_has_the_size_it_asks_for_on_white(size, settings, tmp_path):
    palette.use()
    figure, ax = plt.subplots(figsize=size)
    ax.set(xlabel="a label", ylabel="another\nlabel")
    figure.savefig(tmp_path / "figure.png")
    plt.close(figure)
    pixels = plt.imread(tmp_path / "figure.png")
    assert pixels.shape[:2] == (round(size[1] * 144), round(size[0] * 144))
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]


def test_notebook_stores_the_figure_uncut():
    source = """
from companion import palette
import matplotlib.pyplot as plt
palette.use()
plt.subplots();"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook).execute()
    (output,) = notebook.cells[0].outputs
    png = io.BytesIO(base64.b64decode(output["data"]["image/png"]))
    assert plt.imread(png).shape[:2] == (504, 1008)
