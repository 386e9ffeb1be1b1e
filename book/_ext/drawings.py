"""Small drawings, one for each chapter, in the classes of the stylesheet: they follow the theme.

A drawing is 120 wide and 64 high; what stands in it is computed, not traced.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, log1p

WIDTH, HEIGHT = 120, 64


def curve(
    colour: str,
    function: Callable[[float], float],
    low: float,
    high: float,
    x: tuple[float, float] = (8, 112),
    y: tuple[float, float, float] = (58, 6, 1),
) -> str:
    """Return the graph of a function; y has the places of 0 and `y[2]`, and that value."""
    points = []
    for i in range(33):
        at = low + (high - low) * i / 32
        across = x[0] + (x[1] - x[0]) * i / 32
        up = y[0] + (y[1] - y[0]) * function(at) / y[2]
        if up >= y[1] - 4:
            points.append(f"{across:.1f} {up:.1f}")
    return path(colour, "M" + "L".join(points))


def path(colour: str, data: str) -> str:
    """Return a line."""
    return f'<path class="s-{colour}" d="{data}"/>'


def square(colour: str, x: float, y: float, size: float = 9) -> str:
    """Return a filled square."""
    return f'<path class="f-{colour}" d="M{x} {y}h{size}v{size}h-{size}z"/>'


def dot(colour: str, x: float, y: float, radius: float = 3.2) -> str:
    """Return a filled point."""
    return f'<circle class="f-{colour}" cx="{x:g}" cy="{y:g}" r="{radius}"/>'


def softplus(z: float) -> float:
    """Return log(1 + exp(z))."""
    return max(z, 0) + log1p(exp(-abs(z)))


def sigmoid(z: float) -> float:
    """Return the logistic function."""
    return 1 / (1 + exp(-z))


def entropy(p: float) -> float:
    """Return the entropy of a coin, in nats."""
    return -p * log(p) - (1 - p) * log(1 - p)


BASE = path("line", "M6 58H114")
GRID = [(x, y) for y in range(4) for x in range(4)]

DRAWINGS: dict[str, list[str]] = {
    "questions_and_probabilities": [
        BASE,
        curve("one", lambda p: -log(p), 0.02, 0.995, y=(58, 6, 3)),
        curve("zero", lambda p: -log(1 - p), 0.005, 0.98, y=(58, 6, 3)),
        dot("ink", 60, 58 - 52 * log(2) / 3),
    ],
    "entropy_and_divergence": [
        BASE,
        curve("ink", entropy, 0.001, 0.999, y=(58, 12, log(2))),
        path("slope", "M8 44L100 -4"),
        dot("slope", 38, 28.4),
    ],
    "jacobian": [
        square("one" if x == y else "line", 38 + 12 * x, 9 + 12 * y) for x, y in GRID
    ],
    "logits": [
        BASE,
        curve("one", lambda z: softplus(-z), -5, 5, y=(58, 6, 4.5)),
        path("slope", "M18 4L76 62"),
        dot("slope", 46, 32.4),
    ],
    "softmax_and_equivalence": [
        path("line", "M60 6L104 58H16Z"),
        path("one", "M60 6L62 36"),
        path("zero", "M16 58L62 36"),
        path("slope", "M104 58L62 36"),
        dot("ink", 62, 36),
    ],
    "dot_multiply_einsum": [
        *(square("one", 8 + 12 * i, 27) for i in range(4)),
        *(square("zero", 64, 9 + 12 * i) for i in range(4)),
        path("ink", "M82 29h12M82 35h12"),
        square("slope", 102, 27),
    ],
    "shapes": [
        *(square("one", 8, 15 + 12 * i) for i in range(4)),
        path("wrong", "M26 37H46M41 32l5 5-5 5"),
        *(square("zero", 58 + 12 * i, 2) for i in range(4)),
        *(square("exact" if x == y else "line", 58 + 12 * x, 15 + 12 * y) for x, y in GRID),
    ],
    "pytorch_losses": [
        path("line", "M14 48H106"),
        path("slope", "M14 48C34 6 86 6 106 48"),
        dot("ink", 14, 48), dot("zero", 60, 48), dot("ink", 106, 48),
    ],
    "write_your_own_loss": [
        path("one", "M14 20H98M92 14l6 6-6 6"),
        path("slope", "M106 46H22M28 40l-6 6 6 6"),
        dot("ink", 60, 20), dot("ink", 60, 46),
    ],
    "floating_point": [
        BASE,
        *(path("ink", f"M{8 + 96 * (m + 8) / 8 * 2.0**e / 2:.1f} 58V42")
          for e in range(-3, 1) for m in range(0, 8, 1 + (e < -1) * 3)),
        path("wrong", "M112 58V14"), dot("wrong", 112, 14, 2.6),
    ],
    "reductions_weights_masks": [
        *(f'<path class="{kind}" d="M{10 + 14 * i} 58v-{h}h9v{h}z"/>' for i, (h, kind) in enumerate(
            (h, "s-line" if h in (44, 20) else "f-one") for h in (16, 30, 10, 44, 22, 40, 20, 34))),
        path("slope", "M6 30H114"),
    ],
    "many_questions": [
        *(square("one" if (x, y) in {(0, 0), (2, 0), (1, 2), (3, 2), (0, 3), (2, 3), (5, 3)}
                 else "line", 24 + 12 * x, 9 + 12 * y) for y in range(4) for x in range(6)),
    ],
    "soft_targets": [
        BASE,
        *(curve(c, lambda z, y=y: y * softplus(-z) + (1 - y) * softplus(z), -4, 4, y=(58, 6, 4))
          for y, c in ((0, "zero"), (0.25, "line"), (0.5, "line"), (0.75, "line"), (1, "one"))),
        dot("ink", 60, 58 - 13 * log(2)),
    ],
    "focal_loss": [
        BASE,
        curve("line", lambda z: softplus(-z), -4, 4, y=(58, 6, 4)),
        curve("one", lambda z: sigmoid(-z) ** 2 * softplus(-z), -4, 4, y=(58, 6, 4)),
    ],
    "checking_a_gradient": [
        BASE,
        path("ink", "M10 8L62 46"),
        path("wrong", "M62 46L72 50 78 38 86 42 94 26 100 30 110 10"),
        dot("exact", 66, 48),
    ],
    "what_your_loss_says": [
        BASE,
        curve("one", lambda t: exp(-t) + 0.08, 0, 4, y=(58, 8, 1.1)),
        curve("wrong", lambda t: 0.5 * exp(-2 * t) + 0.58, 0, 4, y=(58, 8, 1.1)),
        path("line", "M6 31H114"),
    ],
    "training_a_classifier": [
        BASE,
        curve("one", lambda t: exp(-t) + 0.1, 0, 4, y=(58, 8, 1.1)),
        *(dot("one", 8 + 26 * i, 58 - 50 * (exp(-i) + 0.1) / 1.1, 2.4) for i in range(5)),
    ],
    "training_a_network": [
        BASE,
        curve("one", lambda t: exp(-t) + 0.08, 0, 4, y=(58, 8, 1.1)),
        curve("zero", lambda t: exp(-t) + 0.08 + 0.045 * t * t, 0, 4, y=(58, 8, 1.1)),
    ],
    "calibration_and_decisions": [
        path("line", "M34 58L86 6"),
        path("line", "M34 6V58H86"),
        curve("slope", lambda p: sigmoid(2 * log(p / (1 - p))), 0.01, 0.99, x=(34, 86)),
        *(dot("ink", 34 + 52 * p, 58 - 52 * sigmoid(2 * log(p / (1 - p))), 2.2)
          for p in (0.15, 0.35, 0.65, 0.85)),
    ],
    "clinic": [
        *(dot("one" if yes else "zero", left + 22 * ((yes + turned) % 2), 12 + 13 * i)
          for left, turned in ((22, 0), (76, 1)) for i, yes in enumerate((1, 0, 1, 0))),
    ],
    "bce_in_disguise": [
        curve("ink", lambda m: softplus(-m), -4, 4, y=(54, 6, 4)),
        *(dot(c, 60 + 13 * m, 54 - 12 * softplus(-m))
          for m, c in ((-3, "one"), (-1.8, "zero"), (-0.6, "one"), (0.6, "one"), (1.8, "zero"),
                       (3, "one"))),
    ],
    "beyond_one_machine": [
        *(square("one", 14, 6 + 20 * i, 12) for i in range(3)),
        *(path("ink", f"M32 {12 + 20 * i}C56 {12 + 20 * i} 56 32 80 32") for i in range(3)),
        square("slope", 86, 26, 12),
    ],
    "frameworks_compared": [
        *(dot("wrong" if (x, y) in {(2, 1), (4, 0), (1, 3)} else "exact", 28 + 16 * x, 10 + 15 * y)
          for x in range(5) for y in range(4)),
    ],
    "how_fast": [
        *(f'<path class="f-{colour}" d="M14 {8 + 13 * i}h{length}v7h-{length}z"/>'
          for i, (colour, length) in enumerate(
              (("wrong", 98), ("zero", 50), ("one", 32), ("exact", 18)))),
        path("line", "M28 2V62"),
    ],
}  # fmt: skip


LOGO = [
    curve("one", lambda z: softplus(-z), -4, 4, y=(58, 6, 4)),
    curve("zero", softplus, -4, 4, y=(58, 6, 4)),
    dot("ink", 60, 58 - 13 * log(2), 5),
]


def drawing(page: str) -> str:
    """Return the drawing of a page, or the "logo", as SVG; "" where there is none."""
    name = page.rpartition("/")[2]
    parts = "".join(LOGO if page == "logo" else DRAWINGS.get(name, []))
    if not parts:
        return ""
    return f'<svg class="drawing" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">{parts}</svg>'


def setup(app: object) -> dict[str, bool]:
    """Say that there is nothing to set up: other extensions import this one."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}
