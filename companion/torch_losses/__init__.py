"""Twins of PyTorch's cross-entropies: the same calls, right to the last digits.

Replace ``from torch.nn.functional import …`` by ``from companion.torch_losses import …``, or
``nn.BCEWithLogitsLoss`` by `BCEWithLogitsLoss`: parameters, positions, defaults and reductions are
PyTorch's. What differs:

- values and derivatives keep their digits in both tails, where PyTorch's lose all of them, in
  float64, float32, float16 and bfloat16 (the last two are computed in float32), and infinite logits
  give the limit;
- derivatives may be repeated in reverse and forward mode in any order, at 0 too, and reach the
  targets (of the focal loss: see there);
- labels outside [0, 1], class indices out of range and shapes that do not fit are refused. Where
  the numbers cannot be looked at (`torch.compile`, `torch.export`, `torch.jit.trace`, `make_fx`,
  fake and meta tensors) an element that counts, but whose label or weight is out of range, has
  the loss NaN;
- the binary losses take `label_smoothing`, the reduction "weighted_mean", which divides by the sum
  of the weights applied, and `ignore_index`, a label that marks elements to leave out;
- `binary_cross_entropy` is exact where PyTorch stops every logarithm at -100: a probability of 0
  for label 1 costs inf. A script that feeds it a saturated sigmoid therefore sees inf and NaN; the
  way out is `binary_cross_entropy_with_logits` on the logits.

Written for any device and tried on CPUs; the tests also run on CUDA where there is one.
`torch.func` and forward mode work in eager mode. Within `torch.compile` a loss under `torch.func`
runs in eager mode too, by a break of the graph, and is refused with ``fullgraph=True``: there the
compiler of PyTorch 2.13 passes over written derivatives without a sign. A loss that
`torch.jit.trace` recorded runs where Python does and cannot be saved, `torch.jit.script` is
refused: to save a loss take `torch.export`.
The modules are here, so that a pickle finds them again; the functions are in `_logits`,
`_probabilities`, `_classes` and `_focal`, the checks in `_contracts`.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from companion.contracts import check_smoothing
from companion.torch_losses._classes import cross_entropy
from companion.torch_losses._contracts import as_number
from companion.torch_losses._focal import sigmoid_focal_loss
from companion.torch_losses._ignored import check_ignore_index
from companion.torch_losses._logits import binary_cross_entropy_with_logits
from companion.torch_losses._probabilities import binary_cross_entropy

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "sigmoid_focal_loss",
]


class _Unscripted:
    """What TorchScript, which PyTorch has given up, cannot compile."""

    def __prepare_scriptable__(self) -> Any:
        """Answer `torch.jit.script`, which asks every module."""
        raise NotImplementedError(
            f"torch.jit.script: expected a module of torch.nn, got {type(self).__name__} of "
            "companion.torch_losses; take torch.compile, torch.export or torch.jit.trace"
        )


class BCELoss(_Unscripted, nn.BCELoss):
    """The module of `binary_cross_entropy`, with `label_smoothing` and `ignore_index`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        *,
        label_smoothing: float = 0.0,
        ignore_index: float | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.label_smoothing = check_smoothing(as_number("label_smoothing", label_smoothing))
        self.ignore_index = check_ignore_index(ignore_index)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, probabilities."""
        return binary_cross_entropy(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
            ignore_index=self.ignore_index,
        )


class BCEWithLogitsLoss(_Unscripted, nn.BCEWithLogitsLoss):
    """The module of `binary_cross_entropy_with_logits`, with the same two options."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
        *,
        label_smoothing: float = 0.0,
        ignore_index: float | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction, pos_weight)
        self.label_smoothing = check_smoothing(as_number("label_smoothing", label_smoothing))
        self.ignore_index = check_ignore_index(ignore_index)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, logits."""
        return binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
            label_smoothing=self.label_smoothing,
            ignore_index=self.ignore_index,
        )


class CrossEntropyLoss(_Unscripted, nn.CrossEntropyLoss):
    """The module of `cross_entropy`; a `torch.nn.CrossEntropyLoss`."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss of `input`, logits."""
        return cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
