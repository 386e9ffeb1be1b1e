"""The proofs about K classes hold, and each has been seen failing."""

import pytest
import sympy

from companion.symbolic import categorical as symbolic_categorical
from companion.symbolic.categorical import classes, cross_entropy, logits, softmax

PROOFS = symbolic_categorical.proofs()


@pytest.mark.parametrize("name", PROOFS)
def test_proof_holds_and_says_what_it_proves(name):
    assert PROOFS[name]() is True
    assert PROOFS[name].__doc__.strip()


# What is broken, in `symbolic_categorical` itself, and the proofs that must then fail.
FAULTS = {
    "softmax of the opposite": (
        ("softmax", lambda z: softmax(-z)),
        [
            "softmax_jacobian_is_diagonal_minus_outer_product",
            "softmax_of_two_is_the_sigmoid_of_the_difference",
            "cross_entropy_of_two_is_the_binary_loss",
            "gradient_is_softmax_minus_label",
        ],
    ),
    "softmax that is not normalised": (
        ("softmax", lambda z: z.applyfunc(sympy.exp)),
        ["shift_of_all_logits_changes_nothing", "softmax_jacobian_sends_ones_to_zero"],
    ),
    "loss of the other labels": (
        ("cross_entropy", lambda z, q: cross_entropy(z, [1 - label for label in q])),
        ["gradient_of_two_is_the_binary_one_and_its_opposite"],
    ),
    "two independent sigmoids": (
        ("softmax", lambda z: z.applyfunc(lambda entry: 1 / (1 + sympy.exp(-entry)))),
        ["hessian_is_the_jacobian_of_the_softmax", "jacobian_is_a_sum_of_squares"],
    ),
    "loss in bits": (
        ("cross_entropy", lambda z, q: cross_entropy(z, q) / sympy.log(2)),
        ["hessian_of_two_is_the_binary_one_four_times"],
    ),
}
CASES = [(fault, proof) for fault, (_, proofs) in FAULTS.items() for proof in proofs]


@pytest.mark.parametrize(("fault", "proof"), CASES)
def test_proof_fails_when_a_fault_is_planted(fault, proof, monkeypatch):
    (name, broken), _ = FAULTS[fault]
    monkeypatch.setattr(symbolic_categorical, name, broken)
    assert not PROOFS[proof]()


def test_every_proof_has_been_seen_failing():
    assert {proof for _, proof in CASES} == set(PROOFS)


def test_loss_refuses_labels_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        cross_entropy(logits(3), classes(2))


def test_label_of_classes_sums_to_one():
    assert sympy.simplify(sum(classes(3))) == 1
    assert classes(2).shape == logits(2).shape
