"""The table of losses: a new loss is a new row here, and the row brings every law of test_laws."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from companion import binary

ON_LOGITS = {
    "value": binary.binary_cross_entropy_with_logits,
    "gradient": binary.binary_cross_entropy_with_logits_gradient,
    "hessian": binary.binary_cross_entropy_with_logits_hessian,
}
ON_PROBABILITIES = {
    "value": binary.binary_cross_entropy,
    "gradient": binary.binary_cross_entropy_gradient,
    "hessian": binary.binary_cross_entropy_hessian,
}


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss with its derivatives, and what the tests must know about it."""

    name: str
    value: Callable
    gradient: Callable
    hessian: Callable
    value_and_gradient: Callable
    argument: str  # the name of the first argument
    ends: tuple[float, float]  # its range, ends included
    draw: Callable  # (rng, shape) -> first arguments with moderate losses
    mirror: Callable | None  # the argument that answers the opposite question, if loss is symmetric
    derivative_bound: Callable  # (order, argument, labels) -> bound of that derivative near there
    options: dict = field(default_factory=dict)

    def __str__(self):
        return self.name

    @property
    def functions(self):
        return (self.value, self.gradient, self.hessian)


def _bound_in_logits(order, logits, labels, pos_weight=1.0):
    # Each derivative of softplus is bounded: |σ''| by 1/(6√3), |σ'''| by 1/8.
    return max(pos_weight, 1.0) * {3: 1 / (6 * np.sqrt(3)), 4: 1 / 8}[order]


def _bound_in_probabilities(order, probabilities, labels):
    # (−log p)⁽ⁿ⁾ = (−1)ⁿ (n − 1)!/pⁿ; the nearer end may be closer by half, hence the 2ⁿ.
    factorial = {3: 2, 4: 6}[order]
    nearer = labels / probabilities**order + (1 - labels) / (1 - probabilities) ** order
    return factorial * 2**order * nearer


def _logits_row(name, **options):
    return Loss(
        name,
        *(
            partial(getattr(binary, f"binary_cross_entropy_with_logits{suffix}"), **options)
            for suffix in ("", "_gradient", "_hessian", "_value_and_gradient")
        ),
        argument="logits",
        ends=(-np.inf, np.inf),
        draw=lambda rng, shape=None: rng.normal(0, 3, shape),
        mirror=None if options else np.negative,
        derivative_bound=partial(_bound_in_logits, pos_weight=options.get("pos_weight", 1.0)),
        options=options,
    )


LOSSES = [
    Loss(
        "probabilities",
        *(
            getattr(binary, f"binary_cross_entropy{suffix}")
            for suffix in ("", "_gradient", "_hessian", "_value_and_gradient")
        ),
        argument="probabilities",
        ends=(0.0, 1.0),
        draw=lambda rng, shape=None: rng.uniform(0.02, 0.98, shape),
        mirror=lambda probabilities: 1 - probabilities,
        derivative_bound=_bound_in_probabilities,
    ),
    _logits_row("logits"),
    _logits_row("logits, pos_weight", pos_weight=2.5),
    _logits_row("logits, label_smoothing", label_smoothing=0.25),
    _logits_row("logits, both", pos_weight=0.3, label_smoothing=0.1),
]
REDUCTIONS = ["none", "sum", "mean", "weighted_mean"]


def draw(loss, shape, seed=0):
    """Return first arguments, labels (hard and soft, a half each) and weights of one shape."""
    rng = np.random.default_rng(seed)
    first = loss.draw(rng, shape)
    labels = np.where(rng.random(shape) < 0.5, rng.integers(0, 2, shape), rng.random(shape))
    return first, labels, rng.uniform(0.5, 2.0, shape)
