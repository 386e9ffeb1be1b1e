"""Draw a figure a second time, for a phone: beside each other its panels would be too small there.

`draw_for_phones_too` has a notebook store the second drawing in the metadata of the first, where
the site finds it; JupyterLab and the like show the first. `narrow` makes it, and `crowded` says
whether its words have the room that they had.
"""

from __future__ import annotations

import copy
import pickle
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec
    from matplotlib.text import Text

__all__ = ["WIDTH", "crowded", "draw_for_phones_too", "narrow"]

WIDTH = 3.5  # inches; in a phone's column of 350 pixels, 8 points are 11 pixels high


def draw_for_phones_too() -> None:
    """From now on, have the notebook that runs this store two drawings of a figure, if both fit."""
    from matplotlib.figure import Figure
    from matplotlib_inline.config import InlineBackend

    shell: Any = InlineBackend.instance().shell
    formatter = shell.display_formatter.formatters["image/png"]
    draw = formatter.for_type(Figure)

    def twice(figure: Figure) -> str | tuple[str, dict[str, str]]:
        first = draw(figure)
        try:
            second = narrow(figure)
        except (AttributeError, TypeError, ValueError, pickle.PicklingError):
            return first  # no panels in a grid, or something in it that cannot be copied
        fits = crowded(second) <= crowded(figure)
        return (first, {"narrow": draw(second)}) if fits else first

    formatter.for_type(Figure, twice)


def narrow(figure: Figure) -> Figure:
    """Return a copy with one panel below the other, of the same heights and letters.

    A panel that left the numbers and the name of its vertical axis to the one on its left gets its
    own. Raises what pickle raises for a part that cannot be copied, and ValueError where no panel
    stands in a grid.
    """
    import matplotlib.pyplot as plt
    from matplotlib.gridspec import GridSpec

    other = pickle.loads(pickle.dumps(figure))
    plt.close(other)  # the copy of a figure that pyplot knows is known to pyplot, too
    panels = {ax: ax.get_subplotspec() for ax in other.axes if ax.get_subplotspec()}
    names = {place: ax.get_ylabel() for ax, place in panels.items()}
    heights = []
    for ax, place in panels.items():
        ratios = place.get_gridspec().get_height_ratios()
        share = sum(ratios[row] for row in place.rowspan) / sum(ratios)
        heights.append(share * other.get_figheight())
        if not place.is_first_col():
            ax.tick_params(labelleft=True)
            ax.set_ylabel(_name_in_the_row(place, names))
    other.set_size_inches(WIDTH, sum(heights))
    grid = GridSpec(len(panels), 1, figure=other, height_ratios=heights)
    for place, ax in enumerate(panels):
        ax.set_subplotspec(grid[place])
    return other


def _name_in_the_row(place: SubplotSpec, names: dict[SubplotSpec, str]) -> str:
    left = [name for other, name in names.items() if other.rowspan == place.rowspan]
    return names[place] or next(filter(None, left), "")


def crowded(figure: Figure) -> int:
    """Return how many words in the panels leave their panel, and how many pairs touch."""
    figure.canvas.draw()
    count = 0
    for ax in figure.axes:
        places = [_place(text, figure) for text in ax.texts if text.get_text()]
        left, right = int(ax.bbox.x0), int(ax.bbox.x1) + 1
        count += sum(bool(place[:, :left].any() or place[:, right:].any()) for place in places)
        count += sum(bool((one & other).any()) for one, other in combinations(places, 2))
    return count


def _place(text: Text, figure: Figure) -> np.ndarray:
    """Return the pixels of the box around a word, which may be written at a slant."""
    import numpy as np
    from matplotlib.backends.backend_agg import RendererAgg

    alone: Any = copy.copy(text)
    alone.arrow_patch = None
    alone.set_bbox({"facecolor": "black", "pad": 0})
    size = int(figure.bbox.width), int(figure.bbox.height)
    renderer: Any = RendererAgg(*size, figure.dpi)
    alone.draw(renderer)
    return np.asarray(renderer.buffer_rgba())[..., 3] > 0
