"""The proofs hold, none of them holds by accident, and SymPy agrees with the reference values."""

import math

import mpmath
import pytest
import sympy
from sympy import ShapeError

from companion import reference, symbolic
from companion.symbolic import (
    a,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    is_identity,
    p,
    sigmoid,
    softplus,
    stable_binary_cross_entropy_with_logits,
    y,
    z,
)

PROOFS = symbolic.proofs()
half = sympy.Rational(1, 2)


@pytest.mark.parametrize("name", PROOFS)
def test_proof_holds(name):
    assert PROOFS[name]() is True


@pytest.mark.parametrize("name", PROOFS)
def test_proof_states_what_it_proves(name):
    assert PROOFS[name].__doc__.strip()


def mean_without_n(n=symbolic.N, mean=symbolic.mean_binary_cross_entropy):
    return n * mean(n)


# What is broken, in `symbolic` itself, and the proofs that must then fail.
FAULTS = {
    "likelihood with swapped labels": (
        ("bernoulli", lambda p, y: p ** (1 - y) * (1 - p) ** y),
        ["likelihood_is_the_probability_of_the_label"],
    ),
    "loss with swapped labels": (
        ("binary_cross_entropy", lambda p, y: binary_cross_entropy(1 - p, y)),
        [
            "negative_log_likelihood_is_binary_cross_entropy",
            "product_of_likelihoods_becomes_sum_of_losses",
            "two_forms_of_the_derivative_agree",
        ],
    ),
    "loss with flipped sign": (
        ("binary_cross_entropy", lambda p, y: -binary_cross_entropy(p, y)),
        [
            "loss_is_smallest_where_probability_equals_label",
            "chain_rule_cancels_to_p_minus_y",
            "hessian_of_the_mean_is_diagonal",
        ],
    ),
    "loss in bits": (
        ("binary_cross_entropy", lambda p, y: binary_cross_entropy(p, y) / sympy.log(2)),
        ["loss_of_one_half_is_log_two"],
    ),
    "loss with an epsilon in the log": (
        (
            "binary_cross_entropy",
            lambda p, y: binary_cross_entropy(p + sympy.Rational(1, 10**7), y),
        ),
        ["loss_at_the_base_rate_is_the_entropy"],
    ),
    "entropy of the square score": (
        ("entropy", lambda p: p * (1 - p)),
        ["loss_at_the_base_rate_is_the_entropy"],
    ),
    "loss not linear in the label": (
        ("binary_cross_entropy", lambda p, y: binary_cross_entropy(p, y**2)),
        ["one_answer_for_all_is_judged_by_the_base_rate"],
    ),
    "mean without 1/N": (
        ("mean_binary_cross_entropy", mean_without_n),
        [
            "gradient_of_the_mean_has_one_over_n",
            "gradient_of_the_mean_for_every_n",
            "jacobian_of_the_mean_is_the_mean_of_the_rows",
            "hessian_of_the_mean_is_diagonal_for_every_n",
        ],
    ),
    "losses summed before the Jacobian": (
        ("losses", lambda n: sympy.ones(n, 1) * symbolic.mean_binary_cross_entropy(n)),
        ["jacobian_of_the_losses_is_diagonal"],
    ),
    "mirrored sigmoid": (
        ("sigmoid", lambda z: sigmoid(-z)),
        [
            "sigmoid_and_logit_are_inverse",
            "sigmoid_has_the_slope_sigma_times_one_minus_sigma",
            "derivative_in_the_logit_is_sigma_minus_y",
            "stable_form_is_the_loss",
            "branch_free_form_is_the_loss",
            "pos_weight_derivative",
        ],
    ),
    "sigmoid up to two": (
        ("sigmoid", lambda z: 2 * sigmoid(z)),
        [
            "sigmoid_of_the_opposite_is_the_complement",
            "derivative_at_logit_zero_is_one_half_minus_y",
            "loss_for_one_is_the_mirrored_loss_for_zero",
            "loss_is_convex_in_the_logit",
            "hessian_of_logistic_regression",
        ],
    ),
    "wrong at zero alone": (
        (
            "stable_binary_cross_entropy_with_logits",
            lambda z, y: (
                stable_binary_cross_entropy_with_logits(z, y)
                + sympy.Piecewise((1, sympy.Eq(z, 0)), (0, True))
            ),
        ),
        ["stable_form_is_the_loss"],
    ),
    "inverse on one side": (
        ("logit", lambda p: z if p == sigmoid(z) else symbolic.p),
        ["sigmoid_and_logit_are_inverse"],
    ),
    "mirrored softplus": (
        ("softplus", lambda z: softplus(-z)),
        ["loss_is_softplus_minus_y_z", "pos_weight_form_is_the_loss"],
    ),
    "forgotten absolute value": (
        ("Abs", lambda z: z),
        ["stable_form_is_the_loss", "branch_free_form_is_the_loss"],
    ),
    "shifted exponential": (("exp", lambda z: 1 + sympy.exp(z)), ["second_derivative_is_even"]),
    "negative diagonal": (
        ("diag", lambda *entries: -sympy.diag(*entries)),
        ["hessian_of_logistic_regression_is_never_negative"],
    ),
}


@pytest.mark.parametrize(
    ("fault", "proof"),
    [(fault, proof) for fault, (_, noticed_by) in FAULTS.items() for proof in noticed_by],
)
def test_proof_fails_when_a_fault_is_planted(fault, proof, monkeypatch):
    planted, _ = FAULTS[fault]
    monkeypatch.setattr(symbolic, *planted)
    assert PROOFS[proof]() is False


def test_every_proof_has_been_seen_failing():
    assert set(PROOFS) == {proof for _, noticed_by in FAULTS.values() for proof in noticed_by}


FALSE = {
    "σ(-z) = σ(z)": (sigmoid(-z), sigmoid(z)),
    "σ' = σ (1 + σ)": (sympy.diff(sigmoid(z), z), sigmoid(z) * (1 + sigmoid(z))),
    "loss = softplus + y z": (binary_cross_entropy_with_logits(z, y), softplus(z) + y * z),
    "derivative in p is p - y": (sympy.diff(binary_cross_entropy(p, y), p), p - y),
    "derivative in z is y - σ": (
        sympy.diff(binary_cross_entropy_with_logits(z, y), z),
        y - sigmoid(z),
    ),
    "off by 1e-30": (binary_cross_entropy(half, y), sympy.log(2) + sympy.Rational(1, 10**30)),
    "one entry of a matrix": (sympy.Matrix([p, y]), sympy.Matrix([p, p])),
}


@pytest.mark.parametrize("statement", FALSE)
def test_false_statement_is_no_identity(statement):
    assert is_identity(*FALSE[statement]) is False


def test_column_is_not_its_row():
    with pytest.raises(ShapeError):
        is_identity(symbolic.variables(3), symbolic.variables(3).T)


def test_odds_make_probability_and_its_complement_positive():
    for expression in (p, 1 - p, symbolic.probabilities[2], 1 - symbolic.probabilities[2]):
        assert sympy.factor(symbolic.in_odds(expression)).is_positive


def test_probability_symbol_is_no_part_of_the_indexed_probabilities():
    assert symbolic.mean_binary_cross_entropy(3).subs(p, half).has(symbolic.probabilities[1])
    assert sympy.diff(symbolic.mean_binary_cross_entropy(3), p) == 0


def test_written_out_mean_is_the_general_mean_at_that_n():
    general = symbolic.mean_binary_cross_entropy(symbolic.N)
    assert is_identity(general.subs(symbolic.N, 3).doit(), symbolic.mean_binary_cross_entropy(3))


def test_likelihood_of_three_labels_is_the_product_of_three():
    factors = [symbolic.bernoulli(symbolic.probabilities[j], symbolic.labels[j]) for j in (1, 2, 3)]
    assert symbolic.likelihood(3) == math.prod(factors)


def test_sympy_evaluates_a_small_softplus_to_zero():
    """Why the module sends you to `reference` for numbers."""
    assert sympy.N(sympy.log(1 + sympy.exp(-100)), 30) == 0
    assert reference.softplus(-100) > 0


# The step from symbols to numbers. At z = 745 a Hessian cancels 2 · 745 / log 10 = 647 digits.
DIGITS = 800
LOGITS = [0.0, *(sign * z for sign in (1, -1) for z in (1e-8, 0.3, 1.0, 30.0, 100.0, 745.0))]
PROBABILITIES = [1e-300, 1e-8, 0.3, 0.5, 0.74, 1 - 1e-9]
LABELS = [0.0, 1.0, 0.3, 0.5, 1 - 1e-9]
BRIDGES = {
    "sigmoid": (z, sigmoid(z)),
    "logit": (p, symbolic.logit(p)),
    "softplus": (z, softplus(z)),
    "binary_cross_entropy": (p, binary_cross_entropy(p, y)),
    "binary_cross_entropy_gradient": (p, sympy.diff(binary_cross_entropy(p, y), p)),
    "binary_cross_entropy_hessian": (p, sympy.diff(binary_cross_entropy(p, y), p, 2)),
}
for order, part in enumerate(["", "_gradient", "_hessian"]):
    loss = binary_cross_entropy_with_logits(z, y)
    BRIDGES["binary_cross_entropy_with_logits" + part] = (z, sympy.diff(loss, z, order))


@pytest.mark.parametrize("name", BRIDGES)
def test_derivative_by_sympy_is_the_reference_value(name):
    variable, expression = BRIDGES[name]
    evaluate = sympy.lambdify((variable, y), expression, "mpmath")
    function = getattr(reference, name)
    takes_label = expression.has(y) or "entropy" in name
    with mpmath.workdps(DIGITS):
        for x in LOGITS if variable is z else PROBABILITIES:
            for label in LABELS if takes_label else [0.0]:
                exact = function(x, label) if takes_label else function(x)
                by_sympy = evaluate(mpmath.mpf(x), mpmath.mpf(label))
                assert abs(exact - by_sympy) <= mpmath.mpf(10) ** -49 * abs(by_sympy), (x, label)


@pytest.mark.parametrize("part", ["", "_gradient", "_hessian"])
def test_weighted_derivative_by_sympy_is_the_reference_value(part):
    order = ["", "_gradient", "_hessian"].index(part)
    expression = sympy.diff(binary_cross_entropy_with_logits(z, y, a), z, order)
    evaluate = sympy.lambdify((z, y, a), expression, "mpmath")
    function = getattr(reference, "binary_cross_entropy_with_logits" + part)
    with mpmath.workdps(DIGITS):
        for x in LOGITS:
            for label in LABELS:
                exact = function(x, label, pos_weight=2.5)
                by_sympy = evaluate(mpmath.mpf(x), mpmath.mpf(label), mpmath.mpf(2.5))
                assert abs(exact - by_sympy) <= mpmath.mpf(10) ** -49 * abs(by_sympy), (x, label)


def test_stable_form_in_numbers_is_the_reference_value():
    evaluate = sympy.lambdify((z, y), stable_binary_cross_entropy_with_logits(z, y), "mpmath")
    with mpmath.workdps(DIGITS):
        for x in LOGITS:
            for label in LABELS:
                exact = reference.binary_cross_entropy_with_logits(x, label)
                assert abs(exact - evaluate(mpmath.mpf(x), mpmath.mpf(label))) <= (
                    mpmath.mpf(10) ** -49 * exact
                ), (x, label)
