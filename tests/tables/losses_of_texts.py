"""The losses of the five texts that the book answers, in our own words, and what is true of each.

Each row is a loss, its gradient or None, what is declared, and the findings that it must have: no
other of any severity but a limit. What a comment says of a number was checked by hand.
"""

import numpy as np
import torch
from scipy.special import expit, xlogy

__all__ = ["TEXTS"]

PROBABILITIES = {"inputs": "probabilities", "reduction": "mean"}
LOGITS = {"inputs": "logits", "reduction": "mean"}


def sigmoid_for_each_class(logits, classes):
    """Both terms on each of K sigmoids, where the classes exclude each other."""
    p = 1 / (1 + np.exp(-logits))
    rows = np.eye(logits.shape[1])[classes]
    return np.mean(np.sum(-rows * np.log(p) - (1 - rows) * np.log(1 - p), axis=1))


def tiny_epsilon(labels, p):
    """Labels first; what is added is below the resolution of 1 - p."""
    return -np.mean(labels * np.log(p + 1e-100) + (1 - labels) * np.log(1 - p + 1e-100))


def slope_with_tiny_epsilon(labels, p):
    return -(labels / (p + 1e-100) - (1 - labels) / (1 - p + 1e-100)) / labels.shape[0]


def by_definition(p, labels):
    return -np.mean(labels * np.log(p) + (1 - labels) * np.log(1 - p))


def by_xlogy(p, labels):
    return -np.mean(xlogy(labels, p) + xlogy(1 - labels, 1 - p))


def rows_of_classes(p, rows):
    return -np.mean(np.sum(rows * np.log(p), axis=1))


def product_of_rows(p, labels):
    """Rows of shape (1, N): the matrix product is the sum, of shape (1, 1)."""
    total = np.dot(labels, np.log(p).T) + np.dot(1 - labels, np.log(1 - p).T)
    return (-1 / labels.shape[1]) * total


def clamped(p, labels):
    p = torch.clamp(p, 1e-7, 1 - 1e-7)
    return torch.mean(-(labels * torch.log(p) + (1 - labels) * torch.log(1 - p)))


def logits_where_probabilities_belong(logits, labels):
    """Said to apply a sigmoid, which it does not."""
    return torch.nn.BCELoss()(logits, labels)


def sum_through_a_sigmoid(logits, labels):
    total = torch.nn.BCELoss(reduction="sum")(torch.sigmoid(logits), labels)
    return total / labels.numel()


def difference(logits, labels):
    return expit(logits) - labels


def through_a_sigmoid(logits, labels):
    return by_definition(expit(logits), labels)


TEXTS = {
    "a sigmoid for each class": (sigmoid_for_each_class, None, LOGITS | {"labels": "index"},
                                 {"two-term-on-categorical"}),
    "p - y beside the mean": (through_a_sigmoid, difference, LOGITS,
                              {"overflow", "tail-digits-lost", "gradient-scale"}),
    "an epsilon of 1e-100": (tiny_epsilon, slope_with_tiny_epsilon, PROBABILITIES,
                             {"epsilon-vanishes", "epsilon-in-log", "tail-digits-lost"}),
    "the definition": (by_definition, None, PROBABILITIES,
                       {"nan-at-certainty", "tail-digits-lost"}),
    "xlogy": (by_xlogy, None, PROBABILITIES, {"tail-digits-lost"}),
    "rows of classes": (rows_of_classes, None, PROBABILITIES | {"labels": "one-hot"},
                        {"nan-at-certainty"}),
    "a product of rows": (product_of_rows, None, PROBABILITIES,
                          {"nan-at-certainty", "tail-digits-lost"}),
    "a clamp": (clamped, None, PROBABILITIES, {"clipped", "gradient-dead", "tail-digits-lost"}),
    "logits for probabilities": (logits_where_probabilities_belong, None, LOGITS, {"crashes"}),
    "a sum through a sigmoid": (sum_through_a_sigmoid, None, LOGITS,
                                {"bad-values-hidden", "clipped", "gradient-dead",
                                 "tail-digits-lost"}),
}  # fmt: skip
