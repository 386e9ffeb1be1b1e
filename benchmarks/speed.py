"""Measure time and memory against the peers, as ratios within one run.

    python benchmarks/speed.py [--sizes 1000 10000000] [--shapes 256x1000] [--json speed.json]

Nanoseconds for each element: the median over rounds, in each of which every implementation runs
once, so that what else the machine does hits them all alike. Labels are random. Extra memory is the
growth of the process's peak, each measured in a process of its own. A ratio above 1 means that the
companion is faster. The floor is one exp and one log1p for each element, in blocks. Last come the
losses of several classes, with class indices: PyTorch's forward and backward on one thread, the
classes being dimension 1 of each shape, and NumPy's.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import heading, optional, table, versions

import companion

DTYPES = ["float64", "float32"]
ONE_LINER, FLOOR = "NumPy one-liner", "floor: exp and log1p"
PEER, TWIN, CLASSES = "PyTorch", "torch twin", "cross-entropy over classes"
SHAPES = ["256x1000", "256x32000", "8x21x128x128", "65536x10"]


def value_of_one_liner(z: np.ndarray, y: np.ndarray) -> float:
    """Return the popular stable form."""
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def both_of_one_liner(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the popular stable form, and the popular gradient."""
    return value_of_one_liner(z, y), (1 / (1 + np.exp(-z)) - y) / len(z)


def floor(z: np.ndarray, _: np.ndarray) -> None:
    """Do the least that any formula in NumPy must: one exp and one log1p for each element."""
    scratch = np.empty(min(len(z), 16384), z.dtype)
    for start in range(0, len(z), len(scratch)):
        part = scratch[: len(z) - start]
        np.exp(z[start : start + len(part)], out=part)
        np.log1p(part, out=part)


def numpy_calls(z: np.ndarray, y: np.ndarray) -> dict[str, dict[str, Callable]]:
    """Return the implementations on arrays, for value and for value and gradient."""
    value = companion.binary_cross_entropy_with_logits
    both = companion.binary_cross_entropy_with_logits_value_and_gradient
    calls = {
        "value": {
            ONE_LINER: lambda: value_of_one_liner(z, y),
            FLOOR: lambda: floor(z, y),
            "companion": lambda: value(z, y),
            "companion, workers=2": lambda: value(z, y, workers=2),
        },
        "value and gradient": {
            ONE_LINER: lambda: both_of_one_liner(z, y),
            "companion": lambda: both(z, y),
            "companion, workers=2": lambda: both(z, y, workers=2),
        },
    }
    if optional("sklearn"):
        from sklearn._loss import HalfBinomialLoss

        loss = HalfBinomialLoss()
        for threads in (1, 2):
            calls["value"][f"scikit-learn, {threads} threads"] = lambda n=threads: np.mean(
                loss.loss(y, z, n_threads=n)
            )
            calls["value and gradient"][f"scikit-learn, {threads} threads"] = lambda n=threads: (
                loss.loss_gradient(y, z, n_threads=n)
            )
    return calls


ROWS = (256, 5000)  # rows and classes of NumPy's
OF_CLASSES = "value over 5,000 classes"


def array_class_calls(dtype: str) -> dict[str, Callable]:
    """Return the implementations of the cross-entropy of class indices on arrays."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, ROWS).astype(dtype)
    rows, labels = np.arange(ROWS[0]), rng.integers(0, ROWS[1], ROWS[0])

    def one_liner() -> float:
        shifted = z - z.max(axis=1, keepdims=True)
        return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, labels])

    calls = {ONE_LINER: one_liner, "companion": lambda: companion.cross_entropy(z, labels)}
    if optional("scipy"):
        from scipy.special import log_softmax

        calls["SciPy, log_softmax"] = lambda: -np.mean(log_softmax(z, axis=1)[rows, labels])
    return calls


def torch_calls(z: np.ndarray, y: np.ndarray, compiled: bool) -> dict[str, dict[str, Callable]]:
    """Return the implementations on tensors: forward, and forward and backward."""
    calls: dict[str, dict[str, Callable]] = {"value": {}, "value and gradient": {}}
    torch = optional("torch")
    if torch is None:
        return calls
    from companion import torch_losses

    x, t = torch.tensor(z), torch.tensor(y)
    leaf = x.clone().requires_grad_()
    functions = {
        "PyTorch": torch.nn.functional.binary_cross_entropy_with_logits,
        "torch twin": torch_losses.binary_cross_entropy_with_logits,
    }

    def train(function: Callable) -> None:
        leaf.grad = None
        function(leaf, t).backward()

    for name, function in functions.items():
        for threads in (1, 2):
            label = f"{name}, {threads} threads"
            calls["value"][label] = with_threads(threads, lambda f=function: f(x, t))
            calls["value and gradient"][label] = with_threads(threads, lambda f=function: train(f))
        for threads in (1, 2) if compiled else ():
            # Compiled code is made for a number of threads, hence a function for each.
            call = torch.compile(lambda x, t, f=function: f(x, t), dynamic=False)
            label = f"{name}, compiled, {threads} threads"
            calls["value"][label] = with_threads(threads, lambda f=call: f(x, t))
            calls["value and gradient"][label] = with_threads(threads, lambda f=call: train(f))
    return calls


def class_calls(shape: tuple[int, ...], dtype: str) -> dict[str, Callable]:
    """Return the cross-entropies over K classes: forward and backward, on one thread."""
    import torch

    from companion import torch_losses

    drawn = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(shape, dtype=getattr(torch, dtype), generator=drawn)
    index = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=drawn)
    logits.requires_grad_()

    def train(function: Callable) -> None:
        logits.grad = None
        function(logits, index).backward()

    functions = {PEER: torch.nn.functional.cross_entropy, TWIN: torch_losses.cross_entropy}
    return {name: with_threads(1, lambda f=f: train(f)) for name, f in functions.items()}


def with_threads(threads: int, call: Callable) -> Callable:
    """Return the call, run with so many of PyTorch's threads."""
    import torch

    def run() -> None:
        torch.set_num_threads(threads)
        call()

    return run


def arguments(size: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and random labels."""
    rng = np.random.default_rng(0)
    z, y = np.empty(size, dtype), np.empty(size, dtype)
    for start in range(0, size, 65536):  # in pieces, which raise no peak that would hide a call's
        piece = z[start : start + 65536]
        piece[:] = rng.normal(0, 3, len(piece))
        y[start : start + 65536] = rng.integers(0, 2, len(piece))
    return z, y


def calls_for(size: int, dtype: str, compiled: bool) -> dict[str, dict[str, Callable]]:
    """Return every implementation, by quantity and name."""
    z, y = arguments(size, dtype)
    ours, theirs = numpy_calls(z, y), torch_calls(z, y, compiled)
    return {quantity: ours[quantity] | theirs[quantity] for quantity in ours}


def time_all(calls: dict[str, Callable], size: int, seconds: float) -> dict[str, float]:
    """Return nanoseconds for each element, the median over interleaved rounds."""
    repeats = {}
    for name, call in calls.items():
        call()  # compiles, and warms the caches
        begin = time.perf_counter()
        call()
        repeats[name] = max(1, int(0.002 / (time.perf_counter() - begin + 1e-9)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(calls))]) < 5:
        for name, call in calls.items():
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - begin) / repeats[name])
    return {name: float(np.median(each)) / size * 1e9 for name, each in times.items()}


def peak_of(size: int | str, dtype: str, quantity: str, name: str) -> float:
    """Return by how many MiB one call raises the peak of a process of its own."""
    command = [sys.executable, __file__, "--peak-of", quantity, name, dtype, str(size)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(output.split()[-1])


def print_peak(quantity: str, name: str, dtype: str, size: str) -> None:
    """Run one call at a small size, then at the given one, and print the growth of the peak."""

    def call_at(size: str) -> Callable:
        if quantity == CLASSES:
            return class_calls(lengths(size), dtype)[name]
        return calls_for(int(size), dtype, compiled=False)[quantity][name]

    call_at("8x10" if quantity == CLASSES else "1000")()
    call = call_at(size)
    gc.collect()
    before = peak(reset=True)
    call()
    print(peak() - before)


def peak(*, reset: bool = False) -> float:
    """Return the most memory the process has held, in MiB; Linux can forget what was before."""
    status = Path("/proc/self/status")
    if status.exists():
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        line = next(x for x in status.read_text(encoding="ascii").splitlines() if "VmHWM" in x)
        return int(line.split()[1]) / 2**10
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measure(sizes: list[int], seconds: float, compiled: bool, memory: bool) -> list[dict]:
    """Return one record for each size, dtype, quantity and implementation."""
    records = []
    for size in sizes:
        for dtype in DTYPES:
            if compiled and (torch := optional("torch")):
                torch.compiler.reset()  # a shape is compiled anew, not made dynamic
            for quantity, calls in calls_for(size, dtype, compiled).items():
                for name, each in time_all(calls, size, seconds).items():
                    record = {"size": size, "dtype": dtype, "quantity": quantity, "method": name}
                    record["nanoseconds"] = each
                    if memory and size == max(sizes) and "compiled" not in name:
                        record["mebibytes"] = peak_of(size, dtype, quantity, name)
                    records.append(record)
    size = math.prod(ROWS)
    for dtype in DTYPES:
        for name, each in time_all(array_class_calls(dtype), size, seconds).items():
            record = {"size": size, "dtype": dtype, "quantity": OF_CLASSES, "method": name}
            records.append(record | {"nanoseconds": each})
    return records


def lengths(shape: str) -> tuple[int, ...]:
    """Return (256, 1000) for "256x1000"."""
    return tuple(map(int, shape.split("x")))


def measure_classes(shapes: list[str], seconds: float, memory: bool) -> list[dict]:
    """Return one record for each shape, dtype and implementation."""
    records = []
    for shape in shapes if optional("torch") else ():
        for dtype in DTYPES:
            calls = class_calls(lengths(shape), dtype)
            for name, each in time_all(calls, math.prod(lengths(shape)), seconds).items():
                record = {"size": shape, "dtype": dtype, "quantity": CLASSES, "method": name}
                record["nanoseconds"] = each
                if memory:
                    record["mebibytes"] = peak_of(shape, dtype, CLASSES, name)
                records.append(record)
    return records


def report_classes(records: list[dict]) -> str:
    """Return what the twin takes as a multiple of what PyTorch takes, beside the targets."""
    found = {(r["size"], r["dtype"], r["method"]): r for r in records}
    rows = []
    for (size, dtype, method), ours in found.items():
        theirs = found[size, dtype, PEER]
        for unit, most in MOST.items() if method == TWIN else ():
            if unit in ours:
                ratio = ours[unit] / theirs[unit]
                reached = "reached" if ratio <= most else "missed"
                pair = [f"{each[unit]:.2f}" for each in (theirs, ours)]
                measured = [f"{most:.1f}", f"{ratio:.2f}", reached]
                rows.append([size.replace("x", " x "), dtype, unit, *pair, *measured])
    columns = [CLASSES, "dtype", "", PEER, TWIN, "at most", "measured", ""]
    return table(columns, rows)


MOST = {"nanoseconds": 1.5, "mebibytes": 1.2}  # times what PyTorch takes, over classes
TARGETS = [  # (size, ours, against, quantity, the ratio to reach)
    (10**7, "companion", ONE_LINER, "value", {"float64": 2.0, "float32": 2.0}),
    (10**7, "companion, workers=2", ONE_LINER, "value", {"float64": 4.0, "float32": 3.0}),
    (10**7, "companion, workers=2", "scikit-learn, 2 threads", "value", 3.0),
    (10**7, "companion, workers=2", "scikit-learn, 2 threads", "value and gradient", 3.0),
    (10**7, "companion", "PyTorch, 1 threads", "value and gradient", 1.5),
    (10**7, "companion, workers=2", "PyTorch, 2 threads", "value and gradient", 1.5),
    (10**7, "torch twin, 1 threads", "PyTorch, 1 threads", "value and gradient", 0.7),
    (10**7, "torch twin, 2 threads", "PyTorch, 2 threads", "value and gradient", 0.7),
    (10**7, "torch twin, compiled, 2 threads", "PyTorch, compiled, 2 threads", "value", 1.0),
    (10**7, "torch twin, compiled, 2 threads", "PyTorch, compiled, 2 threads",
     "value and gradient", 1.2),
    (10**3, "companion", ONE_LINER, "value", 1 / 1.5),
    (10**3, "companion", "scikit-learn, 2 threads", "value", 1.0),
    (10**3, "torch twin, 1 threads", "PyTorch, 1 threads", "value and gradient", 0.5),
    (10**3, "torch twin, compiled, 1 threads", "PyTorch, compiled, 1 threads", "value", 1.0),
    (math.prod(ROWS), "companion", "SciPy, log_softmax", OF_CLASSES, {"float64": 1.0}),
]  # fmt: skip


def report(records: list[dict]) -> str:
    """Return the times as one table for each size and dtype, then the targets and what came."""
    groups: dict[tuple, list[dict]] = {}
    for record in records:
        groups.setdefault((record["size"], record["dtype"], record["quantity"]), []).append(record)
    parts = []
    for (size, dtype, quantity), group in groups.items():
        base = next(r["nanoseconds"] for r in group if r["method"] == ONE_LINER)
        rows = [
            [
                record["method"],
                f"{record['nanoseconds']:.2f}",
                f"{base / record['nanoseconds']:.2f}",
                f"{record['mebibytes']:.0f}" if "mebibytes" in record else "",
            ]
            for record in group
        ]
        columns = [quantity, "ns/element", "one-liner is x slower", "extra MiB"]
        parts.append(f"N = {size:,}, {dtype}\n\n" + table(columns, rows))
    return "\n\n".join([*parts, report_targets(records)])


def report_targets(records: list[dict]) -> str:
    """Return the project's own targets beside the measured ratios."""
    times = {(r["size"], r["dtype"], r["quantity"], r["method"]): r["nanoseconds"] for r in records}
    rows = []
    for size, ours, theirs, quantity, least in TARGETS:
        for dtype in DTYPES:
            pair = [times.get((size, dtype, quantity, name)) for name in (ours, theirs)]
            if None in pair or (isinstance(least, dict) and dtype not in least):
                continue
            ratio = pair[1] / pair[0]
            target = least[dtype] if isinstance(least, dict) else least
            reached = "reached" if ratio >= target else "missed"
            rows.append([f"{ours} / {theirs}", quantity, f"{size:,}", dtype, f"{target:.2f}",
                         f"{ratio:.2f}", reached])  # fmt: skip
    return table(["faster than", "", "N", "dtype", "target", "measured", ""], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**5, 10**7])
    parser.add_argument("--shapes", nargs="*", default=SHAPES, help="of logits over classes")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each table")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--json", type=Path, help="also store the records in this file")
    parser.add_argument("--peak-of", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print_peak(*options.peak_of)
        return
    records = measure(options.sizes, options.seconds, not options.no_compile, not options.no_memory)
    classes = measure_classes(options.shapes, options.seconds, not options.no_memory)
    print(heading(), report(records), report_classes(classes), sep="\n\n")
    if options.json:
        stored = {"versions": versions(), "records": records + classes}
        options.json.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
