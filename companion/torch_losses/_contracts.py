"""Check tensors at the door, in eager mode, under `torch.func` and under `torch.compile`.

Shapes, dtypes and devices are known to all three. Values are not: `_require` looks at them where
there are any, and asks the device to assert them where the compiler only traces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from companion.torch_losses._autograd import is_plain

__all__ = [
    "check_index",
    "check_labels",
    "check_pair",
    "check_probabilities",
    "check_tensor",
    "check_weight",
    "working",
]


def check_tensor(name: str, value: Any) -> None:
    """Refuse what is no tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: expected a torch.Tensor, got {type(value).__name__}; "
            f"pass torch.as_tensor({name})"
        )


def working(name: str, value: Any) -> tuple[torch.dtype, Tensor]:
    """Return the dtype of a result, and the tensor in the dtype to compute in, at least float32.

    Under autocast the result is float32 for narrower floats, as it is for PyTorch's losses.
    """
    check_tensor(name, value)
    if not value.is_floating_point():
        raise TypeError(
            f"{name}: expected a floating-point tensor, got {value.dtype}; pass {name}.float()"
        )
    if value.dtype not in (torch.float16, torch.bfloat16):
        return value.dtype, value
    narrow = value.dtype
    autocast = torch.is_autocast_enabled(value.device.type)
    return torch.float32 if autocast else narrow, value.float()


def check_pair(
    name: str, first: Any, target: Any, labels: str = "target"
) -> tuple[torch.dtype, Tensor, Tensor]:
    """Return the dtype of the result, and both tensors in one dtype and one shape.

    The call knows the two as `name` and `labels`.
    """
    dtype, x = working(name, first)
    other, y = working(labels, target)
    dtype = torch.promote_types(dtype, other)
    if x.shape == y.shape and x.dtype == y.dtype and x.device == y.device:
        return dtype, x, y
    if x.device != y.device:
        raise ValueError(
            f"{name} and {labels}: expected one device, got {x.device} and {y.device}; "
            f"pass {labels}.to({name}.device)"
        )
    if x.shape != y.shape and x.ndim and y.ndim:
        raise ValueError(
            f"{name} and {labels}: expected the same shape, or one without dimensions, "
            f"got {tuple(x.shape)} and {tuple(y.shape)}; {_mend(name, labels, x, y)}"
        )
    wide = torch.promote_types(x.dtype, y.dtype)
    x, y = torch.broadcast_tensors(x.to(wide), y.to(wide))
    return dtype, x, y


def _mend(name: str, labels: str, x: Tensor, y: Tensor) -> str:
    if x.numel() == y.numel():
        return f"reshape one of them, for example {labels}.reshape({name}.shape)"
    return "check that each element has its label"


def check_labels(y: Tensor, name: str = "target") -> None:
    """Refuse labels outside [0, 1]."""
    mend = (
        f"use 0 and 1, or probabilities for soft labels; {name} / 255 for an image mask of 0 "
        f"and 255, ({name} + 1) / 2 for labels of -1 and +1"
    )
    _require(y, 1.0, ValueError, name, mend)


def check_probabilities(p: Tensor) -> None:
    """Refuse probabilities outside [0, 1]."""
    mend = "logits are not probabilities: call binary_cross_entropy_with_logits"
    _require(p, 1.0, ValueError, "input", mend)


def check_weight(
    name: str, weight: Any, shape: tuple[int, ...], like: Tensor, *, exactly: bool = False
) -> Tensor | None:
    """Return `weight` in the dtype of `like`, or refuse its shape, device or values."""
    if weight is None:
        return None
    _, weight = working(name, weight)
    try:
        fits = torch.broadcast_shapes(weight.shape, shape) == torch.Size(shape)
    except RuntimeError:
        fits = False
    if not fits or (exactly and tuple(weight.shape) != tuple(shape)):
        wanted = "one number for each class," if exactly else "a shape that broadcasts to"
        raise ValueError(
            f"{name}: expected {wanted} {tuple(shape)}, got {tuple(weight.shape)}; "
            "give lengths of 1 where it repeats"
        )
    if weight.device != like.device:
        raise ValueError(
            f"{name}: expected one device, got {weight.device} and {like.device}; "
            f"pass {name}.to({like.device.type!r})"
        )
    largest = torch.finfo(weight.dtype).max
    _require(weight, largest, ValueError, name, "use 0 to leave an element out")
    return weight.to(like.dtype)


def check_index(target: Any, z: Tensor, dim: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return which elements are ignored, and the class of each, 0 where it is ignored."""
    if z.ndim == 0:
        raise ValueError(
            "input: expected one logit for each class, shape (K,), (N, K) or (N, K, …), "
            "got a scalar; for one yes/no question use binary_cross_entropy_with_logits"
        )
    rest = z.shape[:dim] + z.shape[dim + 1 :]
    if target.shape != rest:
        raise ValueError(
            f"input and target: expected a target of shape {tuple(rest)} (class indices) or "
            f"{tuple(z.shape)} (class probabilities) for input of shape {tuple(z.shape)}, "
            f"got {tuple(target.shape)}; the classes are dimension {dim}"
        )
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(
            f"target: expected integers as class indices, got {target.dtype}; pass "
            "target.long(), or class probabilities in the shape of input"
        )
    if target.device != z.device:
        raise ValueError(
            f"input and target: expected one device, got {z.device} and {target.device}; "
            "pass target.to(input.device)"
        )
    k = z.shape[dim]
    mend = "count classes from 0, and name in ignore_index what is to be left out"
    _require(target, k - 1, IndexError, "target", mend, but=ignore_index)
    ignored = target == ignore_index
    return ignored, torch.where(ignored, 0, target.long())


def _require(
    values: Tensor,
    largest: float,
    error: type[Exception],
    name: str,
    mend: str,
    *,
    but: int | None = None,
) -> None:
    """Refuse values that are not from 0 to `largest`, nor equal to `but`."""
    plain = is_plain()
    if plain and _lie_between(values, largest):
        return
    kind = "class indices from 0 to" if but is not None else "values from 0 to"
    limit = "any finite number" if largest > 1e4 and but is None else f"{largest:g}"
    expected = f"{name}: expected {kind} {limit}"

    def holds(values: Tensor) -> Tensor:
        inside = (values >= 0) & (values <= largest)
        return inside if but is None else inside | (values == but)

    def look(values: Tensor) -> None:
        if _lie_between(values, largest):
            return
        wrong = values[~holds(values)]
        if wrong.numel():
            raise error(
                f"{expected}, got {wrong.flatten()[0].item()} "
                f"({wrong.numel()} of {values.numel()} elements); {mend}"
            )

    if torch.compiler.is_compiling():
        if values.numel():
            # The extremes fuse with the loss into one loop, a mask and its `all` do not.
            seen = values if but is None else torch.where(values == but, 0, values)
            ends = (torch.amin(seen) >= 0) & (torch.amax(seen) <= largest)
            torch._assert_async(ends, f"{expected}; {mend}")
    elif plain:
        look(values.detach())
    else:
        _Look.apply(values.detach(), look)


def _lie_between(values: Tensor, largest: float) -> bool:
    """Return whether all values lie in [0, largest], in one pass; there may be none to look at."""
    if values.is_meta or not values.numel():
        return True
    low, high = torch.aminmax(values)
    return low.item() >= 0 and high.item() <= largest


class _Look(Function):
    """Look at the numbers behind a tensor that `torch.func` has wrapped."""

    @staticmethod
    def forward(values: Tensor, look: Callable[[Tensor], None]) -> Tensor:
        look(values)
        return torch.zeros((), dtype=torch.bool, device=values.device)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    # pyrefly: ignore[bad-override]  (PyTorch declares *args)
    def vmap(info: Any, in_dims: Any, values: Tensor, look: Any) -> tuple[Tensor, None]:
        return _Look.apply(values, look), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> None:
        return None
