"""A figure shows what it was given, says in which unit, and leaves pyplot alone."""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from companion import palette, plotting
from tests.figures import (
    FIGURES,
    GRADIENT,
    LABELS,
    MODULES,
    ONE,
    UNLABELLED,
    WITHOUT_UNIT,
    X,
    drawn,
    function,
)


def same(line, expected):
    return all(map(np.array_equal, line.get_data(), expected))


def unit_complaints(ax):
    """Every axis says what it shows, and a loss or a derivative of it says: nats."""
    labels = [ax.get_xlabel(), ax.get_ylabel()]
    known = re.compile("|".join([*(f"({text})" for text in WITHOUT_UNIT), r".+ \(nats\)"]))
    return [label for label in labels if not known.fullmatch(label)]


def test_every_drawing_function_is_tested():
    assert sorted(FIGURES) == sorted(
        name for module in MODULES for name in module.__all__ if name[:5] == "draw_"
    )


@pytest.mark.parametrize("name", FIGURES)
def test_figure_shows_what_it_was_given(name):
    lines, expected = drawn(name).lines, FIGURES[name][1]
    assert len(lines) == len(expected)
    for line, points in zip(lines, expected, strict=True):
        assert same(line, points), (line.get_data(), points)


@pytest.mark.parametrize("name", sorted(set(FIGURES) - UNLABELLED))
def test_axes_name_quantity_and_unit(name):
    assert unit_complaints(drawn(name)) == []


def test_missing_unit_is_noticed():
    ax = Figure().subplots()
    ax.set(xlabel="probability $p$", ylabel="loss of the model")
    assert unit_complaints(ax) == ["loss of the model"]


@pytest.mark.parametrize("name", FIGURES)
def test_pyplot_is_left_alone(name):
    before = plt.get_fignums(), plt.rcParams.copy()
    drawn(name)
    assert (plt.get_fignums(), plt.rcParams.copy()) == before


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_saved_without_a_warning(name, tmp_path):
    drawn(name).figure.savefig(tmp_path / "figure.png")


@pytest.mark.parametrize("name", FIGURES)
def test_function_is_short(name):
    source = inspect.getsource(function(name))
    _, _, body = source.partition('"""\n')
    assert 0 < len(body.splitlines()) <= 15


def test_labels_have_their_colours():
    one, zero = drawn("draw_by_label").lines
    assert [to_hex(one.get_color()), to_hex(zero.get_color())] == [
        palette.LABEL_ONE.lower(),
        palette.LABEL_ZERO.lower(),
    ]
    assert [one.get_label(), zero.get_label()] == ["label 1", "label 0"]


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
