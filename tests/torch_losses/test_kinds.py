"""Every twin through every composition of derivatives, in both tails, against mpmath.

A twin is seen as a function of one number, so that each composition is its first, second or third
derivative; mpmath takes that of the definition in 160 digits.
"""

import functools

import mpmath
import pytest
import torch
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from companion.torch_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    sigmoid_focal_loss,
)

F64 = torch.float64


def push(f):
    return lambda t: jvp(f, (t,), (torch.ones_like(t),))[1]


def eager(order):
    def derivative(f):
        def at(t):
            t = t.clone().requires_grad_()
            value = f(t)
            for _ in range(order):
                (value,) = torch.autograd.grad(value, t, create_graph=True)
            return value.detach()

        return at

    return derivative


def eager_forward(f):
    def at(t):
        with torch.autograd.forward_ad.dual_level():
            dual = torch.autograd.forward_ad.make_dual(t, torch.ones_like(t))
            return torch.autograd.forward_ad.unpack_dual(f(dual)).tangent

    return at


def mapped(derivative):
    return lambda f: lambda t: vmap(derivative(f))(torch.stack([t, t]))[1]


def within(f):
    return lambda t: vmap(f)(torch.stack([t / 2, t]))[1]


FIRST = {"grad": grad, "jacfwd": jacfwd, "jacrev": jacrev, "jvp": push}
COMPOSITIONS = {  # with the order of the derivative
    **{name: (1, first) for name, first in FIRST.items()},
    "eager backward": (1, eager(1)),
    "eager forward": (1, eager_forward),
    "eager backward twice": (2, eager(2)),
    "eager backward thrice": (3, eager(3)),
    "hessian": (2, hessian),
    **{
        f"{b} of {a}": (2, lambda f, a=a, b=b: FIRST[b](FIRST[a](f)))
        for a in FIRST
        for b in FIRST
    },
    **{f"{name} of hessian": (3, lambda f, a=a: a(hessian(f))) for name, a in FIRST.items()},
    **{f"{name} thrice": (3, lambda f, a=a: a(a(a(f)))) for name, a in FIRST.items()},
    "vmap of grad": (1, mapped(grad)),
    "vmap of jvp": (1, mapped(push)),
    "vmap of hessian": (2, mapped(hessian)),
    "vmap of jacfwd twice": (2, mapped(lambda f: jacfwd(jacfwd(f)))),
    "vmap of jacrev of jacfwd twice": (3, mapped(lambda f: jacrev(jacfwd(jacfwd(f))))),
    "jacrev of vmap": (1, lambda f: jacrev(within(f))),
    "jvp of vmap": (1, lambda f: push(within(f))),
    "jvp of vmap of jvp": (2, lambda f: push(within(push(f)))),
    "jacfwd of vmap of hessian": (3, lambda f: jacfwd(within(hessian(f)))),
    "hessian of vmap of vmap": (2, lambda f: hessian(within(within(f)))),
}  # fmt: skip


def tensor(value):
    return torch.tensor(value, dtype=F64)


def binary(t, y, a=1):
    """Return the definition, whose log1p keeps the digits of either tail."""
    return a * y * mpmath.log1p(mpmath.exp(-t)) + (1 - y) * mpmath.log1p(mpmath.exp(t))


def focal(t, y, gamma):
    z = t if y else -t
    return binary(z, 1) / (1 + mpmath.exp(z)) ** gamma


def of_classes(t, others, right):
    """Return the loss of the logits [t, *others]."""
    z = [t, *others]
    rest = mpmath.fsum(mpmath.exp(each - z[right]) for k, each in enumerate(z) if k != right)
    return mpmath.log1p(rest)


TAILS = [0.7, -40.0, 300.0]
NEAR_ENDS = [0.3, 1e-9, 1 - 1e-9]
TWINS = {  # the twin, the definition, the points
    **{
        f"logits, label {y}": (
            lambda t, y=y: binary_cross_entropy_with_logits(t, tensor(y)),
            lambda t, y=y: binary(t, y), TAILS,
        )
        for y in (0.0, 1.0)
    },
    "logits, soft label": (
        lambda t: binary_cross_entropy_with_logits(t, tensor(0.25)),
        lambda t: binary(t, 0.25), [0.7, -3.0, 9.0],
    ),
    "logits, unreduced, pos_weight": (
        lambda t: binary_cross_entropy_with_logits(
            t, tensor(1.0), tensor(2.0), pos_weight=tensor(3.0), reduction="none"
        ),
        lambda t: 2 * binary(t, 1, 3), TAILS,
    ),
    "logits, beside what is ignored": (
        lambda t: binary_cross_entropy_with_logits(
            torch.stack([t, 3 * t, t]), tensor([1.0, -1.0, 1.0]), ignore_index=-1
        ),
        lambda t: binary(t, 1), TAILS,
    ),
    "logits, weighted mean": (
        lambda t: binary_cross_entropy_with_logits(
            torch.stack([t, t, 3 * t]), tensor([1.0, 0.0, 255.0]), tensor([2.0, 1.0, 5.0]),
            pos_weight=tensor(3.0), reduction="weighted_mean", ignore_index=255,
        ),
        lambda t: (2 * binary(t, 1, 3) + binary(t, 0)) / 7, TAILS,
    ),
    "probabilities, weighted mean": (
        lambda p: binary_cross_entropy(
            torch.stack([p, p, p**2]), tensor([1.0, 0.0, torch.nan]), tensor([2.0, 1.0, 5.0]),
            reduction="weighted_mean", ignore_index=torch.nan,
        ),
        lambda p: -(2 * mpmath.log(p) + mpmath.log1p(-p)) / 3, NEAR_ENDS,
    ),
    "focal, weighted mean": (
        lambda t: sigmoid_focal_loss(
            torch.stack([t, t, 3 * t]), tensor([1.0, 0.0, -1.0]), 0.2, 2.0, "weighted_mean",
            ignore_index=-1,
        ),
        lambda t: mpmath.mpf(0.2) * focal(t, 1, 2) + mpmath.mpf(0.8) * focal(t, 0, 2),
        [0.7, -40.0, 30.0],
    ),
    **{
        f"probabilities, label {y}": (
            lambda p, y=y: binary_cross_entropy(p, tensor(y)),
            lambda p, y=y: -y * mpmath.log(p) - (1 - y) * mpmath.log1p(-p), NEAR_ENDS,
        )
        for y in (0.0, 1.0)
    },
    **{
        f"class {right}": (
            lambda t, k=right: cross_entropy(
                torch.stack([t, tensor(0.0), tensor(1.5)]), torch.tensor(k)
            ),
            lambda t, k=right: of_classes(t, [0, 1.5], k), TAILS,
        )
        for right in (0, 1)
    },
    "soft classes": (
        lambda t: cross_entropy(torch.stack([t, tensor(0.0)])[None], tensor([[0.25, 0.75]])),
        lambda t: 0.25 * of_classes(t, [0], 0) + 0.75 * of_classes(t, [0], 1), [0.7, -3.0, 9.0],
    ),
    **{
        f"focal {gamma}, label {y}": (
            lambda t, y=y, gamma=gamma: sigmoid_focal_loss(t, tensor(y), -1, gamma),
            lambda t, y=y, gamma=gamma: focal(t, y, gamma), [0.7, -200.0, 40.0],
        )
        for y in (0.0, 1.0)
        for gamma in (0.5, 2.0)
    },
}  # fmt: skip


@functools.cache
def exact(twin, point, order):
    with mpmath.workdps(160):  # 300 + e^-300 has 133 digits
        return float(mpmath.diff(TWINS[twin][1], mpmath.mpf(point), order))


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("twin", TWINS)
def test_every_composition_is_the_derivative_of_the_definition(twin, composition):
    order, derive = COMPOSITIONS[composition]
    function, _, points = TWINS[twin]
    for point in points:
        got, expected = derive(function)(tensor(point)).item(), exact(twin, point, order)
        # A derivative of the order n is a sum of a few dozen terms, each rounded some times;
        # beside it, what cancels between terms of the size 1 where the loss is not small.
        assert got == pytest.approx(expected, rel=1e-13, abs=1e-300), point


@pytest.mark.parametrize("derive", [grad, jacfwd])
def test_class_ruled_out_by_minus_infinity_has_no_part_in_the_derivative(derive):
    logits = torch.tensor([-torch.inf, 0.0, 0.0], dtype=F64)
    slopes = derive(lambda z: cross_entropy(z, torch.tensor(1)))(logits)
    assert slopes.tolist() == [0.0, -0.5, 0.5]
