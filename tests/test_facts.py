"""The facts that a `Formula` states of its loss: convex, symmetric, proper, its smallest value.

Each holds for every loss that claims it, the NumPy functions and the twins alike; and each law is
seen to fail for a loss that claims it falsely.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from companion import categorical, focal, sigmoid, softmax
from companion._numpy import binary as binary_formulas
from companion._numpy import categorical as categorical_formulas
from companion._numpy.formula import Formula
from tests.tables.losses import LOGITS, LOSSES

torch_losses = pytest.importorskip("companion.torch_losses")
torch = pytest.importorskip("torch")

EPS = np.finfo(np.float64).eps
TINY = 5e-324


@dataclass(frozen=True)
class Subject:
    """A loss of one question with K answers (1 for yes or no), and what it claims."""

    name: str
    formula: Formula
    value: Callable  # (answer, label) -> loss; both are numbers for K = 1, else arrays of K
    classes: int = 1
    weighs: bool = False  # whether its options treat the answers differently
    smooths: bool = False  # whether its options move the label

    def __str__(self):
        return self.name

    @property
    def symmetric(self):
        return self.formula.symmetric and not self.weighs

    @property
    def proper(self):
        return self.formula.proper and not (self.weighs or self.smooths)


SEEN = set()  # the twins that are a subject


def of_tensors(function, **options):
    """Return a twin as a function of numbers or arrays."""
    SEEN.add(function.__name__)

    def value(answer, label):
        tensors = (torch.as_tensor(np.asarray(each, dtype=np.float64)) for each in (answer, label))
        return float(function(*tensors, **options))

    return value


BINARY = [
    Subject(
        loss.name,
        loss.formula,
        loss.value,
        weighs=loss.weighs_labels,
        smooths="label_smoothing" in loss.options,
    )
    for loss in LOSSES
]
CATEGORICAL = [
    Subject(f"{k} classes, {formula.argument}", formula, function, classes=k)
    for k in (2, 5)
    for formula, function in (
        (categorical_formulas.LOGITS, categorical.cross_entropy),
        (categorical_formulas.PROBABILITIES, categorical.cross_entropy_from_probabilities),
    )
]
TWINS = [
    Subject(
        "twin, logits",
        binary_formulas.LOGITS,
        of_tensors(torch_losses.binary_cross_entropy_with_logits),
    ),
    Subject(
        "twin, pos_weight",
        binary_formulas.LOGITS,
        of_tensors(
            torch_losses.binary_cross_entropy_with_logits, pos_weight=torch.tensor(2.5).double()
        ),
        weighs=True,
    ),
    Subject(
        "twin, probabilities",
        binary_formulas.PROBABILITIES,
        of_tensors(torch_losses.binary_cross_entropy),
    ),
    Subject(
        "twin, focal",
        focal._formula(2.0),
        of_tensors(torch_losses.sigmoid_focal_loss, alpha=-1, reduction="mean"),
    ),
    *(
        Subject(
            f"twin, {k} classes",
            categorical_formulas.LOGITS,
            of_tensors(torch_losses.cross_entropy),
            classes=k,
        )
        for k in (2, 5)
    ),
]
SUBJECTS = [*BINARY, *CATEGORICAL, *TWINS]


# What is drawn ----------------------------------------------------------------------------------


def answers(subject):
    """Draw where the loss bends, and from all of its range but the ends."""
    if subject.formula.argument == "probabilities":
        bend, rest = st.integers(1, 255).map(lambda n: n / 256), st.floats(1e-300, 1 - EPS)
    else:
        bend, rest = st.integers(-96, 96).map(lambda n: n / 8), st.floats(-1e300, 1e300)
    one = bend | bend | bend | rest
    if subject.classes == 1:
        return one
    return st.lists(one, min_size=subject.classes, max_size=subject.classes).map(np.array)


def labels(subject):
    """Draw hard and soft labels; those of several classes sum to 1."""
    if subject.classes == 1:
        return st.sampled_from([0.0, 1.0]) | st.integers(0, 16).map(lambda n: n / 16)
    shares = st.lists(st.integers(0, 8), min_size=subject.classes, max_size=subject.classes)
    return shares.filter(any).map(lambda n: np.array(n) / sum(n))


def chances(subject):
    """Draw true probabilities, none of them 0 or 1."""
    if subject.classes == 1:
        return st.integers(1, 63).map(lambda n: n / 64)
    shares = st.lists(st.integers(1, 8), min_size=subject.classes, max_size=subject.classes)
    return shares.map(lambda n: np.array(n) / sum(n))


# The laws ---------------------------------------------------------------------------------------


def convex(subject, data):
    """Between two answers the loss is not above the chord."""
    low, far, label = (data.draw(s) for s in (answers(subject),) * 2 + (labels(subject),))
    # A short chord sees what bends in a small place
    high = low + data.draw(st.sampled_from([1 / 16, 1 / 8, 1 / 4, 1])) * (far - low)
    share = data.draw(st.sampled_from([0.25, 0.5, 0.75]))
    chord = share * subject.value(low, label) + (1 - share) * subject.value(high, label)
    between = share * low + (1 - share) * high
    # The rounding of `between` moves the loss by its slope times half an ulp of each element. The
    # slope in a logit is at most 2.5 here, that in a probability 1 / p.
    steepest = 2.5
    if subject.formula.argument == "probabilities":
        steepest = 1 / np.min([between, 1 - between])
    moved = steepest * EPS * np.sum(abs(share * low) + abs((1 - share) * high))
    with np.errstate(over="ignore"):
        assert subject.value(between, label) <= chord * (1 + 8 * EPS) + moved + TINY


def symmetric(subject, data):
    """The opposite answer to the opposite question costs the same."""
    label = data.draw(labels(subject))
    if subject.classes > 1:
        answer = data.draw(answers(subject))
        there = subject.value(answer[::-1].copy(), label[::-1].copy())
    elif subject.formula.argument == "probabilities":
        answer = data.draw(st.integers(1, 2**20 - 1)) / 2**20  # 1 - p is exact
        there = subject.value(1 - answer, 1 - label)
    else:
        answer = data.draw(answers(subject))
        there = subject.value(-answer, 1 - label)
    # Each side is within 8 ULP: sums of K terms, powers
    np.testing.assert_allclose(subject.value(answer, label), there, rtol=16 * EPS, atol=TINY)


def proper(subject, data):
    """No answer is expected to cost less than the true chance."""
    chance, answer = data.draw(chances(subject)), data.draw(answers(subject))
    honest = chance
    if subject.formula.argument == "logits":
        honest = np.log(chance) - (np.log1p(-chance) if subject.classes == 1 else 0)
    elif subject.classes > 1:
        answer = answer / np.sum(answer)  # a distribution, as the honest answer is
    least = subject.value(honest, chance)
    assert least <= subject.value(answer, chance) * (1 + 16 * EPS)


def not_below(subject, data):
    """No loss is below the smallest value."""
    answer, label = data.draw(answers(subject)), data.draw(labels(subject))
    assert subject.value(answer, label) >= subject.formula.smallest


def hold(law, subject, examples=100):
    @settings(max_examples=examples, suppress_health_check=[HealthCheck.filter_too_much])
    @given(data=st.data())
    def law_holds(data):
        law(subject, data)

    law_holds()


CASES = [
    *((convex, subject) for subject in SUBJECTS if subject.formula.convex),
    *((symmetric, subject) for subject in SUBJECTS if subject.symmetric),
    *((proper, subject) for subject in SUBJECTS if subject.proper),
    *((not_below, subject) for subject in SUBJECTS),
]


@pytest.mark.parametrize(
    ("law", "subject"), CASES, ids=lambda case: getattr(case, "__name__", str(case))
)
def test_fact_holds(law, subject):
    hold(law, subject)


@pytest.mark.parametrize("fact", ["convex", "symmetric", "proper"])
def test_every_fact_is_claimed_by_binary_and_categorical_losses_and_by_twins(fact):
    claimed = {subject for law, subject in CASES if law.__name__ == fact}
    for family in (BINARY, CATEGORICAL, TWINS):
        assert claimed & {*family}


# Planted faults ---------------------------------------------------------------------------------

PLAIN = next(subject for subject in SUBJECTS if subject.name == str(LOGITS))
FIVE = next(subject for subject in SUBJECTS if subject.name == "5 classes, logits")


def ripples(logit, label):
    """The loss with ripples whose second derivative reaches -3, on 4 < |z| < 9 alone."""
    ripple = 0.03 * (1 - np.cos(10 * logit)) if 4 < abs(logit) < 9 else 0
    return LOGITS.value(logit, label) + ripple


LIARS = {
    "ripples called convex": (convex, replace(PLAIN, value=ripples)),
    "focal loss called convex": (
        convex,
        replace(PLAIN, value=focal.binary_focal_cross_entropy_with_logits),
    ),
    "focal loss called proper": (
        proper,
        replace(PLAIN, value=focal.binary_focal_cross_entropy_with_logits),
    ),
    "absolute error called proper": (
        proper,
        replace(PLAIN, value=lambda z, y: y * sigmoid(-z) + (1 - y) * sigmoid(z)),
    ),
    "pos_weight called symmetric": (
        symmetric,
        replace(PLAIN, value=partial(LOGITS.value, pos_weight=1.001)),
    ),
    "class weights called symmetric": (
        symmetric,
        replace(FIVE, value=partial(categorical.cross_entropy, weight=[1, 1, 1, 1, 1.001])),
    ),
    "share of wrong answers called proper": (
        proper,
        replace(FIVE, value=lambda z, q: 1 - softmax(z) @ q),
    ),
    "a little less than the loss": (
        not_below,
        replace(PLAIN, value=lambda z, y: LOGITS.value(z, y) - 1e-12),
    ),
    "a concave loss of five classes": (
        convex,
        replace(FIVE, value=lambda z, q: np.sqrt(categorical.cross_entropy(z, q))),
    ),
}


@pytest.mark.parametrize(("law", "liar"), LIARS.values(), ids=LIARS)
def test_law_fails_for_a_loss_that_claims_it_falsely(law, liar):
    # 100 examples miss the ripples once in twenty times, and the others in none of a hundred
    with pytest.raises(AssertionError):
        hold(law, liar, examples=400)


def test_each_twin_is_a_subject():
    assert {name for name in torch_losses.__all__ if name.islower()} == SEEN
