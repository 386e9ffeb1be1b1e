"""What the figures of the part "Use" show, beyond the laws of `test_plotting.py`."""

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from companion import palette, plotting


def test_runs_with_a_bug_have_a_colour_of_their_own_and_each_run_a_line_of_its_own():
    runs = {"right": [0.7, 0.3], "soft labels": [0.7, 0.5]}, {"stuck": [0.7, 0.6], "sum": [3, 2]}
    ax = plotting.draw_runs(Figure().subplots(), *runs)
    colours = {line.get_label(): to_hex(line.get_color()) for line in ax.lines}
    wrong, right = palette.WRONG.lower(), palette.RIGHT.lower()
    assert colours == {"stuck": wrong, "sum": wrong, "right": right, "soft labels": right}
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 4
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*colours]


def test_curves_of_training_are_named_at_their_ends():
    ax = plotting.draw_training_and_validation(
        Figure().subplots(), [1, 2, 3], [0.6, 0.4, 0.2], [0.7, 0.5, 0.6], best=2
    )
    names = {text.get_text(): text.xy for text in ax.texts}
    assert names["training"] == (3, 0.2)
    assert names["validation"] == (3, 0.6)
    assert "best epoch, 2" in names


def test_reliability_bars_reach_from_low_to_high():
    ax = plotting.draw_reliability(
        Figure().subplots(), [0.2, 0.8], [0.25, 0.7], [0.1, 0.6], [0.4, 0.9]
    )
    (bars,) = ax.collections
    ends = [path[:, 1].tolist() for path in bars.get_segments()]
    assert ends == [[0.1, 0.4], [0.6, 0.9]]


def test_mark_of_the_threshold_stands_at_the_lowest_cost():
    costs = [3.0, 1.0, 2.0]
    ax = plotting.draw_threshold_costs(Figure().subplots(), [0.1, 0.2, 0.3], costs, derived=0.25)
    mark = ax.lines[-1]
    assert to_hex(mark.get_color()) == palette.RIGHT.lower()
    np.testing.assert_array_equal(mark.get_data(), [[0.2], [1.0]])


def test_points_of_the_map_have_the_colours_of_their_labels():
    ax = plotting.draw_probability_map(
        Figure().subplots(),
        [0, 1],
        [0, 1],
        np.array([[0.1, 0.9], [0.4, 0.6]]),
        np.array([[0.2, 0.3], [0.6, 0.7]]),
        np.array([1, 0]),
    )
    scattered = {
        to_hex(group.get_facecolor()[0]): group.get_offsets().tolist()
        for group in ax.collections
        if len(group.get_offsets()) == 1 and group.get_offsets().tolist() != [[0, 0]]
    }
    assert scattered[palette.LABEL_ONE.lower()] == [[0.2, 0.3]]
    assert scattered[palette.LABEL_ZERO.lower()] == [[0.6, 0.7]]


def test_map_is_shaded_from_the_colour_of_label_0_to_that_of_label_1():
    axis, none = [0, 1], np.zeros((0, 2))
    p = np.array([[0.0, 1.0], [0.0, 1.0]])
    ax = plotting.draw_probability_map(Figure().subplots(), axis, axis, p, none, np.zeros(0))
    shades = ax.collections[0].cmap
    assert [to_hex(shades(end)) for end in (0.0, 1.0)] == [
        palette.LABEL_ZERO.lower(),
        palette.LABEL_ONE.lower(),
    ]


def test_names_on_the_curve_have_the_colours_of_their_labels_and_strangers_are_crosses():
    named = [("yes", 1, -1.0, 1.3), ("no", 0, 1.0, 0.3)]
    ax = plotting.draw_one_curve(Figure().subplots(), [-1, 1], [1.3, 0.3], named, [("else", 0, 0)])
    texts = {text.get_text(): (to_hex(text.get_color()), text.xy) for text in ax.texts}
    assert texts["yes"] == (palette.LABEL_ONE.lower(), (-1.0, 1.3))
    assert texts["no"] == (palette.LABEL_ZERO.lower(), (1.0, 0.3))
    assert texts["else"] == (palette.WRONG.lower(), (0, 0))
    colours = [to_hex(line.get_color()) for line in ax.lines[1:3]]
    assert colours == [palette.LABEL_ONE.lower(), palette.LABEL_ZERO.lower()]
    assert ax.lines[-1].get_marker() == "x"


def test_times_stand_in_the_rows_of_their_names_from_the_top_and_darken_with_the_size():
    ax = plotting.draw_times(
        Figure().subplots(),
        ["slow, 2 threads", "fast"],
        [10, 1000],
        [[9.0, 8.0], [2.0, 1.0]],
        least=0.5,
    )
    assert [text.get_text() for text in ax.get_yticklabels()] == ["slow,\n2 threads", "fast"]
    bottom, top = ax.get_ylim()
    assert bottom > 1 > 0 > top
    small, large, _ = ax.lines
    assert [small.get_label(), large.get_label()] == ["10", "1,000"]
    assert sum(small.get_markerfacecolor()[:3]) > sum(large.get_markerfacecolor()[:3])
    assert to_hex(large.get_markerfacecolor()) == palette.LOSS.lower()
