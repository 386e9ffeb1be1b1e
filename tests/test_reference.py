"""The exact values against Python's `decimal`, which shares no code with mpmath."""

import decimal
import inspect
import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest

from companion import reference
from companion.reference import _exact

LOGITS = [0.0, *(s * z for s in (1, -1) for z in (1e-300, 1e-8, 0.3, 1.0, 30.0, 100.0, 745.0))]
LABELS = [0.0, 1.0, 0.3, 0.5, 1 - 1e-9]
PROBABILITIES = [5e-324, 1e-300, 1e-8, 0.3, 0.5, 0.74, 1 - 1e-9, 1 - 2**-53]
FAR = [1000.0, -1000.0, 1500.5, -1500.5, 1e4, -1e4]
INF, NAN = math.inf, math.nan

EXACT = decimal.Context(prec=1000, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
DIGITS = 50


def exp(x):
    return EXACT.exp(x)


def log(x):
    return EXACT.ln(x)


def sigma(z):
    return EXACT.divide(1, EXACT.add(1, exp(EXACT.minus(z))))


def in_decimal(formula, *arguments):
    with decimal.localcontext(EXACT):
        return formula(*map(decimal.Decimal, arguments))


# The definitions once more, in another arithmetic.
ELEMENTARY = {
    "sigmoid": sigma,
    "softplus": lambda z: log(1 + exp(z)),
    "log_sigmoid": lambda z: log(sigma(z)),
}
WITH_LOGITS = {
    "binary_cross_entropy_with_logits": lambda z, y: (
        -y * log(sigma(z)) - (1 - y) * log(1 - sigma(z))
    ),
    "binary_cross_entropy_with_logits_gradient": lambda z, y: sigma(z) - y,
    "binary_cross_entropy_with_logits_hessian": lambda z, y: sigma(z) * (1 - sigma(z)),
}
OF_PROBABILITIES = {
    "binary_cross_entropy": lambda p, y: -y * log(p) - (1 - y) * log(1 - p),
    "binary_cross_entropy_gradient": lambda p, y: -y / p + (1 - y) / (1 - p),
    "binary_cross_entropy_hessian": lambda p, y: y / p**2 + (1 - y) / (1 - p) ** 2,
}


def disagreements(name, formula, *grids):
    """Return the points at which the exact value is off by more than its last digit."""
    return [p for p in itertools.product(*grids) if not agrees(name, formula, *p)]


def agrees(name, formula, *point):
    value = getattr(reference, name)(*point, digits=DIGITS)
    expected = in_decimal(formula, *point)
    with mpmath.workdps(2 * DIGITS):
        expected = mpmath.mpf(f"{expected:.80e}")
        return abs(value - expected) <= mpmath.mpf(10) ** (1 - DIGITS) * abs(expected)


@pytest.mark.parametrize("name", ELEMENTARY)
def test_elementary_value_agrees_with_decimal_to_fifty_digits(name):
    assert disagreements(name, ELEMENTARY[name], LOGITS) == []


def test_log1mexp_agrees_with_decimal_to_fifty_digits():
    points = [-abs(z) for z in LOGITS if z] + [-1000.5, -2000.0]
    assert disagreements("log1mexp", lambda x: log(1 - exp(x)), points) == []
    with pytest.raises(ValueError, match="at most 0"):
        reference.log1mexp(1e-300)


def test_logit_agrees_with_decimal_to_fifty_digits():
    assert disagreements("logit", lambda p: log(p / (1 - p)), PROBABILITIES) == []


@pytest.mark.parametrize("name", WITH_LOGITS)
def test_value_from_logits_agrees_with_decimal_to_fifty_digits(name):
    assert disagreements(name, WITH_LOGITS[name], LOGITS, LABELS) == []


@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_value_from_probabilities_agrees_with_decimal_to_fifty_digits(name):
    assert disagreements(name, OF_PROBABILITIES[name], PROBABILITIES, LABELS) == []


@pytest.mark.parametrize("name", [*ELEMENTARY, *WITH_LOGITS])
def test_definition_and_tail_form_agree_where_both_can_be_evaluated(name, monkeypatch):
    labels = [()] if name in ELEMENTARY else [(y,) for y in LABELS]
    points = [(z, *y) for z in LOGITS + FAR for y in labels]
    monkeypatch.setattr(_exact, "LARGEST_BY_DEFINITION", 20_000)
    by_definition = [getattr(reference, name)(*point) for point in points]
    monkeypatch.setattr(_exact, "LARGEST_BY_DEFINITION", -1)
    by_tail = [getattr(reference, name)(*point) for point in points]
    for point, a, b in zip(points, by_definition, by_tail, strict=True):
        assert abs(a - b) <= mpmath.mpf(10) ** -48 * abs(a), point


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "binary_cross_entropy"])
def test_gradient_and_hessian_are_the_derivatives_of_the_value(name):
    functions = [getattr(reference, name + part) for part in ("", "_gradient", "_hessian")]
    points = LOGITS if "logits" in name else [0.3, 0.5, 0.74]
    step = mpmath.mpf("1e-25")
    with mpmath.workdps(90):
        for function, derivative in itertools.pairwise(functions):
            for x in points:
                for y in LABELS:
                    ahead, behind = (function(x + s * step, y, digits=90) for s in (1, -1))
                    # the difference is off by step² / 6 times a derivative below 6 / 0.26⁴
                    difference = (ahead - behind) / (2 * step)
                    assert abs(difference - derivative(x, y, digits=90)) < 220 * step**2, (x, y)


@pytest.mark.parametrize("z", [1e300, 1.7976931348623157e308])
def test_largest_logits_have_a_value(z):
    loss = reference.binary_cross_entropy_with_logits
    assert loss(-z, 1) == z
    assert loss(z, 1) > 0
    with mpmath.workdps(400):
        assert abs(mpmath.log(loss(z, 1, digits=400)) + z) < mpmath.mpf("1e-80")


LIMITS = [
    ("sigmoid", (INF,), 1),
    ("sigmoid", (-INF,), 0),
    ("softplus", (INF,), INF),
    ("softplus", (-INF,), 0),
    ("log_sigmoid", (INF,), 0),
    ("log_sigmoid", (-INF,), -INF),
    ("logit", (0,), -INF),
    ("logit", (1,), INF),
    ("logsumexp", ([-INF, -INF],), -INF),
    ("logsumexp", ([INF, 0.0],), INF),
    ("logsumexp", ([-INF, 2.0],), 2),
    ("binary_cross_entropy", (0, 0), 0),
    ("binary_cross_entropy", (1, 1), 0),
    ("binary_cross_entropy", (0, 1), INF),
    ("binary_cross_entropy", (1, 0.3), INF),
    ("binary_cross_entropy_gradient", (0, 0), 1),
    ("binary_cross_entropy_gradient", (1, 1), -1),
    ("binary_cross_entropy_gradient", (0, 0.3), -INF),
    ("binary_cross_entropy_gradient", (1, 0.3), INF),
    ("binary_cross_entropy_hessian", (0, 0), 1),
    ("binary_cross_entropy_hessian", (1, 1), 1),
    ("binary_cross_entropy_hessian", (0, 1), INF),
    ("binary_cross_entropy_with_logits", (INF, 1), 0),
    ("binary_cross_entropy_with_logits", (-INF, 0), 0),
    ("binary_cross_entropy_with_logits", (INF, 0), INF),
    ("binary_cross_entropy_with_logits", (-INF, 0.3), INF),
    ("binary_cross_entropy_with_logits_gradient", (INF, 1), 0),
    ("binary_cross_entropy_with_logits_gradient", (INF, 0.25), 0.75),
    ("binary_cross_entropy_with_logits_gradient", (-INF, 0.25), -0.25),
    ("binary_cross_entropy_with_logits_hessian", (INF, 0.3), 0),
]


@pytest.mark.parametrize(("name", "point", "limit"), LIMITS, ids=lambda x: str(x))
def test_ends_of_the_range_give_the_limit(name, point, limit):
    assert getattr(reference, name)(*point) == limit


@pytest.mark.parametrize("name", [*ELEMENTARY, *WITH_LOGITS])
def test_nan_logit_gives_nan(name):
    point = (NAN,) if name in ELEMENTARY else (NAN, 1.0)
    assert mpmath.isnan(getattr(reference, name)(*point))


def test_weight_zero_times_infinite_loss_is_zero():
    assert reference.binary_cross_entropy(0, 1, weight=0) == 0
    assert reference.binary_cross_entropy_with_logits(-INF, 1, weight=0) == 0
    assert reference.binary_cross_entropy_with_logits(-INF, 1, pos_weight=0) == 0


@pytest.mark.parametrize("part", ["", "_gradient", "_hessian"])
def test_pos_weight_multiplies_the_part_of_label_one(part):
    function = getattr(reference, "binary_cross_entropy_with_logits" + part)
    with mpmath.workdps(60):
        by_parts = 3 * mpmath.mpf(0.25) * function(1.5, 1) + mpmath.mpf(0.75) * function(1.5, 0)
        assert abs(function(1.5, 0.25, pos_weight=3) - by_parts) < mpmath.mpf(10) ** -48


def test_label_smoothing_moves_the_label_towards_one_half():
    smoothed = reference.binary_cross_entropy_with_logits(1.5, 1, label_smoothing=0.25)
    assert smoothed == reference.binary_cross_entropy_with_logits(1.5, 0.875)


def test_softmax_of_two_classes_is_sigmoid_of_the_difference():
    for z in LOGITS:
        assert reference.softmax([z, 0])[0] == reference.sigmoid(z)
        assert reference.log_softmax([z, 0])[0] == reference.log_sigmoid(z)


def test_softmax_of_three_classes_is_one_exponential_over_the_sum():
    z = [0.3, -40.0, 2.0]
    total = in_decimal(lambda *z: sum(map(exp, z)), *z)
    for x, s, log_s in zip(z, reference.softmax(z), reference.log_softmax(z), strict=True):
        expected = in_decimal(lambda x: exp(x) / total, x)
        with mpmath.workdps(60):
            assert abs(s / mpmath.mpf(f"{expected:.60e}") - 1) < mpmath.mpf(10) ** -49
            assert abs(log_s / mpmath.mpf(f"{in_decimal(log, expected):.60e}") - 1) < (
                mpmath.mpf(10) ** -49
            )


ROWS = [
    ([0.3, -40.0, 2.0], 1, {}),
    ([0.3, -40.0, 2.0], [0.2, 0.3, 0.5], {"weight": [1.5, 0.0, 3.0], "label_smoothing": 0.25}),
    ([700.5, -700.25], 0, {"label_smoothing": 1e-9}),
    ([1e-300, 1e-8, 0.0, -1e-8], [0.25, 0.0, 0.25, 0.125], {}),
]


@pytest.mark.parametrize(("z", "y", "options"), ROWS, ids=lambda x: str(x)[:30])
def test_cross_entropy_and_its_derivatives_agree_with_decimal(z, y, options):
    number = decimal.Decimal
    with decimal.localcontext(EXACT):
        q = [number(k == y) for k in range(len(z))] if isinstance(y, int) else list(map(number, y))
        e = [exp(number(x)) for x in z]
        p = [x / sum(e) for x in e]
        smoothing = number(options.get("label_smoothing", 0))
        weight = map(number, options.get("weight", [1] * len(z)))
        a = [w * ((1 - smoothing) * q + smoothing / len(z)) for w, q in zip(weight, q, strict=True)]
        total, k = sum(a), range(len(z))
        expected = [
            -sum(a[j] * log(p[j]) for j in k),
            *(p[j] * total - a[j] for j in k),
            *(total * p[i] * ((i == j) - p[j]) for i in k for j in k),
        ]
    computed = [
        reference.cross_entropy(z, y, **options),
        *reference.cross_entropy_gradient(z, y, **options),
        *itertools.chain(*reference.cross_entropy_hessian(z, y, **options)),
    ]
    with mpmath.workdps(2 * DIGITS):
        for one, other in zip(computed, expected, strict=True):
            other = mpmath.mpf(f"{other:.80e}")
            assert abs(one - other) <= mpmath.mpf(10) ** (1 - DIGITS) * abs(other)


@pytest.mark.parametrize("y", [[0.5, 0.5, 0.0], [0.5]], ids=str)
def test_probabilities_of_another_number_of_classes_are_refused(y):
    with pytest.raises(ValueError, match="2 probabilities"):
        reference.cross_entropy([0.0, 1.0], y)


@pytest.mark.parametrize(
    "z", [[0.0, -5000.0], [3000.0, -3000.0, -3001.0], [-2000.0, -9e9, -2001.0]], ids=str
)
def test_loss_of_a_class_far_ahead_keeps_fifty_digits(z):
    others = in_decimal(lambda first, *others: sum(exp(x - first) for x in others), *z)
    with mpmath.workdps(60):  # log1p in mpmath: Python's decimal has none
        expected = mpmath.log1p(mpmath.mpf(str(others)))
        assert mpmath.almosteq(reference.cross_entropy(z, 0), expected, 1e-49, abs_eps=0)


def test_class_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="class from 0 to 1"):
        reference.cross_entropy([0.0, 1.0], 2)


def test_logsumexp_keeps_the_digits_of_a_sum_near_one():
    halves = [math.log(0.5), math.log(0.5)]
    expected = in_decimal(lambda *z: log(sum(map(exp, z))), *halves)
    assert mpmath.nstr(reference.logsumexp(halves), 15) == mpmath.nstr(
        mpmath.mpf(str(expected)), 15
    )
    assert reference.logsumexp([]) == -INF


@pytest.mark.parametrize(
    ("z", "shares"),
    [
        ([INF, 0.0], [1, 0]),
        ([-INF, 0.0], [0, 1]),
        ([-INF, -INF, 3.0], [0, 0, 1]),
        ([-INF, INF, -INF], [0, 1, 0]),
    ],
    ids=str,
)
def test_infinite_logits_of_classes_give_the_limit(z, shares):
    assert reference.softmax(z) == shares
    assert reference.log_softmax(z) == [0.0 if share else -INF for share in shares]
    for y, share in enumerate(shares):
        assert reference.cross_entropy(z, y) == (0 if share else INF)
        gradient = [share - (k == y) for k, share in enumerate(shares)]
        assert reference.cross_entropy_gradient(z, y) == gradient


@pytest.mark.parametrize("z", [[INF, INF, 0.0], [-INF, -INF], [NAN, 0.0]], ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_without_a_limit_is_nan(name, z):
    assert all(map(mpmath.isnan, getattr(reference, name)(z)))


def test_number_of_digits_is_the_number_asked_for():
    expected = str(in_decimal(lambda: log(decimal.Decimal(2))))
    with mpmath.workdps(320):
        value = reference.softplus(0, digits=300)
        assert mpmath.nstr(value, 299) == mpmath.nstr(mpmath.mpf(expected), 299)


OF_ONE_NUMBER = ["sigmoid", "logit", "softplus", "log_sigmoid"]
ARGUMENTS = {
    **dict.fromkeys(OF_ONE_NUMBER, (0.6,)),
    "log1mexp": (-0.7,),
    **dict.fromkeys(["logsumexp", "softmax", "log_softmax"], ([0.7, -1.1],)),
    **dict.fromkeys([*OF_PROBABILITIES, *WITH_LOGITS], (0.7, 0.3)),
    **dict.fromkeys(
        ["cross_entropy", "cross_entropy_gradient", "cross_entropy_hessian"], ([0.7, -1.1], 1)
    ),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_digits_are_fifty_unless_told(name):
    function, arguments = getattr(reference, name), ARGUMENTS[name]
    assert function(*arguments) == function(*arguments, digits=50)
    assert function(*arguments) != function(*arguments, digits=51)


def test_every_function_was_asked_for_its_digits():
    public = {name for name in reference.__all__ if inspect.isfunction(getattr(reference, name))}
    assert public - {"ulp_error"} == set(ARGUMENTS)


def test_float32_is_taken_as_the_number_it_is():
    assert reference.sigmoid(np.float32(0.1)) == reference.sigmoid(float(np.float32(0.1)))
    assert reference.sigmoid(np.float32(0.1)) != reference.sigmoid(0.1)


@pytest.mark.parametrize("z", [np.longdouble(1), np.timedelta64(1), 1j, "1", None], ids=repr)
def test_what_is_not_exactly_a_real_number_is_refused(z):
    with pytest.raises(TypeError, match="expected a real number"):
        reference.sigmoid(z)


@pytest.mark.parametrize(("p", "y"), [(1.2, 1), (NAN, 1), (0.5, -1), (0.5, NAN)])
def test_probability_and_label_outside_the_unit_interval_are_refused(p, y):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        reference.binary_cross_entropy(p, y)


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("logit", (1.2,), {}),
        ("binary_cross_entropy_with_logits", (0.3, 1.2), {}),
        ("binary_cross_entropy_with_logits", (0.3, 1), {"label_smoothing": 1.2}),
        ("cross_entropy", ([0.3, 0.1], [1.2, -0.2]), {}),
        ("cross_entropy", ([0.3, 0.1], 1), {"label_smoothing": -0.2}),
    ],
)
def test_what_must_lie_in_the_unit_interval_is_refused_outside(name, arguments, options):
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        getattr(reference, name)(*arguments, **options)


def test_log1mexp_ends_at_zero():
    assert reference.log1mexp(0) == -INF
    with pytest.raises(ValueError, match="at most 0"):
        reference.log1mexp(1e-300)


def test_weights_of_another_number_of_classes_are_refused():
    with pytest.raises(ValueError, match="zip"):
        reference.cross_entropy([0.3, 0.1], 1, weight=[1, 2, 3])


def test_precision_of_mpmath_is_neither_read_nor_set():
    before = reference.sigmoid(0.1)
    with mpmath.workdps(3):
        assert reference.sigmoid(0.1)._mpf_ == before._mpf_
        assert mpmath.mp.dps == 3


def test_threads_get_the_values_of_one_thread():
    def both(z):
        return reference.sigmoid(z, digits=30 + int(z)), mpmath.mp.dps

    serial = [both(z) for z in range(100)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(both, range(100))) == serial


@pytest.mark.parametrize("fault", ["swapped branches", "lost factor", "flipped sign", "rounding"])
def test_comparison_with_decimal_notices(fault, monkeypatch):
    sigmoids, times, over = reference.sigmoids, reference.times, reference._over
    tiny = mpmath.mpf("1e-48")
    planted = {
        "swapped branches": ("sigmoids", lambda z: sigmoids(z)[::-1]),
        "lost factor": ("times", lambda a, b: times(1, b)),
        "flipped sign": ("_over", lambda a, b: -over(a, b)),
        "rounding": ("sigmoids", lambda z: tuple(s + tiny for s in sigmoids(z))),
    }
    monkeypatch.setattr(reference, *planted[fault])
    noticed = [
        *(disagreements(name, WITH_LOGITS[name], [0.3], [0.3]) for name in WITH_LOGITS),
        *(disagreements(name, OF_PROBABILITIES[name], [0.3], [0.5]) for name in OF_PROBABILITIES),
    ]
    assert any(noticed)


FLOATS = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", FLOATS)
def test_next_float_is_one_ulp_away(dtype):
    here = np.array([1.0, -1.5, 0.1, 3e4, 0.0, np.finfo(dtype).smallest_subnormal], dtype)
    ahead = np.nextafter(here, np.array(np.inf, dtype))
    exact = [mpmath.mpf(float(x)) for x in here]
    assert reference.ulp_error(ahead, exact).tolist() == [1.0] * 6


@pytest.mark.parametrize("dtype", FLOATS)
def test_unit_is_the_spacing_at_the_exact_value(dtype):
    below_one = np.nextafter(dtype(1), dtype(0))
    assert reference.ulp_error(below_one, mpmath.mpf(1)) == 0.5
    assert reference.ulp_error(dtype(1), mpmath.mpf(float(below_one))) == 1.0


@pytest.mark.parametrize("dtype", FLOATS)
def test_unit_below_the_normal_numbers_is_the_smallest_subnormal(dtype):
    tiny = mpmath.mpf(float(np.finfo(dtype).smallest_subnormal))
    assert reference.ulp_error(dtype(0), tiny / 4) == 0.25
    assert reference.ulp_error(dtype(0), 0) == 0.0


def test_correctly_rounded_value_is_within_half_an_ulp():
    exact = [reference.sigmoid(z) for z in LOGITS]
    rounded = np.array([float(x) for x in exact])
    assert max(reference.ulp_error(rounded, exact)) <= 0.5


@pytest.mark.parametrize(
    ("computed", "exact", "error"),
    [
        (INF, INF, 0.0),
        (-INF, INF, INF),
        (INF, 1e308, INF),
        (1e308, INF, INF),
        (NAN, NAN, 0.0),
        (NAN, 1.0, INF),
        (1.0, NAN, INF),
        (INF, mpmath.mpf("1e309"), 0.0),
        (-INF, mpmath.mpf("1e309"), INF),
        (INF, 2**1024 - 2**970, 0.0),
        (INF, 2**1024 - 2**970 - 1, INF),
        (0.0, mpmath.mpf("1e-4000"), 0.0),
        (np.finfo(np.float64).max, 2**1024, 1.0),
    ],
)
def test_infinities_and_nan_are_right_or_infinitely_wrong(computed, exact, error):
    assert reference.ulp_error(computed, exact) == error


def test_ulp_error_keeps_the_shape():
    errors = reference.ulp_error(np.ones((2, 3)), [[1, 1, 1], [1, 1, 2]])
    assert (errors.shape, errors[1, 2]) == ((2, 3), 2.0**51)


def test_ulp_error_does_not_broadcast():
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        reference.ulp_error(np.ones(3), [1, 1])


def test_ulp_error_refuses_integers():
    with pytest.raises(TypeError, match="int64"):
        reference.ulp_error(np.array([1], dtype=np.int64), [1])
