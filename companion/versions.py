"""What a bug report should say: the versions of the companion and of what it runs on."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from companion import engine

__all__ = ["show_versions"]

_PACKAGES = ("numpy", "numba", "llvmlite", "torch", "sympy", "mpmath", "matplotlib", "scikit-learn")


def show_versions() -> None:
    """Print the versions of the companion, Python, the platform and the installed packages it uses.

    With them stands the engine that the losses run on here, of `companion.engine`. Nothing is
    imported for it: the versions are those that the installer wrote down.

    Examples
    --------
    >>> import companion
    >>> companion.show_versions()  # doctest: +ELLIPSIS
    companion     ...
    Python        ...
    """
    found = {
        "companion": sys.modules["companion"].__version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "engine": engine.current(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue  # an optional one that is not there
    for name, version in found.items():
        print(f"{name:<13} {version}")
