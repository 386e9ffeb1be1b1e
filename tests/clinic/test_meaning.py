"""What is meant, against mpmath: values and derivatives, with weights, smoothing, base, mask."""

import math

import mpmath
import numpy as np
import pytest

from companion.clinic.meaning import Meaning
from companion.clinic.patient import Question

X = {"logits": [1.3, -0.7, 0.4], "probabilities": [0.8, 0.3, 0.6]}
Y = [1.0, 0.0, 0.3]
ROWS = {
    "logits": [[1.2, -0.6, 0.3], [-0.4, 0.9, 1.7]],
    "probabilities": [[0.6, 0.1, 0.3], [0.2, 0.7, 0.1]],
}
OPTIONS = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "bits": {"base": 2.0},
    "weights": {"weight": (1.0, 2.5)},
    "smoothing": {"smoothing": 0.1},
    "focal": {"gamma": 2.0},
    "all": {"reduction": "sum", "base": 10.0, "weight": (0.5, 3.0), "smoothing": 0.2},
}


def binary(x, inputs, y, weight=(1.0, 1.0), smoothing=0.0, base=math.e, gamma=0.0, **_):
    """Return the loss of one number from its definition, with 40 digits."""
    p = mpmath.sigmoid(x) if inputs == "logits" else x
    t = [(1 - y) * (1 - smoothing) + smoothing / 2, y * (1 - smoothing) + smoothing / 2]
    costs = [-mpmath.log(1 - p) * p**gamma, -mpmath.log(p) * (1 - p) ** gamma]
    return sum(a * w * c for a, w, c in zip(t, weight, costs, strict=True)) / mpmath.log(base)


def judged(inputs, options, order):
    with mpmath.workdps(40):
        found = [
            mpmath.diff(lambda v, y=y: binary(v, inputs, mpmath.mpf(y), **options), x, order)
            for x, y in zip(map(mpmath.mpf, X[inputs]), Y, strict=True)
        ]
        divisor = 1 if options.get("reduction") == "sum" else len(Y)
        if order:
            return np.array([float(each / divisor) for each in found])
        return float(sum(found) / divisor)


# The judge of the focal loss has a value, and its derivative by a logit.
JUDGED = {
    f"{inputs}-{name}-{want}": (inputs, options, want)
    for inputs in X
    for name, options in OPTIONS.items()
    for want in ("value", "gradient", "hessian")
    if "gamma" not in options or want == "value" or (inputs, want) == ("logits", "gradient")
}


@pytest.mark.parametrize(("inputs", "options", "want"), JUDGED.values(), ids=JUDGED)
def test_exact_is_the_definition(inputs, options, want):
    meaning = Meaning(inputs, **options)
    exact = meaning.exact(Question(np.array(X[inputs]), np.array(Y), want=want))
    order = ("value", "gradient", "hessian").index(want)
    # mpmath differentiates numerically with 40 digits: some 20 are left.
    np.testing.assert_allclose(exact, judged(inputs, options, order), rtol=4e-16 * 5)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("inputs", X)
def test_value_in_float64_is_near_the_exact_one(inputs, options):
    meaning, question = Meaning(inputs, **options), Question(np.array(X[inputs]), np.array(Y))
    np.testing.assert_allclose(
        meaning.value(question.x, question.y), meaning.exact(question), rtol=1e-14
    )


@pytest.mark.parametrize("labels", ["index", "one-hot"])
@pytest.mark.parametrize("inputs", ROWS)
def test_rows_are_judged_by_the_definition(inputs, labels):
    y = np.array([2, 1])
    want = []
    for row, k in zip(ROWS[inputs], y, strict=True):
        shares = [mpmath.exp(v) for v in row] if inputs == "logits" else row
        want.append(-mpmath.log(shares[k] / (sum(shares) if inputs == "logits" else 1)))
    meaning = Meaning(inputs, labels)
    question = Question(np.array(ROWS[inputs]), y if labels == "index" else np.eye(3)[y])
    assert float(meaning.exact(question)) == pytest.approx(float(sum(want) / 2), rel=1e-15, abs=0)
    assert float(meaning.value(question.x, question.y)) == pytest.approx(float(sum(want) / 2))


def test_an_ignored_label_counts_nowhere():
    meaning = Meaning("logits", "soft", ignore=-100)
    with_it = meaning.value(np.array([1.3, -0.7, 5.0]), np.array([1.0, 0.0, -100.0]))
    assert with_it == Meaning("logits").value(np.array([1.3, -0.7]), np.array([1.0, 0.0]))


def test_certain_and_right_costs_nothing_and_certain_and_wrong_infinity():
    meaning = Meaning("probabilities", reduction="none")
    found = meaning.exact(Question(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0])))
    assert found.tolist() == [0, 0, math.inf]


def test_a_question_is_judged_at_the_numbers_that_its_dtype_holds():
    meaning = Meaning("probabilities", "soft")
    exact = float(meaning.exact(Question(np.array([0.1]), np.array([1.0]), dtype="float32")))
    assert exact == pytest.approx(-math.log(float(np.float32(0.1))), rel=1e-15, abs=0)
    assert exact != -math.log(0.1)


def test_the_upstream_factor_multiplies_a_derivative():
    meaning, x, y = Meaning("logits"), np.array([0.5]), np.array([1.0])
    once = meaning.exact(Question(x, y, want="gradient"))
    assert meaning.exact(Question(x, y, want="gradient", upstream=0.1)) == pytest.approx(0.1 * once)


def test_epsilon_is_in_the_costs_and_not_in_the_exact_value():
    meaning = Meaning("probabilities", epsilon=1e-3)
    assert meaning.costs(0.0)[1] == pytest.approx(-math.log(1e-3))
    assert math.isinf(meaning.exact(Question(np.array([0.0]), np.array([1.0]))))


LADDER = {
    "logits": [
        s * z for z in (0.3, 8.0, 10.0, 17.0, 20.0, 36.0, 40.0, 90.0, 800.0) for s in (1, -1)
    ],
    "probabilities": [0.0, 1e-20, 1e-9, 0.3, 0.9, 1 - 1e-9, 1.0],
}


@pytest.mark.parametrize("labels", ["soft", "index"])
@pytest.mark.parametrize("inputs", LADDER)
def test_value_in_float64_keeps_its_digits_at_the_edges(inputs, labels):
    meaning = Meaning(inputs, labels, smoothing=0.0)
    for edge in LADDER[inputs]:
        for label in (0, 1):
            x = np.array(
                [edge]
                if labels == "soft"
                else [[edge, 0.0 if inputs == "logits" else 1 - edge, 0.0]]
            )
            y = np.array([label], float if labels == "soft" else int)
            value, exact = meaning.value(x, y), meaning.exact(Question(x, y))
            # Some roundings: the edges ask for three digits.
            np.testing.assert_allclose(value, exact, rtol=1e-14, err_msg=f"{x} {y}")
