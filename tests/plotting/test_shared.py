"""What the shared pieces of a figure show, beyond the laws of `test_plotting.py`."""

from matplotlib.colors import to_hex

from companion import palette
from tests.tables.figures import drawn


def test_labels_have_their_colours():
    one, zero = drawn("draw_by_label").lines
    assert [to_hex(one.get_color()), to_hex(zero.get_color())] == [
        palette.LABEL_ONE.lower(),
        palette.LABEL_ZERO.lower(),
    ]
    assert [one.get_label(), zero.get_label()] == ["label 1", "label 0"]
