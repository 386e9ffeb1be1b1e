"""Check arguments at the door: one clear exception for each way to get a call wrong.

Every message names the argument, says what was expected and what came, and how to mend it.
Kind and dtype raise `TypeError`; shape, range and option raise `ValueError`. Nothing is repaired:
no clipping, no squeezing, and only weights are broadcast beyond a scalar.

Read `as_array` first (what may come in), then `as_arrays` and `common_shape` (how arguments meet),
then the checks of values and options, all of them before a result is returned.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from companion._mends import DIALECTS, conversion_for, mend_for, reshape_for

__all__ = [
    "as_array",
    "as_arrays",
    "as_point",
    "check_axis",
    "check_choice",
    "check_integer",
    "check_number",
    "check_smoothing",
    "check_unit_interval",
    "check_weight",
    "common_shape",
    "compute_dtype",
    "count_workers",
    "place_of",
]

_TENSOR_LIBRARIES = {"torch", "tensorflow", "jax", "jaxlib", "cupy"}
_BITS_OF_ONE = {"f": np.float32(1).view(np.uint32), "d": np.float64(1).view(np.uint64)}
_REAL = "?bBhHiIlLqQefd"  # the dtypes that may come in, by NumPy's characters


def as_array(name: str, value: ArrayLike | None) -> np.ndarray:
    """Return `value` as a real NumPy array, or refuse it.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like of bool, int or float
        float16, float32 or float64; integers and booleans of any width.

    Returns
    -------
    numpy.ndarray
        A view where `value` already is an array; its dtype is kept.

    Raises
    ------
    TypeError
        For masked arrays, tensors, sparse matrices, strings, objects, complex numbers and
        extended precision.
    ValueError
        For ragged nested sequences.
    """
    if type(value) is np.ndarray and value.dtype.char in _REAL:
        return value
    for kind in _kinds(value):
        if any(c.__module__.partition(".")[0] in _TENSOR_LIBRARIES for c in kind.__mro__):
            raise TypeError(
                f"{name}: expected a NumPy array or array_like, got {_name(kind)}; "
                f"pass {name}.detach().cpu().numpy() (PyTorch; to train on it, take a loss of "
                f"companion.torch_losses) or numpy.asarray({name})"
            )
        if issubclass(kind, np.ma.MaskedArray):
            raise TypeError(_masked(name))
    try:
        array = np.asanyarray(value)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise ValueError(
                f"{name}: expected array_like, got {_name(type(value))}, of which NumPy makes "
                f"no array ({error}); pass a NumPy array"
            ) from error
        raise ValueError(
            f"{name}: expected rows of equal length, got a ragged sequence; "
            "pad the rows or concatenate them"
        ) from error
    if isinstance(array, np.ma.MaskedArray):  # of an object that makes arrays of itself
        raise TypeError(_masked(name))
    array = np.asarray(array)
    if array.dtype.char not in _REAL:
        raise TypeError(
            f"{name}: expected real numbers (float16, float32, float64, integers or booleans), "
            f"got {_name(type(value))} of dtype {array.dtype}; {conversion_for(name, value, array)}"
        )
    return array


def _kinds(value: object) -> set[type]:
    """Return the types of a value and of what its lists hold, as deep as an array can be."""
    kinds, level = {type(value)}, [value]
    for _ in range(64):
        level = [item for inner in level if isinstance(inner, list | tuple) for item in inner]
        if not level:
            break
        kinds.update(map(type, level))
    return kinds


def _masked(name: str) -> str:
    return (
        f"{name}: expected a plain array, got a masked array; pass {name}.filled(0), and to leave "
        f'the masked elements out weight=~numpy.ma.getmaskarray({name}), reduction="weighted_mean"'
    )


def as_point(name: str, value: ArrayLike) -> np.ndarray:
    """Return a point to differentiate at as a new float array, integers as float64, or refuse it.

    Raises
    ------
    TypeError, ValueError
        As `as_array`; if there is no element, or one that is not finite.
    """
    point = as_array(name, value)
    point = point.astype(point.dtype if point.dtype.kind == "f" else np.float64)
    if not point.size:
        raise ValueError(
            f"{name}: expected at least one number, got shape {point.shape}; pass an array with "
            "elements"
        )
    if not np.isfinite(point).all():
        raise ValueError(
            f"{name}: expected finite numbers, got {point[~np.isfinite(point)][0]}; a derivative "
            "needs room on both sides"
        )
    return point


def _name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def as_arrays(
    optional: tuple[str, ...] = (), /, **arguments: ArrayLike | None
) -> tuple[list[Any], np.dtype]:
    """Return the named arguments as arrays, and the dtype of a result made from them.

    Floats promote to the widest; integers, booleans and Python's own numbers never widen a float
    partner, and are float64 where no partner is a float. None stays None for the `optional` names.

    Examples
    --------
    >>> import numpy as np
    >>> as_arrays(logits=np.zeros(3, np.float32), labels=[0, 1, 1], weight=2.0)[1]
    dtype('float32')
    >>> as_arrays(logits=[1, 2], labels=True)[1]
    dtype('float64')
    """
    arrays: list[Any] = []
    dtype = None
    for name, value in arguments.items():
        if value is None and name in optional:
            arrays.append(None)
            continue
        array = as_array(name, value)
        arrays.append(array)
        if array.dtype.kind == "f" and array.dtype is not dtype and type(value) is not float:
            dtype = array.dtype if dtype is None else np.promote_types(dtype, array.dtype)
    if dtype is None:
        dtype = np.dtype(np.float64)
    return arrays, dtype if dtype.isnative else dtype.newbyteorder("=")


def compute_dtype(dtype: np.dtype) -> np.dtype:
    """Return the dtype to compute in: float32 for float16, else `dtype` itself."""
    return np.dtype(np.float32) if dtype.char == "e" else dtype


def common_shape(
    first_name: str, first: np.ndarray, second_name: str, second: np.ndarray
) -> tuple[int, ...]:
    """Return the shape that two arrays share, or that of the one that is not a scalar.

    Raises
    ------
    ValueError
        If the shapes differ and neither array is a scalar (0-d).
    """
    if first.shape == second.shape or second.ndim == 0:
        return first.shape
    if first.ndim == 0:
        return second.shape
    try:
        silent = np.broadcast_shapes(first.shape, second.shape)
        consequence = f"; NumPy would have broadcast them to {silent}"
        if min(first.size, second.size) > 1:
            consequence += " and paired wrong elements"
    except ValueError:
        consequence = ""
    raise ValueError(
        f"{first_name} and {second_name}: expected the same shape, or one scalar, "
        f"got {first.shape} and {second.shape}{consequence}; "
        + reshape_for(first_name, first.shape, second_name, second.shape)
    )


def check_weight(
    name: str,
    weight: np.ndarray,
    shape: tuple[int, ...],
    target: str = "labels",
    dtype: np.dtype | None = None,
    dialect: str = "other",
) -> None:
    """Refuse a weight that does not broadcast to `shape`, or is not finite and at least 0.

    `target` names what has the shape; `dtype`, if given, must be able to hold the weight. The mends
    are in the words of `dialect`, a key of `companion._mends.DIALECTS`.
    """
    words = DIALECTS[dialect]
    try:
        fits = np.broadcast_shapes(weight.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        mend = "give one number for each element, or lengths of 1 where it repeats"
        if weight.shape == (2,):
            mend += words.two_weights.format(name=name)
        raise ValueError(
            f"{name}: expected a shape that broadcasts to the {target}' {shape}, "
            f"got {weight.shape}; {mend}"
        )
    if not weight.size:
        return
    low, high = np.min(weight), np.max(weight)
    if not (low >= 0 and high < np.inf):
        bad = weight[~((weight >= 0) & (weight < np.inf))]
        raise ValueError(
            f"{name}: expected finite values of at least 0, got {float(bad.flat[0])} "
            f"({bad.size} of {weight.size} elements); use 0 to leave an element out"
            + words.negative_weight
        )
    with np.errstate(over="ignore"):
        fits = dtype is None or np.isfinite(dtype.type(high))
    if not fits:
        raise ValueError(
            f"{name}: expected values that the other arguments' dtype can hold, got "
            f"{float(high)}; pass float64 arguments"
        )


def check_unit_interval(name: str, values: np.ndarray, dialect: str = "binary") -> None:
    """Refuse values that do not all lie in [0, 1]; a NaN does not.

    The mend is in the words of `dialect`, a key of `companion._mends.DIALECTS`.
    """
    if _in_unit_interval(values):
        return
    eps = float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0
    values = values.astype(np.float64)
    outside = np.argwhere(~((values >= 0) & (values <= 1)))
    where = tuple(outside[0])
    raise ValueError(
        f"{name}: expected values in [0, 1], got {float(values[where])}{place_of(where)} "
        f"({len(outside)} of {values.size} outside); "
        f"{mend_for(name, values, eps, dialect)}"
    )


def place_of(index: tuple[int, ...]) -> str:
    """Return an index in words, " at index …"; nothing for a scalar."""
    numbers = [int(i) for i in index]
    shown = numbers[0] if len(numbers) == 1 else tuple(numbers)
    return f" at index {shown}" if numbers else ""


def _in_unit_interval(values: np.ndarray) -> bool:
    """Return whether all numbers lie in [0, 1].

    Read as unsigned integers, the floats from 0 to 1 are in order, and all others, NaN included,
    are above them: one maximum tells. Only -0.0 is also above and needs the second look.
    """
    if values.size == 0:
        return True
    bits = _BITS_OF_ONE.get(values.dtype.char)
    native = bits is not None and values.dtype.isnative
    if native and np.maximum.reduce(values.view(bits.dtype), axis=None) <= bits:
        return True
    return bool(np.min(values) >= 0 and np.max(values) <= 1)


def check_axis(name: str, values: np.ndarray, axis: int) -> int:
    """Return the class axis of `values`, counted from the front, or refuse it."""
    axis = check_integer("axis", axis, "pass one class axis")
    if values.ndim == 0:
        raise ValueError(
            f"{name}: expected one number for each class, shape (…, K, …), got a scalar; "
            "for one yes/no question use a function of companion.binary, sigmoid or softplus"
        )
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(
            f"axis: expected an axis of {name} with shape {values.shape}, got {axis}; pass -1"
        )
    if values.shape[axis] == 0:
        raise ValueError(
            f"{name}: expected at least one class along axis {axis}, got shape {values.shape}; "
            "pass the axis that the classes are on"
        )
    return axis % values.ndim


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse an option that is not one of `choices`."""
    if not isinstance(value, str):
        raise TypeError(
            f"{name}: expected one of {', '.join(map(repr, choices))}, got {_name(type(value))}; "
            "pass the option as a string"
        )
    if value not in choices:
        raise ValueError(
            f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}; "
            "choose one of these"
        )


def check_number(name: str, value: ArrayLike, interval: str, mend: str) -> float:
    """Return `value` as a float if it is one number of `interval`, such as "[0, 1)" or "(0, inf)".

    `mend` ends the message of the `ValueError` for a number outside; an array with dimensions is a
    `ValueError`, too, and what is no real number, or True or False, a `TypeError`.
    """
    if type(value) is float or (type(value) is int and -1e9 < value < 1e9):  # for `torch.compile`
        number = float(value)
    else:
        array = as_array(name, value)
        if array.ndim:
            raise ValueError(
                f"{name}: expected one number in {interval}, got shape {array.shape}; pass a scalar"
            )
        if array.dtype.kind == "b":
            raise TypeError(f"{name}: expected one number in {interval}, got bool; pass a float")
        number = float(array)
    low, high = map(float, interval[1:-1].split(","))
    inside = low <= number if interval[0] == "[" else low < number
    if not (inside and (number <= high if interval[-1] == "]" else number < high)):
        raise ValueError(f"{name}: expected a number in {interval}, got {number}; {mend}")
    return number


def check_integer(name: str, value: object, mend: str) -> int:
    """Return `value` as an int, or refuse it with a `TypeError` that ends in `mend`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, got {_name(type(value))}; {mend}")
    return int(value)


def check_smoothing(label_smoothing: float) -> float:
    """Return the label smoothing as a float in [0, 1], or refuse it."""
    mend = "0 switches it off, 0.1 is usual"
    return check_number("label_smoothing", label_smoothing, "[0, 1]", mend)


def count_workers(workers: int | None) -> int:
    """Return the number of threads: None is 1, -1 all processors that the process may use.

    On Windows before Python 3.13 it is all that there are.
    """
    mend = "pass 1 or more, or -1 for all processors"
    workers = 1 if workers is None else check_integer("workers", workers, mend)
    if workers < 1 and workers != -1:
        raise ValueError(
            f"workers: expected -1 or at least 1, got {workers}; pass -1 for all processors"
        )
    if workers != -1:
        return workers
    if not hasattr(os, "process_cpu_count") and hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1  # the former is of Python 3.13
