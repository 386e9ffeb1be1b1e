"""The table of calls for test_bad_input: a valid call of each public function, and what spoils it.

A new public function is a new row; the sort of each argument brings every kind of bad value.
"""

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pytest

import companion
from companion import (
    binary,
    categorical,
    elementary,
    gradient_check,
    logistic_regression,
    reduction,
)


class Call(NamedTuple):
    function: Callable
    arguments: dict[str, tuple[str, Any]]  # name: (sort, valid value)
    misfits: tuple[dict[str, Any], ...] = ()  # arguments whose shapes do not fit each other

    def __str__(self):
        return self.function.__qualname__

    def __call__(self, **changes):
        values = {name: value for name, (_, value) in self.arguments.items()} | changes
        return self.function(**values)


def tensor():
    torch = pytest.importorskip("torch")  # late: it takes seconds, and most tests need none

    return torch.ones(3)


def parameter():
    return pytest.importorskip("torch").nn.Parameter(tensor())


def subclass_of_tensor():
    class Own(pytest.importorskip("torch").Tensor):
        pass

    return tensor().as_subclass(Own)


def sparse():
    from scipy.sparse import csr_array

    return csr_array(np.ones((3, 1)))


# What is no array of real numbers, whatever the argument: the exception, and words of its message.
KINDS = {
    "None": (None, TypeError, ["None"]),
    "string": ("0.5", TypeError, ["str"]),
    "list of strings": (["0", "1", "1"], TypeError, ["<U1", "list"]),
    "bytes": (np.array([b"0", b"1", b"1"]), TypeError, ["S1"]),
    "complex": (np.ones(3, complex), TypeError, ["complex128", r"\.real"]),
    "object": (np.array([0, None, 1], object), TypeError, ["object"]),
    "Decimal": ([Decimal(0), Decimal(1), Decimal(1)], TypeError, ["object"]),
    "integers too large": ([0, 1, 2**70], TypeError, ["object"]),
    "dates": (np.array(["2026-01-01"] * 3, "datetime64[D]"), TypeError, ["datetime64"]),
    "dictionary": ({"a": 1.0}, TypeError, ["dict"]),
    "set": ({0.0, 1.0}, TypeError, ["set"]),
    "generator": (lambda: (x for x in [0.0, 1.0, 1.0]), TypeError, ["generator"]),
    "masked array": (np.ma.masked_array(np.ones(3), mask=[0, 0, 1]), TypeError, ["masked array"]),
    "masked array without a mask": (np.ma.masked_array(np.ones(3)), TypeError, ["masked"]),
    "list of masked arrays": ([np.ma.masked_array(np.ones(3))], TypeError, ["masked"]),
    "tensor": (tensor, TypeError, ["Tensor", "numpy"]),
    "subclass of tensor": (subclass_of_tensor, TypeError, ["Own", "numpy"]),
    "parameter": (parameter, TypeError, ["Parameter", r"detach\(\)"]),
    "list of tensors": (lambda: list(tensor()), TypeError, [r"torch\.Tensor", "numpy"]),
    "sparse matrix": (sparse, TypeError, ["csr_array", r"\.toarray\(\)"]),
    "ragged list": ([[0.1, 0.2], [0.3]], ValueError, ["ragged", "pad"]),
}
if np.finfo(np.longdouble).eps < np.finfo(np.float64).eps:
    KINDS["longdouble"] = (np.ones(3, np.longdouble), TypeError, ["longdouble|float128"])

NOT_IN_UNIT = {
    "below 0": -5e-324,
    "above 1": np.nextafter(1, 2),
    "minus one": -1.0,
    "percent": 50.0,
    "NaN": np.nan,
    "inf": np.inf,
    "-inf": -np.inf,
}
NOT_A_WEIGHT = {"negative": -1.0, "just negative": -5e-324, "NaN": np.nan, "inf": np.inf}

# One wrong number among valid ones: a ValueError.
NOT_FINITE = {"NaN": np.nan, "inf": np.inf, "-inf": -np.inf}
NUMBERS = {
    "unit": NOT_IN_UNIT,
    "log": {"above 0": 5e-324, "a probability": 0.5, "inf": np.inf},
    "weight": NOT_A_WEIGHT,
    "finite": NOT_FINITE,
    "logits": {},
    "index": {},
    "derivative": {},  # a wrong one is what a check reports
}

# A wrong option: (value, exception, words of its message).
OPTIONS = {
    "reduction": [
        ("average", ValueError, ["average", "'weighted_mean'"]),
        ("batch_mean", ValueError, ["batch_mean", "'batchmean'"]),
        ("Mean", ValueError, ["'Mean'", "'mean'"]),
        ("", ValueError, ["''"]),
        (None, TypeError, ["None", "'none'"]),
        (True, TypeError, ["bool", "'none'"]),
        (["mean"], TypeError, ["list"]),
    ],
    "workers": [
        (0, ValueError, ["0", "-1"]),
        (-2, ValueError, ["-2", "-1"]),
        (1.0, TypeError, ["float", "integer"]),
        ("all", TypeError, ["str", "integer"]),
        (True, TypeError, ["bool", "integer"]),
        ([2], TypeError, ["list", "integer"]),
    ],
    "fraction": [
        (-0.1, ValueError, [r"\[0, 1\]", "-0.1"]),
        (1.1, ValueError, [r"\[0, 1\]", "1.1"]),
        (np.nan, ValueError, [r"\[0, 1\]", "nan"]),
        (np.inf, ValueError, [r"\[0, 1\]", "inf"]),
        ([0.1, 0.1], ValueError, [r"\(2,\)", "scalar"]),
        ("0.1", TypeError, ["str"]),
        (None, TypeError, ["None"]),
        (1j, TypeError, ["complex"]),
        (True, TypeError, ["bool"]),
        (np.True_, TypeError, ["bool"]),
        (10**400, TypeError, ["object"]),
    ],
    "number": [
        (-0.1, ValueError, ["-0.1"]),
        (np.nan, ValueError, ["nan"]),
        (np.inf, ValueError, ["inf"]),
        ([0.1, 0.1], ValueError, [r"\(2,\)", "scalar"]),
        ("0.1", TypeError, ["str"]),
        (1j, TypeError, ["complex"]),
        (True, TypeError, ["bool"]),
        (10**400, TypeError, ["object"]),
    ],
    "count": [
        (-1, ValueError, ["-1"]),
        (1.5, TypeError, ["float"]),
        ("9", TypeError, ["str"]),
        (True, TypeError, ["bool"]),
    ],
    "method": [
        ("best", ValueError, ["best"]),
        ("", ValueError, ["''"]),
        (None, TypeError, ["None"]),
        (["newton"], TypeError, ["list"]),
    ],
    "flag": [(1, TypeError, ["int"]), (None, TypeError, ["None"]), ("yes", TypeError, ["'yes'"])],
    "function": [
        (None, TypeError, ["None"]),
        (1.0, TypeError, ["float"]),
        ("exp", TypeError, ["str"]),
        ([np.exp], TypeError, ["list"]),
    ],
    "ignore_index": [
        (1.0, TypeError, ["float"]),
        ("1", TypeError, ["str"]),
        (True, TypeError, ["bool"]),
        ([1], TypeError, ["list"]),
    ],
    "axis": [
        (7, ValueError, ["7"]),
        (-8, ValueError, ["-8"]),
        (1.0, TypeError, ["float", "integer"]),
        ("last", TypeError, ["str", "integer"]),
        (None, TypeError, ["None"]),
        (True, TypeError, ["bool"]),
        ((0, 1), TypeError, ["tuple"]),
    ],
}
# Where classes may have several axes
OPTIONS["axes"] = [
    *(row for row in OPTIONS["axis"] if row[0] not in (None, (0, 1))),
    ((0, 0), ValueError, [r"\(0, 0\)", "once"]),
    ((), ValueError, [r"\(\)", "once"]),
    ((0, 7), ValueError, ["7"]),
    ((0.0,), TypeError, ["float"]),
    ([0], TypeError, ["list"]),
]

LOGITS = np.array([-2.0, 0.5, 3.0])
PROBABILITIES = np.array([0.2, 0.7, 0.9])
LABELS = np.array([0.0, 0.3, 1.0])
WEIGHT = np.array([1.0, 2.0, 0.5])
PAIRS = [
    ((3,), (2,)),
    ((3,), (3, 1)),
    ((3, 1), (3,)),
    ((3,), (1,)),
    ((1,), (3,)),
    ((2, 3), (3,)),
    ((2, 3), (3, 2)),
    ((3,), (0,)),
    ((0,), (3,)),
]


# What the parameters of the elementwise losses are, and a valid value; others are one number each.
PARAMETERS = {
    "logits": ("logits", LOGITS),
    "probabilities": ("unit", PROBABILITIES),
    "labels": ("unit", LABELS),
    "weight": ("weight", WEIGHT),
    "pos_weight": ("weight", WEIGHT),
    "label_smoothing": ("fraction", 0.1),
    "reduction": ("reduction", "mean"),
    "workers": ("workers", None),
}


def _elementwise(function):
    parameters = inspect.signature(function).parameters
    names = list(parameters)
    first = names[0]
    misfits = [{first: np.full(a, 0.5), "labels": np.ones(b)} for a, b in PAIRS]
    arguments = {
        name: PARAMETERS.get(name) or ("number", parameters[name].default or 0.25) for name in names
    }
    weights = [name for name in names if arguments[name][0] == "weight"]
    misfits += [{name: np.ones(shape)} for name in weights for shape in [(2,), (3, 1), (2, 3)]]
    if "reduction" in names:
        misfits += [{first: 0.5, "labels": 1.0, "reduction": "batchmean"}]
    if function is binary.binary_cross_entropy_jacobian:
        misfits += [{first: np.full((3, 1), 0.5), "labels": np.ones((3, 1)), "weight": None}]
    return Call(function, arguments, tuple(misfits))


def _elementary(function):
    if function is elementary.logit:
        return Call(function, {"p": ("unit", PROBABILITIES)})
    if function is elementary.log1mexp:
        return Call(function, {"x": ("log", np.log(PROBABILITIES))})
    logits = {"z": ("logits", LOGITS)}
    if function is elementary.sigmoid_jacobian:
        return Call(function, logits, ({"z": 1.0}, {"z": np.ones((2, 2))}))
    if "softmax" in function.__name__ or function is elementary.logsumexp:
        sort = "axis" if "jacobian" in function.__name__ else "axes"
        return Call(function, logits | {"axis": (sort, -1)}, ({"z": 1.0},))
    return Call(function, logits)


def _categorical(function):
    on_logits = "probabilities" not in function.__name__
    first, sort, row = "probabilities", "unit", PROBABILITIES
    if on_logits:
        first, sort, row = "logits", "logits", LOGITS
    options = {
        "weight": ("weight", WEIGHT),
        "axis": ("axis", -1),
        "reduction": ("reduction", "mean"),
        "workers": ("workers", None),
        "label_smoothing": ("fraction", 0.1),
    }
    misfits = (
        {first: 0.5},
        {first: np.zeros((2, 0)), "labels": np.zeros(2, int)},
        {"labels": np.zeros(2, int)},
        {"labels": np.zeros((1, 3))},
        {first: np.full((2, 3), 0.5), "labels": np.zeros((2, 1), int)},
        {first: np.full((3, 2), 0.5), "labels": np.zeros(2, int)},
        {"weight": np.ones(2)},
        {"weight": np.ones((1, 3))},
        {"weight": 1.0},
    )
    one_row = {"reduction": "batchmean"}
    soft = {first: (sort, row), "labels": ("unit", LABELS)} | options
    hard = {first: (sort, np.stack([row, row])), "labels": ("index", np.array([0, 2]))} | options
    hard["ignore_index"] = ("ignore_index", -100)
    hard["sample_weight"] = ("weight", np.array([1.0, 2.0]))
    rows = [{"sample_weight": np.ones(shape)} for shape in [(3,), (2, 1), (1, 2), ()]]
    return [Call(function, soft, (*misfits, one_row)), Call(function, hard, tuple(rows))]


def _judges():
    x, slope = np.array([0.5, -2.0, 3.0]), np.array([1.0, -4.0, 6.0])
    options = {"method": ("method", "central"), "step": ("number", None)}

    def squares(x):
        return np.sum(x**2)

    first = {"function": ("function", squares)}
    compared = first | {"gradient": ("derivative", slope), "x": ("finite", x)}
    misfits = ({"gradient": np.ones(2)}, {"gradient": np.ones((3, 3))}, {"x": np.ones(0)})
    yield Call(
        gradient_check.check_gradient, compared | options | {"rtol": ("number", None)}, misfits
    )
    for function in (gradient_check.numerical_gradient, gradient_check.numerical_jacobian):
        yield Call(function, first | {"x": ("finite", x)} | options, ({"x": np.ones((2, 0))},))
    steps = {"steps": ("finite", np.array([1e-2, 1e-3])), "method": ("method", "central")}
    yield Call(gradient_check.convergence, compared | steps, ({"gradient": np.ones(2)},))


def _trainer():
    arguments = {
        "features": ("finite", np.array([[0.0, 1.0], [2.0, -1.0], [1.0, 3.0]])),
        "labels": ("unit", LABELS),
        "weight": ("weight", WEIGHT),
        "l2": ("number", 0.1),
        "intercept": ("flag", True),
        "method": ("method", "gradient_descent"),
        "learning_rate": ("number", None),
        "tolerance": ("number", None),
        "max_iterations": ("count", None),
    }
    misfits = (
        {"features": np.ones(3)},
        {"features": np.ones((0, 2))},
        {"labels": np.ones(2)},
        {"labels": np.ones((3, 1))},
        {"labels": np.ones(3)},
        {"weight": np.ones((3, 1))},
        {"weight": np.zeros(3)},
    )
    return Call(logistic_regression.fit_logistic_regression, arguments, misfits)


def update(values, weight):
    return reduction.RunningMean().update(values, weight).mean


CALLS = [
    *(
        _elementwise(getattr(companion, name))
        for name in companion.__all__
        if name.startswith("binary_")
    ),
    *(
        call
        for name in categorical.__all__
        if "jacobian" not in name  # they are in elementary
        for call in _categorical(getattr(categorical, name))
    ),
    *(_elementary(getattr(elementary, name)) for name in elementary.__all__),
    Call(
        update,
        {"values": ("logits", LOGITS), "weight": ("weight", WEIGHT)},
        ({"weight": np.ones(2)}, {"weight": np.ones((3, 1))}),
    ),
    *_judges(),
    _trainer(),
]
OPTIONAL = {
    *(
        "weight",
        "sample_weight",
        "pos_weight",
        "alpha",
        "workers",
        "ignore_index",
        "step",
        "rtol",
        "steps",
    ),
    *("learning_rate", "tolerance", "max_iterations"),
}  # None leaves them out
