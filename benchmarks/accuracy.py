"""Measure how far each implementation is from the exact value, in units in the last place.

    python benchmarks/accuracy.py [--points 400] [--json accuracy.json]

Each row is an implementation, each column a label; an entry is the largest error in ULP against
mpmath over logits from ±1e-300 to ±750 (probabilities between the ends, 1 - p down to 1e-15),
wherever the exact value is a normal number. In brackets stands the share of the points at which no
digit is right. A soft label's gradient crosses 0 where z = logit(y), and next to it no formula in
one working precision has a digit left: what the companion promises there is 3 ulp of max(σ, y).
Peers that are not installed are left out and named.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mpmath
import numpy as np
from machine import heading, optional, table, versions
from scipy.special import expit, log_softmax, softmax

import companion
from companion import reference

LABELS = [0.0, 1.0, 0.3, 0.5, 1 - 1e-9]
DTYPES = ["float64", "float32", "float16"]
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def logits(points: int, dtype: str) -> np.ndarray:
    """Return logits of both signs: tiny, ordinary, and up to where the loss is still a number."""
    largest = {"float64": 700.0, "float32": 80.0, "float16": 9.0}[dtype]
    smallest = {"float64": -300, "float32": -37, "float16": -4}[dtype]
    spread = np.logspace(smallest, np.log10(largest), points // 4)
    ordinary = np.linspace(0, min(40, largest), points // 4)
    z = np.concatenate([spread, -spread, ordinary, -ordinary])
    return np.unique(z.astype(dtype))


def probabilities(points: int, dtype: str) -> np.ndarray:
    """Return probabilities close to 0, close to 1 and between."""
    smallest = {"float64": -300, "float32": -37, "float16": -4}[dtype]
    nearest = {"float64": -15, "float32": -7, "float16": -3}[dtype]
    low = np.logspace(smallest, -0.4, points // 3)
    high = 1 - np.logspace(nearest, -0.4, points // 3)
    p = np.unique(np.concatenate([low, high, np.linspace(0.01, 0.99, points // 3)]).astype(dtype))
    return p[(p > 0) & (p < 1)]


def on_logits() -> dict[str, dict[str, Method]]:
    """Return, for value, gradient and Hessian in the logits, each implementation by its name."""

    def seed_constant(z, y):
        p = 1 / (1 + np.exp(-z))
        tiny = np.asarray(1e-100, z.dtype)
        return -(y * np.log(p + tiny) + (1 - y) * np.log(1 - p + tiny))

    def seed_clip(z, y):
        p = np.clip(1 / (1 + np.exp(-z)), np.asarray(1e-7, z.dtype), np.asarray(1 - 1e-7, z.dtype))
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))

    value = {
        "companion": lambda z, y: companion.binary_cross_entropy_with_logits(
            z, y, reduction="none"
        ),
        "one-liner max(z,0) - zy + log1p(exp(-|z|))": lambda z, y: (
            np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        ),
        "np.logaddexp(0, z) - zy": lambda z, y: np.logaddexp(np.zeros_like(z), z) - z * y,
        "seeds: log(p + 1e-100)": seed_constant,
        "seeds: clip to 1e-7": seed_clip,
    }
    gradient = {
        "companion": lambda z, y: companion.binary_cross_entropy_with_logits_gradient(
            z, y, reduction="none"
        ),
        "scipy expit(z) - y": lambda z, y: expit(z) - y,
    }
    hessian = {
        "companion": lambda z, y: companion.binary_cross_entropy_with_logits_hessian(
            z, y, reduction="none"
        ),
        "scipy s (1 - s)": lambda z, y: expit(z) * (1 - expit(z)),
    }
    if optional("sklearn"):
        from sklearn._loss import HalfBinomialLoss

        loss = HalfBinomialLoss()
        wide = lambda f: lambda z, y: f(y.astype(float), z.astype(float)).astype(z.dtype)  # noqa: E731
        value["scikit-learn"] = wide(lambda y, z: loss.loss(y, z))
        gradient["scikit-learn"] = wide(lambda y, z: loss.gradient(y, z))
        hessian["scikit-learn"] = wide(lambda y, z: loss.gradient_hessian(y, z)[1])
    if torch := optional("torch"):
        from companion import torch_losses

        for name, function in {
            "PyTorch": torch.nn.functional.binary_cross_entropy_with_logits,
            "torch twin": torch_losses.binary_cross_entropy_with_logits,
            "PyTorch, BCELoss of sigmoid": lambda z, y, reduction: (
                torch.nn.functional.binary_cross_entropy(torch.sigmoid(z), y, reduction=reduction)
            ),
        }.items():
            for order, methods in enumerate([value, gradient, hessian]):
                if order < 2 or "BCELoss" not in name:
                    methods[name] = by_autograd(function, order)
    if (jax := optional("jax")) and (optax := optional("optax")):
        jax.config.update("jax_enable_x64", True)
        function = optax.sigmoid_binary_cross_entropy
        value["optax"] = lambda z, y: np.asarray(function(z, y))
        gradient["optax"] = lambda z, y: np.asarray(jax.grad(lambda z: function(z, y).sum())(z))
    if keras := optional("keras"):
        value["Keras"] = lambda z, y: np.asarray(
            keras.ops.binary_crossentropy(y, z, from_logits=True)
        )
    return {"value": value, "gradient": gradient, "Hessian": hessian}


def by_autograd(function: Callable, order: int) -> Method:
    """Return the derivative of that order of a loss in PyTorch."""
    import torch

    def method(z: np.ndarray, y: np.ndarray) -> np.ndarray:
        x = torch.tensor(z, requires_grad=True)
        result = function(x, torch.tensor(y), reduction="none")
        for _ in range(order):
            (result,) = torch.autograd.grad(result.sum(), x, create_graph=True)
        return result.detach().numpy()

    return method


def on_probabilities() -> dict[str, dict[str, Method]]:
    """Return the same for value and gradient in the probabilities."""
    value = {
        "companion": lambda p, y: companion.binary_cross_entropy(p, y, reduction="none"),
        "NumPy log, log(1 - p)": lambda p, y: -(y * np.log(p) + (1 - y) * np.log(1 - p)),
    }
    gradient = {
        "companion": lambda p, y: companion.binary_cross_entropy_gradient(p, y, reduction="none"),
        "-y/p + (1-y)/(1-p)": lambda p, y: -y / p + (1 - y) / (1 - p),
    }
    if torch := optional("torch"):
        from companion import torch_losses

        for name, function in {
            "PyTorch": torch.nn.functional.binary_cross_entropy,
            "torch twin": torch_losses.binary_cross_entropy,
        }.items():
            value[name] = by_autograd(function, 0)
            gradient[name] = by_autograd(function, 1)
    return {"value": value, "gradient": gradient}


def on_classes() -> dict[str, dict[str, Callable]]:
    """Return, for value and gradient with class 1 of three right, each implementation by name."""
    value = {"companion": lambda z: companion.cross_entropy(z, right_class(z), reduction="none")}
    gradient = {
        "companion": lambda z: companion.cross_entropy_gradient(
            z, right_class(z), reduction="none"
        )[:, 1]
    }
    value["scipy log_softmax"] = lambda z: -log_softmax(z, axis=1)[:, 1]
    gradient["scipy softmax - 1"] = lambda z: softmax(z, axis=1)[:, 1] - 1
    if torch := optional("torch"):
        from companion import torch_losses

        for name, function in {
            "PyTorch": torch.nn.functional.cross_entropy,
            "torch twin": torch_losses.cross_entropy,
        }.items():

            def loss(z, _, reduction, function=function):
                return function(z, torch.ones(len(z), dtype=torch.long), reduction=reduction)

            value[name] = lambda z, loss=loss: by_autograd(loss, 0)(z, z)
            gradient[name] = lambda z, loss=loss: by_autograd(loss, 1)(z, z)[:, 1]
    return {"value": value, "gradient": gradient}


def right_class(z: np.ndarray) -> np.ndarray:
    """Return the right class of each row."""
    return np.ones(len(z), int)


def measure_classes(points: int) -> list[dict]:
    """Return records for logits (0, gap, -gap), where the right class leads by the gap."""
    records = []
    for dtype in DTYPES:
        gaps = logits(points, dtype)
        gaps = gaps[gaps > 1e-3]
        z = np.stack([np.zeros_like(gaps), gaps, -gaps], axis=1)
        with mpmath.workdps(700):
            rest = [mpmath.exp(-mpmath.mpf(float(g))) for g in gaps]
            rest = [e + e * e for e in rest]
            truth = {
                "value": [mpmath.log1p(r) for r in rest],
                "gradient": [-r / (1 + r) for r in rest],
            }
        for quantity, methods in on_classes().items():
            for name, method in methods.items():
                with np.errstate(all="ignore"):
                    computed = np.asarray(method(z))
                result = compare(computed, truth[quantity], dtype)
                records.append({"argument": "logits of 3 classes", "quantity": quantity,
                                "dtype": dtype, "method": name, **result})  # fmt: skip
    return records


EXACT = {
    ("logits", "value"): reference.binary_cross_entropy_with_logits,
    ("logits", "gradient"): reference.binary_cross_entropy_with_logits_gradient,
    ("logits", "Hessian"): reference.binary_cross_entropy_with_logits_hessian,
    ("probabilities", "value"): reference.binary_cross_entropy,
    ("probabilities", "gradient"): reference.binary_cross_entropy_gradient,
}


@cache
def exact(argument: str, quantity: str, at: float, label: float) -> mpmath.mpf:
    """Return the exact number, computed once for all implementations."""
    return EXACT[argument, quantity](at, label)


def judge(argument: str, quantity: str, method: Method, at: np.ndarray, label: float) -> dict:
    """Return a method's largest error in ULP, and the share of points without a right digit."""
    labels = np.full_like(at, label)
    with np.errstate(all="ignore"):
        computed = method(at, labels)
    truth = [exact(argument, quantity, float(x), float(y)) for x, y in zip(at, labels, strict=True)]
    return compare(computed, truth, at.dtype)


def compare(computed: np.ndarray, truth: list[mpmath.mpf], dtype: str | np.dtype) -> dict:
    """Return the largest error in ULP, and the share without a right digit, of normal numbers."""
    normal = [abs(t) >= np.finfo(dtype).tiny for t in truth]
    pairs = [(c, t) for c, t, keep in zip(computed, truth, normal, strict=True) if keep]
    errors = [float(reference.ulp_error(c, t)) for c, t in pairs]
    lost = [not abs(mpmath.mpf(float(c)) - t) < abs(t) / 2 for c, t in pairs]
    return {"ulp": max(errors), "lost": sum(lost) / len(lost)}


def entry(result: dict) -> str:
    """Return a result as the table shows it."""
    ulp, lost = result["ulp"], result["lost"]
    size = f"{ulp:.2f}" if ulp < 100 else f"{ulp:.0e}".replace("e+", "e")
    return size + (f" ({lost:.0%})" if lost else "")


def measure(points: int, dtypes: list[str] = DTYPES) -> list[dict]:
    """Return one record for each quantity, dtype, implementation and label."""
    records = []
    for argument, grid, quantities in (
        ("logits", logits, on_logits()),
        ("probabilities", probabilities, on_probabilities()),
    ):
        for dtype in dtypes:
            at = grid(points, dtype)
            for quantity, methods in quantities.items():
                for name, method in methods.items():
                    for label in LABELS:
                        result = judge(argument, quantity, method, at, label)
                        records.append(
                            {"argument": argument, "quantity": quantity, "dtype": dtype,
                             "method": name, "label": label, **result}
                        )  # fmt: skip
    return records


def report(records: list[dict]) -> str:
    """Return the records as tables."""
    groups: dict[tuple, dict[str, list[str]]] = {}
    for record in records:
        key = record["argument"], record["quantity"], record["dtype"]
        groups.setdefault(key, {}).setdefault(record["method"], []).append(entry(record))
    columns = ["error in ULP (share lost)", *(f"y = {label:.10g}" for label in LABELS)]
    return "\n\n".join(
        f"{quantity} in the {argument}, {dtype}\n\n"
        + table(columns, [[name, *entries] for name, entries in rows.items()])
        for (argument, quantity, dtype), rows in groups.items()
    )


def report_classes(records: list[dict]) -> str:
    """Return the records of `measure_classes` as one table, a column for each dtype."""
    rows: dict[tuple, list[str]] = {}
    for record in records:
        key = record["quantity"], record["method"]
        rows.setdefault(key, []).append(entry(record))
    columns = ["three classes, the right one ahead", *DTYPES]
    return table(columns, [[f"{name}: {quantity}", *row] for (quantity, name), row in rows.items()])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=400, help="points of each grid")
    parser.add_argument("--json", type=Path, help="also store the records in this file")
    options = parser.parse_args()
    records, classes = measure(options.points), measure_classes(options.points)
    print(heading(), report(records), report_classes(classes), sep="\n\n")
    if options.json:
        stored = {"versions": versions(), "points": options.points, "records": records + classes}
        options.json.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
