"""What every figure may use: the labels of axes, one curve, two labels, a line to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from companion import palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = [
    "LOGIT",
    "LOSS",
    "PROBABILITY",
    "draw_by_label",
    "draw_curve",
    "draw_reference_line",
]

PROBABILITY = "probability $p$"
"""The label of an axis of probabilities."""

LOGIT = "logit $z$"
"""The label of an axis of logits."""

LOSS = "loss (nats)"
"""The label of an axis of losses."""


def draw_curve(
    ax: Axes, x: ArrayLike, y: ArrayLike, *, color: str = palette.LOSS, **line: Any
) -> Axes:
    """Draw one line; `label`, `linestyle` and the like go to Matplotlib."""
    ax.plot(x, y, color=color, **line)
    if "label" in line:
        ax.legend()
    return ax


def draw_by_label(
    ax: Axes,
    x: ArrayLike,
    one: ArrayLike,
    zero: ArrayLike,
    *,
    xlabel: str = PROBABILITY,
    ylabel: str = LOSS,
) -> Axes:
    """Draw a quantity for label 1 and for label 0, in the same colours everywhere."""
    draw_curve(ax, x, one, color=palette.LABEL_ONE, label="label 1")
    draw_curve(ax, x, zero, color=palette.LABEL_ZERO, linestyle="--", label="label 0")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return ax


def draw_reference_line(
    ax: Axes, *, x: float | None = None, y: float | None = None, text: str = ""
) -> Axes:
    """Draw a thin line across the axes, upright at `x` or level at `y`, with a text at its end."""
    style = {"color": palette.REFERENCE, "linewidth": 1.2, "linestyle": (0, (4, 3)), "zorder": 1}
    if x is not None:
        ax.axvline(x, **style)
        ax.annotate(text, (x, 1), (3, -2), xycoords=ax.get_xaxis_transform(),
                    textcoords="offset points", va="top", fontsize=9)  # fmt: skip
    if y is not None:
        ax.axhline(y, **style)
        ax.annotate(text, (1, y), (-2, 3), xycoords=ax.get_yaxis_transform(),
                    textcoords="offset points", ha="right", fontsize=9)  # fmt: skip
    return ax
