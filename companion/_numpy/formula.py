"""A loss as data: what it takes, how a block of it is filled, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

__all__ = ["BOTH", "GRADIENT", "HESSIAN", "VALUE", "Formula", "Rows"]

VALUE, GRADIENT, HESSIAN, BOTH = ("value",), ("gradient",), ("hessian",), ("value", "gradient")
"""What a call may want, fields of `Rows` in their order."""


class Rows(NamedTuple):
    """The results of one block, each an array to be filled, or None where it is not wanted."""

    value: np.ndarray | None = None
    gradient: np.ndarray | None = None
    hessian: np.ndarray | None = None


@dataclass(frozen=True)
class Formula:
    """A loss, for those who run it and for the laws that it promises to obey."""

    argument: str
    """What the first argument is called: "logits" or "probabilities"."""
    fill: Callable[..., Any]
    """Fills one block; how it is called, its family says: `companion._numpy.elementwise` or
    `companion._numpy.rowwise`."""
    options: tuple[str, ...] = ()
    """The names of its own options, beside weight, reduction and workers."""
    constants: dict[str, Any] = field(default_factory=dict, hash=False)
    """Options that are one number for a whole call; `fill` takes them too."""
    scratch: int = 6
    """Rows of scratch that `fill` works in, where its family gives it some."""
    label_weight: Callable[..., Any] | None = None
    """The weight that the options give to a block of labels, for the weighted mean; None is 1."""
    steep: Callable[..., Any] | None = None
    """Returns, for elements where the product overflows on the way, a derivative times weight by
    divisor: ``steep(kind, x, y, no, weight, divisor)``. None if no derivative alone overflows."""
    kernel: str = ""
    """The compiled kernel that computes the same, if any: of an elementwise loss a key of
    `companion._numba.KERNELS`, of one over rows of K classes what `run_rows` calls it."""
    convex: bool = True
    """Whether it is convex in its first argument, for each label."""
    symmetric: bool = True
    """Whether, without options, it costs the same after the answers have changed places."""
    proper: bool = True
    """Whether, without options, the expected loss is least where the answer is the label."""
    smallest: float = 0.0
    """No loss is below it."""
