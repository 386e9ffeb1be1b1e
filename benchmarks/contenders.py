"""What the speed benchmark runs: the companion's losses and the peers', on the same numbers.

Each function returns calls by name, for whole tables by quantity; arguments are made once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from functools import partial

import numpy as np
from machine import optional

import companion
from companion import engine

ONE_LINER, FLOOR = "NumPy one-liner", "floor: exp and log1p"
READING = "reading both arrays"
PEER, TWIN = "PyTorch", "torch twin"
VALUE, BOTH = "value", "value and gradient"
TRAINED, OF_CLASSES = "cross-entropy over classes", "value over classes"

Calls = dict[str, Callable[[], object]]


def contenders(size: int, dtype: str, compiled: bool) -> dict[str, Calls]:
    """Return every implementation of the loss of logits, by quantity and name."""
    z, y = arguments(size, dtype)
    ours, theirs = array_calls(z, y), tensor_calls(z, y, compiled)
    return {quantity: ours[quantity] | theirs[quantity] for quantity in ours}


def arguments(size: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and random labels."""
    rng = np.random.default_rng(0)
    z, y = np.empty(size, dtype), np.empty(size, dtype)
    for start in range(0, size, 65536):  # in pieces, which raise no peak that would hide a call's
        piece = z[start : start + 65536]
        piece[:] = rng.normal(0, 3, len(piece))
        y[start : start + 65536] = rng.integers(0, 2, len(piece))
    return z, y


def value_of_one_liner(z: np.ndarray, y: np.ndarray) -> float:
    """Return the popular stable form."""
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def both_of_one_liner(z: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the popular stable form, and the popular gradient."""
    return value_of_one_liner(z, y), (1 / (1 + np.exp(-z)) - y) / len(z)


def floor(below: np.ndarray) -> None:
    """Do the least that a stable formula must, for -|z|: one exp and one log1p for each element."""
    scratch = np.empty(min(len(below), 16384), below.dtype)
    for start in range(0, len(below), len(scratch)):
        part = scratch[: len(below) - start]
        np.exp(below[start : start + len(part)], out=part)
        np.log1p(part, out=part)


def array_calls(z: np.ndarray, y: np.ndarray) -> dict[str, Calls]:
    """Return the implementations on arrays."""
    below = -np.abs(z)
    calls: dict[str, Calls] = {
        VALUE: {
            ONE_LINER: lambda: value_of_one_liner(z, y),
            FLOOR: lambda: floor(below),
            READING: lambda: z.sum() + y.sum(),
        },
        BOTH: {ONE_LINER: lambda: both_of_one_liner(z, y)},
    }
    functions = {
        VALUE: companion.binary_cross_entropy_with_logits,
        BOTH: companion.binary_cross_entropy_with_logits_value_and_gradient,
    }
    for quantity, function in functions.items():
        calls[quantity] |= on_engines(lambda n, f=function: f(z, y, workers=n))
    if optional("sklearn"):
        from sklearn._loss import HalfBinomialLoss

        loss = HalfBinomialLoss()
        for threads in (1, 2):
            name = f"scikit-learn, {threads} threads"
            calls[VALUE][name] = lambda n=threads: np.mean(loss.loss(y, z, n_threads=n))
            calls[BOTH][name] = lambda n=threads: loss.loss_gradient(y, z, n_threads=n)
    return calls


def on_engines(call: Callable[[int], object]) -> Calls:
    """Return a call of the companion on each engine that is there, with one and two workers.

    Each runs in a context that has chosen its engine before.
    """
    calls: Calls = {}
    for name, label in {"numpy": "companion", "numba": "companion, Numba"}.items():
        if name == "numba" and not optional("numba"):
            continue
        context = copy_context()
        context.run(engine.use(name).__enter__)
        calls[label] = partial(context.run, call, 1)
        calls[f"{label}, workers=2"] = partial(context.run, call, 2)
    return calls


def array_class_calls(shape: tuple[int, int], dtype: str) -> Calls:
    """Return the implementations of the cross-entropy of class indices on arrays of (N, K)."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 3, shape).astype(dtype)
    rows, labels = np.arange(shape[0]), rng.integers(0, shape[1], shape[0])

    def one_liner() -> float:
        shifted = z - z.max(axis=1, keepdims=True)
        return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[rows, labels])

    calls: Calls = {ONE_LINER: one_liner}
    calls |= on_engines(lambda n: companion.cross_entropy(z, labels, workers=n))
    if optional("scipy"):
        from scipy.special import log_softmax

        calls["SciPy, log_softmax"] = lambda: -np.mean(log_softmax(z, axis=1)[rows, labels])
    if torch := optional("torch"):
        x, t, function = torch.tensor(z), torch.tensor(labels), torch.nn.functional.cross_entropy
        for threads in (1, 2):
            calls[f"{PEER}, {threads} threads"] = with_threads(threads, lambda: function(x, t))
    return calls


def tensor_calls(z: np.ndarray, y: np.ndarray, compiled: bool) -> dict[str, Calls]:
    """Return the implementations on tensors: forward, and forward and backward."""
    calls: dict[str, Calls] = {VALUE: {}, BOTH: {}}
    torch = optional("torch")
    if torch is None:
        return calls
    from companion import torch_losses

    x, t = torch.tensor(z), torch.tensor(y)
    leaf = x.clone().requires_grad_()
    functions = {
        PEER: torch.nn.functional.binary_cross_entropy_with_logits,
        TWIN: torch_losses.binary_cross_entropy_with_logits,
    }

    def train(function: Callable) -> None:
        leaf.grad = None
        function(leaf, t).backward()

    for name, function in functions.items():
        for threads in (1, 2):
            label = f"{name}, {threads} threads"
            calls[VALUE][label] = with_threads(threads, lambda f=function: f(x, t))
            calls[BOTH][label] = with_threads(threads, lambda f=function: train(f))
        for threads in (1, 2) if compiled else ():
            # Compiled code is made for a number of threads, hence a function for each.
            call = torch.compile(lambda x, t, f=function: f(x, t), dynamic=False)
            label = f"{name}, compiled, {threads} threads"
            calls[VALUE][label] = with_threads(threads, lambda f=call: f(x, t))
            calls[BOTH][label] = with_threads(threads, lambda f=call: train(f))
    return calls


def class_calls(shape: tuple[int, ...], dtype: str, compiled: bool) -> Calls:
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
    for name, function in list(functions.items()) if compiled else ():
        call = torch.compile(lambda z, t, f=function: f(z, t), dynamic=False)
        functions[f"{name}, compiled"] = call
    return {name: with_threads(1, lambda f=f: train(f)) for name, f in functions.items()}


def with_threads(threads: int, call: Callable) -> Callable[[], object]:
    """Return the call, run with so many of PyTorch's threads."""
    import torch

    def run() -> object:
        torch.set_num_threads(threads)
        return call()

    return run
