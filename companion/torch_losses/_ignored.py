"""Leave out the elements whose label is a mark for what is unknown.

Where one is ignored, the argument and the label become a harmless number before anything is
computed: so no derivative of any order meets a NaN that is multiplied by 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from companion.contracts import check_number
from companion.torch_losses._contracts import are, as_number, check_labels, lie_between
from companion.torch_losses._modes import are_hidden, is_plain

__all__ = ["check_ignore_index", "leave_out"]


def check_ignore_index(ignore_index: Any) -> float | None:
    """Return the label to leave out as a float, None for none, or refuse it."""
    mend = "pass the label to leave out, or None for none"
    if ignore_index is None:
        return None
    number = as_number("ignore_index", ignore_index)
    if isinstance(number, bool):
        raise TypeError(f"ignore_index: expected a number, got bool; {mend}")
    if isinstance(number, float) and number != number:  # in no interval, and a mark all the same
        return number
    return check_number("ignore_index", number, "[-inf, inf]", mend)


def leave_out(
    x: Tensor, target: Tensor, y: Tensor, ignore_index: float | None, labels: str = "target"
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return which elements are ignored, the first argument, and the labels, which are checked.

    Where an element is ignored both have a number without consequence. `y` are the labels of the
    call, `target`, in the dtype and shape to compute in; None says that none is ignored.
    """
    if ignore_index is None:
        return None, x, check_labels(y, labels)
    if is_plain(y) and not 0 <= ignore_index <= 1 and lie_between(y, 1.0):
        return None, x, y
    ignored = are(ignore_index, target).expand(y.shape)
    if not are_hidden(y):  # the mark as the labels have it: float16 makes -10000 of -9999
        ignore_index = torch.tensor(ignore_index, dtype=target.dtype).item()
    y = check_labels(y, labels, but=ignore_index)
    return ignored, torch.where(ignored, 0.5, x), torch.where(ignored, 0.5, y)
