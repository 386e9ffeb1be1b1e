"""What the figures of the part "Derive" show, beyond the laws of `test_plotting.py`."""

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from companion import palette, plotting
from tests.tables.figures import GRADIENT, LABELS, ONE, X, drawn


def test_sorted_losses_keep_their_places_in_the_colours_of_their_labels():
    bars = drawn("draw_sorted_losses").patches
    shown = {
        round(bar.get_center()[0]): (bar.get_height(), to_hex(bar.get_facecolor())) for bar in bars
    }
    colors = [palette.LABEL_ONE if y else palette.LABEL_ZERO for y in LABELS]
    expected = zip(ONE[:4], map(str.lower, colors), strict=True)
    assert shown == dict(enumerate(expected, start=1))


def test_heat_map_shows_the_matrix_and_writes_its_values():
    ax = drawn("draw_matrix")
    (image,) = ax.images
    assert np.array_equal(image.get_array(), np.diag(GRADIENT))
    assert [text.get_text() for text in ax.texts][:5] == ["−0.625", "0", "0", "0", "0"]
    assert image.get_clim() == (-1.25, 1.25)


def test_heat_map_writes_a_negative_zero_as_zero():
    ax = plotting.draw_matrix(Figure().subplots(), [[-0.0, 1.0]])
    assert [text.get_text() for text in ax.texts] == ["0", "1"]


def test_area_under_the_bump_ends_on_its_curve():
    (area,) = drawn("draw_hessian_bump").collections
    corners = {tuple(corner) for path in area.get_paths() for corner in path.vertices}
    assert set(zip(X, ONE, strict=True)) <= corners


def test_each_pull_ends_where_a_step_against_its_derivative_leads():
    ax = plotting.draw_pulls(Figure().subplots(), [0.4, 0.5], [0.9, 0.7], [-0.625, 0.5], step=0.2)
    ends = [text.xy[0] for text in ax.texts if text.arrow_patch is not None]
    np.testing.assert_allclose(ends, [0.4 + 0.125, 0.5 - 0.1], rtol=1e-15)


def test_arrow_over_two_logits_runs_along_the_null_space():
    ax = drawn("draw_two_logits")
    (arrow,) = (text for text in ax.texts if getattr(text, "arrow_patch", None) is not None)
    start, end = np.array([0.1, 0.2]), np.array(arrow.xy)
    assert np.ptp(end - start) < 1e-12
