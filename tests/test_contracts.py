"""Each way to get a call wrong ends in one exception, and its message mends the call.

The tables below go through the public functions: what counts is what a caller meets.
"""

import re
from decimal import Decimal

import numpy as np
import pytest

from companion import (
    binary,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    elementary,
)
from companion.contracts import as_point, check_number, check_unit_interval
from tests.tables.losses import LOSSES

FIRST = np.array([0.2, 0.7, 0.9])  # valid as probabilities and as logits
LABELS = np.array([0.0, 1.0, 1.0])
PUBLIC = [
    getattr(binary, name) for name in binary.__all__ if name.startswith("binary_cross_entropy")
]
WITH_LOGITS = [function for function in PUBLIC if "with_logits" in function.__name__]
ON_PROBABILITIES = [function for function in PUBLIC if function not in WITH_LOGITS]
REDUCING = [function for function in PUBLIC if not function.__name__.endswith("jacobian")]
ELEMENTARY = [getattr(elementary, name) for name in elementary.__all__]


def name_of(function):
    return function.__name__


def first_name(function):
    if function in ELEMENTARY:
        return "p" if function is elementary.logit else "z"
    return "logits" if function in WITH_LOGITS else "probabilities"


def message_of(kind, function, *args, **kwargs):
    """Return the message with which the call is refused."""
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    assert type(caught.value) in (TypeError, ValueError), "a subclass surprises an `except`"
    return str(caught.value)


def call(function, **changes):
    arguments = {first_name(function): FIRST, "labels": LABELS} | changes
    return function(arguments.pop(first_name(function)), arguments.pop("labels"), **arguments)


def assert_mends(message, name, *fragments):
    """A message names the argument, what was expected, what came, and how to mend it."""
    assert message.startswith(f"{name}:") or re.search(rf"\b{name}\b.*:", message), message
    assert "expected" in message, message
    assert "got" in message, message
    assert ";" in message, f"no way to mend it: {message}"
    for fragment in fragments:
        assert re.search(fragment, message), f"{fragment!r} not in: {message}"


# Kinds and dtypes -------------------------------------------------------------------------------


def tensor():
    torch = pytest.importorskip("torch")  # late: it takes seconds, and most tests need none

    return torch.tensor(FIRST)


def parameter():
    torch = pytest.importorskip("torch")

    return torch.nn.Parameter(tensor())


def subclass_of_tensor():
    torch = pytest.importorskip("torch")

    class Own(torch.Tensor):
        pass

    return tensor().as_subclass(Own)


def list_of_tensors():
    return list(tensor())


def sparse():
    from scipy.sparse import csr_array

    return csr_array(FIRST[:, None])


WRONG_KINDS = {
    "masked": (np.ma.masked_array(FIRST, mask=[False, False, True]), ["masked", "weight"]),
    "all-valid masked": (np.ma.masked_array(FIRST), ["masked"]),
    "complex": (FIRST + 0j, ["complex128", r"\.real"]),
    "object": (np.array([0, None, 1], dtype=object), ["object"]),
    "Decimal": ([Decimal(0), Decimal(1), Decimal(1)], ["object"]),
    "strings": (["yes", "no", "yes"], ["<U3", "list"]),
    "one string": ("0.5", ["str"]),
    "bytes": (np.array([b"0", b"1", b"1"]), ["S1"]),
    "dates": (np.array(["2026-01-01"] * 3, dtype="datetime64[D]"), ["datetime64"]),
    "huge integers": ([0, 1, 2**70], ["object"]),
    "tensor": (tensor, [r"torch\.Tensor", "numpy"]),
    "subclass of tensor": (subclass_of_tensor, ["Own", "numpy"]),
    "list of tensors": (list_of_tensors, [r"torch\.Tensor", "numpy"]),
    "list of masked arrays": ([np.ma.masked_array(FIRST)], ["masked"]),
    "parameter": (parameter, ["torch", "detach"]),
    "sparse": (sparse, ["csr_array", r"\.toarray\(\)"]),
}
if np.finfo(np.longdouble).eps < np.finfo(np.float64).eps:
    WRONG_KINDS["longdouble"] = (FIRST.astype(np.longdouble), ["longdouble|float128"])
ARGUMENTS = [
    (function, name)
    for function in PUBLIC
    for name in [first_name(function), "labels", "weight", "pos_weight"]
    if name != "pos_weight" or function in WITH_LOGITS
]


@pytest.mark.parametrize("kind", WRONG_KINDS)
@pytest.mark.parametrize(
    ("function", "name"), ARGUMENTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_wrong_kind_of_argument_is_a_type_error_that_names_it(function, name, kind):
    value, fragments = WRONG_KINDS[kind]
    value = value() if callable(value) else value
    assert_mends(message_of(TypeError, call, function, **{name: value}), name, *fragments)


@pytest.mark.parametrize("kind", WRONG_KINDS)
@pytest.mark.parametrize("function", ELEMENTARY, ids=name_of)
def test_wrong_kind_in_an_elementary_function_is_a_type_error(function, kind):
    value, fragments = WRONG_KINDS[kind]
    value = value() if callable(value) else value
    assert_mends(message_of(TypeError, function, value), first_name(function), *fragments)


@pytest.mark.parametrize("function", [*PUBLIC, *ELEMENTARY], ids=name_of)
def test_required_argument_of_none_is_a_type_error(function):
    arguments = [FIRST, LABELS][: 1 if function in ELEMENTARY else 2]
    for position, name in enumerate([first_name(function), "labels"][: len(arguments)]):
        changed = [*arguments[:position], None, *arguments[position + 1 :]]
        assert_mends(message_of(TypeError, function, *changed), name, "None")


@pytest.mark.parametrize(
    ("function", "name"), ARGUMENTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_ragged_list_is_a_value_error_that_names_the_argument(function, name):
    message = message_of(ValueError, call, function, **{name: [[0.1, 0.2], [0.3]]})
    assert_mends(message, name, "ragged", "pad")


# Shapes -----------------------------------------------------------------------------------------

# (shape of the first argument, shape of the labels, what NumPy would have made of the two)
MISMATCHES = [
    ((3,), (2,), None),
    ((3,), (3, 1), (3, 3)),
    ((3, 1), (3,), (3, 3)),
    ((3,), (1,), (3,)),
    ((1,), (3,), (3,)),
    ((4, 3), (3,), (4, 3)),
    ((4, 3), (4, 1), (4, 3)),
    ((2, 3), (3, 2), None),
    ((3,), (0,), None),
    ((1, 1), (1,), (1, 1)),
]


@pytest.mark.parametrize(("first", "labels", "silent"), MISMATCHES, ids=str)
@pytest.mark.parametrize("function", PUBLIC, ids=name_of)
def test_different_shapes_are_a_value_error_that_prints_both(function, first, labels, silent):
    message = message_of(ValueError, function, np.full(first, 0.5), np.ones(labels))
    expected = [re.escape(str(first)), re.escape(str(labels)), "labels"]
    if silent:
        expected += ["broadcast", re.escape(str(silent))]
    assert_mends(message, first_name(function), *expected)


# (shape of the data, shape of the weight)
TOO_WIDE = [((3,), (2,)), ((3,), (2, 3)), ((3,), (3, 1)), ((3,), (1, 3)), ((), (1,)), ((1,), (3,))]
WEIGHTS = [(function, name) for function, name in ARGUMENTS if "weight" in name]


@pytest.mark.parametrize(("shape", "weight"), TOO_WIDE, ids=str)
@pytest.mark.parametrize(
    ("function", "name"), WEIGHTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_weight_beyond_the_labels_is_a_value_error(function, name, shape, weight):
    arguments = (np.full(shape, 0.5), np.ones(shape))
    message = message_of(ValueError, function, *arguments, **{name: np.ones(weight)})
    assert_mends(message, name, re.escape(str(shape)), re.escape(str(weight)))


@pytest.mark.parametrize("weight", [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (1, 1)], ids=str)
@pytest.mark.parametrize(
    ("function", "name"), WEIGHTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_weight_repeats_along_axes_of_length_one(function, name, weight):
    shape = (2, 3) if function in REDUCING else (3,)  # the Jacobian is of a vector
    weights = np.random.default_rng(0).random(weight[-len(shape) :])
    full = np.broadcast_to(weights, shape).copy()
    first, labels = np.full(shape, 0.5), np.ones(shape)
    repeated = function(first, labels, **{name: weights})
    np.testing.assert_equal(repeated, function(first, labels, **{name: full}))


# Ranges -----------------------------------------------------------------------------------------

# (values, what the message says came, how it mends the call)
WRONG_LABELS = {
    "-1 and +1": ([-1, 1, 1], "-1", r"\(labels \+ 1\) / 2"),
    "-1, 0 and +1": ([-1, 0, 1], "-1", r"\+ 1"),
    "0 and 255": (np.array([0, 255, 255], np.uint8), "255", r"labels / 255"),
    "1 and 2": ([1, 2, 2], "2", "0 and 1"),
    "just above 1": ([0, 1, np.nextafter(1, 2)], "1.0000000000000002", "soft|0 and 1"),
    "just below 0": ([0, -5e-324, 1], "-5e-324", "soft|0 and 1"),
    "nan": ([0, np.nan, 1], "nan", "NaN"),
    "inf": ([0, np.inf, 1], "inf", "0 and 1"),
    "-inf": ([0, -np.inf, 1], "-inf", "0 and 1"),
}


@pytest.mark.parametrize("wrong", WRONG_LABELS)
@pytest.mark.parametrize("function", PUBLIC, ids=name_of)
def test_labels_outside_the_unit_interval_are_a_value_error_with_a_hint(function, wrong):
    labels, came, mend = WRONG_LABELS[wrong]
    message = message_of(ValueError, call, function, labels=labels)
    assert_mends(message, "labels", re.escape("[0, 1]"), re.escape(came), mend)


WRONG_PROBABILITIES = {
    "logits": ([-2.0, 0.5, 3.0], "-2"),
    "just above 1": ([0.5, 0.5, np.nextafter(1, 2)], "1.0000000000000002"),
    "just below 0": ([0.5, -5e-324, 0.5], "-5e-324"),
    "inf": ([0.5, 0.5, np.inf], "inf"),
}


@pytest.mark.parametrize("wrong", WRONG_PROBABILITIES)
@pytest.mark.parametrize("function", [*ON_PROBABILITIES, elementary.logit], ids=name_of)
def test_probabilities_outside_the_unit_interval_are_a_value_error_with_a_hint(function, wrong):
    values, came = WRONG_PROBABILITIES[wrong]
    labels = () if function is elementary.logit else (LABELS,)
    message = message_of(ValueError, function, values, *labels)
    hint = r"logits" if labels else ""
    assert_mends(message, first_name(function), re.escape("[0, 1]"), re.escape(came), hint)


@pytest.mark.parametrize("function", [*ON_PROBABILITIES, elementary.logit], ids=name_of)
def test_nan_probability_is_a_value_error(function):
    labels = () if function is elementary.logit else (LABELS,)
    message = message_of(ValueError, function, [0.5, np.nan, 0.5], *labels)
    assert_mends(message, first_name(function), re.escape("[0, 1]"), "nan", "NaN")


@pytest.mark.parametrize("position", [0, 1, 70_000, 299_999])
def test_one_bad_label_among_many_is_found_wherever_it_stands(position):
    labels = np.zeros(300_000)
    labels[position] = 1.5
    function = binary.binary_cross_entropy_with_logits
    for workers in (None, 2):
        message = message_of(ValueError, function, np.zeros(300_000), labels, workers=workers)
        assert_mends(message, "labels", "1.5", rf"\b{position}\b")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [-1.0, -0.001, np.inf, np.nan])
@pytest.mark.parametrize(
    ("function", "name"), WEIGHTS, ids=lambda value: getattr(value, "__name__", value)
)
def test_negative_or_infinite_weight_is_a_value_error(function, name, bad, dtype):
    weights = np.array([1.0, bad, 2.0], dtype)
    message = message_of(ValueError, call, function, **{name: weights})
    assert_mends(message, name, "finite", "0", re.escape(f"{float(weights[1])}"))


@pytest.mark.parametrize("function", REDUCING, ids=name_of)
def test_weighted_mean_without_weight_is_a_value_error(function):
    for nothing in (0.0, np.zeros(3)):
        message = message_of(ValueError, call, function, weight=nothing, reduction="weighted_mean")
        assert "weight" in message
        assert re.search("sum|total|zero", message), message


NARROW = np.zeros(1, np.float32)
SLIPPED = {  # beside float32 the Python number would round into the range, or out of the dtype
    "label just below 0": (binary_cross_entropy_with_logits, {"labels": -1e-50}, "labels"),
    "label just above 1": (binary_cross_entropy_with_logits, {"labels": 1 + 1e-8}, "labels"),
    "probability": (binary_cross_entropy, {"labels": NARROW, "probabilities": -1e-50}, "prob"),
    "weight": (binary_cross_entropy_with_logits, {"labels": NARROW, "weight": 1e39}, "float64"),
}


@pytest.mark.parametrize("case", SLIPPED)
def test_python_number_is_judged_before_it_is_rounded(case):
    function, arguments, word = SLIPPED[case]
    first = arguments.pop("probabilities", NARROW) if case == "probability" else NARROW
    with pytest.raises(ValueError, match=word):
        function(first, **arguments)


EMPTY = {
    "label": {"labels": 5.0},
    "weight": {"labels": np.zeros(0), "weight": -1},
    "weight in a row": {"labels": np.zeros(0), "weight": [-1.0]},
    "both": {"labels": -1.0, "weight": np.nan},
}


@pytest.mark.parametrize("arguments", EMPTY.values(), ids=EMPTY)
def test_range_is_checked_where_there_is_no_element_too(arguments):
    with pytest.raises(ValueError, match="expected"):
        binary_cross_entropy_with_logits(np.zeros(0), reduction="sum", **arguments)


def test_sum_of_weights_beyond_the_largest_float_is_a_value_error():
    with pytest.raises(ValueError, match="scale the weights down"):
        binary_cross_entropy_with_logits(
            np.zeros(10), np.zeros(10), weight=np.full(10, 1e308), reduction="weighted_mean"
        )


# Options ----------------------------------------------------------------------------------------

WRONG_OPTIONS = {
    "unknown reduction": ("reduction", "average", ValueError, ["average", "weighted_mean"]),
    "PyTorch's batchmean": ("reduction", "batchmean", ValueError, ["batchmean", "'mean'"]),
    "reduction in capitals": ("reduction", "Mean", ValueError, ["Mean", "'mean'"]),
    "reduction of None": ("reduction", None, TypeError, ["None", "'none'"]),
    "reduction as a flag": ("reduction", True, TypeError, ["bool", "'none'"]),
    "no workers": ("workers", 0, ValueError, ["0", "-1"]),
    "minus two workers": ("workers", -2, ValueError, ["-2", "-1"]),
    "half a worker": ("workers", 1.5, TypeError, ["float", "integer"]),
    "workers as a word": ("workers", "all", TypeError, ["str", "integer"]),
    "workers as a flag": ("workers", True, TypeError, ["bool", "integer"]),
}
WRONG_SMOOTHINGS = {
    "negative": ("label_smoothing", -0.1, ValueError, [r"\[0, 1\]", "-0.1"]),
    "above one": ("label_smoothing", 1.1, ValueError, [r"\[0, 1\]", "1.1"]),
    "nan": ("label_smoothing", np.nan, ValueError, [r"\[0, 1\]", "nan"]),
    "an array": ("label_smoothing", [0.1, 0.1, 0.1], ValueError, [r"\(3,\)", "scalar"]),
    "a word": ("label_smoothing", "0.1", TypeError, ["str"]),
    "None": ("label_smoothing", None, TypeError, ["None"]),
}
OPTIONS = [(f, option) for f in REDUCING for option in WRONG_OPTIONS.values()] + [
    (f, option) for f in WITH_LOGITS for option in WRONG_SMOOTHINGS.values()
]


@pytest.mark.parametrize(
    ("function", "option"),
    OPTIONS,
    ids=lambda value: getattr(value, "__name__", None) or f"{value[0]}={value[1]}",
)
def test_wrong_option_is_refused_with_the_choices(function, option):
    name, value, kind, fragments = option
    assert_mends(message_of(kind, call, function, **{name: value}), name, *fragments)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_options_are_keyword_only(loss):
    for function in (*loss.functions, loss.value_and_gradient):
        with pytest.raises(TypeError, match="positional"):
            function(FIRST, LABELS, np.ones(3))


@pytest.mark.parametrize(
    ("function", "axis", "kind"),
    [
        (function, axis, kind)
        for function in (elementary.logsumexp, elementary.softmax, elementary.log_softmax)
        for axis, kind in [(2, ValueError), (-3, ValueError), (1.5, TypeError), ("last", TypeError)]
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_wrong_axis_is_refused(function, axis, kind):
    with pytest.raises(kind, match=r"axis|integer"):
        function(np.zeros((2, 3)), axis=axis)


def is_inside(values):
    try:
        check_unit_interval("values", values)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f8", "<f4"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 2)])
@pytest.mark.parametrize("last", [False, True])
def test_unit_interval_holds_its_ends_and_nothing_outside(dtype, shape, last):
    tiny = np.finfo(dtype).smallest_subnormal
    above = np.nextafter(np.ones((), dtype), np.array(2, dtype))
    inside = [0.0, -0.0, tiny, 0.5, 1.0]
    outside = [-tiny, above, -1.0, 2.0, np.inf, -np.inf, np.nan, -np.nan]
    for values, expected in ((inside, True), (outside, False)):
        for value in values:
            array = np.full(shape, 0.25, dtype)
            array[(-1,) * len(shape) if last else (0,) * len(shape)] = value
            assert is_inside(array) is expected, value


@pytest.mark.parametrize(
    ("values", "inside"), [([0, 1], True), ([0, 2], False), ([-1, 1], False), ([True, False], True)]
)
def test_unit_interval_of_integers_and_booleans(values, inside):
    assert is_inside(np.array(values)) is inside


INSIDE = [("[0, 1]", 0), ("[0, 1]", 1), ("[0, 1)", 0), ("(0, inf)", 5e-324), ("[0, inf)", 1e308)]
OUTSIDE = [("[0, 1)", 1), ("(0, inf)", 0.0), ("[0, inf)", np.inf), ("[0, 1]", -5e-324)]


@pytest.mark.parametrize(("interval", "number"), INSIDE)
def test_number_of_the_interval_comes_back_as_a_float(interval, number):
    for given in (number, np.float64(number), np.array(number)):
        returned = check_number("h", given, interval, "mend")
        assert type(returned) is float
        assert returned == number


@pytest.mark.parametrize(("interval", "number"), [*OUTSIDE, ("[0, 1]", np.nan)])
def test_number_outside_the_interval_is_refused_with_the_interval_and_the_mend(interval, number):
    with pytest.raises(ValueError, match=re.escape(f"h: expected a number in {interval}, got ")):
        check_number("h", number, interval, "mend")


@pytest.mark.parametrize("given", [[0.5], np.full((1, 1), 0.5)], ids=["list", "matrix"])
def test_several_numbers_are_not_one(given):
    with pytest.raises(ValueError, match=r"h: expected one number in \[0, 1\], got shape .*; pass"):
        check_number("h", given, "[0, 1]", "mend")


def test_point_is_a_new_array_of_floats():
    assert as_point("x", np.array([1, 2])).dtype == np.float64
    narrow = np.array([1.0, 2.0], np.float32)
    point = as_point("x", narrow)
    assert point.dtype == np.float32
    assert not np.shares_memory(point, narrow)


@pytest.mark.parametrize(
    ("given", "words"),
    [([], r"at least one number, got shape \(0,\)"), ([1.0, np.inf], "finite numbers, got inf")],
    ids=["empty", "infinite"],
)
def test_point_without_room_on_both_sides_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        as_point("x", given)


def test_weight_that_rounds_to_the_largest_float32_is_a_weight():
    largest = 3.4028235e38  # as NumPy prints it, and a little above it
    loss = binary_cross_entropy(np.float32([0.5]), np.float32([1]), weight=largest, reduction="sum")
    assert loss == np.finfo(np.float32).max * np.float32(np.log(2))


@pytest.mark.parametrize("function", WITH_LOGITS, ids=name_of)
def test_integer_beyond_every_float_is_refused(function):
    message = message_of(TypeError, call, function, label_smoothing=10**400)
    assert_mends(message, "label_smoothing")
