"""Numbers in a report are short, and many are few."""

import numpy as np
import pytest

from companion.clinic.finding import SEVERITIES, number

NUMBERS = {
    "one": (0.1 + 0.2, "0.3"),
    "one in an array": (np.array([2.0]), "2"),
    "some": ([1, 2.5], "[1, 2.5]"),
    "many": (np.arange(9.0), "[0, 1, 2, 3, ...]"),
    "nan": (float("nan"), "nan"),
    "words": (np.array(["a", 1.0], dtype=object), "[a, 1]"),
    "tiny": (1.23456789e-300, "1.23457e-300"),
}


@pytest.mark.parametrize(("value", "text"), NUMBERS.values(), ids=NUMBERS)
def test_number_is_written_short(value, text):
    assert number(value) == text


def test_many_numbers_may_begin_later():
    assert number(np.arange(9.0), first=2) == "[..., 2, 3, 4, 5, ...]"
    assert number(np.arange(9.0), first=5) == "[..., 5, 6, 7, 8]"


def test_severities_begin_with_the_worst():
    assert SEVERITIES == ("critical", "major", "minor", "limit")
