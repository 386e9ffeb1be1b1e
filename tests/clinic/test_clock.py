"""The time of an examination ends, and so does a call that does not end by itself."""

import time

import pytest

from companion.clinic.clock import LONGEST, Clock, Hangs, OutOfTime


def test_a_spent_budget_ends_the_examination():
    clock = Clock(0.0)
    with pytest.raises(OutOfTime), clock.one_call():
        pass
    assert clock.calls == 0


def test_calls_are_counted_up_to_the_most():
    clock = Clock(5.0, most=2)
    for _ in range(2):
        with clock.one_call():
            pass
    with pytest.raises(OutOfTime), clock.one_call():
        pass
    assert clock.calls == 2


def test_a_call_that_sleeps_is_ended():
    clock, began = Clock(LONGEST + 0.1), time.perf_counter()
    with pytest.raises(Hangs), clock.one_call():
        time.sleep(60)
    # The first call may take longer than the others, but never longer than the budget and 0.05 s.
    assert time.perf_counter() - began < LONGEST + 4


def test_a_call_that_has_little_time_left_does_not_hang_when_it_is_up():
    clock = Clock(0.2)
    with pytest.raises(OutOfTime), clock.one_call():
        time.sleep(60)
    assert clock.calls == 1


def test_no_exception_handler_of_a_loss_catches_the_end():
    assert not issubclass(Hangs, Exception)
