"""Compile a kernel when it is first called, keep it on disk, and say so where that takes long.

Numba keeps a compiled function beside its module, or, where it may not write there, in the user's
cache folder; `NUMBA_CACHE_DIR` names another. Where it may write nowhere, each process compiles
anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.core import event
from numba.extending import intrinsic

__all__ = ["LONG", "compiled", "part_of_kernels", "wide_vectors"]

LONG = 2.0
"""Seconds of compilation that are told, once, to the logger `companion`."""


def _sources() -> str:
    """Return a hash of all modules here: a kernel is compiled from several."""
    texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]


_SOURCES = _sources()
_kernels: set[Any] = set()


def compiled(**flags: Any) -> Callable[..., Any]:
    """Compile the decorated function for each combination of types that it is called with."""

    def decorate(function: Any) -> Any:
        # Numba looks at the function's own module alone, and would run what another has outdated.
        function.__qualname__ += f"_{_SOURCES}"
        kernel = njit(nogil=True, no_cfunc_wrapper=True, error_model="numpy", **flags)(function)
        with contextlib.suppress(RuntimeError):  # there is no place to write to
            kernel.enable_caching()
        _kernels.add(kernel)
        return kernel

    return decorate


part_of_kernels = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
"""Compile the decorated function into kernels: Python cannot call it, nor is it kept by itself."""


@intrinsic
def wide_vectors(context: Any) -> Any:
    """Let the loops of the calling function use the widest vectors that the processor has.

    LLVM takes half of what AVX-512 has, since the first processors with it lowered their clock for
    the whole. A function that is compiled into another keeps its loops, so both call this.
    """

    def generate(lowering: Any, builder: Any, _: Any, __: Any) -> Any:
        # llvmlite knows no attribute that has a value
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return lowering.get_dummy_value()

    return types.none(), generate


class _Clock(event.Listener):
    """Tells the first compilation of a kernel that takes long; one on disk is not compiled."""

    def __init__(self) -> None:
        self.begun: dict[Any, float] = {}
        self.told = False

    def on_start(self, event: Any) -> None:
        self.begun[event.data["dispatcher"]] = time.monotonic()

    def on_end(self, event: Any) -> None:
        kernel = event.data["dispatcher"]
        seconds = time.monotonic() - self.begun.pop(kernel)
        if kernel in _kernels and seconds > LONG and not self.told:
            self.told = True
            logging.getLogger("companion").warning(
                "companion compiled a kernel in %.1f s; its next call finds it made", seconds
            )


_clock = _Clock()
event.register("numba:compile", _clock)
