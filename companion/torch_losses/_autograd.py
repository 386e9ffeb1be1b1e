"""Give a formula the derivative you wrote, wherever PyTorch lets you.

`torch.autograd.Function` exists in two styles. `torch.func` needs the one with ``setup_context``,
whose calls are slow; `torch.compile` takes that one too, but none that knows forward-mode
derivatives. So `differentiable` builds three functions from one formula and calls the right one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from companion.torch_losses._modes import (
    functionalizing,
    in_forward_mode,
    transforms_active,
    without_tangent,
)

__all__ = [
    "differentiable",
    "sum_of_terms",
    "times_tangent",
    "with_slopes",
    "with_value",
]

_WITHIN_A_TRANSFORM = (
    "within a transform of torch.func the compiler would pass over the derivative that the loss "
    "brings: leave out fullgraph=True, and the loss runs in eager mode there"
)


def _nobody_differentiates(inputs: tuple[Any, ...]) -> bool:
    if torch.jit.is_tracing():  # it checks its graph by another one, made without gradients
        return False
    backward = torch.is_grad_enabled() and any(getattr(x, "requires_grad", False) for x in inputs)
    return not backward and not in_forward_mode()


def differentiable(
    formula: Callable[..., Tensor],
    backward: Callable[..., tuple[Tensor | None, ...]],
    forward_mode: Callable[..., Tensor],
    of_compiler: type[Function] | None = None,
) -> Callable[..., Tensor]:
    """Return `formula` with the derivatives given by the two other functions.

    Parameters
    ----------
    formula : callable
        ``formula(*inputs)``: tensors or None first, then numbers. Where `makes_program`, PyTorch
        differentiates its operations.
    backward : callable
        ``backward(grad, wanted, *inputs)`` returns grad times the derivative in each tensor, None
        where `wanted` says no. Its own operations are differentiated for higher orders.
    forward_mode : callable
        ``forward_mode(tangents, *inputs)`` returns the sum of derivative times tangent, where a
        tangent may be None.
    of_compiler : type, optional
        The function for `torch.compile`, where one that shares work between value and derivative
        is better than one made from `formula` and `backward`.
    """

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        tensors = [x for x in inputs if not isinstance(x, int | float)]
        ctx.numbers = [x for x in inputs if isinstance(x, int | float)]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)  # no tangent is None: 0 times an infinite slope is NaN

    def plain_forward(ctx: Any, *inputs: Any) -> Tensor:
        setup_context(ctx, inputs, None)
        return formula(*inputs)

    def pull_back(ctx: Any, grad: Tensor | None) -> tuple[Any, ...]:
        wanted = ctx.needs_input_grad
        if grad is None:
            return tuple(None for _ in wanted)
        grads = backward(grad, wanted, *ctx.saved_tensors, *ctx.numbers)
        return (*grads, *(None for _ in ctx.numbers))

    def push_forward(ctx: Any, *tangents: Any) -> Tensor:
        # PyTorch switches forward mode off in here, which would make every derivative of an outer
        # forward mode 0. Switched on, it must not meet the tangents that `tangents` already are.
        with forward_ad._set_fwd_grad_enabled(True):
            primals = [None if x is None else without_tangent(x) for x in ctx.saved_tensors]
            return forward_mode(tangents, *primals, *ctx.numbers)

    parts = {"backward": staticmethod(pull_back)}
    traced = parts | {
        "forward": staticmethod(formula),
        "setup_context": staticmethod(setup_context),
        "generate_vmap_rule": True,
    }
    jvp = {"jvp": staticmethod(push_forward)}
    plain = parts | {"forward": staticmethod(plain_forward)}
    compiled: Any = of_compiler or type("Traced", (Function,), traced)
    transformed: Any = type("Transformed", (Function,), traced | jvp)
    eager: Any = type("Plain", (Function,), plain | jvp)

    def apply(*inputs: Any) -> Tensor:
        if torch.compiler.is_exporting():
            return formula(*inputs)
        if torch.compiler.is_compiling():
            if transforms_active():  # it would differentiate the formula, and say nothing
                torch._dynamo.graph_break(msg=_WITHIN_A_TRANSFORM)
            return compiled.apply(*inputs)
        if functionalizing():
            return formula(*inputs)
        if transforms_active():
            return transformed.apply(*inputs)
        if _nobody_differentiates(inputs):
            return formula(*inputs)
        return eager.apply(*inputs)

    return apply


def with_slopes(
    formula: Callable[..., Tensor], *slopes: Callable[..., Tensor]
) -> Callable[..., Tensor]:
    """Return an elementwise `formula` with its slope in each tensor, a function of all inputs.

    A slope that is itself made by `with_slopes` must be given in a lambda: `torch.compile` follows
    a name of the module, but not the same function out of this tuple.
    """

    def backward(grad: Tensor, wanted: tuple[bool, ...], *inputs: Any) -> tuple[Tensor | None, ...]:
        grads: list[Tensor | None] = []
        for i, slope in enumerate(slopes):
            grads.append(grad * slope(*inputs) if wanted[i] else None)
        return tuple(grads)

    def forward_mode(tangents: tuple[Tensor | None, ...], *inputs: Any) -> Tensor:
        terms: list[Tensor | None] = []
        for i, slope in enumerate(slopes):
            if tangents[i] is not None:
                terms.append(times_tangent(tangents[i], slope(*inputs)))
        return sum_of_terms(*terms)

    return differentiable(formula, backward, forward_mode)


def sum_of_terms(*terms: Tensor | None) -> Tensor:
    """Return the sum of the terms that are there."""
    present = [term for term in terms if term is not None]
    return sum(present[1:], present[0])


def times_tangent(tangent: Tensor | None, slope: Tensor) -> Tensor | None:
    """Return the product, None where there is no tangent."""
    return None if tangent is None else tangent * slope


def with_value(differentiated: Tensor, value: Tensor) -> Tensor:
    """Return `value` with the derivatives that PyTorch finds for another formula of it."""
    lost = (value - differentiated).detach()
    same = differentiated + torch.where(torch.isfinite(lost), lost, 0)
    return torch.where(torch.isnan(differentiated), value.detach(), same)
