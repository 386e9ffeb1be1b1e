"""The figures of the part "Run", in the order of the chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from companion import palette
from companion.plotting._shared import LOGIT, LOSS, draw_by_label, draw_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = [
    "draw_atlas",
    "draw_atlas_key",
    "draw_by_exponent",
    "draw_capped_loss",
    "draw_dead_zone",
    "draw_lost_tail",
    "draw_pairs",
    "draw_plane",
    "draw_shares",
    "draw_shifted_losses",
    "draw_shifted_probabilities",
    "draw_sigmoids_and_softmax",
    "draw_smoothed_loss",
    "draw_step_errors",
]


def draw_atlas(
    ax: Axes,
    classes: ArrayLike,
    logits: ArrayLike,
    names: list[str],
    *,
    title: str,
    notes: Sequence[tuple[str, float, str]] = (),
) -> Axes:
    """Draw how far results are from the truth: a row for each formula, a column for each logit.

    `classes` holds 0 (all digits right) to 3 (all lost), 4 (not finite) or 5 (not judged). Each of
    the `notes`, (name, logit, words), is written into the map at its place.
    """
    image = np.asarray(classes)
    _write_notes(ax, image, [(_nearest(logits, z), names.index(n), words) for n, z, words in notes])
    ax.imshow(image, cmap=ListedColormap(palette.DIGITS), vmin=-0.5, vmax=5.5, aspect="auto",
              interpolation="none")  # fmt: skip
    marks = [-64, -16, -4, -1, 0, 1, 4, 16, 64]
    places = [_nearest(logits, mark) for mark in marks]
    ax.set_xticks(places, [f"{mark}".replace("-", "−") for mark in marks], fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_yticks(np.arange(0.5, len(names) - 1), minor=True)
    ax.grid(visible=False)
    ax.grid(which="minor", axis="y", color="white", linewidth=2)
    ax.tick_params(which="minor", length=0)
    ax.set_title(title, fontsize=9)
    ax.set(xlabel=LOGIT, ylabel="formula")
    return ax


def draw_atlas_key(ax: Axes) -> Axes:
    """Draw what the colours of `draw_atlas` mean, in one row, on axes of their own."""
    words = ["all\ndigits", "most\ndigits", "under\nhalf", "none", "inf or\nNaN", "too\nsmall"]
    for place, (color, word) in enumerate(zip(palette.DIGITS, words, strict=True)):
        ax.bar(place, 1, width=1, color=color, edgecolor=palette.LOSS, linewidth=0.5)
        _write_on(ax, place, 0.5, word, dark=place in (3, 4))
    ax.set(xlabel="digits that are right", ylabel="", xlim=(-0.5, 5.5), ylim=(0, 1))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    return ax


def draw_dead_zone(ax: Axes, z: ArrayLike, gradients: dict[str, ArrayLike]) -> Axes:
    """Draw the gradient of each formula against the logit; the first one is the exact one."""
    styles = [(palette.GRADIENT, "-", 4), (palette.WRONG, "--", 2)]
    pairs = zip(gradients.items(), styles[: len(gradients)], strict=True)
    for (name, gradient), (color, style, width) in pairs:
        draw_curve(ax, z, gradient, color=color, linestyle=style, linewidth=width, label=name)
    ax.set(xlabel=LOGIT, ylabel=r"gradient $\partial\ell/\partial z$ (nats)")
    return ax


def draw_step_errors(
    ax: Axes,
    steps: ArrayLike,
    forward: ArrayLike,
    central: ArrayLike,
    complex_step: ArrayLike,
    *,
    bounds: tuple[ArrayLike, ArrayLike],
) -> Axes:
    """Draw the errors of three difference formulas over the step, and the two `bounds` of one."""
    for bound in bounds:
        style = {"color": palette.REFERENCE, "linewidth": 1.5, "linestyle": ":"}
        ax.plot(steps, bound, **style, zorder=1)
    style = {"color": palette.WRONG, "linestyle": "--"}
    draw_curve(ax, steps, forward, **style, label="forward")
    draw_curve(ax, steps, central, color=palette.GRADIENT, label="central")
    style = {"color": palette.RIGHT, "linestyle": "-."}
    draw_curve(ax, steps, complex_step, **style, label="complex step")
    ax.set(xlabel="step $h$ in the logit", ylabel="error of the slope (nats)")
    ax.set(xscale="log", yscale="log", ylim=(1e-17, 3))
    ax.legend(loc=(0.02, 0.14))
    return ax


def draw_smoothed_loss(
    ax: Axes, z: ArrayLike, hard: ArrayLike, smoothed: ArrayLike, *, best: float, least: float
) -> Axes:
    """Draw the loss of label 1 with and without smoothing, and mark the minimum of the latter."""
    draw_curve(ax, z, hard, color=palette.LABEL_ONE, linestyle="--", label="label 1")
    draw_curve(ax, z, smoothed, color=palette.LABEL_ONE, label="label 1, smoothed")
    ax.plot([best], [least], "o", color=palette.RIGHT, ms=9)
    ax.annotate(f"({best:.3f}, {least:.4f})", (best, least), (0, 9),
                textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set(xlabel=LOGIT, ylabel=LOSS)
    return ax


def draw_by_exponent(
    ax: Axes,
    x: ArrayLike,
    curves: Sequence[ArrayLike],
    exponents: Sequence[float],
    *,
    xlabel: str,
    ylabel: str,
) -> Axes:
    """Draw one curve for each exponent of the focal loss, exponent 0 (cross-entropy) in black."""
    styles = ["-", "--", "-.", ":"][: len(exponents)]
    for curve, exponent, style in zip(curves, exponents, styles, strict=True):
        color = palette.WRONG if exponent else palette.LOSS
        draw_curve(ax, x, curve, color=color, linestyle=style, label=rf"$\gamma$ = {exponent:g}")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    return ax


def draw_shares(ax: Axes, wrong: np.ndarray, right: np.ndarray) -> Axes:
    """Draw the factor of each example's loss in a mean of batch means and in the mean of all."""
    places = 1 + np.arange(len(wrong))
    ax.plot(places, wrong, "s", color=palette.WRONG, label="mean of the batch means")
    ax.plot(places, right, "o", color=palette.RIGHT, label="mean of all")
    ax.set(xlabel="example", ylabel="factor of its loss", ylim=(0, 1.1 * np.max(wrong)))
    ax.locator_params(axis="x", integer=True)
    ax.legend(loc="upper left")
    return ax


def draw_shifted_losses(
    ax: Axes, logits: np.ndarray, losses: np.ndarray, minima: np.ndarray, names: list[str]
) -> Axes:
    """Draw losses over the logit, one row each, with their lowest points (logit, loss)."""
    for loss, (x, least), name, line in zip(losses, minima, names, ("-", "--", "-."), strict=True):
        draw_curve(ax, logits, loss, linestyle=line)
        ax.plot([x], [least], "o", color=palette.RIGHT, ms=7, zorder=3)
        ax.annotate(name, (logits[0], loss[0]), (4, 6), textcoords="offset points", fontsize=9)
    ax.set(xlabel=LOGIT, ylabel="weighted mean loss (nats)")
    return ax


def draw_shifted_probabilities(
    ax: Axes, p: np.ndarray, shifted: np.ndarray, names: list[str], *, at: int
) -> Axes:
    """Draw what each weight makes of a true probability, with its name at the index `at`."""
    for row, name, line in zip(shifted, names, ("-", "--", "-."), strict=True):
        draw_curve(ax, p, row, color=palette.LABEL_ONE, linestyle=line)
        ax.annotate(name, (p[at], row[at]), (5, -4), textcoords="offset points", fontsize=9)
    ax.set(xlabel="true probability", ylabel="learnt probability $p$")
    return ax


def draw_sigmoids_and_softmax(
    ax: Axes, true: ArrayLike, sigmoids: ArrayLike, softmax: ArrayLike
) -> Axes:
    """Draw what two models answer against what is true: on the diagonal the answer is right."""
    style = {"linewidth": 1.2, "linestyle": (0, (4, 3)), "zorder": 1}
    ends = [0, np.max(true)]
    draw_curve(ax, ends, ends, color=palette.REFERENCE, **style)
    ax.plot(true, sigmoids, "o", color=palette.RIGHT, ms=4, label="sigmoids")
    ax.plot(true, softmax, "s", color=palette.WRONG, ms=2.5, label="softmax")
    ax.legend(loc="lower right")
    return ax


def draw_lost_tail(ax: Axes, logits: ArrayLike, exact: ArrayLike, computed: ArrayLike) -> Axes:
    """Draw a loss and what was computed for it; a computed 0 is a tick on the lower edge."""
    logits, computed = np.asarray(logits), np.asarray(computed)
    kept, zero = computed > 0, computed == 0
    ax.plot(logits, exact, color=palette.RIGHT, label="exact")
    wrong = {"color": palette.WRONG, "linestyle": ""}
    ax.plot(logits[kept], computed[kept], marker=".", label="PyTorch", **wrong)
    edge = {"transform": ax.get_xaxis_transform(), "clip_on": False}
    ax.plot(logits[zero], np.zeros(zero.sum()), marker="|", label="PyTorch: 0", **edge, **wrong)
    ax.set(xlabel=LOGIT, ylabel=LOSS, yscale="log")
    ax.legend()
    return ax


def draw_capped_loss(
    ax: Axes, logits: ArrayLike, exact: Sequence[ArrayLike], computed: Sequence[ArrayLike]
) -> Axes:
    """Draw the loss of each label as a line, and what was computed for it as points."""
    draw_by_label(ax, logits, exact[0], exact[1], xlabel=LOGIT)
    for losses, color, name in (
        (computed[0], palette.LABEL_ONE, "BCELoss, label 1"),
        (computed[1], palette.LABEL_ZERO, "BCELoss, label 0"),
    ):
        ax.plot(logits, losses, ".", color=color, label=name)
    ax.legend(loc="lower left", bbox_to_anchor=(0.01, 0.1))  # below the line of label 1
    return ax


def draw_pairs(ax: Axes, table: ArrayLike) -> Axes:
    """Draw the loss of each probability with each label, and frame the pairs that were meant."""
    table = np.asarray(table)
    _draw_numbers(ax, table, largest=np.max(table))
    for place in range(len(table)):
        ax.add_patch(_frame(place, place, color=palette.RIGHT))
    ticks = np.arange(len(table))
    ax.set_xticks(ticks + 0.5, ticks + 1)
    ax.set_yticks(ticks + 0.5, ticks + 1)
    ax.set(xlabel="example of the label", ylabel="example of the probability")
    ax.set_title(LOSS)
    ax.grid(visible=False)
    return ax


def draw_plane(ax: Axes, plane: ArrayLike, *, pixel: tuple[int, int], title: str) -> Axes:
    """Draw a plane of pixels with their numbers, one pixel framed."""
    numbers = np.asarray(plane)
    _draw_numbers(ax, numbers, largest=max(1, np.max(numbers)))
    ax.add_patch(_frame(pixel[1], pixel[0], color=palette.RIGHT))
    ax.set_title(title, fontsize=9)
    ax.set(xlabel="column of pixels", ylabel="row of pixels", xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _draw_numbers(ax: Axes, numbers: np.ndarray, *, largest: float) -> None:
    height, width = numbers.shape
    ax.imshow(numbers, cmap="Greys", vmin=0, vmax=1.5 * largest, zorder=1,
              extent=(0, width, height, 0))  # fmt: skip
    ax.add_patch(_frame(0, 0, width, height, color=palette.REFERENCE, linewidth=0.8))
    for (row, column), number in np.ndenumerate(numbers):
        text = f"{number:.2f}" if numbers.dtype.kind == "f" else str(number)
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=9,
                color="white" if number > 0.8 * largest else palette.LOSS)  # fmt: skip


def _frame(
    left: float, top: float, width: int = 1, height: int = 1, *, color: str, linewidth: float = 3
) -> Rectangle:
    return Rectangle((left, top), width, height, fill=False, edgecolor=color,
                     linewidth=linewidth, zorder=3, clip_on=False)  # fmt: skip


def _nearest(logits: ArrayLike, logit: float) -> int:
    return int(np.argmin(np.abs(np.asarray(logits) - logit)))


def _write_notes(ax: Axes, image: np.ndarray, notes: list[tuple[int, int, str]]) -> None:
    for column, row, words in notes:
        _write_on(ax, column, row, words, dark=image[row, column] in (3, 4))


def _write_on(ax: Axes, x: float, y: float, words: str, *, dark: bool) -> None:
    color = "white" if dark else palette.LOSS
    ax.text(x, y, words, ha="center", va="center", fontsize=8, color=color)
