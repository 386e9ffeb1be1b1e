"""Binary cross-entropy against mpmath over the whole range, and at its ends."""

import mpmath
import numpy as np
import pytest

from companion import binary, reference
from companion.binary import (
    binary_cross_entropy,
    binary_cross_entropy_gradient,
    binary_cross_entropy_hessian,
    binary_cross_entropy_jacobian,
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_gradient,
    binary_cross_entropy_with_logits_hessian,
)
from companion.elementary import sigmoid
from tests.tables.grids import (
    LABELS,
    absolute_errors,
    draw_batch,
    logits,
    probabilities,
    worst_ulp,
)
from tests.tables.losses import ON_LOGITS, ON_PROBABILITIES

EPS = np.finfo(np.float64).eps
INF = np.inf
TINY = {dtype: float(np.finfo(dtype).smallest_subnormal) for dtype in (np.float64, np.float32)}
DTYPES = [np.float64, np.float32, np.float16]


def exact_values(function, points, label, **options):
    exact = getattr(reference, function.__name__)
    return [exact(point, label, **options) for point in points]


def bound(dtype, in_float64):
    """Return the bound in ULP on the grids, which is inside the promise."""
    # float16 is float32, off by up to 3 of its ULP (each 2⁻¹³ ULP of float16), rounded once more.
    return {np.float64: in_float64, np.float32: 3, np.float16: 0.5 + 3 * 2**-13}[dtype]


# Accuracy ---------------------------------------------------------------------------------------

# (part, bound in ULP in float64, labels) on the grids; the promise itself, and a soft-label
# gradient, have tests of their own below
KEPT_ON_LOGITS = [("value", 2, LABELS), ("gradient", 2, LABELS[:2]), ("hessian", 4, LABELS[:1])]
KEPT_ON_PROBABILITIES = [("value", 2, LABELS), ("gradient", 3, LABELS), ("hessian", 4, LABELS)]


def each(kept):
    return pytest.mark.parametrize(
        ("part", "ulp", "label"),
        [(part, ulp, label) for part, ulp, labels in kept for label in labels],
    )


@pytest.mark.parametrize("dtype", DTYPES)
@each(KEPT_ON_LOGITS)
def test_on_logits_is_as_accurate_as_promised_over_the_whole_range(part, ulp, label, dtype):
    points, label = logits(dtype), dtype(label)
    computed = ON_LOGITS[part](points, label, reduction="none")
    assert computed.dtype == dtype
    exact = exact_values(ON_LOGITS[part], points, label)
    assert worst_ulp(computed, exact) <= bound(dtype, ulp)


@pytest.mark.parametrize("dtype", DTYPES)
@each(KEPT_ON_PROBABILITIES)
def test_on_probabilities_is_as_accurate_as_promised_over_the_whole_range(part, ulp, label, dtype):
    points, label = probabilities(dtype), dtype(label)
    computed = ON_PROBABILITIES[part](points, label, reduction="none")
    assert computed.dtype == dtype
    exact = exact_values(ON_PROBABILITIES[part], points, label)
    assert worst_ulp(computed, exact) <= bound(dtype, ulp)


# The worst of some millions of draws: exp's error counts twice where a result falls just below a
# power of 2, and the other roundings have the same sign.
@pytest.mark.parametrize(
    ("functions", "part", "point", "label", "ulp"),
    [
        (ON_LOGITS, "value", np.float64(-3.463373535796303), 4.1e-12, 3),
        (ON_LOGITS, "value", np.float32(-2.042401), 0, 4),
        (ON_LOGITS, "value", np.float32(-2.042401), 9.03e-6, 4),
        (ON_LOGITS, "gradient", np.float64(-5.54304294133608), 0, 3),
        (ON_LOGITS, "gradient", np.float64(6.238324620049849), 1, 3),
        (ON_LOGITS, "hessian", np.float64(11.09033176101673), 0, 5),
        (ON_LOGITS, "hessian", np.float64(-4.842999255227169), 0, 5),
        (ON_PROBABILITIES, "value", np.float64(0.9997237795666927), 0.0258191061340674, 3),
        (ON_PROBABILITIES, "value", np.float32(0.7828563), 1, 5),
        (ON_PROBABILITIES, "value", np.float32(0.7789597), 0.99996114, 5),
        (ON_PROBABILITIES, "gradient", np.float64(0.14644675009893976), 0.6464471477924255, 4),
    ],
)
def test_the_promise_holds_where_roundings_add_up(functions, part, point, label, ulp):
    points, label = np.full(8, point), type(point)(label)
    computed = functions[part](points, label, reduction="none")
    assert worst_ulp(computed, exact_values(functions[part], points, label)) <= ulp


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("label", "ulp"),
    # No formula in one working precision does better near σ = y. Where both
    # are small, exp (1 ULP), 1 + e, the quotient and the difference (a half each) make it 2.5, or
    # nearly 3 where the quotient falls just below a power of 2.
    [(0.3, 2), (0.5, 2), (0.9, 2), (1 - 1e-9, 2), (0.001, 2.5), (1e-9, 3), (3.9e-21, 3)],
)
def test_soft_label_gradient_is_within_ulps_of_the_larger_of_sigma_and_label(label, ulp, dtype):
    rng = np.random.default_rng(0)
    zero = np.log(label) - np.log1p(-label)
    near = [zero + rng.normal(0, scale, 150) for scale in (1e-7, 1, 10)]
    near.append([10.250114455380357])  # where (k + q e)/(1 + e) is off by 2.1 ulp with label 0.3
    near.append([-9.704060524836065])  # and by 2.8 with 3.9e-21
    points = np.concatenate([logits(dtype), np.concatenate(near).astype(dtype)])
    label = dtype(label)
    computed = binary_cross_entropy_with_logits_gradient(points, label, reduction="none")
    exact = exact_values(binary_cross_entropy_with_logits_gradient, points, label)
    unit = np.spacing(np.maximum(sigmoid(points), label)).astype(float)
    assert np.max(absolute_errors(computed, exact) / unit) <= bound(dtype, ulp)


@pytest.mark.parametrize(
    "options",
    [
        {"pos_weight": 0.0},
        {"pos_weight": 0.1},
        {"pos_weight": 2.5},
        {"pos_weight": 1e6},
        {"label_smoothing": 0.1},
        {"label_smoothing": 0.25, "pos_weight": 3.0},
        {"weight": 0.7, "pos_weight": 3.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("part", ON_LOGITS)
@pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
def test_options_keep_the_digits(part, label, options):
    points = logits()[::3]
    computed = ON_LOGITS[part](points, label, reduction="none", **options)
    exact = exact_values(ON_LOGITS[part], points, label, **options)
    weight, pos_weight, smoothing = (
        options.get(name, default)
        for name, default in [("weight", 1), ("pos_weight", 1), ("label_smoothing", 0)]
    )
    smoothed = label * (1 - smoothing) + smoothing / 2
    yes, no = weight * pos_weight * smoothed, weight * (1 - smoothed)
    if part == "gradient":
        size = np.maximum(no * sigmoid(points), yes * sigmoid(-points))
    else:
        size = np.array([float(e) for e in exact])
    # To the promised 5 ULP add the roundings of A, A + B and the product with the weight; where
    # the label is smoothed, its own rounding moves it by EPS, as much as the loss depends on it.
    moved = EPS * (weight * max(pos_weight, 1) if smoothing else 0)
    sensitivity = {"value": abs(points) + 1, "gradient": 1, "hessian": size}[part]
    allowed = 7 * EPS * size + moved * sensitivity
    np.testing.assert_array_less(absolute_errors(computed, exact), allowed + 1e-307)


# Ends of the range ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logit", "label", "value", "gradient"),
    [
        (INF, 1, 0, 0),
        (INF, 0, INF, 1),
        (INF, 0.25, INF, 0.75),
        (-INF, 1, INF, -1),
        (-INF, 0, 0, 0),
        (-INF, 0.25, INF, -0.25),
        (0, 1, np.log(2), -0.5),
        (-0.0, 0.25, np.log(2), 0.25),
        (1e4, 0, 1e4, 1),
        (-1e9, 1, 1e9, -1),
        (1e9, 1, 0, 0),
        (1e308, 0, 1e308, 1),
    ],
)
def test_logits_at_the_ends_give_the_limit(logit, label, value, gradient):
    assert binary_cross_entropy_with_logits(logit, label) == value
    assert binary_cross_entropy_with_logits_gradient(logit, label) == gradient
    hessian = binary_cross_entropy_with_logits_hessian(logit, label)
    assert hessian == (0.25 if logit == 0 else 0)


@pytest.mark.parametrize(
    ("probability", "label", "value", "gradient", "hessian"),
    [
        (0, 0, 0, 1, 1),
        (0, 1, INF, -INF, INF),
        (0, 0.25, INF, -INF, INF),
        (1, 1, 0, -1, 1),
        (1, 0, INF, INF, INF),
        (1, 0.25, INF, INF, INF),
        (0.5, 0.5, np.log(2), 0, 4),
        (0.5, 1, np.log(2), -2, 4),
        (5e-324, 0, 5e-324, 1, 1),
    ],
)
def test_probabilities_at_the_ends_give_the_limit(probability, label, value, gradient, hessian):
    assert binary_cross_entropy(probability, label) == value
    assert binary_cross_entropy_gradient(probability, label) == gradient
    assert binary_cross_entropy_hessian(probability, label) == hessian


@pytest.mark.parametrize("pos_weight", [0.0, 0.5, 2.0])
def test_infinite_logit_with_pos_weight_gives_the_limit(pos_weight):
    loss, slope = binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_gradient
    assert loss(INF, 1, pos_weight=pos_weight) == 0
    assert loss(-INF, 1, pos_weight=pos_weight) == (INF if pos_weight else 0)
    assert loss(INF, 0, pos_weight=pos_weight) == INF
    assert slope(-INF, 1, pos_weight=pos_weight) == -pos_weight
    assert slope(INF, 0.5, pos_weight=pos_weight) == 0.5
    assert slope(-INF, 0.5, pos_weight=pos_weight) == -pos_weight / 2


@pytest.mark.parametrize("label", [0.0, 1.0, 0.25, 0.625])
def test_gradient_at_logit_zero_is_one_half_minus_label(label):
    # Where |z| and [z > 0] have a kink, autograd of the stable formula gives −y instead.
    assert binary_cross_entropy_with_logits_gradient(0.0, label) == 0.5 - label


@pytest.mark.parametrize("label", [0.0, 1.0, 0.25, 1 / 3])
def test_gradient_is_zero_where_probability_equals_label(label):
    expected = {0.0: 1, 1.0: -1}.get(label, 0)  # at the ends the other term stays
    assert binary_cross_entropy_gradient(label, label) == expected


# Options and kinds of input ----------------------------------------------------------------------


def test_loss_of_logits_is_the_loss_of_their_sigmoid_where_the_sigmoid_keeps_digits():
    batch = draw_batch()
    # p = σ(z) is within 2 ULP, and the loss multiplies that by |dℓ/dp|·p, at most 1/(1 − p).
    result = binary_cross_entropy(sigmoid(batch["logits"]), batch["labels"], reduction="none")
    expected = binary_cross_entropy_with_logits(batch["logits"], batch["labels"], reduction="none")
    np.testing.assert_allclose(result, expected, atol=4 * EPS / sigmoid(-batch["logits"]).min())


def test_pos_weight_of_one_changes_no_digit():
    batch = draw_batch()
    for function in ON_LOGITS.values():
        plain = function(batch["logits"], batch["labels"], reduction="none")
        weighted = function(
            batch["logits"], batch["labels"], pos_weight=np.ones(3), reduction="none"
        )
        # A + B = y + (1 − y) and k = B h − A (1 − h) round once more.
        np.testing.assert_allclose(weighted, plain, rtol=4 * EPS, atol=EPS)


# The Jacobian -----------------------------------------------------------------------------------


def test_jacobian_is_diagonal_with_the_elementwise_gradient():
    batch = draw_batch()
    first, labels, weight = (batch[n].ravel() for n in ("probabilities", "labels", "weight"))
    jacobian = binary_cross_entropy_jacobian(first, labels, weight=weight)
    gradient = binary_cross_entropy_gradient(first, labels, weight=weight, reduction="none")
    np.testing.assert_array_equal(jacobian, np.diag(gradient))


def test_mean_of_the_rows_of_the_jacobian_is_the_gradient_of_the_mean():
    batch = draw_batch()
    first, labels = batch["probabilities"][:, 0], batch["labels"][:, 0]
    jacobian = binary_cross_entropy_jacobian(first, labels)
    gradient = binary_cross_entropy_gradient(first, labels)
    np.testing.assert_allclose(jacobian.mean(axis=0), gradient, rtol=2 * EPS)


def test_jacobian_keeps_the_dtype_and_takes_nothing_and_scalar_labels():
    assert binary_cross_entropy_jacobian([], []).shape == (0, 0)
    first = np.array([0.25, 0.5], np.float32)
    jacobian = binary_cross_entropy_jacobian(first, 1)
    assert jacobian.dtype == np.float32
    np.testing.assert_array_equal(jacobian, [[-4, 0], [0, -2]])
    assert jacobian.flags.writeable


@pytest.mark.parametrize("shape", [(), (2, 3), (1, 1)], ids=str)
def test_jacobian_of_anything_but_a_vector_is_a_value_error(shape):
    with pytest.raises(ValueError, match=r"probabilities: expected one dimension.*ravel"):
        binary_cross_entropy_jacobian(np.full(shape, 0.5), np.ones(shape))


# Worked example ---------------------------------------------------------------------------------


def test_worked_example_has_the_loss_and_gradient_of_the_formulas():
    first, labels = np.array([0.4, 0.5, 0.8, 0.2]), np.array([1, 0, 1, 1])
    loss = -(np.log(0.4) + np.log(0.5) + np.log(0.8) + np.log(0.2)) / 4
    np.testing.assert_allclose(binary_cross_entropy(first, labels), loss, rtol=4 * EPS)
    gradient = [-1 / (4 * 0.4), 1 / (4 * 0.5), -1 / (4 * 0.8), -1 / (4 * 0.2)]
    result = binary_cross_entropy_gradient(first, labels)
    np.testing.assert_allclose(result, gradient, rtol=4 * EPS)


def test_mean_divides_by_the_number_of_elements_and_not_of_rows():
    first, labels = np.full((4, 3), 0.25), np.ones((4, 3))
    np.testing.assert_allclose(binary_cross_entropy(first, labels), np.log(4), rtol=2 * EPS)
    assert np.all(binary_cross_entropy_gradient(first, labels) == -4 / 12)


def test_every_loss_has_its_three_derivatives():
    for stem in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        for suffix in ("", "_gradient", "_hessian", "_value_and_gradient"):
            assert f"{stem}{suffix}" in binary.__all__


def test_weighted_mean_survives_weights_that_overflow_a_narrow_sum():
    weight = np.full(10, 1e38, np.float32)
    zeros = np.zeros(10, np.float32)
    gradient = binary_cross_entropy_with_logits_gradient(
        zeros, zeros, weight=weight, reduction="weighted_mean"
    )
    np.testing.assert_allclose(gradient, 0.05, rtol=2 * np.finfo(np.float32).eps)
    value = binary_cross_entropy_with_logits(
        np.float16(0), 1, weight=1e-46, reduction="weighted_mean"
    )
    assert value == np.float32(np.log(2))


STEEP = [  # part, probability: the derivative for label 1 overflows, that of a mean does not
    ("gradient", np.float64, 1e-310),
    ("gradient", np.float64, 3e-311),
    ("gradient", np.float32, 2.0**-130),
    ("hessian", np.float64, 4e-155),
    ("hessian", np.float64, 1e-160),
    ("gradient", np.float64, 0.25),  # whose product with a large weight does
    ("gradient", np.float64, 1 - 1e-9),
    ("hessian", np.float64, 0.25),
]


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.5}], ids=["plain", "smoothed"])
@pytest.mark.parametrize("weight", [None, 0.0, 1e-20, 0.5])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "weighted_mean"])
@pytest.mark.parametrize("label", [1.0, 0.25, 0.0])
@pytest.mark.parametrize(("part", "dtype", "p"), STEEP, ids=str)
def test_weighted_derivative_overflows_only_if_it_is_too_large_itself(
    part, dtype, p, label, reduction, weight, options
):
    probabilities = np.full(1000, 0.5, dtype)
    probabilities[7] = p
    mass = np.ones(1000, dtype)
    mass[7] = 1 if weight is None else weight * (np.finfo(dtype).max if weight == 0.5 else 1)
    weights = None if weight is None else mass
    divisor = 1
    if "mean" in reduction:
        divisor = mpmath.fsum(map(float, mass)) if reduction == "weighted_mean" else 1000
    computed = ON_PROBABILITIES[part](
        probabilities, np.full(1000, label, dtype), weight=weights, reduction=reduction, **options
    )
    with mpmath.workdps(60):
        q, e = mpmath.mpf(float(dtype(p))), mpmath.mpf(options.get("label_smoothing", 0)) / 2
        yes = label * (1 - 2 * e) + e
        exact = (q - yes) / (q * (1 - q))
        if part == "hessian":
            exact = yes / q**2 + (1 - yes) / (1 - q) ** 2
        exact *= float(mass[7])
    with np.errstate(over="ignore"):
        exact = dtype(float(exact / divisor))
    # 4 ULP of the gradient and of the Hessian, then a weight and a division
    np.testing.assert_allclose(computed[7], exact, rtol=6 * np.finfo(dtype).eps, atol=TINY[dtype])


def test_weighted_derivative_keeps_what_smoothing_leaves_for_the_other_label():
    p, options = np.array([1 - EPS / 2]), {"label_smoothing": 1e-17, "reduction": "weighted_mean"}
    for part in ("gradient", "hessian"):
        plain = ON_PROBABILITIES[part](p, [1.0], **options)
        computed = ON_PROBABILITIES[part](p, [1.0], weight=[1e300], **options)
        np.testing.assert_allclose(computed, plain, rtol=6 * EPS)


def test_gradient_next_to_a_label_of_one_half():
    p, y = 0.5 - 2.0**-54, 0.5 + 2.0**-53  # 1 - p rounds
    assert binary_cross_entropy_gradient(p, y) == pytest.approx(-12 * 2.0**-54, rel=3 * EPS, abs=0)


def test_weighted_derivative_of_a_certain_wrong_answer_stays_infinite():
    probabilities, labels, weight = [0.0, 1.0, 0.0, 1.0], [1, 0, 1, 0], [0.5, 0.25, 0, 0]
    for part, exact in (("gradient", [-INF, INF, 0, 0]), ("hessian", [INF, INF, 0, 0])):
        computed = ON_PROBABILITIES[part](probabilities, labels, weight=weight)
        np.testing.assert_array_equal(computed, exact)


def test_derivative_of_a_scalar_probability_near_0_is_the_sum_of_finite_shares():
    computed = binary_cross_entropy_gradient(1e-310, np.r_[np.ones(1), np.zeros(9999)])
    with mpmath.workdps(60):
        p = mpmath.mpf(1e-310)
        exact = float((-1 / p + 9999 / (1 - p)) / 10000)
    np.testing.assert_allclose(computed, exact, rtol=6 * EPS)


# Label smoothing --------------------------------------------------------------------------------


@pytest.mark.parametrize("label", [0, 1, 0.25])
@pytest.mark.parametrize(
    ("dtype", "smoothing"), [(np.float64, 1e-10), (np.float64, 1e-15), (np.float32, 1e-7)]
)
def test_smoothed_labels_keep_the_digits_of_both_sides(dtype, smoothing, label):
    points = np.array([270.0, -270.0, 50.0, -50.0, 3.0], dtype)
    computed = ON_LOGITS["value"](points, label, label_smoothing=smoothing, reduction="none")
    exact = exact_values(ON_LOGITS["value"], points, label, label_smoothing=smoothing)
    # 2 and 3 ULP as without smoothing, and the roundings of the two labels
    assert worst_ulp(computed, exact) <= bound(dtype, 2) + 2


@pytest.mark.parametrize("label", [0.0, 1.0, 0.25, 1 - 1e-9])
@pytest.mark.parametrize(
    ("dtype", "smoothing"),
    [(np.float64, s) for s in (1e-20, 1e-10, 0.1, 1.0)] + [(np.float32, s) for s in (1e-7, 0.1)],
)
def test_smoothed_labels_keep_the_digits_of_both_sides_of_a_probability(dtype, smoothing, label):
    points, label = probabilities(dtype), dtype(label)
    with mpmath.workdps(60):
        e = mpmath.mpf(smoothing)
        yes = (1 - e) * float(label) + e / 2
        exact = {name: [] for name in ON_PROBABILITIES}
        terms = []
        for p in map(mpmath.mpf, points.tolist()):
            exact["value"].append(-yes * mpmath.log(p) - (1 - yes) * mpmath.log1p(-p))
            terms.append(float(max(yes / p, (1 - yes) / (1 - p))))
            exact["gradient"].append((1 - yes) / (1 - p) - yes / p)
            exact["hessian"].append(yes / p**2 + (1 - yes) / (1 - p) ** 2)
    options = {"label_smoothing": smoothing, "reduction": "none"}
    for part, ulp in (("value", 4), ("hessian", 6)):  # 2 and 4, and the roundings of the labels
        computed = ON_PROBABILITIES[part](points, label, **options)
        assert worst_ulp(computed, exact[part]) <= ulp
    finite = np.isfinite(dtype(terms))
    computed = binary_cross_entropy_gradient(points, label, **options)
    errors = absolute_errors(computed[finite], np.array(exact["gradient"], dtype=object)[finite])
    np.testing.assert_array_less(errors, 3 * np.finfo(dtype).eps * np.array(terms)[finite])


def test_smoothed_certainty_costs_infinity_at_the_ends_and_the_jacobian_takes_the_smoothing_too():
    assert binary_cross_entropy(0, 0, label_smoothing=0.1) == INF
    slopes = binary_cross_entropy_gradient(
        [0.0, 1.0], [0, 1], label_smoothing=0.1, reduction="none"
    )
    np.testing.assert_array_equal(slopes, [-INF, INF])
    jacobian = binary_cross_entropy_jacobian([0.5, 0.25], [1, 0], label_smoothing=0.5)
    np.testing.assert_array_equal(jacobian, np.diag([-1.0, 0.0]))
