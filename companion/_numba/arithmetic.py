"""exp and logarithms as plain arithmetic, which the compiler makes vectors of on any processor.

Numba calls the C library for `exp` and `log1p`, one number at a time. Here, in sums and products,
`exp_minus(a)` is exp(-a) for a ≥ 0, `log1p_unit(e)` is log(1 + e) for e in [0, 1] and
`log_unit(p, rest)` is log(p + rest) for finite p ≥ 0. Each is compiled inside the loop that calls
it, in float64 or float32. For the classes there are, in float64 alone, `exp_minus_sum(a, rest)`,
exp(-(a + rest)), and `exp_minus_short(a)`, with as many digits as a float32 can use.

No flag lets the compiler rewrite this arithmetic. It must not reorder sums, as (x + magic) - magic
rounds x and would be folded away. Nor may it choose which products to fuse with a sum: its choice
varies with what else a kernel computes, and a loss would depend on whether its gradient is wanted.
`multiply_add` says where to fuse.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from companion._numba.compiler import part_of_kernels

__all__ = [
    "CONSTANTS",
    "SHORT_EXP",
    "Constants",
    "bits",
    "exp_minus",
    "exp_minus_short",
    "exp_minus_sum",
    "log1p_unit",
    "log_unit",
    "multiply_add",
]


class Constants(NamedTuple):
    """What depends on the dtype: the polynomials are Chebyshev fits, lowest power first."""

    number: type
    integer: type
    digits: int  # of the significand, after the point
    bias: int  # of the exponent
    limit: float  # exp(-limit) is 0
    ln2: tuple[float, float]  # the first part times an exponent is exact
    exp: tuple[float, ...]  # (exp(r) - 1 - r) / r² on |r| ≤ ln 2 / 2
    log1p: tuple[float, ...]  # (atanh(√w) / √w - 1) / w on [0, 1/9]
    log: tuple[float, ...]  # the same on [0, (3 - 2 √2)²]


CONSTANTS = {
    types.float64: Constants(
        number=np.float64,
        integer=np.int64,
        digits=52,
        bias=1023,
        limit=750.0,
        ln2=(6.93147180369123816490e-01, 1.90821492927058770002e-10),
        exp=(
            0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062,
            0.0013888888917213717, 0.00019841269863053618, 2.4801521295954376e-05,
            2.7557268459997064e-06, 2.7620088445409746e-07, 2.510038549551032e-08,
        ),
        log1p=(
            0.3333333333333333, 0.20000000000007292, 0.1428571428355438, 0.11111111358713949,
            0.09090894718065583, 0.07692785032503063, 0.06657072104437894, 0.060005364085016645,
            0.044003692241363024, 0.08082022846135567,
        ),
        log=(
            0.3333333333333333, 0.2000000000000044, 0.14285714285400977, 0.11111111196044504,
            0.09090897800030397, 0.07693120940969297, 0.06634357396174048, 0.0654361809832981,
        ),
    ),
    types.float32: Constants(
        number=np.float32,
        integer=np.int32,
        digits=23,
        bias=127,
        limit=110.0,
        ln2=(0.693359375, -2.12194440e-4),
        exp=(
            0.5, 0.16666576989698775, 0.041666554617204574, 0.008363179052722578,
            0.0013926183587713494,
        ),
        log1p=(
            0.33333320168349123, 0.20003780322564507, 0.141183098993638, 0.13425749035235443,
        ),
        log=(
            0.3333333327715009, 0.2000006100040844, 0.14275401276638355, 0.1166548202588602,
        ),
    ),
}  # fmt: skip

SHORT_EXP = (
    0.5, 0.16666666719028936, 0.04166666671901226, 0.00833329846980059, 0.001388885403566671,
    0.00019899285575896282, 2.4859589834589056e-05,
)  # fmt: skip
"""As `Constants.exp`, for float64 arithmetic that ends in a float32: within 5e-12."""


def exp_minus(a: float) -> float:
    """Return exp(-a) for a ≥ 0; only in compiled code, as its sisters."""
    raise NotImplementedError


def exp_minus_sum(a: float, rest: float) -> float:
    """Return exp(-(a + rest)) for a in [-300, 750]; |rest| is at most half an ULP of a."""
    raise NotImplementedError


def exp_minus_short(a: float) -> float:
    """Return exp(-a) for a in [-300, 700] within 5e-12 of it."""
    raise NotImplementedError


def log1p_unit(e: float) -> float:
    """Return log(1 + e) for e in [0, 1]."""
    raise NotImplementedError


def log_unit(p: float, rest: float) -> float:
    """Return log(p + rest) for finite p ≥ 0, -infinity for 0; |rest| is at most an ULP."""
    raise NotImplementedError


def _arithmetic(function: Any) -> Any:
    """Make compiled code of what a function returns for a dtype."""
    return overload(function, jit_options={"error_model": "numpy"})


@intrinsic
def bits(context: Any, number: Any) -> Any:
    """Return the bits of a float as an integer."""
    return (types.int64 if number == types.float64 else types.int32)(number), _reinterpreted


@intrinsic
def _float(context: Any, bits: Any) -> Any:
    """Return the float that has these bits."""
    return (types.float64 if bits == types.int64 else types.float32)(bits), _reinterpreted


@intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once where the processor does that as fast."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        signature = ir.FunctionType(kind, [kind] * 3)
        function = builder.module.declare_intrinsic("llvm.fmuladd", [kind], signature)
        return builder.call(function, arguments)

    return a(a, a, a), generate


def _reinterpreted(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))


def _polynomial(coefficients: Iterable[float]) -> Any:
    """Return compiled code of a polynomial, called with x and x².

    A long one is two chains of products, of its even and its odd powers: half as long a wait.
    """
    given = tuple(coefficients)[::-1]
    if len(given) < 6:

        @part_of_kernels
        def chain(x, square):
            q = given[0]
            for coefficient in given[1:]:
                q = multiply_add(q, x, coefficient)
            return q

        return chain

    even, odd = given[-1::-2][::-1], given[-2::-2][::-1]

    @part_of_kernels
    def chains(x, square):
        q, r = even[0], odd[0]
        for coefficient in even[1:]:
            q = multiply_add(q, square, coefficient)
        for coefficient in odd[1:]:
            r = multiply_add(r, square, coefficient)
        return multiply_add(r, x, q)

    return chains


@_arithmetic(exp_minus)
def _exp_minus(a):
    c = CONSTANTS[a]
    limit, log2_e, one = map(c.number, (c.limit, 1 / np.log(2), 1))
    high, low = map(c.number, c.ln2)
    magic, lower = map(c.number, _magic(c))
    integer, digits = c.integer, c.integer(c.digits)
    polynomial = _polynomial(map(c.number, c.exp))

    def exp_minus(a):
        a = limit if a > limit else a  # a NaN stays
        shifted = multiply_add(a, -log2_e, magic)
        k = shifted - magic
        r = multiply_add(k, -low, multiply_add(k, -high, -a))
        q = polynomial(r, r * r)
        power = _float(integer(bits(shifted) << digits))
        return (one + multiply_add(r * r, q, r)) * power * lower

    return exp_minus


def _magic(c: Constants) -> tuple[float, float]:
    """Return M and 2^-m: x + M has no room for a fraction, and is n + M for the whole number n.

    The last bits of the sum are the exponent of 2^(n + m), which is normal where 2^n is not.
    """
    lift = 2 * c.digits
    return 1.5 * 2**c.digits + c.bias + lift, 2.0**-lift


@_arithmetic(exp_minus_sum)
def _exp_minus_sum(a, rest):
    c = CONSTANTS[types.float64]
    log2_e, (high, low) = 1 / np.log(2), c.ln2
    magic, lower = _magic(c)
    polynomial = _polynomial(c.exp)

    def exp_minus_sum(a, rest):
        shifted = multiply_add(a, -log2_e, magic)
        k = shifted - magic
        exact, small = multiply_add(k, -high, -a), multiply_add(k, low, rest)
        r = exact - small
        rest = (exact - r) - small  # below half an ULP of r
        q = polynomial(r, r * r)
        value = 1.0 + (r + multiply_add(r * r, q, rest))
        return value * _float(bits(shifted) << 52) * lower

    return exp_minus_sum


@_arithmetic(exp_minus_short)
def _exp_minus_short(a):
    log2_e, (high, low) = 1 / np.log(2), CONSTANTS[types.float64].ln2
    magic = 1.5 * 2.0**52 + 1023  # as above, for 2^n, which is normal here
    polynomial = _polynomial(SHORT_EXP)

    def exp_minus_short(a):
        shifted = multiply_add(a, -log2_e, magic)
        k = shifted - magic
        r = multiply_add(k, -low, multiply_add(k, -high, -a))
        q = polynomial(r, r * r)
        return (1.0 + multiply_add(r * r, q, r)) * _float(bits(shifted) << 52)

    return exp_minus_short


@_arithmetic(log1p_unit)
def _log1p_unit(e):
    c = CONSTANTS[e]
    two = c.number(2)
    polynomial = _polynomial(c.number(2 * x) for x in c.log1p)

    def log1p_unit(e):
        s = e / (two + e)
        w = s * s
        q = polynomial(w, w * w)
        return multiply_add(-s, multiply_add(-w, q, e), e)

    return log1p_unit


@_arithmetic(log_unit)
def _log_unit(p, rest):
    c = CONSTANTS[p]
    one, two, half = map(c.number, (1, 2, 0.5))
    high, low = map(c.number, c.ln2)
    lift, lifted = c.number(2 ** (c.digits + 2)), c.number(c.digits + 2)
    smallest, infinity = np.finfo(c.number).tiny, c.number(np.inf)
    digits = c.integer(c.digits)
    middle = c.number(np.sqrt(0.5)).view(c.integer)
    polynomial = _polynomial(c.number(2 * x) for x in c.log)
    number, integer = c.number, c.integer

    def log_unit(p, rest):
        tiny = p < smallest
        normal = p * lift if tiny else p
        pattern = bits(normal)
        n = integer((pattern - middle) >> digits)  # so that the significand lies in [√½, √2)
        k = number(n) - (lifted if tiny else number(0))
        f = _float(integer(pattern - (n << digits))) - one
        s = f / (two + f)
        w = s * s
        q = polynomial(w, w * w)
        square = half * f * f
        small = multiply_add(k, low, rest / p if p > number(0) else rest)
        rising = multiply_add(s, multiply_add(w, q, square), small)
        value = multiply_add(k, high, f - (square - rising))
        return value if p > number(0) else (-infinity if p == number(0) else p)

    return log_unit
