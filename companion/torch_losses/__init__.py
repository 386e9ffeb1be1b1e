"""Twins of PyTorch's cross-entropies: the same calls, right to the last digits.

Replace ``from torch.nn.functional import …`` by ``from companion.torch_losses import …``, or
``nn.BCEWithLogitsLoss`` by `BCEWithLogitsLoss`: parameters, positions, defaults and reductions are
PyTorch's. What differs:

- values and derivatives keep their digits in both tails, where PyTorch's lose all of them, for
  every float dtype (float16 and bfloat16 are computed in float32), and infinite logits give the
  limit;
- derivatives of every order are right, at 0 too, and reach the targets;
- labels outside [0, 1], class indices out of range and shapes that do not fit are refused, at once
  or, under `torch.compile`, by an assertion that runs beside the loss (a RuntimeError);
- the binary losses take `label_smoothing`;
- `binary_cross_entropy` is exact where PyTorch stops every logarithm at -100: a probability of 0
  for label 1 costs inf. A script that feeds it a saturated sigmoid therefore sees inf and NaN; the
  way out is `binary_cross_entropy_with_logits` on the logits.

Any device; `torch.func` and forward mode work in eager mode. The formulas are in
`companion.torch_losses._logits`, the checks in `companion.torch_losses._contracts`.
"""

from companion.torch_losses._classes import CrossEntropyLoss, cross_entropy
from companion.torch_losses._focal import sigmoid_focal_loss
from companion.torch_losses._logits import BCEWithLogitsLoss, binary_cross_entropy_with_logits
from companion.torch_losses._probabilities import BCELoss, binary_cross_entropy

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "sigmoid_focal_loss",
]
