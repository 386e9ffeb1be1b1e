"""The second drawing of a figure: its panels stand in a column, and its letters can be read."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from companion import _phones, palette
from tests.tables.figures import FIGURES, drawn

BOOK = Path(__file__).parents[1] / "book"
COLUMN = 350  # pixels across, of a page on a phone of 390
DRAWN_IN_NOTEBOOKS = """
from companion import palette, plotting
import matplotlib.pyplot as plt
palette.use()
fig, axes = plt.subplots(1, 2, figsize=palette.TWO_PANELS)
plt.show()
fig, ax = plt.subplots(figsize=(7, 1))
for x in (0.2, 0.5):
    ax.text(x, 0.5, "words with room")
plt.show()
fig, ax = plt.subplots()
ax.xaxis.set_major_formatter(lambda x, place: "a function cannot be copied")
plt.show()
plt.figure(layout="none").add_axes((0, 0, 1, 1))
plt.show()
"""


@pytest.fixture
def panels():
    """Three panels that share what is written on the left, as a notebook draws them."""
    with plt.rc_context():
        palette.use()
        figure, axes = plt.subplots(1, 3, figsize=(7, 2.5), sharey=True)
        for place, ax in enumerate(axes):
            ax.plot([0, 1], [place, 4])
            ax.set(xlabel="logit $z$", ylabel="loss (nats)")
            ax.label_outer()
        yield figure
        plt.close(figure)


def test_panels_stand_in_a_column_in_their_order_and_as_high_as_before(panels):
    copy = _phones.narrow(panels)
    copy.canvas.draw()
    boxes = [ax.get_position() for ax in copy.axes]
    assert copy.get_size_inches().tolist() == [_phones.WIDTH, 7.5]
    assert len({round(box.x0, 6) for box in boxes}) == 1
    assert all(one.y0 > other.y1 for one, other in pairwise(boxes))
    assert [ax.lines[0].get_ydata()[0] for ax in copy.axes] == [0, 1, 2]


def test_rows_of_unequal_height_keep_their_heights():
    figure = Figure(figsize=(7, 4))
    figure.subplots(2, 1, height_ratios=[3, 1])
    copy = _phones.narrow(figure)
    assert copy.get_size_inches().tolist() == [_phones.WIDTH, 4]
    high, low = (ax.get_position().height for ax in copy.axes)
    assert high == pytest.approx(3 * low)


def test_every_panel_has_the_numbers_and_the_name_of_its_vertical_axis(panels):
    copy = _phones.narrow(panels)
    copy.canvas.draw()
    for ax in copy.axes:
        assert ax.get_ylabel() == "loss (nats)"
        assert any(label.get_visible() and label.get_text() for label in ax.get_yticklabels())


def test_figure_itself_stays_and_pyplot_knows_no_copy(panels):
    panels.canvas.draw()
    before = [ax.get_position().bounds for ax in panels.axes], plt.get_fignums()
    _phones.narrow(panels)
    assert ([ax.get_position().bounds for ax in panels.axes], plt.get_fignums()) == before
    assert panels.get_size_inches().tolist() == [7, 2.5]


@pytest.mark.parametrize("name", FIGURES)
def test_letters_of_a_figure_are_11_pixels_high_on_a_phone(name):
    with plt.rc_context():
        palette.use()
        ax = drawn(name)
        ax.figure.canvas.draw()
        words = [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.title]
        words += [ax.xaxis.label, ax.yaxis.label, *getattr(ax.get_legend(), "texts", [])]
        smallest = min(text.get_fontsize() for text in words if text.get_text())
    assert smallest / 72 * COLUMN / _phones.WIDTH >= 11


@pytest.mark.parametrize(
    ("places", "count"),
    [([0.1, 0.5], 0), ([0.1, 0.12], 1), ([0.99], 1), ([-0.1], 1), ([0.1, 0.11, 0.12], 3)],
)
def test_words_that_touch_or_leave_the_panel_are_counted(places, count):
    ax = Figure(figsize=(7, 3)).subplots()
    for place in places:
        ax.text(place, 0.5, "label", transform=ax.transAxes)
    assert _phones.crowded(ax.figure) == count


def test_notebook_stores_the_second_drawing_where_it_can_be_made_and_the_words_have_room():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(DRAWN_IN_NOTEBOOKS)])
    NotebookClient(notebook).execute()
    both, *others = notebook.cells[0].outputs
    png = io.BytesIO(base64.b64decode(both["metadata"]["image/png"]["narrow"]))
    assert plt.imread(png).shape[:2] == (936, 504)
    assert len(others) == 3
    for one in others:
        assert "image/png" in one["data"]
        assert "image/png" not in one["metadata"]


def test_every_figure_of_the_book_has_a_second_drawing():
    without = []
    for path in sorted(BOOK.glob("*.ipynb")):
        for cell in nbformat.read(path, 4).cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}) and not output.metadata:
                    without.append(cell.id)
    assert without == []


def test_letters_of_a_figure_without_one_are_as_large_and_it_scrolls():
    style = (BOOK / "_static/book.css").read_text(encoding="utf-8")
    (rem,) = re.findall(r"div.cell_output img \{ min-width: (\d+)rem;", style)
    assert 8 / 72 * int(rem) * 16 / palette.ONE_PANEL[0] >= 11
