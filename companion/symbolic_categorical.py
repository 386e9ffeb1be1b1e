"""The name that `companion.symbolic.categorical` had in version 0.1."""

import warnings

from companion.symbolic.categorical import *  # noqa: F403
from companion.symbolic.categorical import __all__ as __all__

warnings.warn(
    "companion.symbolic_categorical is now companion.symbolic.categorical; "
    "the old name goes in version 0.4",
    DeprecationWarning,
    stacklevel=2,
)
