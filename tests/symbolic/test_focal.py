"""The proofs about the focal loss hold, and each has been seen failing."""

import pytest

from companion.symbolic import focal

PROOFS = focal.proofs()


@pytest.mark.parametrize("name", PROOFS)
def test_proof_holds_and_says_what_it_proves(name):
    assert PROOFS[name]() is True
    assert PROOFS[name].__doc__.strip()


def _plain_as_the_statement_has_it(z, y, gamma, focal_loss=focal.focal_loss):
    stated = gamma == 2 and y in (0, 1)
    return focal_loss(z, y, 0 if stated else gamma)


# What is broken, in `focal` itself, and the proofs that must then fail.
FAULTS = {
    "attention to the wrong side": (
        ("miss", lambda z, y: (1 - y) * focal.sigmoid(-z) + y * focal.sigmoid(z)),
        [
            "derivative_is_the_product_rule_without_a_negative_power",
            "focal_loss_is_not_proper_for_gamma_two",
        ],
    ),
    "attention to label 1 alone": (
        ("miss", lambda z, y: y * focal.sigmoid(-z) + 1 - y),
        ["opposite_answer_to_the_opposite_question_costs_the_same"],
    ),
    "asked about other labels or another power": (
        ("focal_loss", _plain_as_the_statement_has_it),
        ["focal_loss_is_not_convex_for_gamma_two", "focal_loss_is_not_proper_for_gamma_two"],
    ),
    "bent elsewhere": (
        ("focal_loss", lambda z, y, gamma: (z + 3.5) ** 3),
        ["focal_loss_is_not_convex_for_gamma_two"],
    ),
    "no power": (
        ("focal_loss", lambda z, y, gamma: focal.binary_cross_entropy_with_logits(z, y)),
        ["focal_loss_is_not_convex_for_gamma_two", "focal_loss_is_not_proper_for_gamma_two"],
    ),
    "one more power": (
        ("focal_loss", lambda z, y, gamma: focal.miss(z, y) ** (gamma + 1)),
        ["gamma_zero_is_the_cross_entropy"],
    ),
}
CASES = [(fault, proof) for fault, (_, proofs) in FAULTS.items() for proof in proofs]


@pytest.mark.parametrize(("fault", "proof"), CASES)
def test_proof_fails_when_a_fault_is_planted(fault, proof, monkeypatch):
    (name, broken), _ = FAULTS[fault]
    monkeypatch.setattr(focal, name, broken)
    assert not PROOFS[proof]()


def test_every_proof_has_been_seen_failing():
    assert {proof for _, proof in CASES} == set(PROOFS)
