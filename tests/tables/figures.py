"""The table of figures: each drawing function with arrays to draw and the lines it must then show.

A new figure needs its row here, which brings every law of `test_plotting.py`.
"""

import numpy as np
from matplotlib.figure import Figure

from companion import plotting

X = np.linspace(0.05, 0.95, 7)
ONE, ZERO = -np.log(X), -np.log1p(-X)
PROBABILITIES, LABELS = [0.9, 0.95, 0.75, 0.85], [1, 1, 0, 1]
GRADIENT = np.array([-0.625, 0.5, -0.3125, -1.25])

# Each function with arrays to draw, and the lines (x, y) that must then be on the axes.
FIGURES = {
    "draw_curve": (lambda f, ax: f(ax, X, ONE), [(X, ONE)]),
    "draw_by_label": (lambda f, ax: f(ax, X, ONE, ZERO), [(X, ONE), (X, ZERO)]),
    "draw_reference_line": (
        lambda f, ax: f(ax, x=0.3, y=2.0, text="here"),
        [([0.3, 0.3], [0, 1]), ([0, 1], [2, 2])],
    ),
    "draw_accuracy_steps": (lambda f, ax: f(ax, X, ZERO), [(X, ZERO)]),
    "draw_likelihood": (lambda f, ax: f(ax, X, ONE, best=0.5), [(X, ONE), ([0.5] * 2, [0, 1])]),
    "draw_minimum": (
        lambda f, ax: f(ax, X, ONE, best=0.5, least=0.7),
        [(X, ONE), ([0.5], [0.7])],
    ),
    "draw_sorted_losses": (lambda f, ax: f(ax, ONE[:4], LABELS), []),
    "draw_pulls": (
        lambda f, ax: f(ax, PROBABILITIES, [0.1, 0.2, 0.3, 0.4], GRADIENT, step=0.2),
        [([p], [loss]) for p, loss in zip(PROBABILITIES, [0.1, 0.2, 0.3, 0.4], strict=True)],
    ),
    "draw_matrix": (lambda f, ax: f(ax, np.diag(GRADIENT)), []),
    "draw_sigmoid": (lambda f, ax: f(ax, X, ONE, ZERO), [(X, ONE), (X, ZERO)]),
    "draw_asymptotes": (lambda f, ax: f(ax, X, ONE, ZERO), [(X, ONE), (X, ZERO)]),
    "draw_two_logits": (lambda f, ax: f(ax, X, np.outer(ONE, ZERO), shift=(0.1, 0.2)), []),
    "draw_hessian_bump": (lambda f, ax: f(ax, X, ONE), [(X, ONE)]),
    "draw_atlas": (
        lambda f, ax: f(ax, np.eye(3, dtype=int), [-1, 0, 1], ["a", "b", "c"], title="float64"),
        [],
    ),
    "draw_atlas_key": (lambda f, ax: f(ax), []),
    "draw_dead_zone": (
        lambda f, ax: f(ax, X, {"exact": ONE, "clipped": ZERO}),
        [(X, ONE), (X, ZERO)],
    ),
    "draw_step_errors": (
        lambda f, ax: f(ax, X, ONE, ZERO, ONE + ZERO, bounds=(X**2, 1 / X)),
        [(X, X**2), (X, 1 / X), (X, ONE), (X, ZERO), (X, ONE + ZERO)],
    ),
    "draw_loss_floor": (
        lambda f, ax: f(ax, X, ONE, label=0.7, floor=0.6, at=(0.2, 1.2)),
        [(X, ONE), ([0, 1], [0.6, 0.6]), ([0.7], [0.6]), ([0.2], [1.2])],
    ),
    "draw_tangent_fan": (
        lambda f, ax: f(ax, X, ONE, [ZERO, 2 * ZERO]),
        [(X, ZERO), (X, 2 * ZERO), (X, ONE)],
    ),
    "draw_tangent_gap": (
        lambda f, ax: f(ax, X, ONE, ZERO, touch=2, at=4),
        [
            (X, ONE),
            (X, ZERO),
            (X[[2]], ONE[[2]]),
            (X[[0]], ZERO[[0]]),
            (X[[-1]], ZERO[[-1]]),
        ],
    ),
    "draw_expected_scores": (
        lambda f, ax: f(ax, X, ONE, ZERO),
        [(X, ONE), (X[[-1]], ONE[[-1]]), (X, ZERO), (X[[0]], ZERO[[0]])],
    ),
    "draw_smoothed_loss": (
        lambda f, ax: f(ax, X, ONE, ZERO, best=0.5, least=0.7),
        [(X, ONE), (X, ZERO), ([0.5], [0.7])],
    ),
    "draw_by_exponent": (
        lambda f, ax: f(ax, X, [ONE, ZERO], [0, 2], xlabel="logit $z$", ylabel="loss (nats)"),
        [(X, ONE), (X, ZERO)],
    ),
    "draw_shares": (
        lambda f, ax: f(ax, ONE, ZERO),
        [(1 + np.arange(7), ONE), (1 + np.arange(7), ZERO)],
    ),
    "draw_shifted_losses": (
        lambda f, ax: f(ax, X, [ONE, ZERO, X], [(0.2, 1), (0.3, 2), (0.4, 3)], ["a", "b", "c"]),
        [(X, ONE), ([0.2], [1]), (X, ZERO), ([0.3], [2]), (X, X), ([0.4], [3])],
    ),
    "draw_shifted_probabilities": (
        lambda f, ax: f(ax, X, [ONE, ZERO, X], ["a", "b", "c"], at=3),
        [(X, ONE), (X, ZERO), (X, X)],
    ),
    "draw_sigmoids_and_softmax": (
        lambda f, ax: f(ax, X, ONE, ZERO),
        [([0, X[-1]], [0, X[-1]]), (X, ONE), (X, ZERO)],
    ),
    "draw_lost_tail": (
        lambda f, ax: f(ax, X, ONE, np.where(X > 0.4, 2 * ONE, 0)),
        [(X, ONE), (X[3:], 2 * ONE[3:]), (X[:3], [0, 0, 0])],
    ),
    "draw_capped_loss": (
        lambda f, ax: f(ax, X, [ONE, ZERO], [2 * ONE, 3 * ONE]),
        [(X, ONE), (X, ZERO), (X, 2 * ONE), (X, 3 * ONE)],
    ),
    "draw_pairs": (lambda f, ax: f(ax, np.outer(ONE[:3], ZERO[:3])), []),
    "draw_plane": (lambda f, ax: f(ax, np.outer(X[:3], X[:2]), pixel=(0, 1), title="plane"), []),
    "draw_runs": (
        lambda f, ax: f(ax, {"right": ONE}, {"stuck": ZERO, "short": X[:2]}),
        [(range(7), ZERO), (range(2), X[:2]), (range(7), ONE)],
    ),
    "draw_convergence": (
        lambda f, ax: f(ax, ONE, label="method", color="black"),
        [(range(1, 8), ONE)],
    ),
    "draw_training_and_validation": (
        lambda f, ax: f(ax, X, ONE, ZERO, best=0.5),
        [(X, ONE), (X, ZERO), ([0.5] * 2, [0, 1])],
    ),
    "draw_probability_map": (
        lambda f, ax: f(ax, X, X, np.outer(X, X), np.array([X, X]).T[:4], LABELS),
        [],
    ),
    "draw_reliability": (
        lambda f, ax: f(ax, X, ZERO / 3, ZERO / 4, ZERO / 2),
        [([0, 1], [0, 1]), (X, ZERO / 3)],
    ),
    "draw_threshold_costs": (
        lambda f, ax: f(ax, X, ONE, derived=0.3),
        [([0.3, 0.3], [0, 1]), (X, ONE), (X[[-1]], ONE[[-1]])],
    ),
    "draw_charges": (
        lambda f, ax: f(ax, [[0, 1], [1, 0]], [1, 0], title="right"),
        [],
    ),
    "draw_one_curve": (
        lambda f, ax: f(
            ax,
            X,
            ONE,
            [("a", 1, 0.2, 1.0), ("b", 0, 0.3, 2.0), ("c", 1, 0.4, 3.0)],
            [("d", 0.5, 0.1)],
        ),
        [(X, ONE), ([0.2, 0.4], [1, 3]), ([0.3], [2]), ([0.5], [0.1])],
    ),
    "draw_two_shards": (
        lambda f, ax: f(ax, X, ONE, ZERO, at=0.25),
        [(X, ONE), (X, ZERO), ([0.25] * 2, [0, 1])],
    ),
    "draw_times": (
        lambda f, ax: f(ax, "abc", [10, 1000], np.outer([1, 2, 4], [8, 2]), least=1.5),
        [([8, 16, 32], range(3)), ([2, 4, 8], range(3)), ([1.5] * 2, [0, 1])],
    ),
}
# These draw on axes that another function has labelled, or that you label.
UNLABELLED = {
    "draw_charges",
    "draw_atlas_key",
    "draw_curve",
    "draw_reference_line",
    "draw_asymptotes",
    "draw_pulls",
    "draw_sigmoids_and_softmax",
}
# What is counted, is a share or orders the entries has no unit; a time has another.
WITHOUT_UNIT = [
    r"probability \$p\$",
    r"logit \$z(_\d)?\$",
    r"margin \$m\$",
    r"example|loss \$i\$|probability \$k\$",
    r"accuracy \(share of right answers\)",
    r"likelihood \(a probability\)",
    r"probability and its slope",
    r"share of the rows on the second machine",
    r"mean forecast|share of ones",
    r"threshold|expected cost per case",
    r"iteration|epoch|feature \d",
    r"example of the (label|probability)",
    r"(column|row) of pixels",
    r"factor of its loss",
    r"(true|learnt) probability( \$p\$)?",
    r"label \$y\$",
    r"expected score",
    r"step \$h\$ in the logit",
    r"formula|contender",
    r"time for an element \(ns\)",
]


def function(name):
    return getattr(plotting, name)


def drawn(name):
    ax = Figure().subplots()
    draw, _ = FIGURES[name]
    assert draw(function(name), ax) is ax, f"{name} does not return its ax"
    return ax
