"""What a loss leaves behind: in its arguments, in itself, in the process."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Generator
from functools import cached_property
from typing import Any

import numpy as np

from companion.clinic.patient import Answer, Question

__all__ = ["FEW", "MANY", "State", "preserved", "settings"]

FEW, MANY = 8, 40  # calls of the large batch
_GENERATORS = ("random.getstate", "numpy.random", "torch.get_rng_state")


class State:
    """What calls of one loss leave behind."""

    def __init__(self, chart: Any) -> None:
        self._chart = chart

    @cached_property
    def again(self) -> list[tuple[Question, list[Answer]]]:
        """A small and a large batch, each with the answers to it up to the first that differs.

        A loss each call of which answers otherwise with probability q, below a half, gets away
        with it with a probability of about (1 - q)^n or less, n being `FEW`, or `MANY` where its
        value was wrong or it draws random numbers that the process shares.
        """
        chart, n = self._chart, len(self._chart.batches.larger.x)
        small = self._until_another(self.question, [chart.ordinary], 3)
        large = chart.batches.of(126 // n * n)
        # In so many elements even a rare dropout strikes.
        times = FEW if not self.draws and chart.right else MANY
        return [(self.question, small), (large, self._until_another(large, [], times))]

    def _until_another(self, question: Question, answers: list[Answer], times: int) -> list[Answer]:
        clock = self._chart.patient.clock
        end = clock.left - 0.1 * clock.budget  # a slow loss is asked less often
        for _ in range(times):
            answers.append(self._chart.ask(question))
            if not answers[-1].same(answers[0], 1e-9) or clock.left < end:
                break
        return answers

    @cached_property
    def draws(self) -> bool:
        """Whether a call moves on a generator of random numbers that the process shares."""
        before = settings()
        self._chart.ask(self.question)
        after = settings()
        return not all(_same(before[name], after[name]) for name in _GENERATORS if name in before)

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
        _ = self.gradients  # asks for it, if nobody has
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
        """The settings of the process that a call changes."""
        found: list[dict[str, object]] = []
        for draws in (1, 2):
            with preserved():
                _unusual(draws)
                before = settings()
                self._chart.ask(self.question)
                found.append(settings())
        # Who draws random numbers moves on their generator; who sets it always leaves it the same.
        changed = {name: not _same(before[name], found[1][name]) for name in before}
        return [
            name
            for name in before
            if changed[name] and (name not in _GENERATORS or _same(found[0][name], found[1][name]))
        ]


@contextlib.contextmanager
def preserved() -> Generator[None]:
    """Set back at the end what a loss may have changed in the process."""
    torch: Any = sys.modules.get("torch")
    of_python = random.getstate()
    numbers = np.random.get_state()  # noqa: NPY002 - the one that others share
    of_torch = torch and (
        torch.get_rng_state(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )
    try:
        with np.errstate():
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(numbers)  # noqa: NPY002
        if of_torch:
            torch.set_rng_state(of_torch[0])
            torch.set_grad_enabled(of_torch[1])
            torch.set_default_dtype(of_torch[2])


def _unusual(draws: int) -> None:
    """Set what the calls before may have set already to something else."""
    np.seterr(divide="warn", over="ignore", under="warn", invalid="warn")
    np.random.random(draws)  # noqa: NPY002
    for _ in range(draws):
        random.random()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.rand(draws)
        torch.set_grad_enabled(True)


def settings() -> dict[str, object]:
    """Return the settings of the process that a loss has no business with."""
    found: dict[str, object] = {
        "numpy.geterr": np.geterr(),
        "random.getstate": random.getstate(),
        "numpy.random": list(np.random.get_state())[1:],  # noqa: NPY002 - the one that others share
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch.is_grad_enabled"] = torch.is_grad_enabled()
        found["torch.get_default_dtype"] = torch.get_default_dtype()
        found["torch.get_rng_state"] = torch.get_rng_state().numpy()
    return found


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, list):
        return all(map(_same, before, after))
    return (
        bool(np.array_equal(before, after)) if isinstance(before, np.ndarray) else before == after
    )
