"""What `diagnose` returns: findings as data, as text, as a small page, as JSON."""

from __future__ import annotations

import html
import json
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

from companion.clinic.declared import Assumption
from companion.clinic.examination import Found

__all__ = ["Diagnosis", "Report"]

_SHOWN = 3
_STATUS = {"limit": 0, "minor": 1, "major": 2, "critical": 3}


@dataclass(frozen=True)
class Diagnosis:
    """One finding in one loss."""

    name: str
    severity: str
    sentence: str
    call: str
    """Lines of Python that show it."""
    got: str
    exact: str
    begins: str
    """Where it begins, if it does somewhere."""
    fix: str
    """What to write instead."""
    page: str
    """The page of the book that explains it, and the place on it."""

    @classmethod
    def of(cls, found: Found) -> Diagnosis:
        """Make one of a finding and its evidence."""
        finding, evidence, witness = found.finding, found.evidence, found.witness
        return cls(
            finding.name,
            found.severity,
            evidence.sentence,
            witness.call,
            witness.got,
            witness.exact,
            evidence.begins,
            evidence.fix or finding.fix,
            f"mistakes/{finding.page}.html#mistake-{finding.name}",
        )

    def __str__(self) -> str:
        lines = [f"{self.severity:8} {self.name}", _wrapped(self.sentence)]
        if self.call:
            lines += [f"    {line}" for line in self.call.splitlines()]
            lines += [f"    # got {self.got}, exact {self.exact}"]
        if self.begins:
            lines += [f"  It begins at {self.begins}."]
        return "\n".join([*lines, _wrapped(self.fix), f"  -> {self.page}"])


@dataclass(frozen=True)
class Report:
    """What is wrong with a loss; print it, or read its fields."""

    name: str
    """The loss."""
    findings: tuple[Diagnosis, ...]
    """Causes, the worst first; those that were expected are not among them."""
    withheld: tuple[Diagnosis, ...] = ()
    """What follows from the findings, and is shown when they are mended."""
    limits: tuple[Diagnosis, ...] = ()
    """What is not supported or not checked, which is true of most losses."""
    expected: tuple[Diagnosis, ...] = ()
    """What was declared to be known, and was found."""
    unmet: tuple[str, ...] = ()
    """What was declared to be known, and was not found."""
    assumed: tuple[Assumption, ...] = ()
    """What was taken for granted because nothing was declared."""
    tried: tuple[str, ...] = ()
    not_tried: tuple[str, ...] = ()
    setup: str = ""
    """Lines to run before the calls."""
    calls: int = 0
    """How often the loss was called."""
    seconds: float = 0.0
    table: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    """What each element pays for "yes" and "no", got and expected, for the small picture."""

    @property
    def ok(self) -> bool:
        """Whether it was examined, all that was expected came, and nothing else but limits."""
        return self.examined and not self.findings and not self.unmet

    @property
    def examined(self) -> bool:
        """Whether there was time to learn anything."""
        return bool(self.tried or self.findings)

    def at_least(self, severity: str) -> tuple[Diagnosis, ...]:
        """Return the findings that are as bad as `severity`, or worse."""
        return tuple(d for d in self.findings if _STATUS[d.severity] >= _STATUS[severity])

    def exit_status(self, fail_on: str = "major") -> int:
        """Return 1 if something is as bad as `fail_on`, 2 without an examination, 0 otherwise."""
        return int(bool(self.at_least(fail_on))) if self.examined else 2

    def to_json(self) -> str:
        """Return all fields as JSON."""
        content = asdict(self)
        return json.dumps({"ok": self.ok, **content}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Make one of what `to_json` wrote."""
        content = json.loads(text)
        content.pop("ok")
        for name in ("findings", "withheld", "limits", "expected"):
            content[name] = tuple(Diagnosis(**each) for each in content[name])
        content["assumed"] = tuple(Assumption(**each) for each in content["assumed"])
        for name in ("unmet", "tried", "not_tried"):
            content[name] = tuple(content[name])
        content["table"] = tuple(map(tuple, content["table"]))
        return cls(**content)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self._summary()}"]
        if self.findings and self.setup:
            lines.append(f"The calls below run after: {self.setup}")
        if self.assumed:
            lines.append(_wrapped(f"I take it that {_list(self.assumed)}.", ""))
        for diagnosis in self.findings[:_SHOWN]:
            lines += ["", str(diagnosis)]
        rest = [_wrapped(line, "") for line in self._rest()]
        return "\n".join([*lines, *rest])

    def _rest(self) -> list[str]:
        """Return what follows the findings that are shown, a line each, with blank ones between."""
        lines, more = [], self.findings[_SHOWN:]
        if more:
            lines += ["", f"{len(more)} more: {', '.join(d.name for d in more)}"]
        if self.withheld:
            lines += ["", f"{len(self.withheld)} more after this is fixed."]
        lines += [f"expected, and not found: {name}" for name in self.unmet]
        if self.limits:
            lines += ["", f"limits: {' '.join(d.sentence for d in self.limits)}"]
        if self.examined and not self.findings:
            lines.append(f"Tried, in {self.calls} calls: {_list(self.tried)}.")
        if self.not_tried:
            lines.append(f"Not tried: {_list(self.not_tried)}.")
        return lines

    def _summary(self) -> str:
        if not self.examined:
            return f"not examined: {self.calls} calls took the whole time."
        if not self.findings:
            return "nothing found."
        count = len(self.findings)
        return (
            f"{count} finding{'s' if count > 1 else ''} ({self.calls} calls, {self.seconds:.2g} s)"
        )

    def _repr_html_(self) -> str:
        parts = [f"<p><strong>{_safe(self.name)}</strong>: {_safe(self._summary())}</p>"]
        if self.assumed:
            parts.append(f"<p>I take it that {_safe(_list(self.assumed))}.</p>")
        for d in self.findings[:_SHOWN]:
            numbers = f"\n# got {d.got}, exact {d.exact}" if d.call else ""
            parts.append(
                f"<p><strong>{_safe(d.severity)}: {_safe(d.name)}</strong><br>"
                f"{_safe(d.sentence)}</p>"
                f"<pre>{_safe(d.call + numbers)}</pre>"
                f"<p>{_safe(d.fix)}<br>-&gt; {_safe(d.page)}</p>"
            )
        if self.table:
            parts.append(_picture(self.table))
        parts += [f"<p>{_safe(line)}</p>" for line in self._rest() if line]
        return "".join(parts)


def _picture(table: tuple[tuple[str, ...], ...]) -> str:
    """Return the table of what each element pays as HTML, with what is wrong marked."""
    head, *rows = table
    half = (len(head) - 1) // 2
    cells = "".join(f"<th>{_safe(text)}</th>" for text in head)
    lines = [f"<tr>{cells}</tr>"]
    for row in rows:
        marked = []
        for place, text in enumerate(row):
            wrong = 0 < place <= half and text != row[place + half]
            style = ' style="background:#f6cfc6;color:#5c0f12"' if wrong else ""
            marked.append(f"<td{style}>{_safe(text)}</td>")
        lines.append(f"<tr>{''.join(marked)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, 79, initial_indent=indent, subsequent_indent=indent)


def _safe(text: str) -> str:
    return html.escape(text)


def _list(words: tuple[Any, ...]) -> str:
    return "; ".join(map(str, words))
