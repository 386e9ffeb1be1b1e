"""The figures of the part "Use": small functions that draw given arrays on a given `ax`.

As in `companion.plotting`, they compute no loss and return the `ax`; the order is that of the
chapters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

__all__ = []
