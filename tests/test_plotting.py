"""Each figure shows the arrays that it is given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from companion import palette, plotting


@pytest.fixture
def pair():
    figure, axes = plt.subplots(1, 2)
    yield axes
    plt.close(figure)


def test_loss_beside_derivative_draws_label_one_then_zero_in_their_colours(pair):
    x = np.array([0.25, 0.5])
    plotting.loss_beside_derivative(pair, x, [x, 2 * x], [3 * x, 4 * x])
    for ax, factors in zip(pair, ((1, 2), (3, 4)), strict=True):
        lines = ax.get_lines()[:2]
        assert [line.get_color() for line in lines] == [palette.LABEL_ONE, palette.LABEL_ZERO]
        for line, factor in zip(lines, factors, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), factor * x)


def test_pulls_points_each_arrow_against_its_gradient(pair):
    plotting.pulls(pair[0], [0.2, 0.5], [1, 0], [1.6, 0.7], [-1.25, 0.5], step=0.2)
    arrows = [text for text in pair[0].texts if isinstance(text, Annotation)]
    ends = [(arrow.xyann, arrow.xy) for arrow in arrows]
    np.testing.assert_allclose(ends, [[(0.2, 1.6), (0.45, 1.6)], [(0.5, 0.7), (0.4, 0.7)]])
    numbers = [text.get_text().strip() for text in pair[0].texts if text not in arrows]
    assert numbers == ["−1.25", "+0.5"]


def test_numbered_matrix_writes_each_number_in_its_cell(pair):
    plotting.numbered_matrix(pair[0], np.array([[-2.5, 0.0], [0.0, 2.0]]), 5, "ab", "cd")
    written = {text.get_position(): text.get_text() for text in pair[0].texts}
    assert written == {(0, 0): "−2.5", (1, 0): "0", (0, 1): "0", (1, 1): "2"}
    assert [label.get_text() for label in pair[0].get_yticklabels()] == ["a", "b"]
    assert pair[0].images[0].get_clim() == (-5, 5)


def test_curvature_in_probability_draws_the_expected_one_dashed(pair):
    x = np.array([0.25, 0.5])
    plotting.curvature_in_probability(pair[0], x, [x, 2 * x], 3 * x)
    lines = pair[0].get_lines()
    assert [line.get_linestyle() for line in lines] == ["-", "-", "--"]
    np.testing.assert_array_equal([line.get_ydata() for line in lines], [x, 2 * x, 3 * x])
    assert pair[0].get_yscale() == "log"
