"""What the public functions return, for type checkers and editors."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats"]

Floats: TypeAlias = NDArray[np.floating]
"""Real numbers of one float dtype: an array, or for one number NumPy's scalar.

To a type checker both are the array, so that indexing and arithmetic pass; the scalar has an
array's methods.
"""
