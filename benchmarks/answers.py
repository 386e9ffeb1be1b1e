"""What `frameworks.py` and `boosters.py` tell: the text of a number, of a shape, of a refusal."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

NO_CALL = "no such call"


def told(result: np.ndarray) -> str:
    """Return an array as a text: up to three numbers of five digits, or its shape."""
    result = np.asarray(result)
    if result.size > 3 or result.size == 0:
        return f"array of shape {result.shape}"
    return " ".join(f"{value + 0.0:.5g}" for value in result.ravel().astype(float).tolist())


def answer(question: Callable[[], Any]) -> str:
    """Return what a call gives: its text, or its error, and whether it gave a `UserWarning`.

    A `RuntimeWarning` does not count: whether a NaN makes one depends on the processor.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = question()
        except Exception as error:  # whatever it is, it is the answer
            return complaint(error)
    warned = any(issubclass(w.category, UserWarning) for w in caught)
    return (result if isinstance(result, str) else told(result)) + " (warns)" * warned


def complaint(error: Exception) -> str:
    """Return the kind of an error and the first words of its message."""
    # Without marks of TensorFlow's, the time of day, and the place in a library's sources.
    noise = r"\{\{.*?\}\}|<[^>]*>|\[\d\d:\d\d:\d\d\] |\S+/\S+:\d+: "
    message = re.sub(noise, "", str(error)).split("\n")[0]
    words = ""
    for word in message.split():
        if len(words) + len(word) > 60 or "/" in word:
            return f"{type(error).__name__}: {words.strip()} …"
        words += f"{word} "
    return f"{type(error).__name__}: {words.strip()}"
