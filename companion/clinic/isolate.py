"""Diagnose in a fresh interpreter that may hang or die: the parent watches, kills and starts anew.

The child says which question it is about to ask, in a line of JSON on what was its standard output;
when no answer is reported, or the child is gone, that question is the culprit. It is then answered
"hangs" or "kills the process", together with all that are as extreme, and the diagnosis begins
again. `Place` says where a loss is found; `child` is what the child runs.

The budget counts the questions, over all children. An import of the file comes before, for each of
them, and one call may be over the end of the budget by `_SILENCE` seconds before it is given up,
or by 0.7 of the budget if it is the first of its kind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from companion.clinic.declared import Declared
from companion.clinic.diagnosis import diagnose_here
from companion.clinic.patient import Question
from companion.clinic.report import Report

__all__ = ["Place", "child", "in_a_child", "load", "place_of"]

_SILENCE = 2.0  # seconds without an answer that count as a hang
_TO_START = 30.0  # seconds that starting and importing the file may take, or judging an answer
_CHILDREN = 5  # how many are started, one after the other
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); " \
    "from companion.clinic import isolate; isolate.child()"  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a loss is: a file or a module, and its name there."""

    where: str
    name: str

    @classmethod
    def of(cls, text: str) -> Place:
        """Read "path/to/file.py:function" or "module:function"."""
        where, colon, name = text.rpartition(":")
        if not colon or not where or not name:
            raise ValueError(f"expected file.py:function or module:function, got {text!r}")
        return cls(where, name)

    @property
    def short(self) -> str:
        """The name to call it by after `setup`."""
        return self.name.replace(".", "_")

    @property
    def setup(self) -> str:
        """The lines that import it."""
        first, module = self.name.partition(".")[0], self.where
        line = f"from {module} import {first}"
        if self.where.endswith(".py"):
            top, module = _in_package(Path(self.where).resolve())
            line = f"import sys; sys.path.insert(0, {str(top)!r}); from {module} import {first}"
            if "." not in module:
                line = f"import runpy; {first} = runpy.run_path({self.where!r})[{first!r}]"
        return line if self.short == self.name else f"{line}; {self.short} = {self.name}"


def load(place: Place) -> object:
    """Import what stands at a place."""
    if place.where.endswith(".py"):
        path = Path(place.where).resolve()
        if not path.is_file():
            raise FileNotFoundError(f"no file {place.where}")
        top, name = _in_package(path)
        sys.path.insert(0, str(top))
        module = importlib.import_module(name) if "." in name else _run(path)
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(place.where)
    found: Any = module
    for part in place.name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            others = [name for name, each in vars(found).items() if _may_be_meant(name, each)]
            raise AttributeError(f"{error}; it has: {', '.join(others) or 'nothing'}") from None
    return found


def _may_be_meant(name: str, value: object) -> bool:
    return callable(value) and not name.startswith("_")


def _in_package(path: Path) -> tuple[Path, str]:
    """Return the folder that a file is imported from, and its name there: "package.module"."""
    top, name = path.parent, path.stem
    while (top / "__init__.py").exists():
        top, name = top.parent, f"{top.name}.{name}"
    return top, name


def _run(path: Path) -> Any:
    """Import a file that lies in no package, whatever its name."""
    name = path.stem if path.stem not in sys.modules else f"{path.stem} in {path.parent}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def place_of(loss: Any) -> Place:
    """Return where a function can be imported from."""
    module, name = getattr(loss, "__module__", None), getattr(loss, "__qualname__", "")
    if module == "__main__" and hasattr(sys.modules["__main__"], "__file__"):
        module = sys.modules["__main__"].__file__
    if not module or not name or "<" in name:
        raise ValueError("isolate=True needs a function that can be imported by its name")
    return Place(module, name)


def in_a_child(
    place: Place,
    declared: Declared,
    expected: Mapping[str, str],
    budget: float,
    *,
    gradient: Place | str | None = None,
    hessian: Place | None = None,
    progress: Callable[[int], None] = lambda calls: None,
) -> Report:
    """Diagnose a loss in a child, and start another as often as one hangs or dies.

    Raises
    ------
    RuntimeError
        It could not be examined: the file cannot be imported, or has no such name.
    """
    trouble: list[tuple[dict, str]] = []
    watch = _Watch(progress)
    order: dict[str, Any] = {
        "place": dataclasses.asdict(place),
        "declared": dataclasses.asdict(declared),
        "expected": dict(expected),
        "gradient": dataclasses.asdict(gradient) if isinstance(gradient, Place) else gradient,
        "hessian": dataclasses.asdict(hessian) if hessian else None,
        "trouble": trouble,
        "most": None,
    }
    outcome: Report | str = ""
    for still in reversed(range(_CHILDREN)):
        # After trouble a second is left in any case, to say what it was.
        order["budget"] = max(budget - watch.asked, 1.0 if trouble else 0.0)
        outcome = watch.one_child(order)
        if isinstance(outcome, Report):
            return outcome
        if watch.last is None:
            break
        trouble.append((watch.last, outcome))
        if still == 1:
            order["most"] = watch.calls - 1  # the last child stops where this one went wrong
    raise RuntimeError(f"{place.where} could not be examined: {outcome}")


class _Watch:
    """What the parent knows of its children."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.progress = progress
        self.asked = 0.0
        """Seconds that questions took so far, in all children."""
        self.calls = 0
        """The questions of the last child."""
        self.last: dict | None = None
        """The last of them; None before the first."""

    def one_child(self, order: dict) -> Report | str:
        """Run one child; return its report, or what became of it."""
        self.calls, self.last = 0, None
        with _child_process() as process:
            assert process.stdin is not None
            assert process.stdout is not None
            lines: queue.Queue[bytes] = queue.Queue()
            threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
            with contextlib.suppress(OSError):  # it died before it was told what to do
                process.stdin.write(json.dumps(order).encode() + b"\n")
                process.stdin.close()
            return self._listen(process, lines, max(_SILENCE, 0.7 * order["budget"]))

    def _listen(
        self, process: subprocess.Popen, lines: queue.Queue[bytes], first: float
    ) -> Report | str:
        wait, began, known = _TO_START, time.perf_counter(), set()
        try:
            while True:
                try:
                    line = lines.get(timeout=wait)
                except queue.Empty:
                    return "hangs" if process.poll() is None else "kills the process"
                if not line.endswith(b"\n"):
                    return "kills the process"
                message = json.loads(line)
                if "report" in message:
                    return Report.from_json(message["report"])
                if "failed" in message:
                    self.last = None
                    return message["failed"]
                if "x" in message:
                    self.calls, self.last = self.calls + 1, message
                    self.progress(self.calls)
                    kind = message["want"], message["dtype"]
                    wait = _SILENCE if kind in known else first
                    known.add(kind)
                else:  # it has started, or an answer has come
                    began = began if self.calls else time.perf_counter()
                    wait = _TO_START
        finally:
            self.asked += time.perf_counter() - began if self.last else 0.0


@contextlib.contextmanager
def _child_process() -> Generator[subprocess.Popen]:
    """Start a child that inherits no open file of ours; end it, and what it started."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, json.dumps([path or os.getcwd() for path in sys.path])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if hasattr(os, "killpg"):
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def _read(stream: IO[bytes], lines: queue.Queue[bytes]) -> None:
    """Hand on each line, and b"" after the last."""
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(b"")


def _written(question: Question) -> dict[str, Any]:
    """Return a question as data for JSON."""
    fields = dataclasses.asdict(question)
    return fields | {"x": np.asarray(question.x).tolist(), "y": np.asarray(question.y).tolist()}


def child() -> None:
    """Read an order from standard input, and report on what was standard output."""
    order = json.loads(sys.stdin.buffer.readline())
    channel = os.fdopen(os.dup(1), "wb")  # ours alone: what the loss prints goes nowhere
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def send(**message: Any) -> None:
        channel.write(json.dumps(message).encode() + b"\n")
        channel.flush()

    place, declared = Place(**order["place"]), dict(order["declared"])
    declared["weight"] = tuple(declared["weight"]) if declared["weight"] else None
    most = order["most"] if order["most"] is not None else float("inf")
    trouble = [(Question(**question), how) for question, how in order["trouble"]]
    try:
        loss = load(place)
        beside: dict[str, Any] = {
            name: load(Place(**order[name])) if isinstance(order[name], dict) else order[name]
            for name in ("gradient", "hessian")
        }
        setups = [place.setup]
        for role in beside:
            if isinstance(order[role], dict):
                given = Place(**order[role])
                setups += [given.setup, f"{role} = {given.short}"]
        send()
        report = diagnose_here(
            loss, Declared(**declared), order["expected"], order["budget"], **beside,
            name=place.short, setup="; ".join(setups), most=most, trouble=trouble,
            announce=lambda question: send(**_written(question) if question else {}),
        )  # fmt: skip
    except BaseException as error:
        send(failed=f"{type(error).__name__}: {error}")
        raise
    send(report=report.to_json())
