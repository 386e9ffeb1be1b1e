"""The name that `companion.plotting` had in version 0.1."""

import warnings

from companion.plotting import *  # noqa: F403
from companion.plotting import __all__ as __all__

warnings.warn(
    "companion.plotting_use is now companion.plotting; the old name goes in version 0.4",
    DeprecationWarning,
    stacklevel=2,
)
