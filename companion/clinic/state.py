"""What a loss leaves behind: in its arguments, in itself, in the process."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.patient import Answer, Question

__all__ = ["State", "settings", "settings_kept"]


class State:
    """What calls of one loss leave behind."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    @cached_property
    def again(self) -> list[Answer]:
        """The ordinary batch four times."""
        return [self._chart.ordinary, *(self._chart.ask(self.question) for _ in range(3))]

    @property
    def question(self) -> Question:
        """The ordinary batch."""
        return self._chart.batches.ordinary

    @cached_property
    def gradients(self) -> list[Answer]:
        """The gradient there twice, one after the other."""
        if not self._chart.patient.has_gradient:
            return []
        question = self.question.but(want="gradient")
        self._chart.ask(self.question)
        return [self._chart.ask(question), self._chart.ask(question)]

    @cached_property
    def between(self) -> Answer:
        """The value after a gradient was asked for."""
        assert self.gradients is not None
        return self._chart.ask(self.question)

    @cached_property
    def written(self) -> tuple[Question, Answer] | None:
        """The first of a few batches whose arguments the loss changes."""
        questions = [self.question]
        meaning = self._chart.meaning
        if meaning.binary and not meaning.logits:
            questions.append(Question(np.array([1.0, 0.0, 0.4]), np.array([1.0, 0.0, 1.0])))
        for question in questions:
            answer = self._chart.ask(question)
            if answer.changed:
                return question, answer
        return None

    @cached_property
    def settings(self) -> list[str]:
        """The settings of the process that calls have changed."""
        at_first, now = self._chart.patient.before, settings()
        changed = {name for name in at_first if not _same(at_first[name], now.get(name))}
        with _unusual():
            before = settings()
            self._chart.ask(self.question)
            after = settings()
        changed |= {name for name in before if not _same(before[name], after.get(name))}
        return [name for name in now if name in changed]


@contextlib.contextmanager
def _unusual() -> Iterator[None]:
    """Set what the calls before may have set already to something else, and set it back."""
    torch = sys.modules.get("torch")
    numbers = np.random.get_state()  # noqa: NPY002 - the one that others share
    of_torch = torch.get_rng_state() if torch is not None else None
    np.random.random()  # noqa: NPY002
    if torch is not None:
        torch.rand(1)
    try:
        with np.errstate(divide="warn", over="ignore", under="warn", invalid="warn"):
            yield
    finally:
        np.random.set_state(numbers)  # noqa: NPY002
        if torch is not None:
            torch.set_rng_state(of_torch)


def settings() -> dict[str, object]:
    """Return the settings of the process that a loss has no business with."""
    found: dict[str, object] = {
        "numpy.geterr": np.geterr(),
        "numpy.random": list(np.random.get_state())[1:],  # noqa: NPY002 - the one that others share
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch.is_grad_enabled"] = torch.is_grad_enabled()
        found["torch.get_default_dtype"] = torch.get_default_dtype()
        found["torch.get_rng_state"] = torch.get_rng_state().numpy()
    return found


@contextlib.contextmanager
def settings_kept() -> Iterator[dict[str, object]]:
    """Yield the settings, and put back those that a loss changed."""
    before: Any = settings()
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield before
    finally:
        np.seterr(**before["numpy.geterr"])
        np.random.set_state(state)  # noqa: NPY002
        torch = sys.modules.get("torch")
        if torch is not None and "torch.get_rng_state" in before:
            torch.set_grad_enabled(before["torch.is_grad_enabled"])
            torch.set_default_dtype(before["torch.get_default_dtype"])
            torch.set_rng_state(torch.from_numpy(before["torch.get_rng_state"]))


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list):
        return all(map(_same, before, after))
    return (
        bool(np.array_equal(before, after)) if isinstance(before, np.ndarray) else before == after
    )
