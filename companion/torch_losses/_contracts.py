"""Check tensors at the door, in eager mode, under `torch.func` and where a graph is made.

Shapes, dtypes and devices are known everywhere, but for sizes that depend on data. Values are not:
`_look` refuses those out of range where there are any to look at. Where a compiler or tracer shows
none, each label or weight that will be out of range becomes NaN by a comparison in the graph, and
so does the loss of its element, as does that of a class index out of range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from companion._mends import literal, mend_for
from companion.contracts import check_integer
from companion.torch_losses._modes import are_hidden, is_plain

__all__ = [
    "are",
    "as_number",
    "check_index",
    "check_labels",
    "check_pair",
    "check_probabilities",
    "check_sum_of_weights",
    "check_tensor",
    "check_weight",
    "lie_between",
    "working",
]


_NARROW = (torch.float16, torch.bfloat16)  # which the losses compute in float32
_FLOATS = (*_NARROW, torch.float32, torch.float64)


def check_tensor(name: str, value: Any) -> None:
    """Refuse what is no tensor, or a sparse one."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: expected a torch.Tensor, got {type(value).__name__}; "
            f"pass torch.as_tensor({name})"
        )
    if value.layout is not torch.strided:
        raise TypeError(
            f"{name}: expected a dense tensor, got {value.layout}; pass {name}.to_dense()"
        )


def as_number(name: str, value: Any) -> Any:
    """Return the number of a tensor without dimensions, what is no tensor as it is."""
    if not isinstance(value, Tensor):
        return value
    if value.ndim or value.requires_grad:
        kind = (
            "that requires a gradient" if value.requires_grad else f"of shape {tuple(value.shape)}"
        )
        raise TypeError(f"{name}: expected one number, got a tensor {kind}; pass a float")
    return value.item()


def working(name: str, value: Any) -> tuple[torch.dtype, Tensor]:
    """Return the dtype of a result, and the tensor in the dtype to compute in, at least float32.

    Under autocast the result is float32 for narrower floats, as it is for PyTorch's losses.
    """
    check_tensor(name, value)
    if value.dtype not in _FLOATS:
        mend = f"{name}.real if the rest is 0" if value.is_complex() else f"{name}.float()"
        raise TypeError(f"{name}: expected a floating-point tensor, got {value.dtype}; pass {mend}")
    if value.dtype not in _NARROW:
        return value.dtype, value
    device = value.device.type
    autocast = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
    return torch.float32 if autocast else value.dtype, value.float()


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


def are(mark: float, values: Tensor) -> Tensor:
    """Return which values are the mark, NaN being one."""
    return values == mark if mark == mark else torch.isnan(values)


def check_labels(
    y: Tensor, name: str = "target", dialect: str = "torch", but: float | None = None
) -> Tensor:
    """Return labels in [0, 1] or equal to `but`, or refuse them in the words of `dialect`."""
    return _in_unit_interval(y, name, dialect, but)


def check_probabilities(p: Tensor) -> Tensor:
    """Return probabilities, or refuse them."""
    return _in_unit_interval(p, "input")


def _in_unit_interval(
    values: Tensor, name: str, dialect: str = "torch", but: float | None = None
) -> Tensor:
    def mend(values: Tensor) -> str:
        first = ""
        if but is not None:  # which the mends of the others would change
            kept = f"[~{name}.isnan()]" if but != but else f"[{name} != {literal(but)}]"
            first = f"leave out {literal(but)} yourself, {kept} behind each tensor, and then "
            values = values[~are(but, values)]
        narrow = [kind for kind in _NARROW if torch.equal(values.to(kind).to(values.dtype), values)]
        eps = max(torch.finfo(kind).eps for kind in (values.dtype, *narrow))
        return first + mend_for(name, values.double().cpu().numpy(), eps, dialect)

    if _look(values, 1.0, ValueError, name, mend, but=but):
        return values
    return torch.where(values * (1 - values) >= 0, values, torch.nan)


def check_weight(
    name: str, weight: Any, shape: tuple[int, ...], like: Tensor, *, exactly: bool = False
) -> Tensor | None:
    """Return `weight` in the dtype of `like`, or refuse its shape, device or values."""
    if weight is None:
        return None
    check_tensor(name, weight)
    whole = not (weight.is_floating_point() or weight.is_complex())
    _, weight = working(name, weight.to(like.dtype) if whole else weight)
    try:
        fits = torch.broadcast_shapes(weight.shape, shape) == torch.Size(shape)
    except RuntimeError:
        fits = False
    if not fits or (exactly and tuple(weight.shape) != tuple(shape)):
        wanted = "one number for each class," if exactly else "a shape that broadcasts to"
        mend = "give lengths of 1 where it repeats"
        if exactly:
            mend = f'to weigh rows multiply the losses of reduction="none" by {name}'
        elif weight.shape == (2,):
            mend += (
                f", or for two labels pass weight=torch.where(target == 1, {name}[1], {name}[0])"
            )
        raise ValueError(
            f"{name}: expected {wanted} {tuple(shape)}, got {tuple(weight.shape)}; {mend}"
        )
    if weight.device != like.device:
        raise ValueError(
            f"{name}: expected one device, got {weight.device} and {like.device}; "
            f"pass {name}.to({like.device.type!r})"
        )
    largest = torch.finfo(weight.dtype).max
    mend = "use 0 to leave an element out"
    if not _look(weight, largest, ValueError, name, mend):
        weight = torch.where((weight >= 0) & (weight <= largest), weight, torch.nan)
    return weight.to(like.dtype)


def check_sum_of_weights(weights: Tensor) -> Tensor:
    """Return the sum that a weighted mean divides by, or refuse one that overflowed."""
    largest = torch.finfo(weights.dtype).max
    mend = "scale the weights down, which leaves a weighted mean as it is"
    if _look(weights, largest, ValueError, "sum of the weights", mend):
        return weights
    return torch.where(weights <= largest, weights, torch.nan)


def check_index(
    target: Tensor, z: Tensor, dim: int, ignore_index: int
) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """Return which elements are left out, the class of the others, and which are allowed.

    Left out are those to be ignored and those out of range, allowed those to be ignored and those
    in range. None says that none is left out, that all are allowed.
    """
    if type(ignore_index) is not int:
        mend = "pass the class to leave out, or -100 for none"
        ignore_index = check_integer("ignore_index", as_number("ignore_index", ignore_index), mend)
    _check_index_shape(target, z, dim)
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
    target = target.long()  # bytes would meet -100 as 156
    last = z.shape[dim] - 1
    if is_plain(target) and not 0 <= ignore_index <= last and lie_between(target, last):
        return None, target, None
    ignored = target == ignore_index
    mend = "count classes from 0, and name in ignore_index what is to be left out"
    if _look(target, last, IndexError, "target", mend, but=ignore_index):
        return ignored, target, None
    exist = (target >= 0) & (target <= last)
    return ignored | ~exist, target, ignored | exist


def _check_index_shape(target: Tensor, z: Tensor, dim: int) -> None:
    if z.ndim == 0:
        raise ValueError(
            "input: expected one logit for each class, shape (K,), (N, K) or (N, K, …), "
            "got a scalar; for one yes/no question use binary_cross_entropy_with_logits"
        )
    rest = z.shape[:dim] + z.shape[dim + 1 :]
    if target.shape == rest:
        if z.shape[dim] == 0:
            raise ValueError(
                f"input: expected at least one class, got shape {tuple(z.shape)}; "
                f"move the classes to dimension {dim}"
            )
        return
    if target.shape == z.shape and dim and not target.is_floating_point():
        raise TypeError(
            f"target: expected floating-point class probabilities in the shape of input, got "
            f"{target.dtype}; pass target.float(), or one class index for each row"
        )
    raise ValueError(
        f"input and target: expected a target of shape {tuple(rest)} (class indices) or "
        f"{tuple(z.shape)} (class probabilities) for input of shape {tuple(z.shape)}, "
        f"got {tuple(target.shape)}; the classes are dimension {dim}"
    )


def _look(
    values: Tensor,
    largest: float,
    error: type[Exception],
    name: str,
    mend: str | Callable[[Tensor], str],
    *,
    but: float | None = None,
) -> bool:
    """Refuse values neither from 0 to `largest` nor `but`; return False if they are hidden."""
    plain = is_plain(values)
    if plain and lie_between(values, largest):
        return True
    if are_hidden(values):
        return False

    def look(values: Tensor) -> None:
        if lie_between(values, largest):
            return
        inside = (values >= 0) & (values <= largest)
        wrong = values[~(inside if but is None else inside | are(but, values))]
        if wrong.numel():
            kind = "class indices from 0 to" if error is IndexError else "values from 0 to"
            limit = f"{largest:g}" if error is IndexError or largest == 1 else "any finite number"
            raise error(
                f"{name}: expected {kind} {limit}, got {wrong.flatten()[0].item()} "
                f"({wrong.numel()} of {values.numel()} elements); "
                + (mend if isinstance(mend, str) else mend(values))
            )

    if plain:
        look(values.detach())
    else:
        _Look.apply(values.detach(), look)
    return True


def lie_between(values: Tensor, largest: float) -> bool:
    """Return whether all values lie in [0, largest], in one pass; there may be none to look at."""
    if not values.numel():
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
