"""Every public function, every kind of bad argument: the documented exception, or the right value.

The rows are in tables/bad_input.py.
"""

import dataclasses
import re

import numpy as np
import pytest

from tests.tables.bad_input import CALLS, KINDS, NUMBERS, OPTIONAL, OPTIONS

ARRAYS = [
    (call, name) for call in CALLS for name, (sort, _) in call.arguments.items() if sort in NUMBERS
]
CHOICES = [
    (call, name, *choice)
    for call in CALLS
    for name, (sort, _) in call.arguments.items()
    for choice in OPTIONS.get(sort, [])
    if not (choice[0] is None and name in OPTIONAL)
]
WRONG_NUMBERS = [
    (call, name, kind) for call, name in ARRAYS for kind in NUMBERS[call.arguments[name][0]]
]
MISFITS = [(call, misfit) for call in CALLS for misfit in call.misfits]
EVERY_ARRAY = pytest.mark.parametrize(("call", "name"), ARRAYS, ids=str)


def assert_refused(call, error, name, *words, **changes):
    """The exact exception, which names the argument, what came and how to mend it."""
    with pytest.raises(error) as caught:
        call(**changes)
    assert type(caught.value) is error, "a subclass surprises an `except`"
    message = str(caught.value)
    assert re.search(rf"\b{name}\b.*: expected .*got .*; .", message, re.DOTALL), message
    for word in words:
        assert re.search(word, message), f"{word!r} not in: {message}"


def assert_same(result, expected):
    if dataclasses.is_dataclass(expected):
        result, expected = vars(result), vars(expected)
    np.testing.assert_equal(result, expected)


@pytest.mark.parametrize("kind", KINDS)
@EVERY_ARRAY
def test_what_is_no_array_of_numbers_is_refused(call, name, kind):
    value, error, words = KINDS[kind]
    if value is None and name in OPTIONAL:
        call(**{name: None})
        return
    assert_refused(call, error, name, *words, **{name: value() if callable(value) else value})


@pytest.mark.parametrize(("call", "name", "kind"), WRONG_NUMBERS, ids=str)
def test_number_out_of_range_is_refused_wherever_it_stands(call, name, kind):
    sort, valid = call.arguments[name]
    number = NUMBERS[sort][kind]
    for place in np.ndindex(np.shape(valid)):
        values = np.array(valid)
        values[place] = number
        before = values.copy()
        assert_refused(call, ValueError, name, **{name: values})
        np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(("call", "name", "value", "error", "words"), CHOICES, ids=str)
def test_wrong_option_is_refused_with_the_choices(call, name, value, error, words):
    assert_refused(call, error, name, *words, **{name: value})


@pytest.mark.parametrize(("call", "misfit"), MISFITS, ids=str)
def test_shapes_that_do_not_fit_are_refused(call, misfit):
    name = "|".join(misfit)
    spared = dict.fromkeys(OPTIONAL & call.arguments.keys() - misfit.keys())
    assert_refused(call, ValueError, f"(?:{name})", **spared | misfit)


SAME = {
    "list": lambda a: a.tolist(),
    "tuple": lambda a: tuple(a.tolist()),
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "reversed": lambda a: a[::-1].copy()[::-1],
    "Fortran order": np.asfortranarray,
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
}


@pytest.mark.parametrize("layout", SAME)
@EVERY_ARRAY
def test_layout_of_the_memory_changes_nothing(call, name, layout):
    valid = call.arguments[name][1]
    view = SAME[layout](np.asarray(valid))
    assert_same(call(**{name: view}), call())


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_read_only_arguments_are_enough_and_left_as_they_are(call):
    arrays = {
        name: np.array(value) for name, (sort, value) in call.arguments.items() if sort in NUMBERS
    }
    before = {name: array.copy() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    assert_same(call(**arrays), call())
    np.testing.assert_equal(arrays, before)


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, name in ARRAYS if call.arguments[name][0] == "logits"]
)
def test_nan_and_infinity_among_logits_are_heard(call, name):
    valid = call.arguments[name][1]
    for place in np.ndindex(np.shape(valid)):
        for number in (np.nan, np.inf, -np.inf):
            values = np.array(valid)
            values[place] = number
            results = call(**{name: values})
            results = results if isinstance(results, tuple) else (results,)
            for result in results:
                assert np.isnan(result).any() == np.isnan(number)
