"""Look for each finding in a chart; put causes first and withhold their consequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from companion.clinic.catalogue import BY_NAME, EDGES, ENDS, EXPLAINS, FIRST, SLOPE, VALUE
from companion.clinic.chart import Chart
from companion.clinic.clock import OutOfTime
from companion.clinic.finding import LIMIT, SEVERITIES, Evidence, Finding
from companion.clinic.witness import Witness, witness_of

__all__ = ["Found", "examine", "lost", "ordered"]

_LOST = ("hangs", "kills-the-process")


@dataclass(frozen=True, eq=False)
class Found:
    """A finding with the evidence for it."""

    finding: Finding
    evidence: Evidence
    witness: Witness

    @property
    def severity(self) -> str:
        """How bad it is here."""
        return self.evidence.severity or self.finding.severity


def examine(chart: Chart, name: str) -> tuple[list[Found], list[str]]:
    """Return what was found, in the order of the catalogue, and the names that time ran out for."""
    found: list[Found] = []
    groups = (FIRST, VALUE, EDGES, SLOPE, ENDS)
    names = [finding.name for group in groups for finding in group]
    for group in groups:
        for finding in group:
            names.remove(finding.name)
            try:
                each = _look(chart, finding, name)
            except OutOfTime:
                return [*lost(chart, name, found), *found], [finding.name, *names]
            if each is None:
                continue
            found.append(each)
            if chart.ordinary.values is None:
                return found, []
            if group in (VALUE, SLOPE) and each.severity != LIMIT:
                break
    return [*lost(chart, name, found), *found], []


def lost(chart: Chart, name: str, found: Sequence[Found] = ()) -> list[Found]:
    """Return what hung or died on the way, and is not found yet; it makes no call."""
    seen = {each.finding.name for each in found}
    late = [_look(chart, BY_NAME[other], name) for other in _LOST if other not in seen]
    return [each for each in late if each is not None]


def _look(chart: Chart, finding: Finding, name: str) -> Found | None:
    evidence = finding.examine(chart)
    if evidence is None:
        return None
    question, trouble = evidence.question, chart.patient.trouble
    if (
        finding.name not in _LOST
        and question is not None
        and (any(question.as_extreme_as(other) for other, _ in trouble))
    ):
        return None  # what is lost is not an inf, nor an exception
    witness = witness_of(chart, evidence, name)
    return None if witness is None else Found(finding, evidence, witness)


def ordered(found: list[Found]) -> tuple[list[Found], list[Found], list[Found]]:
    """Return causes, worst first; consequences of them; and limits."""
    names = {each.finding.name for each in found if each.severity != LIMIT}
    explained: set[str] = set()
    for name in names:
        explained |= set(EXPLAINS.get(name, ())) & names - {name}
    limits = [each for each in found if each.severity == LIMIT and "returns-no-number" not in names]
    rest = [each for each in found if each.severity != LIMIT]
    causes = [each for each in rest if each.finding.name not in explained]
    causes.sort(key=lambda each: SEVERITIES.index(each.severity))
    return causes, [each for each in rest if each.finding.name in explained], limits
