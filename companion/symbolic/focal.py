"""The mathematics of the focal loss in SymPy: its derivatives, and what it gives up.

A judge beside `companion.symbolic`, which it continues: the definition, then one function `prove_…`
per statement.

>>> all(prove() for prove in proofs().values())
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Expr, Rational, Symbol, diff, log, simplify

from companion.symbolic import (
    binary_cross_entropy_with_logits,
    is_identity,
    proofs_among,
    sigmoid,
    y,
    z,
)

__all__ = [
    "focal_loss",
    "gamma",
    "miss",
    "proofs",
    "prove_derivative_is_the_product_rule_without_a_negative_power",
    "prove_focal_loss_is_not_convex_for_gamma_two",
    "prove_focal_loss_is_not_proper_for_gamma_two",
    "prove_gamma_zero_is_the_cross_entropy",
    "prove_opposite_answer_to_the_opposite_question_costs_the_same",
]

#: How fast attention falls with confidence, a positive number.
gamma = Symbol("gamma", positive=True)


def miss(z: Any, y: Any) -> Expr:
    """Return the probability that the answer gives to the other side, for a soft label the mean."""
    return y * sigmoid(-z) + (1 - y) * sigmoid(z)


def focal_loss(z: Any, y: Any, gamma: Any) -> Expr:
    """Return miss^γ times the cross-entropy, in nats."""
    return miss(z, y) ** gamma * binary_cross_entropy_with_logits(z, y)


def proofs() -> dict[str, Callable[[], bool]]:
    """Return every proof by the name of its statement, in the order of this file."""
    return proofs_among(globals())


def prove_gamma_zero_is_the_cross_entropy() -> bool:
    """With γ = 0 the factor is 1."""
    return is_identity(focal_loss(z, y, 0), binary_cross_entropy_with_logits(z, y))


def prove_opposite_answer_to_the_opposite_question_costs_the_same() -> bool:
    """loss(z, y) = loss(-z, 1 - y), in both factors."""
    loss = binary_cross_entropy_with_logits
    return is_identity(miss(z, y), miss(-z, 1 - y)) and is_identity(loss(z, y), loss(-z, 1 - y))


def prove_derivative_is_the_product_rule_without_a_negative_power() -> bool:
    """∂ loss / ∂ z = m^γ (σ - y + γ (1 - 2 y) c / (y / σ(z) + (1 - y) / σ(-z))), c the BCE.

    Divided by m^γ the power is gone, and both sides are the same function of z and y.
    """
    m, c = miss(z, y), binary_cross_entropy_with_logits(z, y)
    by_rule = diff(c, z) + gamma * diff(m, z) / m * c
    attention = gamma * (1 - 2 * y) * c / (y / sigmoid(z) + (1 - y) / sigmoid(-z))
    return is_identity(diff(log(m**gamma), z), gamma * diff(m, z) / m) and is_identity(
        by_rule, sigmoid(z) - y + attention
    )


def prove_focal_loss_is_not_convex_for_gamma_two() -> bool:
    """For y = 1 and γ = 2 the second derivative is negative at z = -3."""
    bend = diff(focal_loss(z, 1, 2), z, 2)
    return bool(bend.subs(z, -3).evalf(30) < 0)


def prove_focal_loss_is_not_proper_for_gamma_two() -> bool:
    """For γ = 2 and P(yes) = 3/4 the honest answer is not the best: there the slope is positive.

    The expected loss of an answer p is 3/4 (1 - p)² (-log p) + 1/4 p² (-log (1 - p)).
    """
    chance = Rational(3, 4)
    expected = chance * focal_loss(z, 1, 2) + (1 - chance) * focal_loss(z, 0, 2)
    slope = diff(expected, z).subs(z, log(3))  # σ(log 3) = 3/4
    return bool(simplify(slope).evalf(30) > 0)
