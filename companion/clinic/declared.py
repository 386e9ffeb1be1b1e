"""What was said about a loss, and what was taken for granted because nothing was said."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

__all__ = ["Assumption", "Declared", "declare"]

_LABELS = ("soft", "hard", "signs", "index", "one-hot")


@dataclasses.dataclass(frozen=True)
class Declared:
    """What was said about a loss; None: nothing."""

    inputs: str | None = None
    labels: str | None = None
    reduction: str | None = None
    task: str | None = None
    base: float | None = None
    weight: tuple[float, ...] | None = None
    smoothing: float | None = None
    gamma: float | None = None
    ignore: float | None = None
    dtype: str | None = None


def declare(
    *,
    inputs: str | None = None,
    labels: str | None = None,
    reduction: str | None = None,
    task: str | None = None,
    base: float | None = None,
    weight: Sequence[float] | None = None,
    pos_weight: float | None = None,
    label_smoothing: float | None = None,
    gamma: float | None = None,
    alpha: float | None = None,
    ignore_index: float | None = None,
    dtype: str | None = None,
) -> Declared:
    """Check what is declared of a loss, by the names of `diagnose`."""
    for name, value, choices in (
        ("inputs", inputs, ("logits", "probabilities")),
        ("labels", labels, _LABELS),
        ("reduction", reduction, ("mean", "sum", "none")),
        ("task", task, ("binary", "categorical")),
        ("dtype", dtype, ("float64", "float32", "float16")),
    ):
        if value is not None and value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    if weight is not None and pos_weight is not None:
        raise ValueError(
            "give weight or pos_weight, not both: pos_weight is weight=(1, pos_weight)"
        )
    weights = tuple(map(float, weight)) if weight is not None else None
    if pos_weight is not None:
        weights = (1.0, float(pos_weight))
    if alpha is not None:
        weights = tuple(a * w for a, w in zip((1 - alpha, alpha), weights or (1, 1), strict=True))
    return Declared(
        inputs, labels, reduction, task, base, weights, label_smoothing, gamma, ignore_index, dtype
    )


@dataclasses.dataclass(frozen=True)
class Assumption:
    """What was taken for granted, because nothing was declared."""

    name: str
    """"inputs", "task", "labels", "order", "reduction", "base", "weight", "smoothing" or "form"."""
    sentence: str
    usual: bool = True
    """Whether it is what most losses do."""

    def __str__(self) -> str:
        return self.sentence
