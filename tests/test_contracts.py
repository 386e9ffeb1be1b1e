"""Each check of `companion.contracts`: what it lets in, what it refuses, and in which words.

That every public function calls them is for test_bad_input.
"""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from companion import binary_cross_entropy, binary_cross_entropy_with_logits
from companion.contracts import (
    as_point,
    check_number,
    check_unit_interval,
    check_weight,
    common_shape,
    count_workers,
)
from tests.tables.losses import LOSSES

EVERY_FUNCTION = pytest.mark.parametrize(
    ("loss", "function"),
    [
        pytest.param(loss, function, id=f"{loss}-{function.func.__name__}")
        for loss in LOSSES
        for function in loss.functions
    ],
)


def assert_refused(name, words, check, *arguments):
    """A `ValueError` names the argument, what was expected, what came, and how to mend it."""
    with pytest.raises(ValueError, match=rf"(?s)\b{name}\b.*: expected .*got .*; .") as caught:
        check(*arguments)
    assert type(caught.value) is ValueError
    for word in words:
        assert re.search(word, str(caught.value)), f"{word!r} not in: {caught.value}"


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
def test_different_shapes_are_a_value_error_that_prints_both(first, labels, silent):
    words = [re.escape(str(first)), re.escape(str(labels)), "labels"]
    if silent:
        words += ["broadcast", re.escape(str(silent))]
    arrays = np.empty(first), np.empty(labels)
    assert_refused("logits", words, common_shape, "logits", arrays[0], "labels", arrays[1])


# (shape of the data, shape of the weight)
TOO_WIDE = [((3,), (2,)), ((3,), (2, 3)), ((3,), (3, 1)), ((3,), (1, 3)), ((), (1,)), ((1,), (3,))]


@pytest.mark.parametrize(("shape", "weight"), TOO_WIDE, ids=str)
def test_weight_beyond_the_labels_is_a_value_error(shape, weight):
    words = [re.escape(str(shape)), re.escape(str(weight))]
    assert_refused("weight", words, check_weight, "weight", np.ones(weight), shape)


@pytest.mark.parametrize("weight", [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (1, 1)], ids=str)
@EVERY_FUNCTION
def test_weight_repeats_along_axes_of_length_one(loss, function, weight):
    weights = np.random.default_rng(0).random(weight)
    full = np.broadcast_to(weights, (2, 3)).copy()
    first, labels = np.full((2, 3), 0.5), np.ones((2, 3))
    for name in {"weight", "pos_weight"} & {"weight", *loss.formula.options}:
        repeated = function(first, labels, **{name: weights})
        np.testing.assert_equal(repeated, function(first, labels, **{name: full}))


# Ranges -----------------------------------------------------------------------------------------

# (values, what the message says came); the mends are for test_mends
OUTSIDE = {
    "-1 and +1": ([-1, 1, 1], "-1"),
    "0 and 255": (np.array([0, 255, 255], np.uint8), "255"),
    "logits": ([-2.0, 0.5, 3.0], "-2"),
    "just above 1": ([0, 1, np.nextafter(1, 2)], "1.0000000000000002"),
    "just below 0": ([0, -5e-324, 1], "-5e-324"),
    "nan": ([0, np.nan, 1], "nan"),
    "inf": ([0, np.inf, 1], "inf"),
    "-inf": ([0, -np.inf, 1], "-inf"),
}


@pytest.mark.parametrize("name", ["labels", "probabilities"])
@pytest.mark.parametrize("values", OUTSIDE)
def test_values_outside_the_unit_interval_are_a_value_error(values, name):
    given, came = OUTSIDE[values]
    words = [re.escape("[0, 1]"), re.escape(came)]
    assert_refused(name, words, check_unit_interval, name, np.array(given))


@pytest.mark.parametrize("position", [0, 1, 70_000, 299_999])
def test_one_bad_label_among_many_is_found_wherever_it_stands(position):
    labels = np.zeros(300_000)
    labels[position] = 1.5
    assert_refused("labels", ["1.5", rf"\b{position}\b"], check_unit_interval, "labels", labels)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bad", [-1.0, -0.001, np.inf, np.nan])
def test_negative_or_infinite_weight_is_a_value_error(bad, dtype):
    weights = np.array([1.0, bad, 2.0], dtype)
    words = ["finite", "0", re.escape(f"{float(weights[1])}")]
    assert_refused("weight", words, check_weight, "weight", weights, (3,))


@EVERY_FUNCTION
def test_weighted_mean_without_weight_is_a_value_error(loss, function):
    for nothing in (0.0, np.zeros(3)):
        with pytest.raises(ValueError, match=r"weight.*(sum|total|zero)"):
            function(np.full(3, 0.5), np.ones(3), weight=nothing, reduction="weighted_mean")


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


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_options_are_keyword_only(loss):
    for function in (*loss.functions, loss.value_and_gradient):
        with pytest.raises(TypeError, match="positional"):
            function(np.full(3, 0.5), np.ones(3), np.ones(3))


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
BEYOND = [("[0, 1)", 1), ("(0, inf)", 0.0), ("[0, inf)", np.inf), ("[0, 1]", -5e-324)]


@pytest.mark.parametrize(("interval", "number"), INSIDE)
def test_number_of_the_interval_comes_back_as_a_float(interval, number):
    for given in (number, np.float64(number), np.array(number)):
        returned = check_number("h", given, interval, "mend")
        assert type(returned) is float
        assert returned == number


@pytest.mark.parametrize(("interval", "number"), [*BEYOND, ("[0, 1]", np.nan)])
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


# Workers ----------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_all_processors_are_those_that_the_process_may_use():
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from companion.contracts import count_workers; print(count_workers(-1))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "1\n"


@pytest.mark.parametrize(
    ("there", "count"),
    [
        ({"process_cpu_count": lambda: 3, "sched_getaffinity": lambda _: {0, 5}}, 3),
        ({"process_cpu_count": lambda: None}, 1),
        ({"sched_getaffinity": lambda _: {0, 5}}, 2),
        ({}, 7),
        ({"cpu_count": lambda: None}, 1),
    ],
    ids=["Python 3.13", "Python 3.13 in the dark", "affinity", "neither", "nothing known"],
)
def test_processors_are_counted_with_what_the_system_has(there, count, monkeypatch):
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    for name, function in ({"cpu_count": lambda: 7} | there).items():
        monkeypatch.setattr(os, name, function, raising=False)
    assert count_workers(-1) == count
    assert [count_workers(n) for n in (None, 1, 9)] == [1, 1, 9]
