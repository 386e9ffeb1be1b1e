"""The figures of the book as functions that draw given arrays on given axes, and compute nothing.

The caller makes the figure and ends the cell with `plt.show()`; colours come from
`companion.palette`. The functions stand in the order of the chapters that use them.
"""

from companion import palette

__all__ = [
    "curvature_in_probability",
    "loss_beside_derivative",
    "numbered_matrix",
    "pulls",
]


def loss_beside_derivative(axes, probabilities, losses, slopes):
    """Draw losses on axes[0] and their derivatives on axes[1]; both are for labels 1 and 0."""
    for ax, curves in zip(axes, (losses, slopes), strict=True):
        colours = palette.LABEL_ONE, palette.LABEL_ZERO
        for curve, colour, label in zip(curves, colours, (1, 0), strict=True):
            ax.plot(probabilities, curve, color=colour, label=f"label {label}")
        ax.set_xlabel("probability p")
        ax.set_xlim(0, 1)
    for end in (-1, 1):
        axes[1].axhline(end, color=palette.REFERENCE, linestyle=":", linewidth=1)
    axes[0].set_ylabel("loss ℓ (nats)")
    axes[1].set_ylabel("derivative ∂ℓ/∂p (nats per unit)")
    axes[0].legend(loc="upper center")


def pulls(ax, probabilities, labels, losses, gradient, step):
    """Draw each question at its loss, with an arrow of -step times its gradient along p."""
    for p, y, loss, slope in zip(probabilities, labels, losses, gradient, strict=True):
        colour = palette.LABEL_ONE if y == 1 else palette.LABEL_ZERO
        ax.plot(p, loss, "o", color=colour)
        ax.annotate(
            "",
            (p - step * slope, loss),
            (p, loss),
            arrowprops={"arrowstyle": "-|>", "color": palette.GRADIENT, "linewidth": 2},
        )
        text = f" {slope:+.4g} ".replace("-", "−")
        above = slope < 0
        place = p - step * slope / 2 if above else p - step * slope
        ax.text(
            place,
            loss + 0.04 * above,
            text,
            ha="center" if above else "right",
            va="bottom" if above else "center",
            color=palette.GRADIENT,
        )
    ax.set(xlabel="probability p", ylabel="loss ℓ (nats)", xlim=(0, 1), ylim=(0, None))


def numbered_matrix(ax, matrix, limit, row_names, column_names):
    """Draw a matrix as coloured cells with their numbers, white at 0 and full at ±limit."""
    ax.imshow(matrix, cmap="PuOr", vmin=-limit, vmax=limit)
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            colour = "white" if abs(value) > 0.7 * limit else palette.LOSS
            text = f"{value:.4g}".replace("-", "−")
            ax.text(column, row, text, ha="center", va="center", color=colour)
    ax.set_xticks(range(len(column_names)), column_names)
    ax.set_yticks(range(len(row_names)), row_names)
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def curvature_in_probability(ax, probabilities, curvatures, expected):
    """Draw second derivatives for labels 1 and 0, and the mean expected at each probability."""
    colours = palette.LABEL_ONE, palette.LABEL_ZERO
    for curve, colour, label in zip(curvatures, colours, (1, 0), strict=True):
        ax.plot(probabilities, curve, color=colour, label=f"label {label}")
    ax.plot(probabilities, expected, "--", color=palette.HESSIAN, label="expected, 1 / (p (1 − p))")
    ax.set(xlabel="probability p", ylabel="∂²ℓ/∂p² (nats per unit²)", xlim=(0, 1), yscale="log")
    ax.legend(loc="upper center")
