"""What a measurement depends on: versions, processor, and the peers that are installed."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np

PACKAGES = [
    "numpy",
    "numba",
    "scipy",
    "scikit-learn",
    "torch",
    "jax",
    "optax",
    "keras",
    "tensorflow",
]


def optional(name: str) -> ModuleType | None:
    """Return a module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def processor() -> str:
    """Return the processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the version of Python and of each installed peer."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def keep_compiled_apart() -> None:
    """Give PyTorch a folder for what it compiles under this ATEN_CPU_CAPABILITY alone.

    In the folder that all share it finds a graph that was made for other vectors, compiles it for
    these, and computes nonsense or crashes (seen in PyTorch 2.13).
    """
    vectors = os.environ.get("ATEN_CPU_CAPABILITY", "all")
    folder = Path(__file__).resolve().parent.parent / "_build" / "compiled" / vectors
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))


def instructions() -> str:
    """Return whether NumPy uses the vectors for which alone it has a log1p."""
    found = np.show_config(mode="dicts")["SIMD Extensions"]["found"]
    return (
        "AVX-512" if any(f == "X86_V4" or f.startswith("AVX512") for f in found) else "no AVX-512"
    )


def circumstances() -> dict[str, object]:
    """Return what a stored measurement has to say of itself."""
    return {"date": f"{date.today()}", "processor": processor(), "versions": versions()}


def heading() -> str:
    """Return two lines that say what was measured on what."""
    installed = ", ".join(f"{name} {version}" for name, version in versions().items())
    absent = ", ".join(name for name in PACKAGES if name not in versions()) or "none"
    where = f"{processor()}, {instructions()}"
    return f"{installed}; {where}\nnot installed, and so not measured: {absent}"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose columns line up as text."""
    lines = [columns, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
            for line in lines]  # fmt: skip
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(text)
