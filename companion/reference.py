"""The exact value of every function of this package, to as many digits as you ask for.

A judge: it imports nothing of ours, and it is slow on purpose. Each function evaluates the textbook
definition in mpmath, with so many bits that the cancellation in the definition cannot matter, and
returns an `mpmath.mpf` rounded to `digits` decimal digits. Arguments are scalars, and for several
classes one row of them, taken exactly as the binary numbers they are.

Read `sigmoid` first, then `binary_cross_entropy_with_logits`, then `ulp_error`, which says how far
a computed array is from these values; `_evaluate` near the end chooses the working precision.
mpmath's own precision, `mpmath.mp.dps`, is neither read nor set.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import mpmath
import numpy as np

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_gradient",
    "binary_cross_entropy_hessian",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_gradient",
    "binary_cross_entropy_with_logits_hessian",
    "binary_focal_cross_entropy_with_logits",
    "binary_focal_cross_entropy_with_logits_gradient",
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

# A context of our own, so that nobody's mpmath.mp changes; mpmath's caches of constants are not
# safe in threads, hence the lock.
_mp = mpmath.MPContext()
_lock = threading.Lock()

# Up to this |z| the definition is evaluated as it stands, with 1.44 |z| extra bits (milliseconds);
# beyond it, an equal form in exp(-|z|) that cancels nothing. The tests compare the two.
_LARGEST_BY_DEFINITION = 1_000


def sigmoid(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return σ(z) = 1 / (1 + exp(-z)).

    Examples
    --------
    >>> print(mpmath.nstr(sigmoid(-1e4), 5))  # no underflow: exponents have no bounds here
    1.1355e-4343
    """
    return _evaluate(lambda z: _sigmoids(z)[0], digits, z)


def logit(p: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(p / (1 - p)), for p in [0, 1].

    Examples
    --------
    >>> logit(0.5) == 0, logit(1) == mpmath.inf
    (True, True)
    """
    _require_unit("p", p)
    return _evaluate(lambda p: _mp.log(p) - _mp.log(1 - p), digits, p)


def log1mexp(x: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(1 - exp(x)), for x of at most 0.

    Examples
    --------
    >>> print(mpmath.nstr(log1mexp(-1e-300), 10))
    -690.7755279
    """
    if x > 0:
        raise ValueError(f"x must be at most 0, not {x!r}")
    return _evaluate(lambda x: _mp.log1p(-_mp.exp(x)), digits, x)


def softplus(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log(1 + exp(z))."""
    return _evaluate(lambda z: _logsumexp([_mp.zero, z]), digits, z)


def log_sigmoid(z: Any, *, digits: int = 50) -> mpmath.mpf:
    """Return log σ(z)."""
    return _evaluate(lambda z: _log_sigmoids(z)[0], digits, z)


def logsumexp(z: Iterable[Any], *, digits: int = 50) -> mpmath.mpf:
    """Return log Σ exp(zₖ); for an empty sequence log 0 = -inf."""
    return _evaluate(lambda *z: _logsumexp(z), digits, *z)


def softmax(z: Iterable[Any], *, digits: int = 50) -> list[mpmath.mpf]:
    """Return exp(zₖ) / Σ exp(zⱼ) for each k; NaN for two of +inf or only -inf, which have no limit.

    Examples
    --------
    >>> [float(s) for s in softmax([mpmath.inf, 0.0])]
    [1.0, 0.0]
    """
    return _for_each(_mp.exp, digits, z)


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
        lambda p, y: -_times(y, _mp.log(p)) - _times(1 - y, _mp.log(1 - p)), digits, p, y, weight
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
        log_s, log_c = _log_sigmoids(z)
        return -_times(a, log_s) - _times(b, log_c)

    return _of_logit(loss, digits, z, y, **options)


def binary_cross_entropy_with_logits_gradient(
    z: Any, y: Any, *, digits: int = 50, **options: Any
) -> mpmath.mpf:
    """Return the derivative in z, w (b σ(z) - a (1 - σ(z))): without options, σ(z) - y."""

    def gradient(z, a, b):
        s, c = _sigmoids(z)
        return b * s - a * c

    return _of_logit(gradient, digits, z, y, **options)


def binary_cross_entropy_with_logits_hessian(
    z: Any, y: Any, *, digits: int = 50, **options: Any
) -> mpmath.mpf:
    """Return the second derivative in z, w (a + b) σ(z) (1 - σ(z))."""

    def hessian(z, a, b):
        s, c = _sigmoids(z)
        return (a + b) * s * c

    return _of_logit(hessian, digits, z, y, **options)


def binary_focal_cross_entropy_with_logits(
    z: Any, y: Any, *, gamma: Any = 2, alpha: Any = None, digits: int = 50
) -> mpmath.mpf:
    """Return α_y m^γ times the cross-entropy, m = y (1 - σ(z)) + (1 - y) σ(z).

    α_y = α y + (1 - α) (1 - y), and 1 where `alpha` is None.

    Examples
    --------
    >>> print(mpmath.nstr(binary_focal_cross_entropy_with_logits(40.0, 1), 10))
    7.667648074e-53
    """
    return _of_focus(lambda focus, _, loss, __: _times(focus, loss), z, y, gamma, alpha, digits)


def binary_focal_cross_entropy_with_logits_gradient(
    z: Any, y: Any, *, gamma: Any = 2, alpha: Any = None, digits: int = 50
) -> mpmath.mpf:
    """Return the derivative in z, by the product rule."""
    product = lambda m, of_m, c, of_c: _times(of_m, c) + m * of_c  # noqa: E731
    return _of_focus(product, z, y, gamma, alpha, digits)


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
    loss = lambda log_p, a: [-_mp.fsum(map(_times, a, log_p))]  # noqa: E731
    return _of_row(loss, 1, digits, z, y, **options)[0]


def cross_entropy_gradient(
    z: Sequence[Any], y: Any, *, digits: int = 50, **options: Any
) -> list[mpmath.mpf]:
    """Return the derivative in each logit, pⱼ Σₖ aₖ - aⱼ: without options, p - y."""

    def gradient(log_p, a):
        total = _mp.fsum(a)
        return [_mp.exp(each) * total - label for each, label in zip(log_p, a, strict=True)]

    return _of_row(gradient, len(z), digits, z, y, **options)


def cross_entropy_hessian(
    z: Sequence[Any], y: Any, *, digits: int = 50, **options: Any
) -> list[list[mpmath.mpf]]:
    """Return the second derivatives, pᵢ (δᵢⱼ - pⱼ) Σₖ aₖ."""
    k = len(z)

    def hessian(log_p, a):
        p, total = [_mp.exp(each) for each in log_p], _mp.fsum(a)
        others = [_mp.fsum(p[:i] + p[i + 1 :]) for i in range(k)]
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
    with _lock, _mp.workprec(2200):  # a float64 difference spans at most 1024 + 1074 bits
        errors = [
            _one_ulp_error(_exactly(c), _exactly(e), kind)
            for c, e in zip(computed.ravel().tolist(), exact.ravel(), strict=True)
        ]
    return np.array(errors).reshape(computed.shape) if computed.ndim else errors[0]


def _one_ulp_error(computed: mpmath.mpf, exact: mpmath.mpf, kind: np.finfo) -> float:
    if _mp.isnan(computed) or _mp.isnan(exact):
        return 0.0 if _mp.isnan(computed) and _mp.isnan(exact) else math.inf
    if _mp.isinf(exact):
        return 0.0 if computed == exact else math.inf
    # frexp's mantissa lies in [1/2, 1), so the leading bit is worth half of 2**exponent
    leading = _mp.frexp(exact)[1] - 1 if exact else kind.minexp
    exponent = min(max(leading, kind.minexp), kind.maxexp - 1)
    unit = _mp.ldexp(1, exponent - kind.nmant)
    if _mp.isinf(computed):
        rounds_to_infinity = abs(exact) >= _mp.mpf(float(kind.max)) + unit / 2
        return 0.0 if rounds_to_infinity and computed * exact > 0 else math.inf
    return float(abs(computed - exact) / unit)


def _sigmoids(z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """σ(z) and 1 - σ(z)."""
    if abs(z) <= _LARGEST_BY_DEFINITION:
        s = 1 / (1 + _mp.exp(-z))
        return s, 1 - s
    e = _mp.exp(-abs(z))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    return (larger, smaller) if z > 0 else (smaller, larger)


def _log_sigmoids(z: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Log σ(z) and log(1 - σ(z))."""
    if abs(z) <= _LARGEST_BY_DEFINITION:
        s, c = _sigmoids(z)
        return _mp.log(s), _mp.log(c)
    tail = _mp.log1p(_mp.exp(-abs(z)))
    return min(z, _mp.zero) - tail, -max(z, _mp.zero) - tail


def _logsumexp(z: Sequence[mpmath.mpf]) -> mpmath.mpf:
    if any(map(_mp.isnan, z)):
        return _mp.nan
    largest = max(z, default=_mp.ninf)
    if _mp.isinf(largest):
        return largest
    if max(abs(largest), largest - min(z)) <= _LARGEST_BY_DEFINITION:
        return _mp.log(_mp.fsum(_mp.exp(x) for x in z))
    rest = sorted(z)[:-1]
    return largest + _mp.log1p(_mp.fsum(_mp.exp(x - largest) for x in rest))


def _log_softmax(z: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
    if z.count(_mp.inf) > 1 or z.count(_mp.ninf) == len(z):
        return [_mp.nan] * len(z)

    def log_p(k):
        if z[k] == _mp.ninf:
            return _mp.ninf
        return -_logsumexp([x - z[k] if j != k else _mp.zero for j, x in enumerate(z)])

    return [log_p(k) for k in range(len(z))]


def _for_each(formula: Callable, digits: int, z: Iterable[Any]) -> list[mpmath.mpf]:
    """Evaluate `formula` at the logarithm of each softmax."""
    z = list(z)
    return _evaluate_all(lambda *z: map(formula, _log_softmax(z)), len(z), digits, *z)


def _of_probability(formula: Callable, digits: int, p: Any, y: Any, weight: Any) -> mpmath.mpf:
    _require_unit("p", p)
    _require_unit("y", y)
    return _evaluate(lambda p, y, *, w: _times(w, formula(p, y)), digits, p, y, w=weight)


def _of_logit(
    formula: Callable, digits: int, z: Any, y: Any, *, weight=1, pos_weight=1, label_smoothing=0
) -> mpmath.mpf:
    def weighted(z, y, *, w, a, smoothing):
        y = (1 - smoothing) * y + smoothing / 2
        return _times(w, formula(z, a * y, 1 - y))

    _require_unit("y", y)
    _require_unit("label_smoothing", label_smoothing)
    options = {"w": weight, "a": pos_weight, "smoothing": label_smoothing}
    return _evaluate(weighted, digits, z, y, **options)


def _of_row(
    formula: Callable, count: int, digits: int, z: Any, y: Any, *, weight=None, label_smoothing=0
) -> list[mpmath.mpf]:
    k = len(z)
    of_index = not isinstance(y, Sequence | np.ndarray)
    q = [int(j == y) for j in range(k)] if of_index else y
    if len(q) != k or (of_index and y not in range(k)):
        raise ValueError(f"y must be a class from 0 to {k - 1} or {k} probabilities, not {y!r}")
    for each in (*q, label_smoothing):
        _require_unit("y and label_smoothing", each)

    def weighted(*numbers, smoothing):
        z, q, w = numbers[:k], numbers[k : 2 * k], numbers[2 * k :]
        a = [w * ((1 - smoothing) * q + smoothing / k) for w, q in zip(w, q, strict=True)]
        return formula(_log_softmax(z), a)

    weight = [1] * k if weight is None else weight
    return _evaluate_all(weighted, count, digits, *z, *q, *weight, smoothing=label_smoothing)


def _times(a, b):
    return _mp.zero if a == 0 else a * b


def _of_focus(part: Callable, z: Any, y: Any, gamma: Any, alpha: Any, digits: int) -> mpmath.mpf:
    """Evaluate a function of m^γ, the cross-entropy and the derivatives of both, times α_y."""
    _require_unit("y", y)

    def formula(z, y, gamma, alpha=None):
        (s, c), (log_s, log_c), no = _sigmoids(z), _log_sigmoids(z), 1 - y
        loss, miss = -_times(y, log_s) - _times(no, log_c), y * c + no * s
        of_focus = gamma * miss ** (gamma - 1) * (no - y) * s * c if miss else _mp.zero
        share = 1 if alpha is None else alpha * y + (1 - alpha) * no
        return _times(share, part(miss**gamma, of_focus, loss, no * s - y * c))

    return _evaluate(formula, digits, z, y, gamma, **({} if alpha is None else {"alpha": alpha}))


def _over(a, b):
    if a == 0:
        return _mp.zero
    return a / b if b else _mp.inf


def _require_unit(name: str, value: Any) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], not {value!r}")


def _exactly(x: Any) -> mpmath.mpf:
    """Convert without rounding; call it at a precision that holds x."""
    if isinstance(x, np.generic):
        if not isinstance(x, np.bool_ | np.integer | np.float16 | np.float32 | np.float64):
            raise TypeError(f"expected a real number of at most 64 bits, not {type(x).__name__}")
        x = x.item()
    if not isinstance(x, int | float) and not hasattr(x, "_mpf_"):
        raise TypeError(f"expected a real number, not {type(x).__name__}")
    return _mp.mpf(x)


def _evaluate(formula: Callable, digits: int, *arguments: Any, **weights: Any) -> mpmath.mpf:
    alone = lambda *values, **weights: [formula(*values, **weights)]  # noqa: E731
    return _evaluate_all(alone, 1, digits, *arguments, **weights)[0]


def _evaluate_all(
    formula: Callable, count: int, digits: int, *arguments: Any, **weights: Any
) -> list[mpmath.mpf]:
    """Evaluate `count` numbers with bits enough for what the definitions cancel.

    1 - σ(z) loses |z| / log 2 bits; 1 - x and σ(x) - 1/2 lose -log2 |x|; σ(z) - y and
    -y / p + (1 - y) / (1 - p) lose about twice 53 where they nearly vanish between two floats.
    """
    with _lock, _mp.workprec(2400):
        values = [_exactly(x) for x in arguments]
        weights = {name: _exactly(x) for name, x in weights.items()}
        if any(map(_mp.isnan, [*values, *weights.values()])):
            return [mpmath.mp.nan] * count
        finite = [x for x in values if x and not _mp.isinf(x)]
        scale = max((abs(_mp.frexp(x)[1]) for x in finite), default=0)
        spread = max([*finite, 0]) - min([*finite, 0])
        lost = 256 + 2 * scale + int(min(spread, _LARGEST_BY_DEFINITION) / math.log(2))
        _mp.prec = int(digits / math.log10(2)) + lost
        results = formula(*values, **weights)
        _mp.dps = digits
        return [mpmath.mp.make_mpf((+result)._mpf_) for result in results]
