"""Measure time and memory against the peers, as ratios within one run.

    python benchmarks/speed.py [--sizes 1000 10000000] [--shapes 256x1000] [--store speed.json]

Nanoseconds for each element: the median over rounds, in each of which every implementation runs,
after a call that does not count, so that what else the machine does hits them all alike. Labels are
random. Extra memory is the growth of the process's peak, each measured in a process of its own. A
ratio above 1 means that the companion is faster. The floor is one exp and one log1p for each
element, in blocks. Last come the losses of several classes, with class indices: NumPy's value, and
the forward and backward passes of PyTorch and the twin on one thread, the classes being dimension 1
of each shape.

With `--store`, the records join those that the file has of other instruction sets.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from contenders import (
    BOTH,
    OF_CLASSES,
    ONE_LINER,
    PEER,
    READING,
    TRAINED,
    TWIN,
    VALUE,
    Calls,
    array_class_calls,
    class_calls,
    contenders,
)
from machine import (
    circumstances,
    heading,
    instructions,
    keep_compiled_apart,
    optional,
    table,
)

DTYPES = ["float64", "float32"]
ROWS = ["256x5000", "1000000x10", "10000x1000"]  # of NumPy's
SHAPES = ["256x1000", "256x32000", "8x21x128x128", "65536x10"]


def time_all(calls: Calls, size: int, seconds: float) -> dict[str, float]:
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
            call()  # takes the memory that those before gave back to the system, or its host
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - begin) / repeats[name])
    return {name: float(np.median(each)) / size * 1e9 for name, each in times.items()}


def lengths(shape: str) -> tuple[int, ...]:
    """Return (256, 1000) for "256x1000"."""
    return tuple(map(int, shape.split("x")))


def measure(options: argparse.Namespace) -> list[dict]:
    """Return one record for each size or shape, dtype, quantity and implementation."""
    compiled = not options.no_compile
    groups: list[tuple[str, str, str, Calls]] = []
    for size in options.sizes:
        for dtype in DTYPES:
            for quantity, calls in contenders(size, dtype, compiled).items():
                groups.append((str(size), dtype, quantity, calls))
    for rows in options.rows:
        for dtype in DTYPES:
            groups.append((rows, dtype, OF_CLASSES, array_class_calls(lengths(rows), dtype)))
    for shape in options.shapes if optional("torch") else ():
        for dtype in DTYPES:
            groups.append((shape, dtype, TRAINED, class_calls(lengths(shape), dtype, compiled)))
    records = []
    for size, dtype, quantity, calls in groups:
        if compiled and (torch := optional("torch")):
            torch.compiler.reset()  # a shape is compiled anew, not made dynamic
        largest = size == str(max(options.sizes)) or quantity == TRAINED
        times = time_all(calls, math.prod(lengths(size)), options.seconds)
        for name, nanoseconds in times.items():
            record = {"size": size, "dtype": dtype, "quantity": quantity, "method": name}
            record["nanoseconds"] = nanoseconds
            if largest and not options.no_memory and "compiled" not in name:
                record["mebibytes"] = peak_of(size, dtype, quantity, name)
            records.append(record)
    return records


# Memory ------------------------------------------------------------------------------------------


def peak_of(size: str, dtype: str, quantity: str, name: str) -> float:
    """Return by how many MiB one call raises the peak of a process of its own."""
    command = [sys.executable, __file__, "--peak-of", quantity, name, dtype, size]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(output.split()[-1])


def print_peak(quantity: str, name: str, dtype: str, size: str) -> None:
    """Run one call at a small size, then at the given one, and print the growth of the peak."""

    def call_at(size: str) -> object:
        if quantity == TRAINED:
            return class_calls(lengths(size), dtype, compiled=False)[name]
        return contenders(int(size), dtype, compiled=False)[quantity][name]

    call_at("8x10" if quantity == TRAINED else "1000")()
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


# The report --------------------------------------------------------------------------------------

COMPILED = f"{TWIN}, compiled, 2 threads", f"{PEER}, compiled, 2 threads"
FAST, FASTER, SKLEARN = "companion, Numba", "companion, Numba, workers=2", "scikit-learn, 2 threads"
TARGETS = [  # (size, ours, against, quantity, the ratio to reach; of float64 and float32 if two)
    (10**7, "companion", ONE_LINER, VALUE, 2.0),
    (10**7, "companion, workers=2", ONE_LINER, VALUE, (4.0, 3.0)),
    (10**7, "companion, workers=2", SKLEARN, VALUE, 3.0),
    (10**7, "companion, workers=2", SKLEARN, BOTH, 3.0),
    (10**7, "companion, workers=2", f"{PEER}, 2 threads", BOTH, 1.5),
    (10**5, "companion, workers=2", "companion", VALUE, 1.0),
    (10**3, "companion", ONE_LINER, VALUE, 1 / 1.5),
    (10**7, FAST, ONE_LINER, VALUE, {"AVX-512": 5.0, "no AVX-512": 8.0}),
    (10**7, FASTER, ONE_LINER, VALUE, {"AVX-512": (8.0, 7.0), "no AVX-512": (14.0, 12.0)}),
    (10**5, FAST, ONE_LINER, VALUE, 2.0),
    (10**3, FAST, ONE_LINER, VALUE, (1.3, 1.0)),
    (10**7, FASTER, ONE_LINER, BOTH, 9.0),
    (10**5, FASTER, ONE_LINER, BOTH, 4.0),
    (10**3, FASTER, ONE_LINER, BOTH, 1.5),
    (10**7, FASTER, COMPILED[1], VALUE, 1.5),
    (10**7, FASTER, COMPILED[1], BOTH, 2.5),
    (10**7, FASTER, SKLEARN, VALUE, 6.0),
    (10**5, FASTER, SKLEARN, VALUE, 4.0),
    (10**3, FASTER, SKLEARN, VALUE, 1.0),
    (10**7, FASTER, READING, VALUE, 1 / 1.8),
    (10**7, f"{TWIN}, 1 threads", f"{PEER}, 1 threads", BOTH, 0.7),
    (10**7, *COMPILED, VALUE, 0.95),
    (10**7, *COMPILED, BOTH, 1.2),
    (10**3, f"{TWIN}, 1 threads", f"{PEER}, 1 threads", BOTH, 0.5),
    ("256x5000", "companion", "SciPy, log_softmax", OF_CLASSES, 1.0),
    *(
        (size, FAST, theirs, OF_CLASSES, least)
        for size in ("1000000x10", "10000x1000")
        for theirs, least in (("SciPy, log_softmax", 3.0), (f"{PEER}, 1 threads", 1.5))
    ),
    *((size, TWIN, PEER, TRAINED, 1 / 1.5) for size in SHAPES),
    *((size, f"{TWIN}, compiled", f"{PEER}, compiled", TRAINED, 1 / 1.2) for size in SHAPES),
]


def report(records: list[dict]) -> str:
    """Return the records as one table for each size, dtype and quantity, then the targets."""
    groups: dict[tuple, list[dict]] = {}
    for record in records:
        groups.setdefault((record["size"], record["dtype"], record["quantity"]), []).append(record)
    parts = []
    for (size, dtype, quantity), group in groups.items():
        base = group[0]
        rows = [
            [
                record["method"],
                f"{record['nanoseconds']:.2f}",
                f"{base['nanoseconds'] / record['nanoseconds']:.2f}",
                f"{record['mebibytes']:.0f}" if "mebibytes" in record else "",
            ]
            for record in group
        ]
        columns = [quantity, "ns/element", f"{base['method']} is x slower", "extra MiB"]
        shape = " x ".join(f"{length:,}" for length in lengths(size))
        parts.append(f"N = {shape}, {dtype}\n\n" + table(columns, rows))
    return "\n\n".join([*parts, report_targets(records), report_memory(records)])


def report_targets(records: list[dict]) -> str:
    """Return the project's own targets beside the measured ratios."""
    times = {(r["size"], r["dtype"], r["quantity"], r["method"]): r["nanoseconds"] for r in records}
    rows = []
    for size, ours, theirs, quantity, least in TARGETS:
        least = least[instructions()] if isinstance(least, dict) else least
        for i, dtype in enumerate(DTYPES):
            pair = [times.get((str(size), dtype, quantity, name)) for name in (ours, theirs)]
            if None in pair:
                continue
            ratio, target = pair[1] / pair[0], least[i] if isinstance(least, tuple) else least
            reached = "reached" if ratio >= target else "missed"
            rows.append([f"{ours} / {theirs}", quantity, str(size), dtype, f"{target:.2f}",
                         f"{ratio:.2f}", reached])  # fmt: skip
    return table(["faster than", "", "N", "dtype", "target", "measured", ""], rows)


def report_memory(records: list[dict]) -> str:
    """Return the memory that the twin takes over classes, as a multiple of PyTorch's."""
    found = {(r["size"], r["dtype"], r["method"]): r for r in records if r["quantity"] == TRAINED}
    rows = []
    for (size, dtype, method), ours in found.items():
        if method == TWIN and "mebibytes" in ours:
            ratio = ours["mebibytes"] / found[size, dtype, PEER]["mebibytes"]
            rows.append([size, dtype, f"{ratio:.2f}", "reached" if ratio <= 1.2 else "missed"])
    return table(["extra memory of the twin", "dtype", "of PyTorch's (at most 1.2)", ""], rows)


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**3, 10**5, 10**7])
    parser.add_argument("--rows", nargs="*", default=ROWS, help="of NumPy's over classes")
    parser.add_argument("--shapes", nargs="*", default=SHAPES, help="of logits over classes")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each table")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory out")
    parser.add_argument("--store", type=Path, help="keep the records in this file")
    parser.add_argument("--peak-of", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak_of:
        print_peak(*options.peak_of)
        return
    keep_compiled_apart()
    records = measure(options)
    print(heading(), report(records), sep="\n\n")
    if options.store:
        text = options.store.read_text(encoding="utf-8") if options.store.exists() else "{}"
        stored = json.loads(text) | {instructions(): circumstances() | {"records": records}}
        options.store.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
