"""A half of a loss is written as a short formula, whatever its terms."""

import numpy as np
import pytest
from scipy.special import expit, log_expit

from companion.clinic.formulas import describe

P = np.array([0.3, 0.12, 0.41, 0.55, 0.68, 0.8, 0.93])
Z = np.array([0.4, -2.2, -1.1, -0.35, 0.6, 1.7, 2.6])
HALVES = {
    "-log p": (False, lambda p: -np.log(p), {"-log p": 1}),
    "-2 log(1-p)": (False, lambda p: -2 * np.log1p(-p), {"-log(1-p)": 2}),
    "log(2-p)": (False, lambda p: np.log(2 - p), {"log(2-p)": 1}),
    "p log p": (False, lambda p: p * np.log(p), {"p log p": 1}),
    "entropy": (
        False,
        lambda p: -p * np.log(p) - (1 - p) * np.log1p(-p),
        {"p log p": -1, "(1-p) log(1-p)": -1},
    ),
    "softplus(-z)": (True, lambda z: -log_expit(z), {"log(1+e^-z)": 1}),
    "z, not softplus(z) - softplus(-z)": (True, lambda z: z, {"z": 1}),
    "z²": (True, np.square, {"z²": 1}),
    "z softplus(z)": (True, lambda z: -z * log_expit(-z), {"z log(1+e^z)": 1}),
    "σ(z)": (True, expit, {"σ(z)": 1}),
}


@pytest.mark.parametrize(("logits", "half", "terms"), HALVES.values(), ids=HALVES)
def test_half_is_described_by_its_terms(logits, half, terms):
    x = Z if logits else P
    found = describe(x, half(x) - half(x[0]), logits)
    assert {name: pytest.approx(factor) for factor, name in found} == terms


def test_a_constant_half_has_no_terms():
    assert describe(P, np.zeros(7), logits=False) == []


def test_what_no_two_terms_say_is_not_described():
    assert describe(P, np.sin(9 * P) - np.sin(9 * P[0]), logits=False) is None


def test_nan_is_not_described():
    assert describe(P, np.full(7, np.nan), logits=False) is None
