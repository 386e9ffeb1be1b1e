"""Ask every framework that is installed the same questions about binary cross-entropy.

    python benchmarks/frameworks.py [--write book/_data/frameworks.json]

`PROBES` are the questions, functions of a `Framework`; `FRAMEWORKS` are those who are asked, each
told in its own words how to call it. An answer is a text: a number of five digits, a shape, or the
kind of the error and how its message begins; "(warns)" follows where there was a `UserWarning`,
the only kind of warning that counts. Nothing in the answers depends on the machine. Arrays are
float32 unless a probe says otherwise. `LINES` are lines of code that should all give one number.
Every framework answers in a process of its own, because Keras takes its backend for good when it
is imported. Boosters have questions of their own, in `boosters.py`. `make frameworks` installs them
all, each in a pinned version, and stores the answers that the book shows, and what was not asked.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from answers import NO_CALL, answer, told
from boosters import BOOSTERS
from boosters import PROBES as OF_BOOSTERS

PACKAGES = [
    *("numpy", "scipy", "scikit-learn", "torch", "tensorflow-cpu", "jax", "optax", "keras"),
    *("xgboost-cpu", "lightgbm", "catboost"),
]
NOT_ASKED = [
    "other calls of these libraries, and other libraries",
    "Keras on its fifth backend, OpenVINO",
    "half precision",
    "compiled code, and code on a GPU",
    "metrics, but for the loss that a booster reports",
    "of the boosters, weights, missing values and more than one tree",
]


@dataclass
class Framework:
    """How one framework is called. What it cannot do stays None, and the answer is `NO_CALL`.

    `on_probabilities` and `on_logits` are the call as its users write it, with the prediction put
    first; `each_…` gives one loss for each element, `positional_…` passes two arguments on in
    their order, `function` is what Keras offers beside its class.
    """

    array: Callable = np.array
    numpy: Callable = np.asarray
    on_probabilities: Callable | None = None
    on_logits: Callable | None = None
    each_probability: Callable | None = None
    each_logit: Callable | None = None
    positional_probabilities: Callable | None = None
    positional_logits: Callable | None = None
    function: Callable | None = None
    weighted: Callable | None = None  # (probabilities, labels, weight), as in `on_probabilities`
    weighted_columns: Callable | None = None  # the same where the arrays have to be columns
    pos_weighted: Callable | None = None
    smoothed: Callable | None = None
    sigmoid: Callable | None = None
    classes: Callable | None = None  # (rows of probabilities, one-hot labels)
    gradient: Callable | None = None  # (function, values) -> derivative of the sum
    derivatives: dict[str, Callable] | None = None  # of the calls, where nothing differentiates
    names: dict[str, Any] | None = None  # what LINES may use


# The frameworks -----------------------------------------------------------------------------------


def with_numpy() -> Framework:
    """Return the formulas as people write them."""

    def on_p(p, y):
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))

    def on_z(z, y):
        return np.logaddexp(0, z) - y * z

    return Framework(
        on_probabilities=on_p,
        on_logits=on_z,
        each_probability=on_p,
        each_logit=on_z,
        sigmoid=lambda z: 1 / (1 + np.exp(-z)),
        derivatives={
            "each_probability": lambda p, y: (p - y) / (p * (1 - p)),
            "each_logit": lambda z, y: 1 / (1 + np.exp(-z)) - y,
        },
        names={"np": np},
    )


def with_scipy() -> Framework:
    """Return the same formulas from the functions that SciPy has for their parts."""
    special = importlib.import_module("scipy.special")

    def on_p(p, y):
        return -(special.xlogy(y, p) + special.xlog1py(1 - y, -p))

    def on_z(z, y):
        return -(y * special.log_expit(z) + (1 - y) * special.log_expit(-z))

    return Framework(
        on_probabilities=on_p,
        on_logits=on_z,
        each_probability=on_p,
        each_logit=on_z,
        sigmoid=special.expit,
        derivatives={
            "each_probability": lambda p, y: (p - y) / (p * (1 - p)),
            "each_logit": lambda z, y: special.expit(z) - y,
        },
        names={"np": np, "log_expit": special.log_expit, "log_softmax": special.log_softmax},
    )


def with_companion() -> Framework:
    """Return the book's own functions."""
    companion = importlib.import_module("companion")
    bce, bce_logits = companion.binary_cross_entropy, companion.binary_cross_entropy_with_logits
    return Framework(
        on_probabilities=bce,
        on_logits=bce_logits,
        each_probability=lambda p, y: bce(p, y, reduction="none"),
        each_logit=lambda z, y: bce_logits(z, y, reduction="none"),
        positional_probabilities=bce,
        positional_logits=bce_logits,
        weighted=lambda p, y, w: bce(p, y, weight=w),
        pos_weighted=lambda z, y, a: bce_logits(z, y, pos_weight=a),
        smoothed=lambda z, y, s: bce_logits(z, y, label_smoothing=s),
        sigmoid=companion.sigmoid,
        classes=companion.cross_entropy_from_probabilities,
        derivatives={
            "each_probability": companion.binary_cross_entropy_gradient,
            "each_logit": companion.binary_cross_entropy_with_logits_gradient,
        },
        names=vars(companion),
    )


def with_sklearn() -> Framework:
    """Return `log_loss`; its private losses are left out, they do not check what they read."""
    log_loss = importlib.import_module("sklearn.metrics").log_loss
    special = importlib.import_module("scipy.special")
    expit = special.expit
    return Framework(
        on_probabilities=lambda p, y: log_loss(y, p),
        each_probability=lambda p, y: log_loss(y, p, labels=[0, 1]),
        positional_probabilities=lambda a, b: log_loss(a, b, labels=[0, 1]),
        weighted=lambda p, y, w: log_loss(y, p, sample_weight=w),
        sigmoid=expit,
        classes=lambda p, y: log_loss(y.argmax(1), p, labels=[0, 1]),
        names={"log_loss": log_loss, "expit": expit, "softmax": special.softmax},
    )


def with_torch() -> Framework:
    """Return the two functions of PyTorch."""
    torch = importlib.import_module("torch")
    F = torch.nn.functional  # noqa: N806 (everybody writes F)
    bce, bce_logits = F.binary_cross_entropy, F.binary_cross_entropy_with_logits

    def gradient(function, x):
        x = torch.tensor(x, requires_grad=True)
        return torch.autograd.grad(function(x).sum(), x)[0]

    return Framework(
        array=torch.tensor,
        numpy=lambda result: result.detach().numpy(),
        on_probabilities=bce,
        on_logits=bce_logits,
        each_probability=lambda p, y: bce(p, y, reduction="none"),
        each_logit=lambda z, y: bce_logits(z, y, reduction="none"),
        positional_probabilities=bce,
        positional_logits=bce_logits,
        weighted=lambda p, y, w: bce(p, y, weight=w),
        pos_weighted=lambda z, y, a: bce_logits(z, y, pos_weight=torch.tensor(a)),
        sigmoid=torch.sigmoid,
        gradient=gradient,
        names={"torch": torch, "F": F},
    )


def with_tensorflow() -> Framework:
    """Return TensorFlow's own functions: of logits, and of probabilities the old `log_loss`."""
    tf = importlib.import_module("tensorflow")
    bce_logits = tf.nn.sigmoid_cross_entropy_with_logits
    log_loss = tf.compat.v1.losses.log_loss

    def gradient(function, x):
        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = function(x)
        return tape.gradient(loss, x)

    return Framework(
        array=tf.constant,
        numpy=lambda result: result.numpy(),
        on_probabilities=lambda p, y: log_loss(y, p),
        on_logits=lambda z, y: bce_logits(labels=y, logits=z),
        each_probability=lambda p, y: log_loss(y, p, reduction="none"),
        each_logit=lambda z, y: bce_logits(labels=y, logits=z),
        positional_probabilities=log_loss,
        positional_logits=bce_logits,
        weighted=lambda p, y, w: log_loss(y, p, weights=w),
        pos_weighted=lambda z, y, a: tf.nn.weighted_cross_entropy_with_logits(y, z, a),
        sigmoid=tf.sigmoid,
        gradient=gradient,
        names={"tf": tf},
    )


def with_optax() -> Framework:
    """Return optax's function, on JAX."""
    jax, optax = importlib.import_module("jax"), importlib.import_module("optax")
    bce_logits = optax.sigmoid_binary_cross_entropy
    return Framework(
        array=jax.numpy.array,
        on_logits=bce_logits,
        each_logit=bce_logits,
        positional_logits=bce_logits,
        sigmoid=jax.nn.sigmoid,
        gradient=lambda function, x: jax.grad(lambda x: function(x).sum())(jax.numpy.array(x)),
        names={"jnp": jax.numpy, "optax": optax},
    )


def with_keras(backend: str) -> Framework:
    """Return Keras's class and its function on one of its backends."""
    os.environ["KERAS_BACKEND"] = backend
    keras = importlib.import_module("keras")
    if keras.backend.backend() != backend:
        raise RuntimeError(f"Keras already runs on {keras.backend.backend()}, not on {backend}")
    losses = keras.losses
    below = {"tensorflow": with_tensorflow, "torch": with_torch, "jax": with_optax}.get(backend)

    # The function takes the mean over the last axis: in a column each element is its own mean.
    def each(x, y, **options):
        return losses.binary_crossentropy(y[:, None], x[:, None], **options)

    def weighted(p, y, w):
        return losses.BinaryCrossentropy()(y, p, sample_weight=w)

    def smoothed(z, y, s):
        return losses.BinaryCrossentropy(from_logits=True, label_smoothing=s)(y, z)

    return Framework(
        array=below().array if below else np.array,
        numpy=keras.ops.convert_to_numpy,
        on_probabilities=lambda p, y: losses.BinaryCrossentropy()(y, p),
        on_logits=lambda z, y: losses.BinaryCrossentropy(from_logits=True)(y, z),
        each_probability=each,
        each_logit=lambda z, y: each(z, y, from_logits=True),
        positional_probabilities=losses.binary_crossentropy,
        positional_logits=lambda a, b: losses.binary_crossentropy(a, b, from_logits=True),
        function=lambda p, y: losses.binary_crossentropy(y, p),
        weighted=weighted,
        weighted_columns=lambda p, y, w: weighted(p[:, None], y[:, None], w),
        smoothed=smoothed,
        sigmoid=keras.activations.sigmoid,
        classes=lambda p, y: losses.categorical_crossentropy(y, p),
        gradient=below().gradient if below else None,
        names={"keras": keras},
    )


# Name: the modules it needs, and how to get it.
FRAMEWORKS: dict[str, tuple[list[str], Callable[[], Framework]]] = {
    "NumPy": (["numpy"], with_numpy),
    "SciPy": (["scipy"], with_scipy),
    "companion": (["companion"], with_companion),
    "scikit-learn": (["sklearn", "scipy"], with_sklearn),
    "PyTorch": (["torch"], with_torch),
    "TensorFlow": (["tensorflow"], with_tensorflow),
    "optax": (["jax", "optax"], with_optax),
    "Keras on TensorFlow": (["keras", "tensorflow"], lambda: with_keras("tensorflow")),
    "Keras on JAX": (["keras", "jax"], lambda: with_keras("jax")),
    "Keras on PyTorch": (["keras", "torch"], lambda: with_keras("torch")),
    "Keras on NumPy": (["keras"], lambda: with_keras("numpy")),
}


# The questions ------------------------------------------------------------------------------------


Probe = Callable[[Framework], Any]


def needs(*calls: str) -> Callable[[Probe], Probe]:
    """Return what makes a probe answer `NO_CALL` where the framework lacks one of these calls."""

    def mark(probe: Probe) -> Probe:
        def marked(f: Framework) -> Any:
            return NO_CALL if any(getattr(f, call) is None for call in calls) else probe(f)

        return marked

    return mark


def ask(call: str, prediction: Any, labels: Any, of: str = "float32", labels_of: str = "") -> Probe:
    """Return the probe that makes this call with these numbers."""

    def probe(f: Framework) -> Any:
        first = f.array(np.array(prediction, of))
        return f.numpy(getattr(f, call)(first, f.array(np.array(labels, labels_of or of))))

    return needs(call)(probe)


def first_argument(call: str, prediction: float, label: float, loss: float) -> Probe:
    """Return the probe that finds out whether the prediction or the labels come first."""

    def probe(f: Framework) -> str:
        for name, pair in (("prediction", (prediction, label)), ("labels", (label, prediction))):
            try:
                result = getattr(f, call)(*(f.array(np.array([x], "float32")) for x in pair))
                if abs(float(np.ravel(f.numpy(result))[0]) - loss) < 1e-5:
                    return name
            except (TypeError, ValueError):
                continue
        return "neither"

    return needs(call)(probe)


def swapped(call: str, prediction: float, label: float, loss: float) -> Probe:
    """Return the probe that puts the two arguments the wrong way round."""
    order = first_argument(call, prediction, label, loss)

    def probe(f: Framework) -> Any:
        pair = (label, prediction) if order(f) == "prediction" else (prediction, label)
        return f.numpy(getattr(f, call)(*(f.array(np.array([x], "float32")) for x in pair)))

    return needs(call)(probe)


def shapes(call: str, prediction: tuple, labels: tuple) -> Probe:
    """Return the probe that passes four predictions and labels of these shapes."""
    x, y = np.array([0.1, 0.2, 0.6, 0.9], "float32"), np.array([0, 0, 1, 1], "float32")
    formula = getattr(with_numpy(), "on_logits" if call == "on_logits" else "on_probabilities")
    pairs, crossed = np.mean(formula(x, y)), np.mean(formula(x[:, None], y))

    def probe(f: Framework) -> str:
        result = getattr(f, call)(f.array(x.reshape(prediction)), f.array(y.reshape(labels)))
        found = np.mean(f.numpy(result))
        if abs(found - pairs) < 1e-5:
            return "pairs them"
        return "broadcasts to (4, 4)" if abs(found - crossed) < 1e-5 else told(found)

    return needs(call)(probe)


def shape_of(call: str) -> Probe:
    """Return the probe that asks for the shape of the loss of a table (3, 2)."""
    p, y = np.full((3, 2), 0.5, "float32"), np.eye(2, dtype="float32")[[0, 1, 1]]
    return needs(call)(lambda f: str(np.shape(f.numpy(getattr(f, call)(f.array(p), f.array(y))))))


def kind_of(call: str) -> Probe:
    """Return the probe that asks for the dtype of the loss of float64 arrays."""
    x, y = np.array([0.25, 0.5]), np.array([1.0, 0.0])
    return needs(call)(lambda f: f.numpy(getattr(f, call)(f.array(x), f.array(y))).dtype.name)


def derivative(call: str, x: float, label: float) -> Probe:
    """Return the probe that differentiates the loss of one element in its first argument."""

    def probe(f: Framework) -> Any:
        at, y = np.array([x], "float32"), f.array(np.array([label], "float32"))
        if f.derivatives:
            return f.derivatives[call](at, y)
        if f.gradient is None:
            return NO_CALL
        return f.numpy(f.gradient(lambda x: getattr(f, call)(x, y), at))

    return needs(call)(probe)


def through_sigmoid(f: Framework, z: Any) -> Any:
    """Return the loss of the framework's own sigmoid for label 0."""
    return f.each_probability(f.sigmoid(z), f.array(np.array([0], "float32")))


@needs("each_probability", "sigmoid")
def value_through_sigmoid(f: Framework) -> Any:
    """Return it at a logit of 40."""
    return f.numpy(through_sigmoid(f, f.array(np.array([40], "float32"))))


@needs("each_probability", "sigmoid", "gradient")
def derivative_through_sigmoid(f: Framework) -> Any:
    """Return its derivative in the logit."""
    return f.numpy(f.gradient(lambda z: through_sigmoid(f, z), np.array([40], "float32")))


def weighted(call: str) -> Probe:
    """Return the probe that takes the default mean with one weight for each of three losses."""

    def probe(f: Framework) -> Any:
        return f.numpy(getattr(f, call)(*(f.array(np.array(a, "float32")) for a in (P3, Y3, W3))))

    return needs(call)(probe)


def option(call: str, value: float) -> Probe:
    """Return the probe that sets one option of the loss of logits, and takes the mean."""

    def probe(f: Framework) -> Any:
        arrays = (f.array(np.array(a, "float32")) for a in (Z3, Y3))
        return np.mean(f.numpy(getattr(f, call)(*arrays, value)))

    return needs(call)(probe)


@needs("classes")
def row_that_sums_to_a_half(f: Framework) -> Any:
    """Return the loss of the probabilities 0.2 and 0.3 where the second class is right."""
    rows = (f.array(np.array(a, "float32")) for a in ([[0.2, 0.3]], [[0, 1]]))
    return f.numpy(f.classes(*rows))


P3, Z3, Y3, W3 = [0.9, 0.2, 0.6], [2.0, -1.0, 0.5], [1, 0, 1], [0, 1, 3]
Z43 = [[2.0, -1.0, 0.5], [0.0, 1.0, 0.0], [-0.5, 0.5, 2.0], [1.0, 1.0, -2.0]]
C4 = [0, 2, 2, 1]
INF, NAN = float("inf"), float("nan")
LOG4, SOFTPLUS_OF_MINUS_2 = float(np.log(4)), float(np.logaddexp(0, -2))

PROBES: dict[str, Probe] = {
    # What goes in.
    "p: first argument": first_argument("positional_probabilities", 0.25, 1, LOG4),
    "z: first argument": first_argument("positional_logits", 2.0, 1, SOFTPLUS_OF_MINUS_2),
    "p: swapped": swapped("positional_probabilities", 0.25, 1, LOG4),
    "z: swapped": swapped("positional_logits", 2.0, 1, SOFTPLUS_OF_MINUS_2),
    "p: labels int64": ask("each_probability", [0.25], [1], labels_of="int64"),
    "z: labels int64": ask("each_logit", [2], [1], labels_of="int64"),
    "p: labels bool": ask("each_probability", [0.25], [1], labels_of="bool"),
    "z: labels bool": ask("each_logit", [2], [1], labels_of="bool"),
    "p: labels float64": ask("each_probability", [0.25], [1], labels_of="float64"),
    "z: labels float64": ask("each_logit", [2], [1], labels_of="float64"),
    "p: label 0.3": ask("each_probability", [0.25], [0.3]),
    "z: label 0.3": ask("each_logit", [0.5], [0.3]),
    "p: label 2": ask("each_probability", [0.25], [2]),
    "z: label 2": ask("each_logit", [5], [2]),
    "p: labels of one class": ask("on_probabilities", [0.9, 0.8], [1, 1]),
    # What comes out, and what it is divided by.
    "p: default": ask("on_probabilities", P3, Y3),
    "z: default": ask("on_logits", Z3, Y3),
    "p: default of (3, 2)": shape_of("on_probabilities"),
    "z: default of (3, 2)": shape_of("on_logits"),
    "p: function of (3, 2)": shape_of("function"),
    "p: dtype of float64": kind_of("each_probability"),
    "z: dtype of float64": kind_of("each_logit"),
    "p: class, dtype of float64": kind_of("on_probabilities"),
    "p: weights 0, 1, 3": weighted("weighted"),
    "p: weights 0, 1, 3, columns": weighted("weighted_columns"),
    "z: pos_weight 3": option("pos_weighted", 3.0),
    "z: label_smoothing 0.1": option("smoothed", 0.1),
    "z: label_smoothing 2": option("smoothed", 2.0),
    "row that sums to a half": row_that_sums_to_a_half,
    # What happens at the ends.
    "p: 0, label 1": ask("each_probability", [0], [1]),
    "p: 0, label 1, float64": ask("each_probability", [0], [1], of="float64"),
    "p: 1, label 0": ask("each_probability", [1], [0]),
    "p: 1, label 0, float64": ask("each_probability", [1], [0], of="float64"),
    "p: 1, label 1": ask("each_probability", [1], [1]),
    "p: 1.2, label 1": ask("each_probability", [1.2], [1]),
    "p: nan, label 1": ask("each_probability", [NAN], [1]),
    "p: derivative at 0, label 1": derivative("each_probability", 0, 1),
    "z: inf, label 1": ask("each_logit", [INF], [1]),
    "z: -inf, label 0": ask("each_logit", [-INF], [0]),
    "z: inf, label 0": ask("each_logit", [INF], [0]),
    "z: nan, label 0": ask("each_logit", [NAN], [0]),
    "z: derivative at inf, label 1": derivative("each_logit", INF, 1),
    # What happens to shapes.
    "p: (4, 1) with labels (4,)": shapes("on_probabilities", (4, 1), (4,)),
    "z: (4, 1) with labels (4,)": shapes("on_logits", (4, 1), (4,)),
    "p: (4,) with labels (4, 1)": shapes("on_probabilities", (4,), (4, 1)),
    "z: (4,) with labels (4, 1)": shapes("on_logits", (4,), (4, 1)),
    "p: function, (4, 1) with labels (4,)": shapes("function", (4, 1), (4,)),
    "p: empty": ask("on_probabilities", [], []),
    "z: empty": ask("on_logits", [], []),
    # How many digits.
    "z: -40, label 0": ask("each_logit", [-40], [0]),
    "z: 40, label 1": ask("each_logit", [40], [1]),
    "z: 40, label 0": ask("each_logit", [40], [0]),
    "z: derivative at 40, label 1": derivative("each_logit", 40, 1),
    "z: derivative at 0, label 1": derivative("each_logit", 0, 1),
    "sigmoid of 40, label 0": value_through_sigmoid,
    "sigmoid of 40, label 0, derivative": derivative_through_sigmoid,
}

# Lines that give one number each, the same within a task. No line, no such call.
LINES: dict[str, dict[str, str]] = {
    "mean": {
        "NumPy": "np.mean(np.logaddexp(0, logits) - labels * logits)",
        "SciPy": "-np.mean(log_expit((2 * labels - 1) * logits))",
        "companion": "binary_cross_entropy_with_logits(logits, labels)",
        "scikit-learn": "log_loss(labels, expit(logits), labels=[0, 1])",
        "PyTorch": "F.binary_cross_entropy_with_logits(logits, labels)",
        "TensorFlow": (
            "tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))"
        ),
        "optax": "optax.sigmoid_binary_cross_entropy(logits, labels).mean()",
        "Keras": "keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits)",
    },
    "weighted mean": {
        "NumPy": "np.average(np.logaddexp(0, logits) - labels * logits, weights=weight)",
        "SciPy": "-np.average(log_expit((2 * labels - 1) * logits), weights=weight)",
        "companion": (
            "binary_cross_entropy_with_logits("
            'logits, labels, weight=weight, reduction="weighted_mean")'
        ),
        "scikit-learn": "log_loss(labels, expit(logits), labels=[0, 1], sample_weight=weight)",
        "PyTorch": (
            "F.binary_cross_entropy_with_logits("
            'logits, labels, weight=weight, reduction="sum") / weight.sum()'
        ),
        "TensorFlow": (
            "tf.reduce_sum(weight * tf.nn.sigmoid_cross_entropy_with_logits("
            "labels=labels, logits=logits)) / tf.reduce_sum(weight)"
        ),
        "optax": (
            "jnp.average(optax.sigmoid_binary_cross_entropy(logits, labels), weights=weight)"
        ),
        "Keras": (
            'keras.losses.BinaryCrossentropy(from_logits=True, reduction="mean_with_sample_weight")'
            "(labels[:, None], logits[:, None], sample_weight=weight)"
        ),
    },
    "K classes": {
        "NumPy": (
            "np.mean(np.logaddexp.reduce(class_logits, axis=1) "
            "- class_logits[np.arange(len(classes)), classes])"
        ),
        "SciPy": "-np.mean(log_softmax(class_logits, axis=1)[np.arange(len(classes)), classes])",
        "companion": "cross_entropy(class_logits, classes)",
        "scikit-learn": "log_loss(classes, softmax(class_logits, axis=1), labels=[0, 1, 2])",
        "PyTorch": "F.cross_entropy(class_logits, classes)",
        "TensorFlow": (
            "tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits("
            "labels=classes, logits=class_logits))"
        ),
        "optax": "optax.softmax_cross_entropy_with_integer_labels(class_logits, classes).mean()",
        "Keras": (
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(classes, class_logits)"
        ),
    },
}


# Asking -------------------------------------------------------------------------------------------


def installed() -> list[str]:
    """Return the frameworks and boosters that can be asked here."""
    return [
        name
        for name, (modules, _) in {**FRAMEWORKS, **BOOSTERS}.items()
        if all(importlib.util.find_spec(module) for module in modules)
    ]


def measure(name: str) -> dict[str, Any]:
    """Return the answers of one framework to the probes, and the numbers of its lines."""
    if name in BOOSTERS:
        booster = BOOSTERS[name][1]()
        return {"facts": {t: answer(lambda p=p: p(booster)) for t, p in OF_BOOSTERS.items()}}
    framework = FRAMEWORKS[name][1]()
    facts = {title: answer(lambda probe=probe: probe(framework)) for title, probe in PROBES.items()}
    arrays = {"logits": Z3, "labels": Y3, "weight": W3, "class_logits": Z43}
    names = framework.names | {
        key: framework.array(np.array(values, "float32")) for key, values in arrays.items()
    }
    names["classes"] = framework.array(np.array(C4))
    numbers = {
        task: answer(lambda line=line: framework.numpy(eval(line, names)))
        for task, lines in LINES.items()
        for who, line in lines.items()
        if who == name.partition(" ")[0]
    }
    return {"facts": facts, "numbers": numbers}


def measure_apart(name: str) -> dict[str, Any]:
    """Return what `measure` does, found in a process of its own."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, __file__, "--only", name]
    run = subprocess.run(command, stdout=subprocess.PIPE, env=os.environ | quiet, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def versions() -> dict[str, str]:
    """Return the version of each package that is installed, without a build's own suffix."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def circumstances() -> dict[str, str]:
    """Return when and where the frameworks are asked, in words that name no machine."""
    companion = importlib.import_module("companion")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "companion": companion.__version__,
    }


def measure_all() -> dict[str, Any]:
    """Return what the book stores: when and where, versions, and the answers of the installed."""
    data = {
        "asked": circumstances(),
        "versions": versions(),
        "not_asked": NOT_ASKED,
        "facts": {},
        "lines": {task: {} for task in LINES},
        "boosters": {},
    }
    for name in installed():
        result = measure_apart(name)
        data["boosters" if name in BOOSTERS else "facts"][name] = result["facts"]
        for task, number in result.get("numbers", {}).items():
            line = LINES[task][name.partition(" ")[0]]
            data["lines"][task][name] = {"line": line, "number": number}
    return data


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", type=Path, help="store the answers in this file")
    parser.add_argument(
        "--only", choices=[*FRAMEWORKS, *BOOSTERS], help="ask this one alone, in here"
    )
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only)))
        return
    text = json.dumps(measure_all(), indent=1, ensure_ascii=False) + "\n"
    if options.write:
        options.write.write_text(text, encoding="utf-8", newline="\n")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
