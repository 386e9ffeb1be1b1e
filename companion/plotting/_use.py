"""The figures of the part "Use", in the order of the chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import LogLocator, NullLocator

from companion import palette
from companion.plotting._shared import LOSS, draw_curve, draw_reference_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = [
    "draw_charges",
    "draw_convergence",
    "draw_one_curve",
    "draw_probability_map",
    "draw_reliability",
    "draw_runs",
    "draw_threshold_costs",
    "draw_times",
    "draw_training_and_validation",
    "draw_two_shards",
]

_STYLES = ("-", (0, (5, 2)), ":")


def draw_runs(ax: Axes, healthy: Mapping[str, ArrayLike], faulty: Mapping[str, ArrayLike]) -> Axes:
    """Draw the losses of training runs, from step 0 on; what is wrong has a colour of its own."""
    for color, runs in ((palette.WRONG, faulty), (palette.RIGHT, healthy)):
        for (name, losses), style in zip(runs.items(), _STYLES, strict=False):
            steps = np.arange(np.size(losses))
            draw_curve(ax, steps, losses, color=color, linestyle=style, label=name)
    ax.set(xlabel="iteration", ylabel=LOSS)
    return ax


def draw_convergence(
    ax: Axes, gap: ArrayLike, *, label: str, color: str, linestyle: str = "-"
) -> Axes:
    """Draw how far the loss after each iteration, from the first on, still lies above its least."""
    iterations = 1 + np.arange(len(np.asarray(gap)))
    ax.plot(iterations, gap, color=color, linestyle=linestyle, label=label)
    ax.set(xlabel="iteration", ylabel="loss minus its minimum (nats)")
    ax.set(xscale="log", yscale="log", ylim=(1e-12, 2))
    ax.legend(loc="lower center")
    return ax


def draw_charges(ax: Axes, rows: ArrayLike, labels: ArrayLike, *, title: str) -> Axes:
    """Draw what each element of a batch pays for "no" and for "yes", as a table; (N, 2)."""
    table = np.asarray(rows, float)
    shades = LinearSegmentedColormap.from_list("charges", ["white", palette.LABEL_ONE])
    ax.imshow(np.clip(table, 0, 1), cmap=shades, vmin=0, vmax=1.6, aspect="auto")
    for (i, k), charge in np.ndenumerate(table):
        ax.text(k, i, f"{round(charge, 3) + 0.0:.3g}", ha="center", va="center", fontsize=9)
    ax.set_xticks([0, 1], ["no", "yes"])
    ax.set_yticks(range(len(table)), [f"label {label:g}" for label in np.asarray(labels)])
    ax.set_title(title, fontsize=9)
    ax.grid(visible=False)
    return ax


def draw_training_and_validation(
    ax: Axes, epochs: ArrayLike, training: ArrayLike, validation: ArrayLike, *, best: float
) -> Axes:
    """Draw the two losses of a training run, each named at its end, and mark the `best` epoch."""
    curves = (("training", training, palette.GRADIENT), ("validation", validation, palette.LOSS))
    for name, losses, color in curves:
        draw_curve(ax, epochs, losses, color=color)
        ax.annotate(name, (np.asarray(epochs)[-1], np.asarray(losses)[-1]), (4, 0), color=color,
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    draw_reference_line(ax, x=best, text=f"best epoch, {best:g}")
    ax.set(xlabel="epoch", ylabel=LOSS, ylim=(0, None))
    return ax


def draw_probability_map(
    ax: Axes, axis1: ArrayLike, axis2: ArrayLike, p: ArrayLike, points: ArrayLike, labels: ArrayLike
) -> Axes:
    """Draw a model's probability over two features, p of shape (len(axis2), len(axis1))."""
    shades = LinearSegmentedColormap.from_list(
        "labels", [palette.LABEL_ZERO, "white", palette.LABEL_ONE]
    )
    ax.contourf(axis1, axis2, p, levels=np.linspace(0, 1, 11), cmap=shades, alpha=0.5)
    lines = {"colors": palette.LOSS, "linewidths": [0.8, 2, 0.8], "linestyles": "-"}
    ax.contour(axis1, axis2, p, levels=[0.01, 0.5, 0.99], **lines)
    points, labels = np.asarray(points), np.asarray(labels)
    for label, color, marker in ((1, palette.LABEL_ONE, "o"), (0, palette.LABEL_ZERO, "s")):
        ax.scatter(*points[labels == label].T, s=14, color=color, marker=marker, edgecolor="white",
                   linewidth=0.5)  # fmt: skip
    ax.set(xlabel="feature 1", ylabel="feature 2")
    ax.grid(visible=False)
    return ax


def draw_reliability(
    ax: Axes, forecast: ArrayLike, share: ArrayLike, low: ArrayLike, high: ArrayLike
) -> Axes:
    """Draw the share of ones against the mean forecast of each bin, with the interval of each."""
    ends = [0, 1]
    style = {"linewidth": 1.2, "linestyle": (0, (4, 3)), "zorder": 1}
    draw_curve(ax, ends, ends, color=palette.REFERENCE, **style)
    ax.vlines(forecast, low, high, color=palette.LABEL_ONE, linewidth=1.5)
    ax.plot(forecast, share, "o", color=palette.LABEL_ONE, ms=4)
    ax.set(xlabel="mean forecast", ylabel="share of ones", aspect="equal")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    return ax


def draw_threshold_costs(
    ax: Axes, thresholds: ArrayLike, costs: ArrayLike, *, derived: float
) -> Axes:
    """Draw what decisions cost at each threshold, the least of it, and the derived threshold."""
    thresholds, costs = np.asarray(thresholds), np.asarray(costs)
    draw_reference_line(ax, x=derived, text="derived")
    draw_curve(ax, thresholds, costs)
    best = np.argmin(costs)
    ax.plot(thresholds[[best]], costs[[best]], "o", color=palette.RIGHT, ms=8)
    ax.set(xlabel="threshold", ylabel="expected cost per case", ylim=(0, None))
    return ax


def draw_two_shards(
    ax: Axes, share: np.ndarray, pooled: np.ndarray, unweighted: np.ndarray, *, at: float
) -> Axes:
    """Draw the mean of all rows and the mean of two means, with the share at hand marked."""
    draw_curve(ax, share, pooled, color=palette.RIGHT)
    draw_curve(ax, share, unweighted, color=palette.WRONG, linestyle="--")
    draw_reference_line(ax, x=at, text="our two shards")
    ax.annotate("mean of the two means", (share[-1], unweighted[-1]), (0, -6),
                textcoords="offset points", ha="right", va="top",
                color=palette.WRONG, fontsize=9)  # fmt: skip
    ax.annotate("mean of all rows", (share[-1], pooled[-1]), (-40, -2),
                textcoords="offset points", ha="right", va="top",
                color=palette.RIGHT, fontsize=9)  # fmt: skip
    ax.set(xlabel="share of the rows on the second machine", ylabel=LOSS, xlim=(0, 1))
    return ax


def draw_one_curve(
    ax: Axes, margins: ArrayLike, losses: ArrayLike, named: Sequence, strangers: Sequence
) -> Axes:
    """Draw a loss over the margin, and what has it or has not, each with its name.

    `named` are (name, label, margin, loss), `strangers` (name, margin, loss).
    """
    draw_curve(ax, margins, losses, linewidth=1.5, zorder=1)
    style = {"textcoords": "offset points", "fontsize": 9}
    for label, color in ((1, palette.LABEL_ONE), (0, palette.LABEL_ZERO)):
        points = [(name, m, loss) for name, y, m, loss in named if y == label]
        ax.plot([m for _, m, _ in points], [loss for *_, loss in points], "o", color=color, ms=5.5)
        for name, m, loss in points:
            ax.annotate(name, (m, loss), (1, 5), color=color, rotation=60,
                        rotation_mode="anchor", **style)  # fmt: skip
    color, ends = palette.WRONG, {"ha": "center", "va": "top"}
    ax.plot([m for _, m, _ in strangers], [loss for *_, loss in strangers], "x", color=color, mew=2)
    for name, m, loss in strangers:
        ax.annotate(name, (m, loss), (0, -7), color=color, **ends, **style)
    ax.set(xlabel="margin $m$", ylabel=LOSS, ylim=(-0.5, 4.4))
    return ax


def draw_times(
    ax: Axes, names: Sequence[str], sizes: Sequence[int], times: ArrayLike, *, least: float
) -> Axes:
    """Draw nanoseconds for an element, a row for each name, a mark for each size.

    `times` has the shape (len(names), len(sizes)), the sizes in ascending order. The line stands
    at `least`: what reading the arguments takes. The labels of a legend are set.
    """
    rows = np.arange(len(names))
    shades = LinearSegmentedColormap.from_list("sizes", ["white", palette.LOSS])
    for i, size in enumerate(sizes, start=1):
        style = {"markerfacecolor": shades(i / len(sizes)), "color": palette.LOSS, "ms": 3 + i}
        ax.plot(np.asarray(times)[:, i - 1], rows, "o", label=f"{size:,}", **style)
    draw_reference_line(ax, x=least, text="reading the arrays")
    ax.set(xscale="log", xlabel="time for an element (ns)", ylabel="contender")
    ax.set(ylim=(len(rows) - 0.5, -1.2), yticks=rows)
    ax.set_yticklabels([",\n".join(name.rsplit(", ", 1)) for name in names], fontsize=8)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_locator(NullLocator())
    return ax
