"""The elementary functions against mpmath over the whole range, and against SciPy."""

import tracemalloc
import warnings

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from companion import elementary, reference
from companion._numpy.blockwise import BLOCK
from companion.elementary import (
    log1mexp,
    log_sigmoid,
    log_softmax,
    logit,
    logsumexp,
    sigmoid,
    softmax,
    softplus,
)
from tests.tables.grids import logits, probabilities, worst_ulp

EPS = np.finfo(np.float64).eps


def logarithms(dtype=np.float64):
    """Return logarithms of probabilities, more where the two forms of log1mexp meet."""
    meeting = np.linspace(-1.4, -0.4, 2001).astype(dtype)
    return np.concatenate([meeting, [z for z in logits(dtype) if z < 0]])


ELEMENTWISE = {
    sigmoid: logits,
    logit: probabilities,
    log1mexp: logarithms,
    softplus: logits,
    log_sigmoid: logits,
}
OVER_CLASSES = (logsumexp, softmax, log_softmax)
JACOBIANS = (elementary.sigmoid_jacobian, elementary.softmax_jacobian)
EVERY_ELEMENTWISE = pytest.mark.parametrize("function", ELEMENTWISE, ids=lambda f: f.__name__)
EVERY_FUNCTION = pytest.mark.parametrize(
    "function", [*ELEMENTWISE, *OVER_CLASSES], ids=lambda f: f.__name__
)
# In ULP on these points, inside the promise: 2 in float64, 3 in float32; float16 is float32 rounded
# once, which adds to the half ULP of that rounding 3 ULP of float32, each 2⁻¹³ ULP of float16.
BOUNDS = [(np.float64, 2), (np.float32, 3), (np.float16, 0.5 + 3 * 2**-13)]
EVERY_DTYPE = pytest.mark.parametrize(
    ("dtype", "bound"), BOUNDS, ids=[dtype.__name__ for dtype, _ in BOUNDS]
)


# Elementwise functions --------------------------------------------------------------------------


@EVERY_DTYPE
@EVERY_ELEMENTWISE
def test_value_is_right_to_the_last_digits_over_the_whole_range(function, dtype, bound):
    points = ELEMENTWISE[function](dtype)
    exact = [getattr(reference, function.__name__)(x) for x in points]
    if function is log1mexp and dtype is np.float64 and np.__version__ < "2":
        bound = 3
    assert worst_ulp(function(points), exact) <= bound


@pytest.mark.parametrize(
    ("function", "at", "limit"),
    [
        (sigmoid, -np.inf, 0.0),
        (sigmoid, np.inf, 1.0),
        (sigmoid, 0, 0.5),
        (softplus, -np.inf, 0.0),
        (softplus, np.inf, np.inf),
        (softplus, 0, np.log(2)),
        (log_sigmoid, -np.inf, -np.inf),
        (log_sigmoid, np.inf, 0.0),
        (log_sigmoid, 0, -np.log(2)),
        (log1mexp, 0, -np.inf),
        (log1mexp, -0.0, -np.inf),
        (log1mexp, -np.inf, 0.0),
        (logit, 0, -np.inf),
        (logit, 1, np.inf),
        (logit, 0.5, 0.0),
    ],
)
def test_ends_and_middle_are_exact(function, at, limit):
    assert function(at) == limit


@pytest.mark.parametrize(
    "function", [f for f in ELEMENTWISE if f is not logit], ids=lambda f: f.__name__
)
def test_nan_gives_nan(function):
    np.testing.assert_array_equal(np.isnan(function([np.nan, -1.0])), [True, False])


@given(z=st.floats(-700, 700))
def test_sigmoid_and_its_mirror_sum_to_one(z):
    # Each is within 2 ULP, of a number of at most 1.
    np.testing.assert_allclose(sigmoid(z) + sigmoid(-z), 1, rtol=3 * EPS)


@given(z=st.floats(-700, 700))
def test_logarithm_of_sigmoid_is_log_sigmoid(z):
    # log turns the relative error of sigmoid into an absolute one: 2 ULP are at most 2 EPS.
    np.testing.assert_allclose(np.log(sigmoid(z)), log_sigmoid(z), rtol=3 * EPS, atol=3 * EPS)


@given(p=st.floats(1e-300, 1 - 2**-53))
def test_sigmoid_inverts_logit(p):
    # σ'(z) dz with dz = 2 ULP of z gives (1 − p)·|z|·2 EPS, relative to p; sigmoid adds 2 ULP.
    z = logit(p)
    np.testing.assert_allclose(sigmoid(z), p, rtol=(2 * abs(z) * (1 - p) + 3) * EPS)


@given(z=st.floats(-np.inf, np.inf))
def test_softplus_is_minus_log_sigmoid_of_the_negative(z):
    assert softplus(z) == -log_sigmoid(-z)


@given(x=st.floats(-700, -1e-300))
def test_log1mexp_is_its_own_inverse(x):
    # Each is within 2 ULP; the second multiplies the error of y = log(1 - exp(x)) by (1 - exp(x))
    # / exp(x), which is small where y is small.
    y = log1mexp(x)
    off = 3 * EPS * (abs(x) + abs(y) * np.exp(y - x))
    np.testing.assert_allclose(log1mexp(y), x, rtol=0, atol=off)


@pytest.mark.parametrize("bad", [5e-324, 1e-8, 1.0, np.inf])
def test_log1mexp_refuses_what_is_no_logarithm_of_a_probability(bad):
    x = np.array([[-1.0, np.nan], [0.0, bad]])
    with pytest.raises(ValueError, match=rf"x: expected .*got {bad} at index \(1, 1\) \(1 of 4 "):
        log1mexp(x)


@pytest.mark.parametrize("x", [1e-300, 0.1, 0.5, 3.0, 800.0])
def test_mend_of_log1mexp_is_the_logarithm_of_expm1(x):
    with mpmath.workdps(400):
        exact = mpmath.log(mpmath.expm1(mpmath.mpf(x)))
    # 2 ULP of log1mexp(-x), and the rounding of the sum
    assert abs(x + log1mexp(-x) - exact) <= 3 * EPS * (x + abs(log1mexp(-x)))
    with pytest.raises(ValueError, match=r"x \+ log1mexp\(-x\)$"):
        log1mexp(x)


# Functions over classes -------------------------------------------------------------------------

CLASSES = [
    [0.0, 0.0],
    [-1.0, 3.0, 2.0],
    [1000.0, 0.0, -1000.0],
    [-1e300, 0.0, 1e-300],
    [37.5, 0.1, 0.2, -0.7],
    [700.1, 0.3, 699.7],
    [-745.2, -0.1, -1.3],
    [-1e-9, 1e-9, 0.0],
    [5.0],
]


@EVERY_DTYPE
@pytest.mark.parametrize("function", [softmax, log_softmax], ids=lambda f: f.__name__)
@pytest.mark.parametrize("gaps", [False, True], ids=["a few classes", "two classes"])
def test_classes_are_right_to_the_last_digits(function, dtype, bound, gaps):
    rows = [[0.0, z] for z in logits(dtype)] if gaps else CLASSES
    for row in rows:
        with np.errstate(over="ignore", under="ignore"):
            row = np.array(row, dtype)
        if not np.isfinite(row).all():
            continue  # 1e300 is no float32
        exact = getattr(reference, function.__name__)(row)
        if max(exact) and any(abs(x) >= np.finfo(dtype).tiny for x in exact):
            # Two roundings more than elementwise: the sum of the classes and the division.
            assert worst_ulp(function(row), exact) <= bound + 1, row


@EVERY_DTYPE
@given(row=st.lists(st.floats(-200, 200, width=16), min_size=1, max_size=6))
def test_logsumexp_is_right_up_to_the_condition_of_the_sum(dtype, bound, row):
    row = np.array(row, dtype)
    exact = reference.logsumexp(row)
    # m + log1p(rest) cancels where the maximum m is negative: the error is in units of |m|.
    size = max(abs(float(exact)), abs(float(row.max())), np.finfo(dtype).tiny)
    assert abs(float(logsumexp(row)) - exact) <= (bound + 1) * np.spacing(dtype(size))


@given(z=st.floats(-700, 700))
def test_softmax_of_two_classes_is_the_sigmoid_of_their_difference(z):
    np.testing.assert_allclose(softmax([z, 0.0]), [sigmoid(z), sigmoid(-z)], rtol=6 * EPS)
    expected = [log_sigmoid(z), log_sigmoid(-z)]
    np.testing.assert_allclose(log_softmax([z, 0.0]), expected, rtol=6 * EPS)
    np.testing.assert_allclose(logsumexp([z, 0.0]), softplus(z), rtol=4 * EPS)


@given(
    row=st.lists(st.integers(-300, 300), min_size=1, max_size=8),
    shift=st.integers(-(10**6), 10**6),
)
def test_softmax_does_not_notice_a_shift_of_all_logits(row, shift):
    row = np.array(row, float)  # integers, so that the shift is exact
    np.testing.assert_array_equal(softmax(row + shift), softmax(row))
    np.testing.assert_array_equal(log_softmax(row + shift), log_softmax(row))


@pytest.mark.parametrize("function", OVER_CLASSES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [-3, -1, 0, 1, 2])
def test_axis_chooses_the_classes(function, axis):
    array = np.random.default_rng(0).normal(0, 5, (2, 3, 4))
    expected = np.apply_along_axis(function, axis, array)
    np.testing.assert_allclose(function(array, axis=axis), expected, rtol=2 * EPS)
    if axis == -1:
        np.testing.assert_array_equal(function(array), function(array, axis=-1))


@pytest.mark.parametrize("function", OVER_CLASSES, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "axis", [None, (0,), (1, 2), (0, 1), (2, 0), (-1, 0, 1), (0, 1, 2)], ids=str
)
def test_several_axes_hold_the_classes_as_in_scipy(function, axis):
    array = np.random.default_rng(0).normal(0, 3, (2, 3, 4))
    before = array.copy()
    array.flags.writeable = False
    for given_array in (array, np.asfortranarray(array), array.astype(np.float32)):
        result = function(given_array, axis=axis)
        expected = getattr(special, function.__name__)(given_array.astype(np.float64), axis=axis)
        assert result.shape == np.shape(expected)
        assert result.dtype == given_array.dtype
        # 1e-14 and 1e-15: SciPy's lose a few digits
        rtol = max(1e-14, 2 * np.finfo(given_array.dtype).eps)
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=1e-15)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("function", OVER_CLASSES, ids=lambda f: f.__name__)
def test_all_axes_keep_the_digits_of_one_and_make_one_class_of_a_scalar(function):
    row = [700.1, 0.3, 699.7, -40.2]
    exact = np.array(getattr(reference, function.__name__)(row), dtype=object)
    square = function(np.reshape(row, (2, 2)), axis=None)
    assert square.shape == (() if function is logsumexp else (2, 2))
    assert worst_ulp(square, exact) <= 3
    alone = {logsumexp: 3.0, softmax: 1.0, log_softmax: 0.0}[function]
    assert function(3.0, axis=None) == alone
    assert type(function(np.float32(3), axis=None)) is np.float32


@pytest.mark.parametrize("function", OVER_CLASSES, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    ("axis", "error", "words"),
    [
        ((0, 0), ValueError, r"different axes, got \(0, 0\); name each class axis once"),
        ((0, -2), ValueError, r"different axes, got \(0, -2\)"),
        ((), ValueError, r"different axes, got \(\)"),
        ((0, 2), ValueError, "axis of z with shape"),
        ((0, 1.0), TypeError, "integer, got float"),
        ([0, 1], TypeError, "integer, got list"),
    ],
)
def test_axes_that_are_none_are_refused(function, axis, error, words):
    with pytest.raises(error, match=f"^axis: expected .*{words}"):
        function(np.zeros((2, 3)), axis=axis)
    with pytest.raises(ValueError, match="at least one class"):
        function(np.zeros((2, 0)), axis=None)


@pytest.mark.parametrize(
    ("row", "total", "shares"),
    [
        ([np.inf, 0.0], np.inf, [1, 0]),
        ([-np.inf, 0.0], 0.0, [0, 1]),
        ([-np.inf, np.inf], np.inf, [0, 1]),
        ([-np.inf, -np.inf], -np.inf, [np.nan, np.nan]),
        ([np.inf, np.inf], np.inf, [np.nan, np.nan]),
        ([np.nan, 0.0], np.nan, [np.nan, np.nan]),
        ([np.nan, np.inf], np.nan, [np.nan, np.nan]),
    ],
    ids=str,
)
def test_infinite_logits_give_the_limit_where_there_is_one(row, total, shares):
    np.testing.assert_array_equal(logsumexp(row), total)
    np.testing.assert_array_equal(softmax(row), shares)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(log_softmax(row), np.log(shares))


# Promises of all --------------------------------------------------------------------------------


def inside(function, numbers):
    """Return numbers of [0, 1] as arguments that the function takes."""
    return -numbers if function is log1mexp else numbers


@EVERY_FUNCTION
@pytest.mark.parametrize(
    ("given_dtype", "dtype"),
    [
        (bool, np.float64),
        (np.int8, np.float64),
        (np.uint64, np.float64),
        (np.float16, np.float16),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (">f4", np.float32),
    ],
    ids=str,
)
def test_result_has_the_float_dtype_of_the_argument(function, given_dtype, dtype):
    result = function(np.zeros((2, 1), given_dtype))
    assert result.dtype == dtype
    assert result.shape == ((2,) if function is logsumexp else (2, 1))


@EVERY_ELEMENTWISE
def test_scalar_gives_a_numpy_scalar_and_a_list_an_array(function):
    assert type(function(0)) is np.float64
    assert type(function(np.float32(0))) is np.float32
    assert type(function([0, 0])) is np.ndarray


@EVERY_FUNCTION
def test_argument_is_never_written_to_nor_returned(function):
    array = inside(function, np.linspace(0, 1, 12)).reshape(3, 4)
    copy = array.copy()
    array.flags.writeable = False
    assert not np.shares_memory(function(array), array)
    np.testing.assert_array_equal(array, copy)


@EVERY_FUNCTION
def test_no_edge_raises_a_floating_point_warning(function):
    for dtype in (np.float16, np.float32, np.float64):
        points = ELEMENTWISE.get(function, logits)(dtype)
        ends = {logit: [0, 1], log1mexp: [0, -np.inf, -1e4, np.finfo(dtype).min]}
        usual = [np.inf, -np.inf, 1e4, -1e4, np.finfo(dtype).max]
        points = np.concatenate([points, np.array(ends.get(function, usual), dtype)])
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            function(points)
            function(points[:, None])
            for point in points:
                function(point if function not in OVER_CLASSES else [point, dtype(0)])


@EVERY_FUNCTION
def test_nothing_gives_nothing(function):
    assert function(np.empty((0, 3))).size == 0


@EVERY_FUNCTION
@pytest.mark.parametrize("dtype", [np.float16, np.float64], ids=lambda d: d.__name__)
def test_many_elements_in_any_layout_are_the_elements_a_few_at_a_time(function, dtype):
    many = np.random.default_rng(0).uniform(0, 1, (3, BLOCK + 7)).astype(dtype)
    many = inside(function, many)
    axis = {"axis": 0} if function in OVER_CLASSES else {}
    for array in (many, np.asfortranarray(many), many[::-1, ::2]):
        result = function(array, **axis)
        for i in range(5):
            few = function(array[:, i::5], **axis)
            np.testing.assert_array_equal(result[..., i::5], few)


@EVERY_FUNCTION
def test_extra_memory_is_a_few_mebibytes_whatever_the_size(function):
    array = inside(function, np.full((1 << 18, 8), 0.5))  # 16 MiB
    few = 4 << 20
    tracemalloc.start()
    try:
        result = function(array)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - result.nbytes < few


@pytest.mark.parametrize(
    ("ours", "scipys"),
    [
        (sigmoid, special.expit),
        (logit, special.logit),
        (log_sigmoid, special.log_expit),
        (softplus, special.softplus),
        (log1mexp, lambda x: special.xlog1py(1, -np.exp(x))),
        (logsumexp, lambda z: special.logsumexp(z, axis=-1)),
        (softmax, lambda z: special.softmax(z, axis=-1)),
        (log_softmax, lambda z: special.log_softmax(z, axis=-1)),
    ],
    ids=lambda f: f.__name__,
)
def test_agrees_with_scipy_where_scipy_is_at_ease(ours, scipys):
    rng = np.random.default_rng(0)
    array = rng.normal(0, 3, (20, 5))
    if ours in (logit, log1mexp):
        array = inside(ours, rng.uniform(0.01, 0.99, (20, 5)))
    # 1e-14: SciPy's softmax and logit lose a few digits (they differ by up to some 20 EPS).
    np.testing.assert_allclose(ours(array), scipys(array), rtol=1e-14, atol=1e-15)


def test_every_public_function_is_tested_here():
    assert {f.__name__ for f in [*ELEMENTWISE, *OVER_CLASSES, *JACOBIANS]} == set(
        elementary.__all__
    )


@pytest.mark.parametrize("function", OVER_CLASSES, ids=lambda f: f.__name__)
def test_one_logit_has_no_classes_and_the_message_names_the_way_out(function):
    with pytest.raises(ValueError, match=r"got a scalar; .* sigmoid"):
        function(3.0)


# Jacobians ---------------------------------------------------------------------------------------


def test_jacobians_are_pytorch_s():
    torch = pytest.importorskip("torch")

    z = np.random.default_rng(0).normal(0, 2, 5)
    x = torch.tensor(z)
    for ours, theirs in [
        (elementary.softmax_jacobian, lambda x: torch.softmax(x, -1)),
        (elementary.sigmoid_jacobian, torch.sigmoid),
    ]:
        expected = torch.autograd.functional.jacobian(theirs, x).numpy()
        np.testing.assert_allclose(ours(z), expected, rtol=1e-12, atol=1e-16)


def test_softmax_jacobian_puts_the_classes_last_whatever_the_axis():
    z = np.random.default_rng(0).normal(0, 2, (2, 3, 4))
    for axis in (0, 1, 2, -1, -2, -3):
        expected = elementary.softmax_jacobian(np.moveaxis(z, axis, -1))
        np.testing.assert_array_equal(elementary.softmax_jacobian(z, axis=axis), expected)


@pytest.mark.parametrize("shape", [(2, 2), ()])
def test_sigmoid_jacobian_is_for_one_dimension(shape):
    with pytest.raises(ValueError, match=r"\(N, N\)"):
        elementary.sigmoid_jacobian(np.zeros(shape))


@pytest.mark.parametrize("z", [40.0, -40.0, 700.0, 0.0])
def test_sigmoid_jacobian_keeps_the_digits_of_both_tails(z):
    exact = reference.sigmoid(z) * reference.sigmoid(-z)
    assert worst_ulp(elementary.sigmoid_jacobian([z])[0], [exact]) <= 4


@pytest.mark.parametrize("k", range(3))
def test_diagonal_of_the_softmax_jacobian_keeps_its_digits(k):
    z = [0.0, 40.0, 1.0]
    p = reference.softmax(z)
    diagonal = p[k] * mpmath.fsum(p[:k] + p[k + 1 :])
    assert worst_ulp(elementary.softmax_jacobian(z)[k, k], [diagonal]) <= 5
