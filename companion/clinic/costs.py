"""What a wrong loss may charge instead: other costs of a "yes" and a "no".

`families` are pairs (or K) of costs that people charge by mistake, each named by its mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from companion import elementary
from companion.clinic.meaning import Meaning
from companion.elementary import softplus

__all__ = ["categorical_families", "families"]

_Costs = Callable[[Any], Any]
_GAMMAS = (0.5, 1, 1.5, 2, 3, 4, 5)  # of focal losses in use


def _pair(no: Callable, yes: Callable) -> _Costs:
    return lambda x: np.stack([no(x), yes(x)], axis=-1)


def _of_probabilities() -> dict[str, _Costs]:
    families = {
        "linear": _pair(lambda p: p, lambda p: -p),
        "log1p": _pair(lambda p: -np.log1p(1 - p), lambda p: -np.log1p(p)),
        "square": _pair(lambda p: p**2, lambda p: (1 - p) ** 2),
    }
    for gamma in _GAMMAS:
        families[f"focal {gamma:g}"] = _pair(
            lambda p, g=gamma: -(p**g) * np.log1p(-p),
            lambda p, g=gamma: -((1 - p) ** g) * np.log(p),
        )
    return families


def families(meaning: Meaning) -> dict[str, _Costs]:
    """Return the wrong costs of a binary loss by name, the likelier first."""
    after = _of_probabilities()
    if not meaning.logits:
        twice = {
            "activation twice": _pair(softplus, lambda p: softplus(-p)),
            "activation three times": _pair(
                lambda p: softplus(elementary.sigmoid(p)),
                lambda p: softplus(-elementary.sigmoid(p)),
            ),
        }
        return {**after, **twice}
    through: dict[str, _Costs] = {
        name: lambda z, costs=costs: costs(elementary.sigmoid(z)) for name, costs in after.items()
    }
    twice = _pair(
        lambda z: softplus(elementary.sigmoid(z)),
        lambda z: softplus(-elementary.sigmoid(z)),
    )
    margin = _pair(lambda z: z, lambda z: -z)
    return {
        "activation missing, linear": margin,
        "activation twice": twice,
        **through,
        "square of the logit": _pair(lambda z: z**2, lambda z: (1 - z) ** 2),
        "hinge": _pair(lambda z: np.maximum(0, 1 + z), lambda z: np.maximum(0, 1 - z)),
        "squared hinge": _pair(
            lambda z: np.maximum(0, 1 + z) ** 2, lambda z: np.maximum(0, 1 - z) ** 2
        ),
        "exponential": _pair(np.exp, lambda z: np.exp(-z)),
    }


def categorical_families(meaning: Meaning) -> dict[str, _Costs]:
    """Return the wrong costs of a loss of several classes by name; (..., K) or (..., 2K)."""
    softmax, log_softmax = elementary.softmax, elementary.log_softmax

    def on(p: Callable) -> dict[str, _Costs]:
        found: dict[str, _Costs] = {
            "linear": lambda x: -p(x),
            "square": lambda x: (1 - p(x)) ** 2,
            "log1p": lambda x: -np.log1p(p(x)),
            "two terms": lambda x: np.concatenate([-np.log1p(-p(x)), -np.log(p(x))], axis=-1),
        }
        for gamma in _GAMMAS:
            found[f"focal {gamma:g}"] = lambda x, g=gamma: -((1 - p(x)) ** g) * np.log(p(x))
        return found

    if not meaning.logits:
        return {
            **on(np.asarray),
            "activation twice": lambda p: -log_softmax(p, axis=-1),
            "activation three times": lambda p: -log_softmax(softmax(p, axis=-1), axis=-1),
        }
    found: dict[str, _Costs] = {
        "activation missing, linear": lambda z: -np.asarray(z),
        "sigmoids": lambda z: np.concatenate([softplus(z), softplus(-z)], axis=-1),
        "activation twice": lambda z: -log_softmax(softmax(z, axis=-1), axis=-1),
        "activation twice, a sigmoid first": lambda z: (
            -log_softmax(elementary.sigmoid(np.asarray(z)), axis=-1)
        ),
        **on(lambda z: softmax(z, axis=-1)),
    }
    return found
