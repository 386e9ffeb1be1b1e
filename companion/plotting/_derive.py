"""The figures of the part "Derive", in the order of the chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from companion import palette
from companion.plotting._shared import LOGIT, LOSS, PROBABILITY, draw_curve, draw_reference_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = [
    "draw_accuracy_steps",
    "draw_asymptotes",
    "draw_expected_scores",
    "draw_hessian_bump",
    "draw_likelihood",
    "draw_loss_floor",
    "draw_matrix",
    "draw_minimum",
    "draw_pulls",
    "draw_sigmoid",
    "draw_sorted_losses",
    "draw_tangent_fan",
    "draw_tangent_gap",
    "draw_two_logits",
]


def draw_accuracy_steps(
    ax: Axes, x: ArrayLike, accuracy: ArrayLike, *, xlabel: str = PROBABILITY
) -> Axes:
    """Draw the share of right answers, which stays flat until it jumps."""
    ax.step(x, accuracy, where="post", color=palette.WRONG, label="accuracy")
    ax.set(xlabel=xlabel, ylabel="accuracy (share of right answers)", ylim=(-0.03, 1.03))
    return ax


def draw_likelihood(ax: Axes, p: ArrayLike, likelihood: ArrayLike, *, best: float) -> Axes:
    """Draw the likelihood of observed labels against the one probability given to all of them."""
    draw_curve(ax, p, likelihood, color=palette.LABEL_ONE)
    draw_reference_line(ax, x=best, text=f"$p$ = {best:.3g}")
    ax.set(xlabel=PROBABILITY, ylabel="likelihood (a probability)")
    ax.set_ylim(0, 1.15 * np.max(likelihood))
    return ax


def draw_minimum(ax: Axes, p: ArrayLike, loss: ArrayLike, *, best: float, least: float) -> Axes:
    """Draw a loss against the probability and mark its lowest point (`best`, `least`)."""
    draw_curve(ax, p, loss)
    ax.plot([best], [least], "o", color=palette.RIGHT, ms=9)
    ax.annotate(f"({best:.3g}, {least:.3g})", (best, least), (0, 10),
                textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    ax.set(xlabel=PROBABILITY, ylabel=LOSS)
    return ax


def draw_sorted_losses(ax: Axes, losses: ArrayLike, labels: ArrayLike) -> Axes:
    """Draw each loss as a bar in the colour of its label, in the order given."""
    losses, labels = np.asarray(losses), np.asarray(labels)
    places = 1 + np.arange(len(losses))
    for label, color in ((1, palette.LABEL_ONE), (0, palette.LABEL_ZERO)):
        chosen = labels == label
        ax.bar(places[chosen], losses[chosen], width=0.8, color=color, label=f"label {label}")
    ax.set(xlabel="example", ylabel=LOSS, xlim=(0, places[-1] + 1))
    ax.grid(visible=False, axis="x")
    ax.legend()
    return ax


def draw_pulls(
    ax: Axes, p: np.ndarray, losses: np.ndarray, gradient: np.ndarray, *, step: float
) -> Axes:
    """Draw each answer at its loss, with an arrow of -step times its derivative along p."""
    style = {"arrowstyle": "-|>", "color": palette.GRADIENT, "linewidth": 2}
    for x, loss, slope in zip(p, losses, gradient, strict=True):
        end = x - step * slope
        ax.plot(x, loss, "o", color=palette.LOSS, ms=5)
        ax.annotate("", (end, loss), (x, loss), arrowprops=style)
        ax.annotate(_number(slope), ((x + end) / 2, loss), (0, 6), color=palette.GRADIENT,
                    textcoords="offset points", ha="center", fontsize=9,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    return ax


def draw_matrix(ax: Axes, matrix: ArrayLike, *, limit: float | None = None) -> Axes:
    """Draw a Jacobian as a heat map with its values, losses down and probabilities across.

    White is 0; the full colours are ±`limit`, by default the largest absolute value.
    """
    matrix = np.asarray(matrix) + 0.0  # a -0 is written as 0
    largest = np.abs(matrix).max() if limit is None else limit
    ax.imshow(matrix, cmap="PuOr", vmin=-largest, vmax=largest)
    for (row, column), value in np.ndenumerate(matrix):
        dark = abs(value) > 0.6 * largest
        ax.text(column, row, _number(value), ha="center", va="center",
                fontsize=9, color="white" if dark else palette.LOSS)  # fmt: skip
    n, m = matrix.shape
    ax.set(xlabel="probability $k$", ylabel="loss $i$")
    ax.set_xticks(range(m), [str(k) for k in range(1, m + 1)])
    ax.set_yticks(range(n), [str(i) for i in range(1, n + 1)])
    ax.grid(visible=False)
    return ax


def draw_sigmoid(ax: Axes, z: ArrayLike, sigmoid: ArrayLike, slope: ArrayLike) -> Axes:
    """Draw the sigmoid and its derivative against the logit."""
    draw_curve(ax, z, sigmoid, color=palette.LABEL_ONE, label=r"$\sigma(z)$")
    draw_curve(ax, z, slope, color=palette.GRADIENT, linestyle="--", label=r"$\sigma'(z)$")
    ax.set(xlabel=LOGIT, ylabel="probability and its slope")
    return ax


def draw_asymptotes(ax: Axes, z: ArrayLike, *lines: ArrayLike) -> Axes:
    """Draw each of the given lines thin and grey behind the curves that approach it."""
    for line in lines:
        ax.plot(z, line, color=palette.REFERENCE, linestyle=":", linewidth=1.5, zorder=1)
    return ax


def draw_hessian_bump(ax: Axes, z: ArrayLike, hessian: ArrayLike) -> Axes:
    """Draw the second derivative in the logit with the area under it."""
    ax.fill_between(z, hessian, color=palette.NEUTRAL)
    draw_curve(ax, z, hessian, color=palette.HESSIAN)
    ax.set(xlabel=LOGIT, ylabel=r"second derivative $\partial^2\ell/\partial z^2$ (nats)")
    ax.set_ylim(bottom=0)
    return ax


def draw_two_logits(
    ax: Axes, axis: ArrayLike, losses: ArrayLike, *, shift: tuple[float, float]
) -> Axes:
    """Draw the contours of a loss over two logits, and an arrow that raises both from `shift`."""
    levels = np.array([0.1, 0.5, 1, 2, 3, 4, 6])
    ax.contourf(axis, axis, losses, levels=50, cmap="Greys", alpha=0.5)
    lines = ax.contour(axis, axis, losses, levels=levels, colors=palette.LOSS, linewidths=1)
    # Matplotlib would choose places by the last digit of a loss, which processors round apart
    lead = np.log(np.expm1(levels)) / 2
    ax.clabel(lines, fmt="%g", fontsize=9, manual=np.column_stack([lead - 0.6, -lead - 0.6]))
    x, y = shift
    arrow = {"arrowstyle": "-|>", "color": palette.WRONG, "linewidth": 2.5}
    ax.annotate("", (x + 2, y + 2), (x, y), arrowprops=arrow)
    ax.text(x + 0.5, y + 1.1, "(1, 1)", color=palette.WRONG, fontsize=9, ha="right")
    ax.set(xlabel="logit $z_1$", ylabel="logit $z_2$", aspect="equal")
    ax.set_title("loss (nats) where class 2 is true")
    ax.grid(visible=False)
    return ax


def draw_loss_floor(
    ax: Axes, p: ArrayLike, loss: ArrayLike, *, label: float, floor: float, at: tuple[float, float]
) -> Axes:
    """Draw the loss of a soft label over p, its floor, and the gap between both below `at`."""
    draw_curve(ax, p, loss)
    ax.plot([0, 1], [floor, floor], color=palette.RIGHT, linestyle="--", linewidth=1.5)
    ax.plot([label], [floor], "o", color=palette.RIGHT, ms=8)
    x, cost = at
    ax.plot([x], [cost], "o", color=palette.LOSS, ms=6)
    _draw_floor_gap(ax, x, floor, cost)
    _draw_floor_gap(ax, x, 0, floor, color=palette.RIGHT)
    ax.set(xlabel=PROBABILITY, ylabel=LOSS, xlim=(0, 1), ylim=(0, 2.2))
    return ax


def draw_tangent_fan(
    ax: Axes, y: ArrayLike, entropy: ArrayLike, tangents: ArrayLike, *, ylabel: str = LOSS
) -> Axes:
    """Draw straight lines over the label and the curve that they all touch from above."""
    for line in np.asarray(tangents):
        ax.plot(y, line, color=palette.REFERENCE, linewidth=1)
    draw_curve(ax, y, entropy, color=palette.RIGHT)
    ax.set(xlabel="label $y$", ylabel=ylabel, xlim=(0, 1))
    return ax


def draw_tangent_gap(
    ax: Axes, y: ArrayLike, entropy: ArrayLike, tangent: ArrayLike, *, touch: int, at: int
) -> Axes:
    """Draw an entropy curve, its tangent at entry `touch`, and the gap of the two at entry `at`."""
    y, entropy, tangent = np.asarray(y), np.asarray(entropy), np.asarray(tangent)
    draw_curve(ax, y, entropy, color=palette.RIGHT)
    draw_curve(ax, y, tangent)
    ax.plot(y[[touch]], entropy[[touch]], "o", color=palette.LOSS, ms=6)
    for end, color in ((0, palette.LABEL_ZERO), (-1, palette.LABEL_ONE)):
        ax.plot(y[[end]], tangent[[end]], "s", color=color, ms=7, clip_on=False, zorder=3)
    _draw_floor_gap(ax, y[at], entropy[at], tangent[at])
    _draw_floor_gap(ax, y[at], 0, entropy[at], color=palette.RIGHT)
    ax.set(xlabel="label $y$", ylabel=LOSS, xlim=(0, 1))
    return ax


def draw_expected_scores(ax: Axes, p: ArrayLike, *scores: ArrayLike) -> Axes:
    """Draw expected scores over the answer, the improper one first, and mark each lowest point."""
    p = np.asarray(p)
    styles = [(palette.WRONG, "-."), (palette.GRADIENT, "--"), (palette.LOSS, "-")]
    for score, (color, line) in zip(scores, styles[: len(scores)], strict=True):
        least = [np.argmin(score)]
        draw_curve(ax, p, score, color=color, linestyle=line)
        marker = {"marker": "o", "ms": 7, "clip_on": False, "zorder": 3}
        ax.plot(p[least], np.asarray(score)[least], color=color, **marker)
    ax.set(xlabel=PROBABILITY, ylabel="expected score", xlim=(0, 1))
    ax.set_ylim(bottom=0)
    return ax


def _draw_floor_gap(
    ax: Axes, x: float, low: float, high: float, *, color: str = palette.WRONG
) -> None:
    arrow = {"arrowstyle": "<|-|>", "color": color, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (x, high), (x, low), arrowprops=arrow)


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
