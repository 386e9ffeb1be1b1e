"""What the figures of the part "Run" show, beyond the laws of `test_plotting.py`."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from companion import palette, plotting
from tests.tables.figures import drawn


def test_atlas_shows_each_class_in_its_colour():
    classes = np.arange(6).reshape(2, 3)
    ax = plotting.draw_atlas(Figure().subplots(), classes, [-1, 0, 1], ["a", "b"], title="float64")
    (image,) = ax.images
    shown = [to_hex(image.cmap(image.norm(value))) for value in classes.ravel()]
    assert shown == [color.lower() for color in palette.DIGITS]


def test_note_of_the_atlas_is_written_at_its_formula_and_logit():
    notes = [("b", 1, "lost"), ("a", -0.9, "kept")]
    ax = plotting.draw_atlas(
        Figure().subplots(), [[0, 0, 0], [0, 0, 3]], [-1, 0, 1], ["a", "b"], title="", notes=notes
    )
    written = {text.get_text(): (text.get_position(), text.get_color()) for text in ax.texts}
    assert written == {"lost": ((2, 1), "white"), "kept": ((0, 0), palette.LOSS)}


def test_key_of_the_atlas_has_its_colours_in_the_same_order():
    bars = drawn("draw_atlas_key").patches
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [c.lower() for c in palette.DIGITS]


def test_dead_zone_names_each_curve():
    ax = drawn("draw_dead_zone")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["exact", "clipped"]


def test_sigmoids_are_the_right_model_and_the_softmax_the_wrong_one():
    ax = drawn("draw_sigmoids_and_softmax")
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["sigmoids", "softmax"]
    assert [line.get_color() for line in ax.lines[1:]] == [palette.RIGHT, palette.WRONG]


def corners(ax):
    return [patch.get_xy() for patch in ax.patches]


def test_pairs_frame_the_diagonal_and_write_each_loss_in_its_cell():
    table = np.array([[0.1, 0.2], [0.3, 0.4]])
    ax = plotting.draw_pairs(Figure().subplots(), table)
    assert np.array_equal(ax.images[0].get_array(), table)
    assert {(0, 0), (1, 1)} <= set(corners(ax))
    assert {(0, 1), (1, 0)}.isdisjoint(corners(ax))
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert written[1.5, 0.5] == "0.20"  # column 1, row 0


@pytest.mark.parametrize(("dtype", "word"), [(float, "5.00"), (int, "5")])
def test_plane_has_its_numbers_and_frames_the_pixel(dtype, word):
    plane = np.arange(6, dtype=dtype).reshape(2, 3)
    ax = plotting.draw_plane(Figure().subplots(), plane, pixel=(0, 2), title="class 1")
    np.testing.assert_array_equal(ax.images[0].get_array(), plane)
    assert ax.images[0].get_extent() == [0, 3, 2, 0]
    assert set(corners(ax)) == {(0, 0), (2, 0)}
    assert {text.get_position(): text.get_text() for text in ax.texts}[2.5, 1.5] == word
    assert ax.get_title() == "class 1"


def test_a_curve_too_many_is_refused():
    with pytest.raises(ValueError, match="zip"):
        plotting.draw_by_exponent(
            Figure().subplots(), [0, 1], [[0, 1]] * 5, range(5), xlabel="", ylabel=""
        )
