"""Gates for a pipeline: how many rows of a kind a report may have. A gate never passes on nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloudsearch.errors import UsageError
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import Marker, ReportRow

_WRITTEN = re.compile(r"([a-z]+)(?:>(\d{1,9}))?")


class Counted(StrEnum):
    """What can be limited: actions of a marker, or refused calls."""

    UNUSED = "unused"
    UNGRANTED = "ungranted"
    UNKNOWN = "unknown"
    DENIED = "denied"


_COUNTED = {
    Marker.UNUSED: Counted.UNUSED,
    Marker.UNGRANTED: Counted.UNGRANTED,
    Marker.UNKNOWN: Counted.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """At most ``limit`` of something."""

    counted: Counted
    limit: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate, and what was counted."""

    gate: Gate
    count: int

    @property
    def passed(self) -> bool:
        """Whether there are no more than allowed."""
        return self.count <= self.gate.limit


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the gates; ``inconclusive`` are the verdicts on principals of which nothing can be said."""

    judged: tuple[Judged, ...]
    inconclusive: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate held, on reports that could conclude something."""
        return not self.inconclusive and all(one.passed for one in self.judged)


def gates(text: str) -> tuple[Gate, ...]:
    """Read ``unused>20,ungranted``; ``UsageError`` for anything else."""
    return tuple(_gate(part.strip()) for part in text.split(","))


class Tally:
    """Counts for gates, report by report."""

    def __init__(self, asked: Sequence[Gate]) -> None:
        self._asked = tuple(asked)
        self._counts: Counter[Counted] = Counter()
        self._inconclusive: list[str] = []
        self._reports = 0

    def __bool__(self) -> bool:
        return bool(self._asked)

    def add(self, reports: Iterable[Report], rows: Iterable[ReportRow]) -> None:
        """Reports, and those of their rows that count."""
        for report in reports:
            self._reports += 1
            if report.verdict:
                self._inconclusive.append(f"{report.principal.arn}: {report.verdict}")
        for row in rows:
            self._counts[Counted.DENIED] += row.denied
            if row.marker in _COUNTED:
                self._counts[_COUNTED[row.marker]] += 1

    def result(self) -> Result:
        """What became of the gates; nothing that was reported on is no conclusion either."""
        nothing = () if self._reports else ("cannot conclude: there is no principal to report on",)
        return Result(
            tuple(Judged(gate, self._counts[gate.counted]) for gate in self._asked), (*nothing, *self._inconclusive)
        )


def _gate(part: str) -> Gate:
    match = _WRITTEN.fullmatch(part)
    if match is None or match[1] not in list(Counted):
        raise UsageError(f"--fail-on {part!r}: choose from {', '.join(Counted)}, each alone or with a limit: unused>20")
    return Gate(Counted(match[1]), int(match[2] or 0))
