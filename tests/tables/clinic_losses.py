"""Losses as people write them, each with the mistakes that the clinic must name in it.

A row is a name, the source of a function or class `loss` (and of `gradient`, `hessian` where it has
them), what is declared, the names that must be told and the names that may be told as well. None of
them is the sick example of a finding. Where no name must be told the loss is healthy.
"""

import math

__all__ = ["LOSSES", "PLAIN"]

_NUMPY = "import numpy as np\n"
_SCIPY = (
    "import numpy as np\nfrom scipy.special import expit, log_softmax, softmax, xlog1py, xlogy\n"
)
_TORCH = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"

PLAIN = {"base": math.e, "gamma": 0.0, "label_smoothing": 0.0, "reduction": "mean"}
_P = {"inputs": "probabilities", "labels": "soft"}
_Z = {"inputs": "logits", "labels": "soft"}
_HARD_P = {"inputs": "probabilities", "labels": "hard"}
_HARD_Z = {"inputs": "logits", "labels": "hard"}
_INDEX_Z = {"inputs": "logits", "labels": "index"}
_ONE_HOT_Z = {"inputs": "logits", "labels": "one-hot"}
_ONE_HOT_P = {"inputs": "probabilities", "labels": "one-hot"}

# Limits, and what is small and true of nearly all of them.
_COMMON = {
    "inf-logit-nan",
    "integer-labels-rejected",
    "integer-labels-wrong",
    "labels-unchecked",
    "nan-at-certainty",
    "shape-broadcast",
    "tail-digits-lost",
}

_ROWS = [
    (
        "labels first",
        _NUMPY
        + """
def loss(y_true, y_pred):
    y_pred = np.clip(y_pred, 1e-7, 1 - 1e-7)
    return np.mean(-(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred)), axis=-1)
""",
        _P,
        {"arguments-swapped"},
        set(),
    ),
    (
        "an if with its branches exchanged",
        """
import math

def loss(predictions, labels):
    total = 0.0
    for p, y in zip(predictions, labels):
        total += -math.log(1 - p) if y == 1 else -math.log(p)
    return total / len(predictions)
""",
        _HARD_P,
        {"branches-swapped"},
        set(),
    ),
    (
        "the column of the other class",
        _NUMPY
        + """
def loss(p, y):
    columns = np.stack([p, 1 - p], axis=1)
    return -np.mean(np.log(columns[np.arange(len(y)), y.astype(int)]))
""",
        _HARD_P,
        {"branches-swapped"},
        set(),
    ),
    (
        "a constant of 1.5",
        _NUMPY
        + """
def loss(z, y):
    return np.mean(np.log(1.5 + np.exp(z)) - z * y)
""",
        _Z,
        {"wrong-constant"},
        {"overflow", "gradient-nan"},
    ),
    (
        "a hinge",
        _NUMPY
        + """
def loss(score, sign):
    return np.mean(np.maximum(0, 1 - sign * score))
""",
        {"inputs": "logits", "labels": "signs"},
        {"not-cross-entropy"},
        set(),
    ),
    (
        "always 0",
        _NUMPY
        + """
def loss(p, y):
    return 0.0 * np.sum(p * y)
""",
        _HARD_P,
        {"not-cross-entropy"},
        set(),
    ),
    (
        "scores clipped into (0, 1), several classes",
        _NUMPY
        + """
def loss(scores, targets):
    clipped = np.clip(scores, 1e-12, 1.0)
    return -np.mean(np.sum(targets * np.log(clipped), axis=1))
""",
        _ONE_HOT_Z,
        {"activation-missing"},
        set(),
    ),
    (
        "a sigmoid before cross_entropy",
        _TORCH
        + """
def loss(z, y):
    return F.cross_entropy(torch.sigmoid(z), y)
""",
        _INDEX_Z,
        {"activation-extra"},
        set(),
    ),
    (
        "softmax over the whole array",
        _NUMPY
        + """
def loss(z, y):
    e = np.exp(z - np.max(z))
    return -np.sum(y * np.log(e / np.sum(e))) / len(z)
""",
        _ONE_HOT_Z,
        {"softmax-wrong-axis"},
        {"overflow", "empty-class-nan"},
    ),
    (
        "labels clipped",
        _SCIPY
        + """
def loss(p, y):
    y = np.clip(y, 0.01, 0.99)
    return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
""",
        _P,
        {"labels-transformed"},
        set(),
    ),
    (
        "smoothing over the other classes",
        _TORCH
        + """
def loss(z, y):
    k = z.shape[1]
    smooth = torch.full_like(z, 0.1 / (k - 1)).scatter_(1, y[:, None], 0.9)
    return -(smooth * F.log_softmax(z, dim=1)).sum(dim=1).mean()
""",
        {**_INDEX_Z, "label_smoothing": 0.1},
        {"smoothing-wrong"},
        set(),
    ),
    (
        "the weight on both terms",
        _TORCH
        + """
def loss(p, y, pos_weight=3.0):
    return -torch.mean(pos_weight * (y * torch.log(p) + (1 - y) * torch.log(1 - p)))
""",
        {**_P, "pos_weight": 3.0},
        {"pos-weight-wrong-term"},
        {"gradient-nan"},
    ),
    (
        "weights w and 1 - w",
        _NUMPY
        + """
def loss(p, y, w=0.7):
    return -np.mean(w * y * np.log(p) + (1 - w) * (1 - y) * np.log(1 - p))
""",
        {**_P, "pos_weight": 0.7},
        {"pos-weight-normalised"},
        set(),
    ),
    (
        "weights of five classes, divided by their sum",
        _TORCH
        + """
def loss(z, y):
    return F.cross_entropy(z, y, weight=torch.tensor([1.0, 2.0, 3.0, 1.0, 0.5], dtype=z.dtype))
""",
        {**_INDEX_Z, "weight": (1.0, 2.0, 3.0, 1.0, 0.5)},
        {"pos-weight-normalised"},
        set(),
    ),
    (
        "padding is class 0 and counts",
        _TORCH
        + """
def loss(z, y):
    return F.cross_entropy(z, y, reduction="sum") / (y != 0).sum()
""",
        {**_INDEX_Z, "ignore_index": 0},
        {"masked-included"},
        set(),
    ),
    (
        "the last element left out",
        _SCIPY
        + """
def loss(z, y):
    each = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    return np.mean(each[:-1])
""",
        _Z,
        {"first-sample-only"},
        {"empty-class-nan"},
    ),
    (
        "chunks of fifty",
        _TORCH
        + """
def loss(z, y):
    each = F.binary_cross_entropy_with_logits(z, y, reduction="none").flatten()
    return torch.stack([part.mean() for part in each.split(50)]).mean()
""",
        _Z,
        {"mean-of-means"},
        set(),
    ),
    (
        "each class for itself, none when absent",
        _TORCH
        + """
def loss(z, y):
    each = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    parts = (each[y == 1], each[y == 0])
    return sum(part.sum() / max(len(part), 1) for part in parts) / 2
""",
        {**_HARD_Z, "pos_weight": 1.0},
        {"mean-of-means"},
        {"wrong-divisor", "class-weight-hidden"},
    ),
    (
        "one maximum for all rows",
        _NUMPY
        + """
def loss(z, y):
    z = z - z.max()
    return -np.mean(z[np.arange(len(y)), y] - np.log(np.exp(z).sum(axis=1)))
""",
        _INDEX_Z,
        {"overflow"},
        set(),
    ),
    (
        "two epsilons",
        _NUMPY
        + """
def loss(p, y):
    return -np.mean(y * np.log(p + 1e-8) + (1 - y) * np.log(1 - p + 1e-5))
""",
        _P,
        {"clip-asymmetric", "epsilon-in-log"},
        {"negative-value"},
    ),
    (
        "an epsilon after a softmax",
        _TORCH
        + """
def loss(z, y):
    p = F.softmax(z, dim=1)
    return -torch.log(p.gather(1, y[:, None]) + 1e-6).mean()
""",
        _INDEX_Z,
        {"epsilon-in-log"},
        {"gradient-dead", "clipped"},
    ),
    (
        "half precision on the way",
        _TORCH
        + """
def loss(z, y):
    return F.binary_cross_entropy_with_logits(z.half().float(), y.float())
""",
        _Z,
        {"low-precision-inside"},
        set(),
    ),
    (
        "a sum that grows",
        _SCIPY
        + """
class Running:
    total = 0.0

    def __call__(self, p, y):
        self.total += -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))
        return self.total

loss = Running()
""",
        _P,
        {"stateful"},
        {"formula-wrong", "empty-class-nan", "soft-labels-nan", "soft-labels-wrong"},
    ),
    (
        "random numbers set for the process",
        _TORCH
        + """
def loss(z, y):
    torch.manual_seed(0)
    return F.binary_cross_entropy_with_logits(z, y)
""",
        _Z,
        {"global-state-changed"},
        set(),
    ),
    (
        "backward without 1/N, kept by forward",
        _SCIPY
        + """
class Layer:
    def forward(self, p, y):
        self.p, self.y = p, y
        return -np.mean(xlogy(y, p) + xlog1py(1 - y, -p))

    def backward(self):
        return (self.p - self.y) / (self.p * (1 - self.p))

loss = Layer
""",
        _P,
        {"gradient-scale"},
        set(),
    ),
    (
        "a Hessian of ones",
        _SCIPY
        + """
def loss(z, y):
    return y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)

def gradient(z, y):
    return expit(z) - y

def hessian(z, y):
    return np.ones_like(z)
""",
        {**_Z, "reduction": "none"},
        {"hessian-wrong"},
        set(),
    ),
    (
        "α on both classes of a focal loss",
        _TORCH
        + """
def loss(z, y):
    p = torch.sigmoid(z)
    right = torch.where(y == 1, p, 1 - p)
    return (-0.25 * (1 - right) ** 2 * torch.log(right)).mean()
""",
        {**_HARD_Z, "alpha": 0.25, "gamma": 2.0},
        {"pos-weight-wrong-term"},
        {"overflow", "gradient-nan", "gradient-dead", "not-twice-differentiable"},
    ),
    (
        "mean over the batch, then the sum over classes",
        _TORCH
        + """
def loss(z, y):
    return (-y * F.log_softmax(z, dim=1)).mean(0).sum()
""",
        _ONE_HOT_Z,
        set(),
        set(),
    ),
    (
        "log cosh",
        _NUMPY
        + """
def loss(z, y):
    half = np.abs(z) / 2
    return np.mean(half + np.log1p(np.exp(-2 * half)) + z * (0.5 - y))
""",
        _Z,
        set(),
        set(),
    ),
    (
        "lerp",
        _TORCH
        + """
def loss(z, y):
    return torch.lerp(F.softplus(z), F.softplus(-z), y).mean()
""",
        _Z,
        set(),
        set(),
    ),
    (
        "einsum",
        _SCIPY
        + """
def loss(z, y):
    return -np.einsum("nk,nk->", y, log_softmax(z, axis=1)) / len(z)
""",
        _ONE_HOT_Z,
        set(),
        set(),
    ),
    (
        "one number at a time",
        """
import math

def loss(z, y):
    m = z if y == 1 else -z
    return math.log1p(math.exp(-m)) if m > 0 else -m + math.log1p(math.exp(m))
""",
        _HARD_Z,
        set(),
        set(),
    ),
    (
        "weighted classes, by hand",
        _SCIPY
        + """
def loss(p, y):
    return -np.sum(np.array([0.5, 1.0, 2.0]) * xlogy(y, p)) / len(p)
""",
        {**_ONE_HOT_P, "weight": (0.5, 1.0, 2.0)},
        set(),
        set(),
    ),
    (
        "a focal loss of probabilities",
        _NUMPY
        + """
def loss(p, y):
    right = np.where(y == 1, p, 1 - p)
    return np.mean(-((1 - right) ** 2) * np.log(right))
""",
        {**_HARD_P, "gamma": 2.0},
        set(),
        set(),
    ),
]

LOSSES = [
    (name, source, {**PLAIN, **declared}, must, may | _COMMON)
    for name, source, declared, must, may in _ROWS
]
