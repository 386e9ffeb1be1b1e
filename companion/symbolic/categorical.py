"""The mathematics of K classes in SymPy: softmax, cross-entropy, and the equivalence for K = 2.

A judge beside `companion.symbolic`, which it continues: definitions, then one function `prove_…`
per statement. The statements about K classes are proved for K = 3, where every kind of entry
occurs (on the diagonal and off it, the likeliest class and the others).

>>> all(prove() for prove in proofs().values())
True
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

from sympy import Expr, Matrix, diag, diff, exp, hessian, log, ones, symbols, sympify, zeros

from companion import symbolic

__all__ = [
    "classes",
    "cross_entropy",
    "is_identity",
    "jacobian",
    "logits",
    "proofs",
    "prove_cross_entropy_of_two_is_the_binary_loss",
    "prove_gradient_is_softmax_minus_label",
    "prove_gradient_of_two_is_the_binary_one_and_its_opposite",
    "prove_hessian_is_the_jacobian_of_the_softmax",
    "prove_hessian_of_two_is_the_binary_one_four_times",
    "prove_jacobian_is_a_sum_of_squares",
    "prove_shift_of_all_logits_changes_nothing",
    "prove_softmax_jacobian_is_diagonal_minus_outer_product",
    "prove_softmax_jacobian_sends_ones_to_zero",
    "prove_softmax_of_two_is_the_sigmoid_of_the_difference",
    "softmax",
]

# e^z of each logit reaches every positive number exactly once.
_positive = symbols("e_1:4", positive=True)
_logits = symbols("z_1:4", real=True)
_labels = symbols("q_1:4", nonnegative=True)


def logits(n: int) -> Matrix:
    """Return the column z_1 … z_n, n up to 3."""
    return Matrix(_logits[:n])


def classes(n: int) -> Matrix:
    """Return the label of n classes, a column q_1 … q_n whose last entry makes the sum 1."""
    free = list(_labels[: n - 1])
    return Matrix([*free, 1 - sum(free)])


def softmax(z: Matrix) -> Matrix:
    """Return exp(z_k) / Σ exp(z_j)."""
    e = z.applyfunc(exp)
    return e / sum(e)


def cross_entropy(z: Matrix, q: Any) -> Expr:
    """Return -Σ q_k log softmax(z)_k in nats."""
    return -sum(label * log(p) for label, p in zip(q, softmax(z), strict=True))


def jacobian(n: int) -> Matrix:
    """Return the derivatives of the softmax of n logits, one row for each probability."""
    return softmax(logits(n)).jacobian(logits(n))


def is_identity(left: Any, right: Any) -> bool:
    """Say whether left - right simplifies to 0 for all logits.

    Each logit z_k becomes log e_k with e_k > 0; then `companion.symbolic.is_identity` decides.

    Examples
    --------
    >>> is_identity(sum(softmax(logits(2))), 1), is_identity(softmax(logits(2))[0], 1)
    (True, False)
    """
    values = {z: log(e) for z, e in zip(_logits, _positive, strict=True)}
    return symbolic.is_identity(sympify(left).subs(values), sympify(right).subs(values))


def proofs() -> dict[str, Callable[[], bool]]:
    """Return every proof by the name of its statement, in the order of this file."""
    return symbolic.proofs_among(globals())


def prove_shift_of_all_logits_changes_nothing() -> bool:
    """softmax(z + c) = softmax(z) for every number c."""
    z = logits(3)
    return is_identity(softmax(z + log(symbolic.a) * ones(3, 1)), softmax(z))


def prove_softmax_jacobian_is_diagonal_minus_outer_product() -> bool:
    """∂ softmax / ∂ z = diag(p) - p pᵀ."""
    p = softmax(logits(3))
    return is_identity(jacobian(3), diag(*p) - p * p.T)


def prove_softmax_jacobian_sends_ones_to_zero() -> bool:
    """(diag(p) - p pᵀ) 1 = 0: a shift of all logits is what the softmax cannot see."""
    return is_identity(jacobian(3) * ones(3, 1), zeros(3, 1))


def prove_jacobian_is_a_sum_of_squares() -> bool:
    """vᵀ (∂ softmax / ∂ z) v = Σ p_i p_j (v_i - v_j)² over the pairs i < j, for every v."""
    p, v = softmax(logits(3)), Matrix(symbols("v_1:4", real=True))
    squares = sum(p[i] * p[j] * (v[i] - v[j]) ** 2 for i, j in combinations(range(3), 2))
    return is_identity((v.T * jacobian(3) * v)[0], squares)


def prove_gradient_is_softmax_minus_label() -> bool:
    """∂ loss / ∂ z = softmax(z) - q for labels q that sum to 1."""
    z, q = logits(3), classes(3)
    gradient = Matrix([diff(cross_entropy(z, q), entry) for entry in z])
    return is_identity(gradient, softmax(z) - q)


def prove_hessian_is_the_jacobian_of_the_softmax() -> bool:
    """∂² loss / ∂ z² = ∂ softmax / ∂ z for all labels q that sum to 1."""
    z = logits(3)
    return is_identity(hessian(cross_entropy(z, classes(3)), list(z)), jacobian(3))


def prove_softmax_of_two_is_the_sigmoid_of_the_difference() -> bool:
    """softmax(z_1, z_2)_2 = σ(z_2 - z_1)."""
    z = logits(2)
    return is_identity(softmax(z)[1], symbolic.sigmoid(z[1] - z[0]))


def prove_cross_entropy_of_two_is_the_binary_loss() -> bool:
    """loss((z_1, z_2), (1 - y, y)) = binary loss(z_2 - z_1, y)."""
    z, q = logits(2), classes(2)
    binary = symbolic.binary_cross_entropy_with_logits(z[1] - z[0], q[1])
    return is_identity(cross_entropy(z, q), binary)


def prove_gradient_of_two_is_the_binary_one_and_its_opposite() -> bool:
    """∂ loss / ∂ (z_1, z_2) = (-g, g) with g = σ(z_2 - z_1) - y, the binary derivative."""
    z, q = logits(2), classes(2)
    g = symbolic.sigmoid(z[1] - z[0]) - q[1]
    gradient = Matrix([diff(cross_entropy(z, q), entry) for entry in z])
    return is_identity(gradient, Matrix([-g, g]))


def prove_hessian_of_two_is_the_binary_one_four_times() -> bool:
    """∂² loss / ∂ (z_1, z_2)² = h [[1, -1], [-1, 1]] with the binary h = σ (1 - σ)."""
    z, q = logits(2), classes(2)
    s = symbolic.sigmoid(z[1] - z[0])
    signs = Matrix([[1, -1], [-1, 1]])
    return is_identity(hessian(cross_entropy(z, q), list(z)), s * (1 - s) * signs)
