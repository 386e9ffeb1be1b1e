"""The elementwise losses of `companion.torch_losses`, differentiable as often as you like.

Automatic differentiation of a stable formula gives a derivative that is not stable, and a wrong one
where the formula has a kink. So each value here brings its derivative written out, in terms that
bring theirs: sigmoids, whose slope is a product of two sigmoids and never 1 - σ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

__all__ = ["log_losses", "loss_of_logits", "loss_of_probabilities", "sigmoid"]


def _apply(plain: type[Function], forward_mode: type[Function], *inputs: Any) -> Tensor:
    """Apply a function; the compiler takes none that knows forward-mode derivatives."""
    return (plain if torch.compiler.is_compiling() else forward_mode).apply(*inputs)


class _Sigmoid(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return grad * (sigmoid(z) * sigmoid(-z))


class _SigmoidWithForwardMode(_Sigmoid):
    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return tangent * (sigmoid(z) * sigmoid(-z))


def sigmoid(z: Tensor) -> Tensor:
    """Return σ(z), whose derivative σ(z) σ(-z) keeps its digits in both tails."""
    return _apply(_Sigmoid, _SigmoidWithForwardMode, z)


class _Softplus(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return -torch.nn.functional.logsigmoid(-z)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return grad * sigmoid(z)


class _SoftplusWithForwardMode(_Softplus):
    @staticmethod
    def jvp(ctx: Any, tangent: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return tangent * sigmoid(z)


def _softplus(z: Tensor) -> Tensor:
    return _apply(_Softplus, _SoftplusWithForwardMode, z)


class _LossOfLogits(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        tail = torch.log1p(torch.exp(-torch.abs(z)))
        above = (z > 0).to(z.dtype)
        missed = no * above - yes * (1 - above)
        # (yes + no) tail and z missed are never negative; fmax turns inf * 0 into its limit.
        return (yes + no) * tail + torch.fmax(missed * z, torch.zeros_like(z))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, yes, no = ctx.saved_tensors
        wants = ctx.needs_input_grad
        return (
            grad * (no * sigmoid(z) - yes * sigmoid(-z)) if wants[0] else None,
            grad * _softplus(-z) if wants[1] else None,
            grad * _softplus(z) if wants[2] else None,
        )


class _LossOfLogitsWithForwardMode(_LossOfLogits):
    @staticmethod
    def jvp(ctx: Any, dz: Tensor, dyes: Tensor, dno: Tensor) -> Tensor:
        z, yes, no = ctx.saved_tensors
        parts = [
            tangent * slope()
            for tangent, slope in (
                (dz, lambda: no * sigmoid(z) - yes * sigmoid(-z)),
                (dyes, lambda: _softplus(-z)),
                (dno, lambda: _softplus(z)),
            )
            if tangent is not None
        ]
        return sum(parts[1:], parts[0])


def loss_of_logits(z: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Return yes softplus(-z) + no softplus(z) elementwise, three tensors of one shape.

    `yes` is pos_weight times the label and `no` its complement; derivatives reach all three.
    """
    return _apply(_LossOfLogits, _LossOfLogitsWithForwardMode, z, yes, no)


def _parts(z: Tensor, dim: int) -> tuple[Tensor, ...]:
    """Return z - max, its rounding error, exp of both, R (the sum without one maximum), the mask.

    The maximum is taken as a constant, which no derivative notices: a shift changes nothing.
    """
    largest = torch.amax(z, dim, keepdim=True).detach()
    top = (z == largest).to(z.dtype)
    high = torch.where(z == largest, z - z.detach(), z - largest)
    back = (z - high).detach()
    low = ((z - (high + back)) + (back - largest)).detach()
    low = torch.where(torch.isfinite(low), low, torch.zeros_like(low))
    e = torch.exp(high) * (1 + low)
    rest = torch.sum(e - top, dim, keepdim=True) + (torch.sum(top, dim, keepdim=True) - 1)
    return high, low, e, rest, top


class _LogLosses(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, dim: int) -> Tensor:
        high, low, _, rest, _ = _parts(z, dim)
        endless = torch.sum((z == torch.inf).to(z.dtype), dim, keepdim=True) > 1
        endless = endless | torch.all(z == -torch.inf, dim, keepdim=True)
        return torch.where(endless, torch.nan, torch.log1p(rest) - high - low)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        z, ctx.dim = inputs
        ctx.save_for_backward(z)
        ctx.save_for_forward(z)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (z,) = ctx.saved_tensors
        p, complement = _softmax(z, ctx.dim)
        elsewhere = torch.sum(grad, ctx.dim, keepdim=True) - grad
        return p * elsewhere - grad * complement, None


class _LogLossesWithForwardMode(_LogLosses):
    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: None) -> Tensor:
        (z,) = ctx.saved_tensors
        p, _ = _softmax(z, ctx.dim)
        return torch.sum(p * tangent, ctx.dim, keepdim=True) - tangent


def _softmax(z: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the softmax and its complement, a sum of the other classes'."""
    _, _, e, rest, top = _parts(z, dim)
    return e / (1 + rest), ((rest - (e - top)) + (1 - top)) / (1 + rest)


def log_losses(z: Tensor, dim: int) -> Tensor:
    """Return -log softmax along `dim`, what each class would cost if it were the right one."""
    return _apply(_LogLosses, _LogLossesWithForwardMode, z, dim)


class _LossOfProbabilities(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(p: Tensor, y: Tensor) -> Tensor:
        return -(torch.xlogy(y, p) + torch.special.xlog1py(1 - y, -p))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        p, y = ctx.saved_tensors
        wants = ctx.needs_input_grad
        return (
            grad * _slope(p, y) if wants[0] else None,
            grad * (torch.log1p(-p) - torch.log(p)) if wants[1] else None,
        )


class _LossOfProbabilitiesWithForwardMode(_LossOfProbabilities):
    @staticmethod
    def jvp(ctx: Any, dp: Tensor | None, dy: Tensor | None) -> Tensor:
        p, y = ctx.saved_tensors
        result = torch.zeros_like(p)
        if dp is not None:
            result = result + dp * _slope(p, y)
        if dy is not None:
            result = result + dy * (torch.log1p(-p) - torch.log(p))
        return result


def _slope(p: Tensor, y: Tensor) -> Tensor:
    """Return (p - y) / (p (1 - p)), with the limits 1 and -1 at p = y = 0 and p = y = 1."""
    at_end = (p == y) & ((p == 0) | (p == 1))
    variance = torch.where(at_end, 1.0, p * (1 - p))
    return torch.where(at_end, 1 - 2 * p, (p - y) / variance)


def loss_of_probabilities(p: Tensor, y: Tensor) -> Tensor:
    """Return -(y log p + (1 - y) log1p(-p)) elementwise, with 0 log 0 = 0."""
    return _apply(_LossOfProbabilities, _LossOfProbabilitiesWithForwardMode, p, y)
