"""How an exact value is made: a definition, evaluated with bits enough for what it cancels.

`evaluate` chooses the working precision; `sigmoids` to `times` are what several losses share.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

__all__ = [
    "LARGEST_BY_DEFINITION",
    "evaluate",
    "evaluate_all",
    "exactly",
    "lock",
    "log_sigmoids",
    "log_softmaxes",
    "log_sum_exp",
    "mp",
    "require_unit",
    "sigmoids",
    "times",
]

# A context of our own, so that nobody's mpmath.mp changes; mpmath's caches of constants are not
# safe in threads, hence the lock.
mp = mpmath.MPContext()
lock = threading.Lock()

# Up to this |z| the definition is evaluated as it stands, with 1.44 |z| extra bits (milliseconds);
# beyond it, an equal form in exp(-|z|) that cancels nothing. The tests compare the two.
LARGEST_BY_DEFINITION = 1_000


def evaluate(formula: Callable, digits: int, *arguments: Any, **weights: Any) -> mpmath.mpf:
    """Evaluate one number, as `evaluate_all` does."""
    alone = lambda *values, **weights: [formula(*values, **weights)]  # noqa: E731
    return evaluate_all(alone, 1, digits, *arguments, **weights)[0]


def evaluate_all(
    formula: Callable, count: int, digits: int, *arguments: Any, **weights: Any
) -> list[mpmath.mpf]:
    """Evaluate `count` numbers with bits enough for what the definitions cancel.

    1 - σ(z) loses |z| / log 2 bits; 1 - x and σ(x) - 1/2 lose -log2 |x|; σ(z) - y and
    -y / p + (1 - y) / (1 - p) lose about twice 53 where they nearly vanish between two floats.
    """
    with lock, mp.workprec(2400):
        values = [exactly(x) for x in arguments]
        weights = {name: exactly(x) for name, x in weights.items()}
        if any(map(mp.isnan, [*values, *weights.values()])):
            return [mpmath.mp.nan] * count
        finite = [x for x in values if x and not mp.isinf(x)]
        numbers = [*finite, *(x for x in weights.values() if x and not mp.isinf(x))]
        scale = max((abs(mp.frexp(x)[1]) for x in numbers), default=0)
        spread = max([*finite, 0]) - min([*finite, 0])
        lost = 256 + 2 * scale + int(min(spread, LARGEST_BY_DEFINITION) / math.log(2))
        mp.prec = int(digits / math.log10(2)) + lost
        results = formula(*values, **weights)
        mp.dps = digits
        return [mpmath.mp.make_mpf((+result)._mpf_) for result in results]


def exactly(x: Any) -> mpmath.mpf:
    """Convert without rounding; call it at a precision that holds x."""
    if isinstance(x, np.bool_ | np.number) and not isinstance(x, np.timedelta64):
        x = x.item()  # a long double stays one
    if not isinstance(x, int | float) and not hasattr(x, "_mpf_"):
        name = type(x).__name__
        raise TypeError(f"expected a real number, of NumPy one of at most 64 bits, not {name}")
    return mp.mpf(x)


def sigmoids(z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """σ(z) and 1 - σ(z)."""
    if abs(z) <= LARGEST_BY_DEFINITION:
        s = 1 / (1 + mp.exp(-z))
        return s, 1 - s
    e = mp.exp(-abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    return (larger, smaller) if z > 0 else (smaller, larger)


def log_sigmoids(z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Log σ(z) and log(1 - σ(z))."""
    if abs(z) <= LARGEST_BY_DEFINITION:
        s, c = sigmoids(z)
        return mp.log(s), mp.log(c)
    tail = mp.log1p(mp.exp(-abs(z)))
    return min(z, mp.zero) - tail, -max(z, mp.zero) - tail


def log_sum_exp(z: Sequence[mpmath.mpf]) -> mpmath.mpf:
    """Return log Σ exp(z), no z being NaN."""
    largest = max(z, default=mp.ninf)
    if mp.isinf(largest):
        return largest
    if max(abs(largest), largest - min(z)) <= LARGEST_BY_DEFINITION:
        return mp.log(mp.fsum(mp.exp(x) for x in z))
    rest = sorted(z)[:-1]
    return largest + mp.log1p(mp.fsum(mp.exp(x - largest) for x in rest))


def log_softmaxes(z: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    """Return the logarithm of each softmax."""
    if z.count(mp.inf) > 1 or z.count(mp.ninf) == len(z):
        return [mp.nan] * len(z)

    def log_p(k):
        if z[k] == mp.ninf:
            return mp.ninf
        return -log_sum_exp([x - z[k] if j != k else mp.zero for j, x in enumerate(z)])

    return [log_p(k) for k in range(len(z))]


def times(a, b):
    """Return a b, and 0 where a is 0 and b infinite."""
    return mp.zero if a == 0 and not mp.isnan(b) else a * b


def require_unit(name: str, value: Any) -> None:
    """Refuse what is not in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], not {value!r}")
