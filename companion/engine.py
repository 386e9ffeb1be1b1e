"""Choose what runs the losses: NumPy, or kernels that Numba compiles.

::

    from companion import engine

    engine.use("numba")        # from now on, in the whole process
    with engine.use("numpy"):  # in this context alone: this thread, this task
        ...

The checks, reductions and promises are the same; on the largest arrays of the project's benchmark
the compiled loss of logits was 1.7 to 11.4 times as fast as on NumPy. All losses of `binary`,
`focal` and `categorical` are compiled, with their derivatives; but the Hessian over K classes, K
numbers for each one that goes in, stays with NumPy. NumPy is the default, and nothing is compiled
unasked. The first call of each kernel takes a few seconds, and the first that takes more than two
is told, once, by a warning of the logger `companion`. What is compiled is kept on disk for
later processes, if there is a place to write to: beside its modules, or, where that is read-only,
in the user's cache folder (on Linux `~/.cache/numba`), or in the folder that the environment
variable `NUMBA_CACHE_DIR` names.
"""

from __future__ import annotations

import importlib
import threading
from contextvars import ContextVar, Token
from types import ModuleType, TracebackType

from companion.contracts import check_choice

__all__ = ["ENGINES", "compiled", "current", "use"]

ENGINES = ("numpy", "numba")
"""What there is to choose from."""

_context: ContextVar[str | None] = ContextVar("companion.engine", default=None)
_lock = threading.Lock()
_calls: list[use] = []  # plain calls, the latest last: an entered one takes itself out
_KEPT = 64  # of them, and so many threads may be between a call and its `with`
_default = "numpy"
_kernels: ModuleType | None = None  # companion._numba, once it is imported


class use:  # noqa: N801  (it reads as a function)
    """Run the losses on an engine: a call for the whole process, `with` for this context alone.

    Parameters
    ----------
    engine : {"numpy", "numba"}
        "numba" needs the extra `fast`: ``pip install "bce-companion[fast]"``.

    Raises
    ------
    ImportError
        If Numba is not installed.

    Examples
    --------
    >>> with use("numpy"):
    ...     current()
    'numpy'
    """

    def __init__(self, engine: str) -> None:
        check_choice("engine", engine, ENGINES)
        if engine == "numba":
            _import()
        self.engine = engine
        self._tokens: list[Token[str | None]] = []
        with _lock:
            _calls[:] = [*_calls, self][-_KEPT:]
            _renew_default()

    def __enter__(self) -> use:
        with _lock:
            _calls[:] = [call for call in _calls if call is not self]
            _renew_default()
        self._tokens.append(_context.set(self.engine))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _context.reset(self._tokens.pop())


def _renew_default() -> None:
    global _default
    _default = _calls[-1].engine if _calls else "numpy"


def current() -> str:
    """Return the name of the engine that the next call here runs on."""
    return _context.get() or _default


def compiled() -> ModuleType | None:
    """Return the compiled kernels, `companion._numba`, or None where NumPy is to run."""
    return None if (_context.get() or _default) == "numpy" else _kernels


def _import() -> None:
    global _kernels
    try:
        _kernels = importlib.import_module("companion._numba")
    except ImportError as error:
        raise ImportError(
            f"engine: expected Numba to be installed for 'numba', got {error}; run "
            'pip install "bce-companion[fast]"'
        ) from error
