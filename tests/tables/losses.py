"""The table of losses: a new loss is a new row here, and the row brings every law of test_laws.

A row promises what the facts of its `Formula` say, except where its options take that away.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import numpy as np
import pytest

from companion import binary, focal
from companion._numpy import binary as binary_formulas
from companion._numpy.elementwise import evaluate_elementwise
from companion._numpy.formula import BOTH, GRADIENT, HESSIAN, VALUE, Formula

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
RANGES = {"logits": (-np.inf, np.inf), "probabilities": (0.0, 1.0)}
OPPOSITE = {"logits": np.negative, "probabilities": lambda probabilities: 1 - probabilities}
DRAW = {
    "logits": lambda rng, shape=None: rng.normal(0, 3, shape),
    "probabilities": lambda rng, shape=None: rng.uniform(0.02, 0.98, shape),
}


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss with its derivatives, and what the tests must know about it."""

    name: str
    formula: Formula
    module: ModuleType
    function: str  # the name of the public function; its derivatives are beside it
    derivative_bound: Callable  # (order, argument, labels) -> bound of that derivative near there
    options: dict = field(default_factory=dict)

    def __str__(self):
        return self.name

    def part(self, suffix):
        """Return the function of this suffix with the options of the row, or None."""
        function = getattr(self.module, self.function + suffix, None)
        return function and partial(function, **self.options)

    @property
    def value(self):
        return self.part("")

    @property
    def gradient(self):
        return self.part("_gradient")

    @property
    def hessian(self):
        return self.part("_hessian")

    @property
    def value_and_gradient(self):
        return self.part("_value_and_gradient")

    @property
    def functions(self):
        """What the loss has of value, gradient and Hessian."""
        return tuple(filter(None, (self.value, self.gradient, self.hessian)))

    @property
    def argument(self):
        return self.formula.argument

    @property
    def ends(self):
        return RANGES[self.argument]

    def draw(self, rng, shape=None):
        """Return first arguments with moderate losses."""
        return DRAW[self.argument](rng, shape)

    def mirror(self, first):
        """Return the argument that answers the opposite question."""
        return OPPOSITE[self.argument](first)

    def label_weight(self, labels):
        """Return the weight that the options give to labels, and the smoothed labels."""
        smoothing = self.options.get("label_smoothing", 0.0)
        y = labels * (1 - smoothing) + smoothing / 2
        alpha = self.options.get("alpha")
        if alpha is not None:
            return alpha * y + (1 - alpha) * (1 - y)
        return self.options.get("pos_weight", 1.0) * y + (1 - y)

    @property
    def weighs_labels(self):
        return bool({"pos_weight", "alpha"} & self.options.keys())

    @property
    def symmetric(self):
        return self.formula.symmetric and not self.weighs_labels

    @property
    def proper(self):
        return self.formula.proper and not (self.weighs_labels or "label_smoothing" in self.options)


def _bound_in_logits(order, logits, labels, pos_weight=1.0):
    # Each derivative of softplus is bounded: |σ''| by 1/(6√3), |σ'''| by 1/8.
    return max(pos_weight, 1.0) * {3: 1 / (6 * np.sqrt(3)), 4: 1 / 8}[order]


def _bound_in_probabilities(order, probabilities, labels, smoothing=0.0):
    labels = labels * (1 - smoothing) + smoothing / 2
    # (−log p)⁽ⁿ⁾ = (−1)ⁿ (n − 1)!/pⁿ; the nearer end may be closer by half, hence the 2ⁿ.
    factorial = {3: 2, 4: 6}[order]
    nearer = labels / probabilities**order + (1 - labels) / (1 - probabilities) ** order
    return factorial * 2**order * nearer


def _logits_row(name, **options):
    return Loss(
        name,
        binary_formulas.LOGITS,
        binary,
        "binary_cross_entropy_with_logits",
        partial(_bound_in_logits, pos_weight=options.get("pos_weight", 1.0)),
        options,
    )


def _focal_row(name, gamma, **options):
    return Loss(
        name,
        focal._formula(gamma, **options),
        focal,
        "binary_focal_cross_entropy_with_logits",
        lambda order, logits, labels: 1.0,  # test_focal searches the range
        {"gamma": gamma, **options},
    )


def _probabilities_row(name, **options):
    return Loss(
        name,
        binary_formulas.PROBABILITIES,
        binary,
        "binary_cross_entropy",
        partial(_bound_in_probabilities, smoothing=options.get("label_smoothing", 0.0)),
        options,
    )


PROBABILITIES = _probabilities_row("probabilities")
LOGITS = _logits_row("logits")
LOSSES = [
    PROBABILITIES,
    _probabilities_row("probabilities, label_smoothing", label_smoothing=0.25),
    LOGITS,
    _logits_row("logits, pos_weight", pos_weight=2.5),
    _logits_row("logits, label_smoothing", label_smoothing=0.25),
    _logits_row("logits, both", pos_weight=0.3, label_smoothing=0.1),
    _focal_row("focal", 2.0),
    _focal_row("focal, alpha", 0.5, alpha=0.25),
]
PLAIN = [loss for loss in LOSSES if not loss.options]
EVERY_WANT = pytest.mark.parametrize("want", [VALUE, GRADIENT, HESSIAN, BOTH], ids="+".join)
REDUCTIONS = ["none", "sum", "mean", "weighted_mean"]


def evaluate(loss, want, first, labels, reduction, weight=None, workers=None):
    """Return what is wanted of a loss by the way that it has in common with all of its family."""
    return evaluate_elementwise(loss.formula, want, first, labels, weight, reduction, workers)


def draw(loss, shape, seed=0):
    """Return first arguments, labels (hard and soft, a half each) and weights of one shape."""
    rng = np.random.default_rng(seed)
    first = loss.draw(rng, shape)
    labels = np.where(rng.random(shape) < 0.5, rng.integers(0, 2, shape), rng.random(shape))
    return first, labels, rng.uniform(0.5, 2.0, shape)
