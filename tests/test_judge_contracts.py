"""What the judges of a gradient accept, and how they refuse the rest."""

import numpy as np
import pytest

from companion.judge_contracts import as_number, as_numbers, as_point, check_option


def test_point_is_a_new_array_of_floats():
    given = np.array([1, 2])
    point = as_point(given)
    assert point.dtype == np.float64
    narrow = np.array([1.0, 2.0], np.float32)
    assert as_point(narrow).dtype == np.float32
    assert not np.shares_memory(as_point(narrow), narrow)


@pytest.mark.parametrize(("given", "number"), [(2, 2.0), (np.float32(0.5), 0.5), ([[3]], None)])
def test_number_is_one_float_or_refused(given, number):
    if number is None:
        with pytest.raises(ValueError, match=r"h: expected one number, got shape \(1, 1\); pass"):
            as_number("h", given)
    else:
        assert as_number("h", given) == number
        assert type(as_number("h", given)) is float


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (np.ma.masked_array([1.0], [True]), TypeError, "without a mask, got a masked array; pass"),
        ([[1.0], [2.0, 3.0]], ValueError, "got list .*; pass a NumPy array"),
        ("1", TypeError, "got str of dtype <U1; pass a float"),
        (1j, TypeError, "got complex of dtype complex128; pass a float"),
    ],
    ids=["mask", "ragged", "string", "complex"],
)
def test_what_is_no_array_of_real_numbers_is_refused(given, kind, words):
    with pytest.raises(kind, match=f"x: expected .*{words}"):
        as_numbers("x", given)


def test_tensor_is_refused_with_the_way_to_numpy():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"x: expected NumPy numbers, got Tensor; .*numpy\(\)"):
        as_numbers("x", torch.ones(2))


@pytest.mark.parametrize(
    ("given", "words"),
    [([], r"at least one number, got shape \(0,\)"), ([1.0, np.inf], "finite numbers, got inf")],
    ids=["empty", "infinite"],
)
def test_point_without_room_on_both_sides_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        as_point(given)


@pytest.mark.parametrize(("option", "kind"), [("c", ValueError), (None, TypeError)])
def test_option_that_is_none_of_the_choices_is_refused(option, kind):
    check_option("way", "a", ("a", "b"))
    with pytest.raises(kind, match=r"way: expected one of 'a', 'b', got .*; "):
        check_option("way", option, ("a", "b"))
