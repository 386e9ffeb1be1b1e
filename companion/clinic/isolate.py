"""Diagnose in a fresh interpreter that may hang or die: the parent watches, kills and starts anew.

The child says which question it is about to ask; when no word comes, or the child is gone, that
question is the culprit. It is then answered "hangs" or "kills the process", together with all that
are as extreme, and the diagnosis begins again. `Place` says where a loss is found; `python -m
companion.clinic.isolate ADDRESS` is the child.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np

from companion.clinic.diagnosis import diagnose_here
from companion.clinic.inference import Declared
from companion.clinic.patient import Question
from companion.clinic.report import Report

__all__ = ["Place", "in_a_child", "load", "place_of"]

_SILENCE = 2.0  # seconds without a word that count as a hang
_TO_START = 60.0  # seconds that importing the file may take
_ANEW = 4  # how often a child is started again


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
    def setup(self) -> str:
        """The line that imports it."""
        if self.where.endswith(".py"):
            first = self.name.partition(".")[0]
            return f"import runpy; {first} = runpy.run_path({self.where!r})[{first!r}]"
        return f"from {self.where} import {self.name.partition('.')[0]}"


def load(place: Place) -> Any:
    """Import what stands at a place."""
    if place.where.endswith(".py"):
        path = Path(place.where).resolve()
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.exists():
            raise FileNotFoundError(f"no file {place.where}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(place.where)
    found: Any = module
    for part in place.name.split("."):
        found = getattr(found, part)
    return found


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
    """Diagnose a loss in a child, and start another as often as one hangs or dies."""
    refused: list[tuple[dict, str]] = []
    began = time.perf_counter()
    order: dict[str, Any] = {
        "place": dataclasses.asdict(place),
        "declared": dataclasses.asdict(declared),
        "expected": dict(expected),
        "gradient": dataclasses.asdict(gradient) if isinstance(gradient, Place) else gradient,
        "hessian": dataclasses.asdict(hessian) if hessian else None,
    }
    for _ in range(_ANEW):
        left = budget - (time.perf_counter() - began) + (1.0 if refused else 0.0)
        order |= {"refused": refused, "budget": max(left, 0.5)}
        outcome, last = _one_child(order, progress)
        if isinstance(outcome, Report):
            return outcome
        if last is None:
            raise RuntimeError(f"{place.where} could not be examined: {outcome}")
        refused.append((last, outcome))
    return Report(
        place.name.replace(".", "_"), (),
        not_tried=(f"everything: it {refused[-1][1]} again and again",),
    )  # fmt: skip


def _one_child(order: dict, progress: Callable[[int], None]) -> tuple[Report | str, dict | None]:
    """Run one child; return its report, or what became of it and its last question."""
    key = secrets.token_bytes(16)
    with Listener(authkey=key) as listener:
        address = listener.address
        child = subprocess.Popen(
            [sys.executable, "-m", "companion.clinic.isolate", json.dumps(address)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "COMPANION_CLINIC_KEY": key.hex()},
        )  # fmt: skip
        try:
            with listener.accept() as connection:
                connection.send_bytes(json.dumps(order).encode())
                return _listen(connection, child, progress)
        finally:
            child.kill()
            child.wait()


def _listen(
    connection: Connection, child: subprocess.Popen, progress: Callable[[int], None]
) -> tuple[Report | str, dict | None]:
    last, calls = None, 0
    while True:
        if not connection.poll(_SILENCE if last else _TO_START):
            return "hangs", last
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return "kills the process", last
        if "report" in message:
            return Report.from_json(message["report"]), last
        if "failed" in message:
            return message["failed"], None
        last, calls = message, calls + 1
        progress(calls)


def _written(question: Question) -> dict[str, Any]:
    """Return a question as data for JSON."""
    return {
        "x": np.asarray(question.x).tolist(),
        "y": np.asarray(question.y).tolist(),
        "dtype": question.dtype,
        "want": question.want,
    }


def _as_extreme(question: Question, other: dict) -> bool:
    """Whether a question asks for the same as one that went wrong, as far out or further."""
    x, y = np.asarray(question.x, float), np.asarray(other["x"], float)
    if question.want != other["want"] or x.shape != y.shape:
        return False
    if np.array_equal(x, y, equal_nan=True):
        return True
    if not np.isfinite(y).all():
        return not np.isfinite(x).all()
    return bool(np.abs(y).max() > 5 and np.abs(x).max() >= np.abs(y).max())


def _child(address: Any) -> None:
    connection = Client(address, authkey=bytes.fromhex(os.environ.pop("COMPANION_CLINIC_KEY")))
    order = json.loads(connection.recv_bytes())
    place, declared = Place(**order["place"]), dict(order["declared"])
    if declared["weight"]:
        declared["weight"] = tuple(declared["weight"])

    def send(**message: Any) -> None:
        connection.send_bytes(json.dumps(message).encode())

    def refused(question: Question) -> str:
        return next((how for other, how in order["refused"] if _as_extreme(question, other)), "")

    try:
        loss = load(place)
        gradient, hessian = order["gradient"], order["hessian"]
        gradient = load(Place(**gradient)) if isinstance(gradient, dict) else gradient
        hessian = load(Place(**hessian)) if hessian else None
        report = diagnose_here(
            loss, Declared(**declared), order["expected"], order["budget"], gradient, hessian,
            name=place.name.replace(".", "_"), setup=place.setup,
            announce=lambda question: send(**_written(question)), refused=refused,
        )  # fmt: skip
    except BaseException as error:
        send(failed=f"{type(error).__name__}: {error}")
        raise
    send(report=report.to_json())


if __name__ == "__main__":
    address = json.loads(sys.argv[1])
    _child(tuple(address) if isinstance(address, list) else address)
