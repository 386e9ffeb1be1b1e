"""Right losses, written in the ways that people write them, and faulty ones with their names.

Each row is a loss and what is declared of it. Those in PyTorch that lose the digits of tiny losses
do so as PyTorch's own functions do: that is a minor finding, and true.
"""

import math

import numpy as np
import torch
from scipy.special import entr, expit, kl_div, log_softmax, xlog1py, xlogy
from torch.nn import functional as F  # noqa: N812 (everybody writes F)

__all__ = ["FAULTY", "HEALTHY"]

LOGITS = {"inputs": "logits", "reduction": "mean"}
PROBABILITIES = {"inputs": "probabilities", "reduction": "mean"}


def two_softplus(z, y):
    return np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))


def softplus_minus(z, y):
    # One softplus of the signed logit, for hard labels alone.
    return np.logaddexp(0, np.where(y == 1, -z, z)).mean()


def by_xlogy(p, y):
    return -(xlogy(y, p) + xlog1py(1 - y, -p)).mean()


def chosen_logarithm(p, y):
    with np.errstate(divide="ignore"):
        return -np.where(y == 1, np.log(p), np.log1p(-p)).mean()


def divergence_and_entropy(p, y):
    # Cross-entropy is the divergence from the labels plus their entropy.
    return (kl_div(y, p) + kl_div(1 - y, 1 - p) + entr(y) + entr(1 - y)).mean()


def log_of_hyperbolic_cosine(z, y):
    half = np.abs(z) / 2  # log cosh by the larger exponential
    return np.mean(half + np.log1p(np.exp(-2 * half)) + (0.5 - y) * z)


def by_einsum(z, y):
    costs = np.stack([np.logaddexp(0, z), np.logaddexp(0, -z)])
    return np.einsum("ki,ki->", costs, np.stack([1 - y, y])) / y.size


def in_pure_python(z, y):
    total = 0.0
    for logit, label in zip(z, y, strict=True):
        margin = logit if label else -logit
        small = math.log1p(math.exp(-abs(margin)))
        total += small if margin > 0 else small - margin
    return total / len(y)


def of_numbers(z, y):
    return max(z, 0.0) - z * y + math.log1p(math.exp(-abs(z)))


class OfColumns:
    """A callable object, which wants predictions and labels as columns."""

    def __call__(self, z, y):
        if np.ndim(z) != 2 or z.shape != y.shape or z.shape[1] != 1:
            raise ValueError("columns of equal length, please")
        return two_softplus(z, y)


def labels_first(labels, logits):
    return np.mean(np.logaddexp(0, logits) - labels * logits)


def of_signs(z, y):
    return np.logaddexp(0, -y * z).mean()


def bits(p, y):
    return by_xlogy(p, y) / math.log(2)


def weighed(z, y):
    return np.mean(4 * y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))


def smoothed(z, y):
    return two_softplus(z, y * 0.9 + 0.05)


def index(z, y):
    return -np.take_along_axis(log_softmax(z, axis=1), y[:, None], axis=1).mean()


def one_hot(p, y):
    return -xlogy(y, p).sum(axis=1).mean()


class Fused(torch.autograd.Function):
    """The value and its derivative by hand, upstream included."""

    @staticmethod
    def forward(ctx, z, y):
        ctx.save_for_backward(z, y)
        return (torch.logaddexp(z, z * 0) - y * z).mean()

    @staticmethod
    def backward(ctx, upstream):
        z, y = ctx.saved_tensors
        return upstream * (torch.sigmoid(z) - y) / z.numel(), None


def torch_softplus(z, y):
    return (y * F.softplus(-z) + (1 - y) * F.softplus(z)).mean()


def torch_gather(z, y):
    return -F.log_softmax(z, dim=1).gather(1, y[:, None]).mean()


HEALTHY = {
    "two softplus": (two_softplus, LOGITS),
    "softplus of the signed logit": (softplus_minus, LOGITS | {"labels": "hard"}),
    "xlogy": (by_xlogy, PROBABILITIES),
    "where of logarithms": (chosen_logarithm, PROBABILITIES | {"labels": "hard"}),
    "divergence and entropy": (divergence_and_entropy, PROBABILITIES),
    "log cosh": (log_of_hyperbolic_cosine, LOGITS),
    "einsum": (by_einsum, LOGITS),
    "pure Python": (in_pure_python, LOGITS | {"labels": "hard"}),
    "numbers alone": (of_numbers, {"inputs": "logits"}),
    "columns alone": (OfColumns(), LOGITS),
    "labels first": (labels_first, {"inputs": "logits"}),
    "labels of -1 and 1": (of_signs, LOGITS | {"labels": "signs"}),
    "bits": (bits, PROBABILITIES | {"base": 2}),
    "pos_weight": (weighed, LOGITS | {"pos_weight": 4}),
    "smoothing": (smoothed, LOGITS | {"label_smoothing": 0.1}),
    "class indices": (index, LOGITS | {"labels": "index"}),
    "one-hot rows": (one_hot, PROBABILITIES | {"labels": "one-hot"}),
    "torch: BCEWithLogitsLoss": (torch.nn.BCEWithLogitsLoss(), LOGITS),
    "torch: one for each": (torch.nn.BCEWithLogitsLoss(reduction="none"),
                            {"inputs": "logits", "reduction": "none"}),
    "torch: a sum": (torch.nn.BCEWithLogitsLoss(reduction="sum"),
                     {"inputs": "logits", "reduction": "sum"}),
    "torch: pos_weight": (torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)),
                          LOGITS | {"pos_weight": 3}),
    "torch: softplus": (torch_softplus, LOGITS),
    "torch: Function": (Fused.apply, LOGITS),
    "torch: CrossEntropyLoss": (torch.nn.CrossEntropyLoss(), LOGITS | {"labels": "index"}),
    "torch: CrossEntropyLoss, smoothed": (torch.nn.CrossEntropyLoss(label_smoothing=0.1),
                                          LOGITS | {"labels": "index", "label_smoothing": 0.1}),
    "torch: CrossEntropyLoss of rows": (torch.nn.CrossEntropyLoss(),
                                        LOGITS | {"labels": "one-hot"}),
    "torch: gather": (torch_gather, LOGITS | {"labels": "index"}),
}  # fmt: skip


# Faulty ones ------------------------------------------------------------------------------------


def clipped(p, y):
    return by_xlogy(np.clip(p, 1e-6, 1 - 1e-6), y)


def epsilon(p, y):
    return -np.mean(y * np.log(p + 1e-5) + (1 - y) * np.log(1 - p + 1e-5))


def naive_sigmoid(z, y):
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def upstream_forgotten():
    class Forgetful(Fused):
        @staticmethod
        def backward(ctx, upstream):
            z, y = ctx.saved_tensors
            return (torch.sigmoid(z) - y) / z.numel(), None

    return Forgetful.apply


# The loss, what is declared, and the name that it must have.
FAULTY = {
    "answers exchanged": (lambda p, y: by_xlogy(p, 1 - y), PROBABILITIES, "branches-swapped"),
    "sign": (lambda z, y: -two_softplus(z, y), LOGITS, "sign-flipped"),
    "a sigmoid too many": (lambda p, y: two_softplus(p, y), PROBABILITIES, "activation-extra"),
    "a sum": (lambda z, y: two_softplus(z, y) * y.size, LOGITS, "reduction"),
    "a clip": (clipped, PROBABILITIES, "clipped"),
    "an epsilon": (epsilon, PROBABILITIES, "epsilon-in-log"),
    "a naive sigmoid": (naive_sigmoid, LOGITS, "overflow"),
    "a logarithm of zero": (
        lambda p, y: -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)),
        PROBABILITIES,
        "nan-at-certainty",
    ),
    "N by N": (
        lambda p, y: by_xlogy(p, y.reshape(-1, 1)) if y.ndim == 1 else by_xlogy(p, y),
        PROBABILITIES,
        "shape-broadcast",
    ),
    "the squared error": (lambda z, y: np.mean((expit(z) - y) ** 2), LOGITS, "not-cross-entropy"),
    "a hidden weight": (weighed, LOGITS | {"pos_weight": 1}, "class-weight-hidden"),
    "an upstream gradient forgotten": (upstream_forgotten(), LOGITS, "gradient-ignores-upstream"),
}
