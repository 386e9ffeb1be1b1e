"""What the figures of the part "Run" show, beyond the laws of `test_plotting.py`."""

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from companion import palette, plotting_run
from tests.figures import drawn


def test_atlas_shows_each_class_in_its_colour():
    classes = np.arange(6).reshape(2, 3)
    ax = plotting_run.draw_atlas(
        Figure().subplots(), classes, [-1, 0, 1], ["a", "b"], title="float64"
    )
    (image,) = ax.images
    shown = [to_hex(image.cmap(image.norm(value))) for value in classes.ravel()]
    assert shown == [color.lower() for color in palette.DIGITS]


def test_key_of_the_atlas_has_its_colours_in_the_same_order():
    bars = drawn("draw_atlas_key").patches
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [c.lower() for c in palette.DIGITS]


def test_dead_zone_names_each_curve():
    ax = drawn("draw_dead_zone")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["exact", "clipped"]
