"""What watches the operations: a compiler, a tracer, a transform of `torch.func`, forward mode.

Most of it PyTorch tells only by names that begin with an underscore; they stand here, and nowhere
else.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import torch
from torch import Tensor
from torch._C import _functorch
from torch._C._functorch import TransformType
from torch._functorch.pyfunctorch import retrieve_all_functorch_interpreters
from torch._subclasses.fake_tensor import is_fake
from torch.autograd import forward_ad
from torch.overrides import handle_torch_function, has_torch_function

__all__ = [
    "are_hidden",
    "functionalizing",
    "in_forward_mode",
    "is_plain",
    "makes_program",
    "overridable",
    "transforms_active",
    "without_tangent",
]

_P = ParamSpec("_P")

_PLAIN = (Tensor, torch.nn.Parameter)
_TRACERS = tuple(torch._C._TorchDispatchModeKey.__members__.values())  # they make graphs


def transforms_active() -> bool:
    """Return whether a transform of `torch.func` has wrapped the tensors."""
    return torch._C._are_functorch_transforms_active()


def in_forward_mode() -> bool:
    """Return whether a level of forward mode is open, so that any tensor may have a tangent."""
    return forward_ad._current_level >= 0


def without_tangent(x: Tensor) -> Tensor:
    """Return a tensor without its tangent of the innermost level; batched ones keep their batch."""
    if _functorch.is_batchedtensor(x):  # for which `unpack_dual` has no rule
        level, place = _functorch.maybe_get_level(x), _functorch.maybe_get_bdim(x)
        inner = without_tangent(_functorch.get_unwrapped(x))
        return _functorch._add_batch_dim(inner, place, level)
    return forward_ad.unpack_dual(x, level=0).primal


def is_plain(*tensors: Tensor | None) -> bool:
    """Return whether tensors are just tensors: nothing compiles, traces or transforms them."""
    watched = torch.compiler.is_compiling() or torch.jit.is_tracing() or transforms_active()
    if watched or torch._C._len_torch_dispatch_stack():
        return False
    return all(x is None or (type(x) in _PLAIN and not x.is_meta) for x in tensors)


def functionalizing() -> bool:
    """Return whether `torch.func.functionalize` is at work; refuse it around a derivative.

    It knows no `torch.autograd.Function`, and a formula does without only as long as nobody
    differentiates it.
    """
    if not transforms_active():
        return False
    kinds = {level.key() for level in retrieve_all_functorch_interpreters()}
    if TransformType.Functionalize not in kinds:
        return False
    if kinds & {TransformType.Grad, TransformType.Jvp}:
        raise NotImplementedError(
            "torch.func.functionalize: expected no derivative of the loss within or around it, "
            "got one; take torch.fx.experimental.proxy_tensor.make_fx or torch.compile"
        )
    return True


def makes_program() -> bool:
    """Return whether the operations go into a graph that PyTorch may differentiate by itself.

    It finds no `torch.autograd.Function` there; `torch.compile` and `torch.jit.trace` keep ours.
    """
    if torch.compiler.is_compiling():
        return torch.compiler.is_exporting()
    return bool(torch._C._len_torch_dispatch_stack()) or functionalizing()


def are_hidden(values: Tensor) -> bool:
    """Return whether there are no numbers to look at: they come later, or never."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or values.is_meta:
        return True
    tracing = torch._C._len_torch_dispatch_stack() and any(
        torch._C._get_dispatch_mode(key) is not None for key in _TRACERS
    )
    return bool(tracing) or functionalizing() or is_fake(values)


def overridable(function: Callable[_P, Tensor]) -> Callable[_P, Tensor]:
    """Return a function that hands itself to whatever overrides PyTorch's, as those do.

    So `torch.fx.symbolic_trace` finds a call to put into its graph, and not tensors to compute.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
        given = (*args, *kwargs.values())
        if has_torch_function(given):
            return handle_torch_function(call, given, *args, **kwargs)
        if torch.jit.is_tracing():  # warns of each check of a shape, which is to be made only now
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", torch.jit.TracerWarning)
                return function(*args, **kwargs)
        return function(*args, **kwargs)

    return call
