"""The tables hold all that is public, and their measure finds the errors that are known."""

import inspect

import mpmath
import numpy as np
import pytest

import companion
from companion import reference
from tests.tables.bad_input import CALLS
from tests.tables.grids import worst_ulp
from tests.tables.losses import LOSSES


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("exact", [1.0, 0.75, 3.5, 1 / 1024])
def test_next_number_is_one_ulp_away(dtype, exact):
    exact = dtype(exact)
    assert worst_ulp(np.array([exact, np.nextafter(exact, dtype(9))]), [exact, exact]) == 1
    assert worst_ulp(np.array([exact]), [exact]) == 0


def test_error_is_that_of_the_judge():
    computed, exact = np.array([1.0, 2.0, 3.0]) * (1 + 3e-16), mpmath.mpf(1) / 3
    truths = [exact * 3, exact * 6, exact * 9]
    assert worst_ulp(computed, truths) == reference.ulp_error(computed, truths).max()


def test_half_an_ulp_of_bfloat16_is_half():
    torch = pytest.importorskip("torch")
    assert worst_ulp(torch.tensor([1.0], dtype=torch.bfloat16), [1 + 2.0**-8]) == 0.5


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_no_number_is_infinitely_wrong(wrong):
    assert worst_ulp(np.array([1.0, wrong]), [1.0, 1.0]) == np.inf


def test_each_public_function_has_a_row_of_bad_arguments():
    functions = [f for f in map(vars(companion).get, companion.__all__) if inspect.isfunction(f)]
    taking = {f.__name__ for f in functions if inspect.signature(f).parameters}
    assert taking - {call.function.__name__ for call in CALLS} == set()


def test_each_elementwise_loss_has_a_row_of_laws():
    losses = {n for n in companion.__all__ if f"{n}_gradient" in companion.__all__}
    assert losses >= {"binary_cross_entropy_with_logits", "cross_entropy"}
    by_row = {n for n in losses if "cross_entropy" in n and not n.startswith("cross_entropy")}
    assert by_row - {loss.function for loss in LOSSES} == set()
