"""The mathematics of binary cross-entropy once, in SymPy: definitions, and proofs that return True.

A judge: it imports nothing of ours. First the definitions, written as in a textbook; then one small
function `prove_…` per statement. Its docstring is the statement, its body the two sides, and
`is_identity` decides. `proofs()` collects them all, in the order of the book: likelihood,
derivatives in the probabilities, logits.

>>> all(prove() for prove in proofs().values())
True

Compare expressions here and evaluate numbers in `companion.reference`: `sympy.N` loses small ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import (
    Abs,
    Add,
    Expr,
    IndexedBase,
    KroneckerDelta,
    Matrix,
    Max,
    Product,
    Rational,
    Sum,
    Symbol,
    diag,
    diff,
    exp,
    expand_log,
    hessian,
    log,
    simplify,
    symbols,
    sympify,
)

__all__ = [
    "N",
    "a",
    "bernoulli",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "entropy",
    "i",
    "in_odds",
    "is_identity",
    "k",
    "labels",
    "likelihood",
    "logit",
    "losses",
    "mean_binary_cross_entropy",
    "negative_log_likelihood",
    "odds",
    "p",
    "probabilities",
    "proofs",
    "proofs_among",
    "prove_branch_free_form_is_the_loss",
    "prove_chain_rule_cancels_to_p_minus_y",
    "prove_derivative_at_logit_zero_is_one_half_minus_y",
    "prove_derivative_in_the_logit_is_sigma_minus_y",
    "prove_gradient_of_the_mean_for_every_n",
    "prove_gradient_of_the_mean_has_one_over_n",
    "prove_hessian_of_logistic_regression",
    "prove_hessian_of_logistic_regression_is_never_negative",
    "prove_hessian_of_the_mean_is_diagonal",
    "prove_hessian_of_the_mean_is_diagonal_for_every_n",
    "prove_jacobian_of_the_losses_is_diagonal",
    "prove_jacobian_of_the_mean_is_the_mean_of_the_rows",
    "prove_likelihood_is_the_probability_of_the_label",
    "prove_loss_at_the_base_rate_is_the_entropy",
    "prove_loss_for_one_is_the_mirrored_loss_for_zero",
    "prove_loss_is_convex_in_the_logit",
    "prove_loss_is_smallest_where_probability_equals_label",
    "prove_loss_is_softplus_minus_y_z",
    "prove_loss_of_one_half_is_log_two",
    "prove_negative_log_likelihood_is_binary_cross_entropy",
    "prove_one_answer_for_all_is_judged_by_the_base_rate",
    "prove_pos_weight_derivative",
    "prove_pos_weight_form_is_the_loss",
    "prove_product_of_likelihoods_becomes_sum_of_losses",
    "prove_second_derivative_is_even",
    "prove_sigmoid_and_logit_are_inverse",
    "prove_sigmoid_has_the_slope_sigma_times_one_minus_sigma",
    "prove_sigmoid_of_the_opposite_is_the_complement",
    "prove_stable_form_is_the_loss",
    "prove_two_forms_of_the_derivative_agree",
    "sigmoid",
    "softplus",
    "stable_binary_cross_entropy_with_logits",
    "variables",
    "y",
    "z",
]

# One question: a logit, a probability strictly between 0 and 1, a label.
z = Symbol("z", real=True)
p = Symbol("p", positive=True)
y = Symbol("y", nonnegative=True)

# Any positive number: a distance from zero, or pos_weight.
a = Symbol("a", positive=True)

# N questions: p[i] and y[i], i = 1 … N. (Only real, as SymPy would else take p[i] for part of p.)
N, i, k = symbols("N i k", integer=True, positive=True)
probabilities = IndexedBase("p", real=True)
labels = IndexedBase("y", real=True)

# The odds p / (1 - p) reach every positive number exactly once as p goes from 0 to 1.
odds = Symbol("o", positive=True)
_odds = IndexedBase("odds", positive=True)


def bernoulli(p: Any, y: Any) -> Expr:
    """Return the probability that a yes/no question with P(yes) = p has the answer y."""
    return p**y * (1 - p) ** (1 - y)


def negative_log_likelihood(p: Any, y: Any) -> Expr:
    """Return -log of the Bernoulli likelihood."""
    return -log(bernoulli(p, y))


def binary_cross_entropy(p: Any, y: Any) -> Expr:
    """Return the loss in nats, from a probability."""
    return -y * log(p) - (1 - y) * log(1 - p)


def entropy(p: Any) -> Expr:
    """Return the entropy of a yes/no question in nats: the mean surprise at its two answers."""
    return Add(*(bernoulli(p, answer) * negative_log_likelihood(p, answer) for answer in (1, 0)))


def likelihood(n: Any = N) -> Expr:
    """Return the probability of n independent labels; written out if n is a number."""
    return Product(bernoulli(probabilities[i], labels[i]), (i, 1, n)).doit()


def losses(n: int) -> Matrix:
    """Return the column of the n unreduced losses."""
    return Matrix([binary_cross_entropy(probabilities[j], labels[j]) for j in range(1, n + 1)])


def mean_binary_cross_entropy(n: Any = N) -> Expr:
    """Return the mean loss over n questions; written out if n is a number."""
    return Sum(binary_cross_entropy(probabilities[i], labels[i]), (i, 1, n)).doit() / n


def variables(n: int) -> Matrix:
    """Return the column p[1] … p[n]."""
    return Matrix([probabilities[j] for j in range(1, n + 1)])


def sigmoid(z: Any) -> Expr:
    """Return σ(z)."""
    return 1 / (1 + exp(-z))


def logit(p: Any) -> Expr:
    """Return the logarithm of the odds."""
    return log(p / (1 - p))


def softplus(z: Any) -> Expr:
    """Return log(1 + exp(z))."""
    return log(1 + exp(z))


def binary_cross_entropy_with_logits(z: Any, y: Any, pos_weight: Any = 1) -> Expr:
    """Return the loss in nats, from a logit: the definition, not a formula to compute with."""
    return -pos_weight * y * log(sigmoid(z)) - (1 - y) * log(1 - sigmoid(z))


def stable_binary_cross_entropy_with_logits(z: Any, y: Any) -> Expr:
    """Return the form that neither overflows nor cancels."""
    return Max(z, 0) - y * z + log(1 + exp(-Abs(z)))


def is_identity(left: Any, right: Any) -> bool:
    """Say whether left - right simplifies to 0 for all z and all p strictly between 0 and 1.

    The substitution p = o / (1 + o), z = log o with odds o > 0 tells SymPy so much: p and 1 - p are
    positive, and logarithms of products may be taken apart. False means "not shown", matrices are
    compared entry by entry, and shapes that differ raise an error.

    Examples
    --------
    >>> is_identity(sigmoid(-z), 1 - sigmoid(z)), is_identity(sigmoid(-z), sigmoid(z))
    (True, False)
    """
    difference = sympify(left - right)
    entries = difference if difference.is_Matrix else [difference]
    return all(simplify(expand_log(in_odds(entry))) == 0 for entry in entries)


def in_odds(expression: Expr) -> Expr:
    """Replace p by o / (1 + o), each p[i] by its own odds, and z by log o."""
    return expression.replace(
        lambda part: getattr(part, "base", None) == probabilities,
        lambda part: _odds[part.indices] / (1 + _odds[part.indices]),
    ).subs({p: odds / (1 + odds), z: log(odds)})


def proofs() -> dict[str, Callable[[], bool]]:
    """Return every proof by the name of its statement, in the order of this file."""
    return proofs_among(globals())


def proofs_among(names: dict[str, Any]) -> dict[str, Callable[[], bool]]:
    """Return the functions `prove_…` of a namespace by the names of their statements."""
    proven = [(name, function) for name, function in names.items() if name[:6] == "prove_"]
    return {name.removeprefix("prove_"): function for name, function in proven}


def prove_likelihood_is_the_probability_of_the_label() -> bool:
    """p^y (1 - p)^(1 - y) is p for label 1, and 1 - p for label 0."""
    return bernoulli(p, 1) == p and bernoulli(p, 0) == 1 - p


def prove_negative_log_likelihood_is_binary_cross_entropy() -> bool:
    """-log(p^y (1 - p)^(1 - y)) = -y log p - (1 - y) log(1 - p)."""
    return is_identity(negative_log_likelihood(p, y), binary_cross_entropy(p, y))


def prove_product_of_likelihoods_becomes_sum_of_losses() -> bool:
    """-log ∏ p_i^{y_i} (1 - p_i)^{1 - y_i} = N · the mean loss, for every N."""
    return is_identity(-log(likelihood(N)), N * mean_binary_cross_entropy(N))


def prove_loss_is_smallest_where_probability_equals_label() -> bool:
    """For every label the slope in p is p - y over a positive number: down to p = y, then up.

    So for 0 < y < 1 the loss has its one minimum at p = y, and for label 0 or 1 it falls all the
    way to that end.
    """
    slope = diff(binary_cross_entropy(p, y), p)
    variance = p * (1 - p)
    return is_identity(slope * variance, p - y) and simplify(in_odds(variance)).is_positive


def prove_one_answer_for_all_is_judged_by_the_base_rate() -> bool:
    """With the same p for N questions, the mean loss is the loss of p at the mean label."""
    base_rate = Sum(labels[i], (i, 1, N)) / N
    one_answer = Sum(binary_cross_entropy(p, labels[i]), (i, 1, N)) / N
    return is_identity(one_answer.expand().doit(), binary_cross_entropy(p, base_rate).expand())


def prove_loss_at_the_base_rate_is_the_entropy() -> bool:
    """At p = r the loss has its minimum over p: the expected surprise of a question with chance r.

    r stands in the place of a label: a soft one, or the mean of many. That the slope is p - r over
    a positive number makes p = r the minimum.
    """
    r = Symbol("r", positive=True)
    loss = binary_cross_entropy(p, r)
    slope = diff(loss, p)
    return is_identity(slope * p * (1 - p), p - r) and is_identity(loss.subs(p, r), entropy(r))


def prove_loss_of_one_half_is_log_two() -> bool:
    """At p = 1/2 the loss is log 2 nats, which is one bit, whatever the label."""
    loss = binary_cross_entropy(Rational(1, 2), y)
    return is_identity(loss, log(2)) and is_identity(loss / log(2), 1)


def prove_two_forms_of_the_derivative_agree() -> bool:
    """-y / p + (1 - y) / (1 - p) = (p - y) / (p (1 - p)), and it is the derivative of the loss."""
    two_terms = -y / p + (1 - y) / (1 - p)
    one_fraction = (p - y) / (p * (1 - p))
    slope = diff(binary_cross_entropy(p, y), p)
    return is_identity(slope, two_terms) and is_identity(two_terms, one_fraction)


def prove_gradient_of_the_mean_has_one_over_n() -> bool:
    """For N = 3 the gradient is the column (p_i - y_i) / (3 p_i (1 - p_i)), the Jacobian a row."""
    x = variables(3)
    jacobian = Matrix([mean_binary_cross_entropy(3)]).jacobian(x)
    column = [(q - labels[j]) / (3 * q * (1 - q)) for j, q in enumerate(x, start=1)]
    return jacobian.shape == (1, 3) and is_identity(jacobian.T, Matrix(column))


def prove_gradient_of_the_mean_for_every_n() -> bool:
    """∂ mean / ∂ p_k = (p_k - y_k) / (N p_k (1 - p_k)) for every N = k + m with m ≥ 0."""
    m = Symbol("m", integer=True, nonnegative=True)
    slope = diff(mean_binary_cross_entropy(N), probabilities[k]).subs(N, k + m).doit()
    q = probabilities[k]
    return is_identity(slope, (q - labels[k]) / ((k + m) * q * (1 - q)))


def prove_jacobian_of_the_losses_is_diagonal() -> bool:
    """For N = 3 the unreduced losses have ∂ loss_i / ∂ p_k = δ_ik (p_i - y_i) / (p_i (1 - p_i))."""
    x = variables(3)
    slopes = [(q - labels[j]) / (q * (1 - q)) for j, q in enumerate(x, start=1)]
    return is_identity(losses(3).jacobian(x), diag(*slopes))


def prove_jacobian_of_the_mean_is_the_mean_of_the_rows() -> bool:
    """(1/N) [1 … 1] times the Jacobian of the losses is that of the mean, a row; here for N = 3."""
    x = variables(3)
    jacobian = Matrix([mean_binary_cross_entropy(3)]).jacobian(x)
    return is_identity(jacobian, Matrix([[1, 1, 1]]) * losses(3).jacobian(x) / 3)


def prove_hessian_of_the_mean_is_diagonal() -> bool:
    """∂² mean / ∂ p_i ∂ p_k = δ_ik (y_i / p_i² + (1 - y_i) / (1 - p_i)²) / N, here for N = 3."""
    x = variables(3)
    bends = [labels[j] / q**2 + (1 - labels[j]) / (1 - q) ** 2 for j, q in enumerate(x, start=1)]
    return is_identity(hessian(mean_binary_cross_entropy(3), x), diag(*bends) / 3)


def prove_hessian_of_the_mean_is_diagonal_for_every_n() -> bool:
    """∂² mean / ∂ p_j ∂ p_k = δ_jk (y_k / p_k² + (1 - y_k) / (1 - p_k)²) / N for any N = k + m."""
    j, m = Symbol("j", integer=True, positive=True), Symbol("m", integer=True, nonnegative=True)
    slope = diff(mean_binary_cross_entropy(N), probabilities[k]).subs(N, k + m).doit()
    q = probabilities[k]
    bend = labels[k] / q**2 + (1 - labels[k]) / (1 - q) ** 2
    return is_identity(diff(slope, probabilities[j]), KroneckerDelta(j, k) * bend / (k + m))


def prove_sigmoid_and_logit_are_inverse() -> bool:
    """logit(σ(z)) = z and σ(logit(p)) = p."""
    return is_identity(logit(sigmoid(z)), z) and is_identity(sigmoid(logit(p)), p)


def prove_sigmoid_of_the_opposite_is_the_complement() -> bool:
    """σ(-z) = 1 - σ(z)."""
    return is_identity(sigmoid(-z), 1 - sigmoid(z))


def prove_sigmoid_has_the_slope_sigma_times_one_minus_sigma() -> bool:
    """σ'(z) = σ(z) (1 - σ(z))."""
    return is_identity(diff(sigmoid(z), z), sigmoid(z) * (1 - sigmoid(z)))


def prove_chain_rule_cancels_to_p_minus_y() -> bool:
    """∂ loss / ∂ p · ∂ p / ∂ z = p - y, since σ' = p (1 - p) is the denominator of ∂ loss / ∂ p."""
    return is_identity(diff(binary_cross_entropy(p, y), p) * p * (1 - p), p - y)


def prove_derivative_in_the_logit_is_sigma_minus_y() -> bool:
    """∂ loss / ∂ z = σ(z) - y."""
    return is_identity(diff(binary_cross_entropy_with_logits(z, y), z), sigmoid(z) - y)


def prove_derivative_at_logit_zero_is_one_half_minus_y() -> bool:
    """At z = 0, where training starts, the derivative is 1/2 - y."""
    slope = diff(binary_cross_entropy_with_logits(z, y), z)
    return is_identity(slope.subs(z, 0), Rational(1, 2) - y)


def prove_loss_is_softplus_minus_y_z() -> bool:
    """-y log σ(z) - (1 - y) log(1 - σ(z)) = log(1 + e^z) - y z."""
    return is_identity(binary_cross_entropy_with_logits(z, y), softplus(z) - y * z)


def prove_stable_form_is_the_loss() -> bool:
    """max(z, 0) - y z + log(1 + e^{-|z|}) is the loss for z = a > 0, for z = -a and for z = 0."""
    stable = stable_binary_cross_entropy_with_logits(z, y)
    loss = binary_cross_entropy_with_logits(z, y)
    return all(is_identity(stable.subs(z, side), loss.subs(z, side)) for side in (a, -a, 0))


def prove_branch_free_form_is_the_loss() -> bool:
    """log(1 + e^{-|z|}) + z ([z > 0] - y) is the loss on both sides of 0 and at 0."""
    loss = binary_cross_entropy_with_logits(z, y)
    branch_free = log(1 + exp(-Abs(z))) + z * (Symbol("h") - y)
    return all(
        is_identity(branch_free.subs({z: side, "h": above}), loss.subs(z, side))
        for side, above in ((a, 1), (-a, 0), (0, 0))
    )


def prove_loss_for_one_is_the_mirrored_loss_for_zero() -> bool:
    """loss(z, 1) = loss(-z, 0)."""
    loss = binary_cross_entropy_with_logits
    return is_identity(loss(z, 1), loss(-z, 0))


def prove_loss_is_convex_in_the_logit() -> bool:
    """∂² loss / ∂ z² = σ(z) (1 - σ(z)) = e^z / (1 + e^z)², which is positive."""
    bend = diff(binary_cross_entropy_with_logits(z, y), z, 2)
    e = _bend()
    return (
        is_identity(bend, sigmoid(z) * (1 - sigmoid(z))) and is_identity(bend, e) and e.is_positive
    )


def prove_second_derivative_is_even() -> bool:
    """e^z / (1 + e^z)² keeps its value when z changes its sign, so e^{-|z|} may stand for e^z."""
    return is_identity(_bend(), _bend().subs(z, -z))


def _bend() -> Expr:
    """Return ∂² loss / ∂ z², in e^z alone."""
    return exp(z) / (1 + exp(z)) ** 2


def prove_hessian_of_logistic_regression() -> bool:
    """∂² mean loss of X w / ∂ w² = Xᵀ S X / N, S = diag(σ_i (1 - σ_i)); here for a 2×2 matrix X."""
    x = Matrix(2, 2, symbols("x_11 x_12 x_21 x_22", real=True))
    w = Matrix(symbols("w_1 w_2", real=True))
    s = [sigmoid(row) * (1 - sigmoid(row)) for row in x * w]
    loss = sum(softplus(row) - labels[j] * row for j, row in enumerate(x * w, start=1)) / 2
    return is_identity(hessian(loss, w), x.T * diag(*s) * x / 2)


def prove_hessian_of_logistic_regression_is_never_negative() -> bool:
    """vᵀ Xᵀ S X v = Σ s_i (x_i · v)² is never negative, as s_i > 0; here for three rows of X."""
    x = Matrix(3, 2, symbols("x_1:7", real=True))
    v = Matrix(symbols("v_1 v_2", real=True))
    s = symbols("s_1:4", positive=True)
    squares = Add(*(s_i * entry**2 for s_i, entry in zip(s, x * v, strict=True)))
    return is_identity((v.T * x.T * diag(*s) * x * v)[0], squares) and squares.is_nonnegative


def prove_pos_weight_form_is_the_loss() -> bool:
    """With pos_weight a: (a y + 1 - y) log(1 + e^{-z}) + (1 - y) z is the weighted loss."""
    form = (a * y + 1 - y) * softplus(-z) + (1 - y) * z
    return is_identity(binary_cross_entropy_with_logits(z, y, a), form)


def prove_pos_weight_derivative() -> bool:
    """With pos_weight a the derivative in z is (1 - y) σ(z) - a y (1 - σ(z))."""
    slope = diff(binary_cross_entropy_with_logits(z, y, a), z)
    return is_identity(slope, (1 - y) * sigmoid(z) - a * y * (1 - sigmoid(z)))
