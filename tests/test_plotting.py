"""A figure shows what it was given, says in which unit, and leaves pyplot alone."""

import inspect
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from companion import plotting
from tests.tables.figures import (
    FIGURES,
    UNLABELLED,
    WITHOUT_UNIT,
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
    assert sorted(FIGURES) == sorted(name for name in plotting.__all__ if name[:5] == "draw_")


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
