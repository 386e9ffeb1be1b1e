"""The time that an examination may take, and the end of a call that does not end by itself."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field

__all__ = ["LONGEST", "Clock", "Hangs", "OutOfTime"]

LONGEST = 1.5  # seconds that one call may take before it counts as hanging
_FIRST = 0.6  # the share of the budget that the first of a kind may take


class OutOfTime(Exception):  # noqa: N818 - it is no error, and no loss may catch it by name
    """The budget is spent."""


class Hangs(BaseException):
    """One call took too long; a BaseException, so that a loss that catches Exception lets it by."""


@dataclass
class Clock:
    """The time that an examination may take, and the calls that it made."""

    budget: float
    began: float = field(default_factory=time.perf_counter)
    calls: int = 0
    most: float = float("inf")
    """The calls that may be made."""
    known: set[object] = field(default_factory=set)
    """The kinds of calls that were made: the first of each may import and compile."""

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.budget - (time.perf_counter() - self.began)

    @contextlib.contextmanager
    def one_call(self, kind: object = None) -> Generator[None]:
        """Count a call, and end one that hangs where signals can do that: POSIX, main thread.

        One that has less than `LONGEST` left, and does not end in it, is no hang: the time is up.
        """
        if self.left <= 0 or self.calls >= self.most:
            raise OutOfTime
        longest = LONGEST if kind in self.known else max(LONGEST, _FIRST * self.budget)
        given = min(longest, self.left + 0.05)
        self.calls += 1
        self.known.add(kind)
        if not hasattr(signal, "SIGALRM") or (
            threading.current_thread() is not threading.main_thread()
        ):
            yield
            return

        def ring(*_):
            raise Hangs

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, given)
        try:
            yield
        except Hangs:
            if given < LONGEST:
                raise OutOfTime from None
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
