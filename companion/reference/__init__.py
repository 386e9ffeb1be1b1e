"""The exact value of most functions of this package, to as many digits as you ask for.

A judge: it imports nothing of ours, and it is slow on purpose. Each function evaluates the textbook
definition in mpmath (beyond |z| = 1000 an equal form that cancels nothing), with so many bits that
for floats the cancellation in the definition cannot matter, and returns an `mpmath.mpf`, or a list
of them, rounded to `digits` decimal digits. Arguments are scalars, and for several classes one row
of them, taken exactly as the binary numbers they are.

Read `sigmoid` first, then `binary_cross_entropy_with_logits`, then `ulp_error`, which says how far
a computed array is from these values; the focal loss is in `companion.reference.focal`, and
`_exact.evaluate` chooses the working precision.
mpmath's own precision, `mpmath.mp.dps`, is neither read nor set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mpmath
import numpy as np

from companion.reference._exact import (
    evaluate,
    evaluate_all,
    exactly,
    lock,
    log_sigmoids,
    log_softmaxes,
    log_sum_exp,
    mp,
    require_unit,
    sigmoids,
    times,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "binary_cross_entropy_hessian",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_gradient",
    "binary_cross_entropy_with_logits_hessian",
    "cross_entropy",
    "cross_entropy_gradient",
    "cross_entropy_hessian",
    "log1mexp",
    "log_sigmoid",
    "log_softmax",
    "logit",
    "logsumexp",
    "sigmoid",
    "softmax",
    "softplus",
    "ulp_error",
]


def sigmoid(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return σ(z) = 1 / (1 + exp(-z)).

    Examples
    --------
    >>> print(mpmath.nstr(sigmoid(-1e4), 5))  # no underflow: exponents have no bounds here
    1.1355e-4343
    """
    return evaluate(lambda z: sigmoids(z)[0], digits, z)


def logit(p: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(p / (1 - p)), for p in [0, 1].

    Examples
    --------
    >>> logit(0.5) == 0, logit(1) == mpmath.inf
    (True, True)
    """
    require_unit("p", p)
    return evaluate(lambda p: mp.log(p) - mp.log(1 - p), digits, p)


def log1mexp(x: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(1 - exp(x)), for x of at most 0.

    Examples
    --------
    >>> print(mpmath.nstr(log1mexp(-1e-300), 10))
    -690.7755279
    """
    if x > 0:
        raise ValueError(f"x must be at most 0, not {x!r}")
    return evaluate(lambda x: mp.log1p(-mp.exp(x)), digits, x)


def softplus(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(1 + exp(z))."""
    return evaluate(lambda z: log_sum_exp([mp.zero, z]), digits, z)


def log_sigmoid(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log σ(z)."""
    return evaluate(lambda z: log_sigmoids(z)[0], digits, z)


def logsumexp(z: Iterable[Any], *, digits: int = 50) -> mpmath.mpf:
    """Return log Σ exp(zₖ); for an empty sequence log 0 = -inf."""
    return evaluate(lambda *z: log_sum_exp(z), digits, *z)


def softmax(z: Iterable[Any], *, digits: int = 50) -> list[mpmath.mpf]:
    """Return exp(zₖ) / Σ exp(zⱼ) for each k; NaN for two of +inf or only -inf, which have no limit.

    Examples
    --------
    >>> [float(s) for s in softmax([mpmath.inf, 0.0])]
    [1.0, 0.0]
    """
    return _for_each(mp.exp, digits, z)


def log_softmax(z: Iterable[Any], *, digits: int = 50) -> list[mpmath.mpf]:
    """Return zₖ - log Σ exp(zⱼ) for each k; NaN where `softmax` is NaN."""
    return _for_each(lambda log_p: log_p, digits, z)


def binary_cross_entropy(p: Any, y: Any, *, weight: Any = 1, digits: int = 50) -> mpmath.mpf:
    """Return -w (y log p + (1 - y) log(1 - p)) in nats, with 0 · log 0 = 0.

    Examples
    --------
    >>> print(mpmath.nstr(binary_cross_entropy(0.5, 1), 20))
    0.69314718055994530942
    >>> print(binary_cross_entropy(0, 0), binary_cross_entropy(0, 1))
    0.0 +inf
    """
    return _of_probability(
        lambda p, y: -times(y, mp.log(p)) - times(1 - y, mp.log(1 - p)), digits, p, y, weight
    )


def binary_cross_entropy_gradient(
    p: Any, y: Any, *, weight: Any = 1, digits: int = 50
) -> mpmath.mpf:
    """Return the derivative in p, w (-y / p + (1 - y) / (1 - p)), leaving out a term 0 / 0."""
    return _of_probability(lambda p, y: -_over(y, p) + _over(1 - y, 1 - p), digits, p, y, weight)


def binary_cross_entropy_hessian(
    p: Any, y: Any, *, weight: Any = 1, digits: int = 50
) -> mpmath.mpf:
    """Return the second derivative in p, w (y / p² + (1 - y) / (1 - p)²), without a term 0 / 0."""
    return _of_probability(
        lambda p, y: _over(y, p**2) + _over(1 - y, (1 - p) ** 2), digits, p, y, weight
    )


def binary_cross_entropy_with_logits(
    z: Any, y: Any, *, digits: int = 50, **options: Any
) -> mpmath.mpf:
    """Return -w (a log σ(z) + b log(1 - σ(z))) in nats, a = `pos_weight` · y and b = 1 - y.

    Parameters
    ----------
    z, y : real numbers
        Logit, infinite ones included, and label in [0, 1].
    digits : int
        Decimal digits of the result.
    **options
        `weight` w, `pos_weight` (1 unless given) and `label_smoothing` ε (0 unless given), which
        first replaces y by (1 - ε) y + ε / 2.

    Examples
    --------
    >>> print(mpmath.nstr(binary_cross_entropy_with_logits(40.0, 1), 10))  # not 0
    4.248354255e-18
    >>> print(binary_cross_entropy_with_logits(mpmath.inf, 1))
    0.0
    """

    def loss(z, a, b):
        log_s, log_c = log_sigmoids(z)
        return -times(a, log_s) - times(b, log_c)

    return _of_logit(loss, digits, z, y, **options)


def binary_cross_entropy_with_logits_gradient(
    z: Any, y: Any, *, digits: int = 50, **options: Any
) -> mpmath.mpf:
    """Return the derivative in z, w (b σ(z) - a (1 - σ(z))): without options, σ(z) - y."""

    def gradient(z, a, b):
        s, c = sigmoids(z)
        return b * s - a * c

    return _of_logit(gradient, digits, z, y, **options)


def binary_cross_entropy_with_logits_hessian(
    z: Any, y: Any, *, digits: int = 50, **options: Any
) -> mpmath.mpf:
    """Return the second derivative in z, w (a + b) σ(z) (1 - σ(z))."""

    def hessian(z, a, b):
        s, c = sigmoids(z)
        return (a + b) * s * c

    return _of_logit(hessian, digits, z, y, **options)


def cross_entropy(z: Sequence[Any], y: Any, *, digits: int = 50, **options: Any) -> mpmath.mpf:
    """Return -Σ aₖ log pₖ in nats for one row, p = softmax(z) and aₖ = wₖ ((1 - ε) yₖ + ε / K).

    Parameters
    ----------
    z : sequence of K real numbers
        Logits, infinite ones included.
    y : int or sequence of K real numbers
        The right class, or the probability of each.
    digits : int
        Decimal digits of the result.
    **options
        `weight`, K numbers (1 unless given), and `label_smoothing` ε (0 unless given).

    Examples
    --------
    >>> print(mpmath.nstr(cross_entropy([40.0, 0.0], 0), 10))
    4.248354255e-18
    """
    loss = lambda log_p, a: [-mp.fsum(map(times, a, log_p))]  # noqa: E731
    return _of_row(loss, 1, digits, z, y, **options)[0]


def cross_entropy_gradient(
    z: Sequence[Any], y: Any, *, digits: int = 50, **options: Any
) -> list[mpmath.mpf]:
    """Return the derivative in each logit, pⱼ Σₖ aₖ - aⱼ: without options, p - y."""

    def gradient(log_p, a):
        total = mp.fsum(a)
        return [mp.exp(each) * total - label for each, label in zip(log_p, a, strict=True)]

    return _of_row(gradient, len(z), digits, z, y, **options)


def cross_entropy_hessian(
    z: Sequence[Any], y: Any, *, digits: int = 50, **options: Any
) -> list[list[mpmath.mpf]]:
    """Return the second derivatives, pᵢ (δᵢⱼ - pⱼ) Σₖ aₖ."""
    k = len(z)

    def hessian(log_p, a):
        p, total = [mp.exp(each) for each in log_p], mp.fsum(a)
        others = [mp.fsum(p[:i] + p[i + 1 :]) for i in range(k)]
        return [p[i] * (others[i] if i == j else -p[j]) * total for i in range(k) for j in range(k)]

    entries = _of_row(hessian, k * k, digits, z, y, **options)
    return [entries[i * k : (i + 1) * k] for i in range(k)]


def ulp_error(computed: Any, exact: Any) -> float | np.ndarray:
    """Return |computed - exact| in units in the last place of `computed`'s dtype.

    Parameters
    ----------
    computed : array or scalar of float16, float32 or float64
        A Python float counts as float64.
    exact : mpf or nested sequence or array of them, of the same shape
        Python and NumPy numbers are taken exactly.

    Returns
    -------
    float, or float64 array of that shape
        The unit is the spacing of the dtype at the *exact* value, in and below the subnormals the
        smallest subnormal. 0 for NaN against NaN and for an infinity of the right sign, also where
        the exact value rounds to it; inf for any other infinity or NaN.

    Examples
    --------
    >>> ulp_error(np.float32(0.1), mpmath.mpf("0.1")) < 0.5
    True
    >>> ulp_error([0.0, 5e-324, np.inf], [5e-324, 0, 1e300]).tolist()
    [1.0, 1.0, inf]
    """
    computed = np.asarray(computed)
    if computed.dtype not in (np.float16, np.float32, np.float64):
        raise TypeError(f"computed must be float16, float32 or float64, not {computed.dtype}")
    exact = np.asarray(exact, dtype=object)
    if exact.shape != computed.shape:
        raise ValueError(f"exact has shape {exact.shape}, computed has {computed.shape}")
    kind = np.finfo(computed.dtype)
    with lock, mp.workprec(2200):  # a float64 difference spans at most 1024 + 1074 bits
        errors = [
            _one_ulp_error(exactly(c), exactly(e), kind)
            for c, e in zip(computed.ravel().tolist(), exact.ravel(), strict=True)
        ]
    return np.array(errors).reshape(computed.shape) if computed.ndim else errors[0]


def _one_ulp_error(computed: mpmath.mpf, exact: mpmath.mpf, kind: np.finfo) -> float:
    if mp.isnan(computed) or mp.isnan(exact):
        return 0.0 if mp.isnan(computed) and mp.isnan(exact) else math.inf
    if mp.isinf(exact):
        return 0.0 if computed == exact else math.inf
    # frexp's mantissa lies in [1/2, 1), so the leading bit is worth half of 2**exponent
    leading = mp.frexp(exact)[1] - 1 if exact else kind.minexp
    exponent = min(max(leading, kind.minexp), kind.maxexp - 1)
    unit = mp.ldexp(1, exponent - kind.nmant)
    if mp.isinf(computed):
        rounds_to_infinity = abs(exact) >= mp.mpf(float(kind.max)) + unit / 2
        return 0.0 if rounds_to_infinity and computed * exact > 0 else math.inf
    return float(abs(computed - exact) / unit)


def _for_each(formula: Callable, digits: int, z: Iterable[Any]) -> list[mpmath.mpf]:
    """Evaluate `formula` at the logarithm of each softmax."""
    z = list(z)
    return evaluate_all(lambda *z: map(formula, log_softmaxes(z)), len(z), digits, *z)


def _of_probability(formula: Callable, digits: int, p: Any, y: Any, weight: Any) -> mpmath.mpf:
    require_unit("p", p)
    require_unit("y", y)
    return evaluate(lambda p, y, *, w: times(w, formula(p, y)), digits, p, y, w=weight)


def _of_logit(
    formula: Callable, digits: int, z: Any, y: Any, *, weight=1, pos_weight=1, label_smoothing=0
) -> mpmath.mpf:
    def weighted(z, y, *, w, a, smoothing):
        y = (1 - smoothing) * y + smoothing / 2
        return times(w, formula(z, a * y, 1 - y))

    require_unit("y", y)
    require_unit("label_smoothing", label_smoothing)
    options = {"w": weight, "a": pos_weight, "smoothing": label_smoothing}
    return evaluate(weighted, digits, z, y, **options)


def _of_row(
    formula: Callable, count: int, digits: int, z: Any, y: Any, *, weight=None, label_smoothing=0
) -> list[mpmath.mpf]:
    k = len(z)
    of_index = not isinstance(y, Sequence | np.ndarray)
    q = [int(j == y) for j in range(k)] if of_index else y
    if len(q) != k or (of_index and y not in range(k)):
        raise ValueError(f"y must be a class from 0 to {k - 1} or {k} probabilities, not {y!r}")
    for each in (*q, label_smoothing):
        require_unit("y and label_smoothing", each)

    def weighted(*numbers, smoothing):
        z, q, w = numbers[:k], numbers[k : 2 * k], numbers[2 * k :]
        a = [w * ((1 - smoothing) * q + smoothing / k) for w, q in zip(w, q, strict=True)]
        return formula(log_softmaxes(z), a)

    weight = [1] * k if weight is None else weight
    return evaluate_all(weighted, count, digits, *z, *q, *weight, smoothing=label_smoothing)


def _over(a, b):
    if a == 0:
        return mp.zero
    return a / b if b else mp.inf
