"""How the results of ``cloudsearch report`` are printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.cli.output import put, say, width
from cloudsearch.render.formats import Format

if TYPE_CHECKING:
    from cloudsearch.reports.activity import Day
    from cloudsearch.reports.destination import Destination
    from cloudsearch.reports.report import Report
    from cloudsearch.reports.through import ThroughRow
    from cloudsearch.reports.verdicts import Marker, ReportRow


@dataclass(frozen=True, slots=True)
class Shown:
    """The format, where to, and what of it."""

    how: Format
    output: Path | None
    markers: frozenset[Marker] | None
    hide_benign: bool
    expand: bool
    whole_store: bool

    def through(self, rows: Sequence[ThroughRow]) -> None:
        """Who came into a role."""
        from cloudsearch.render.through import through

        put(through(rows, self.how, width=width()), self.output)

    def destinations(self, found: Sequence[Destination]) -> None:
        """Reports on roles, each with a word on whose sessions it is of."""
        from cloudsearch.render.through import whose_sessions

        self.reports([one.report for one in found], [list(whose_sessions(one, width())) for one in found])

    def reports(
        self, found: Sequence[Report], heads: Sequence[Sequence[str]] = ((),), days: Sequence[Day] = ()
    ) -> None:
        """Reports, one below the other; for programs the rows of all are one result, and the heads go to stderr.

        ``days`` are those of the one report of a document.
        """
        from cloudsearch.render.report import body, foot, head, page

        parts = []
        for own_head, report in zip(heads, found, strict=True):
            headlines = [*own_head, *head(report, whole_store=self.whole_store, width=width())]
            parts.append((headlines, self._rows(report), foot(report)))
        if self.how is Format.TABLE:
            put(self._tables(parts), self.output)
            return
        about = [line for headlines, _, last in parts for line in (*headlines, last)]
        if not self.how.is_document:
            for line in about:
                say(line)
        rows = [row for _, own, _ in parts for row in own]
        put(body(rows, self.how, expand=self.expand, width=width(), page=page(found, about, days)), self.output)

    def _rows(self, report: Report) -> list[ReportRow]:
        from cloudsearch.reports.report import shown

        return shown(report.rows, markers=self.markers, hide_benign=self.hide_benign)

    def _tables(self, parts: Sequence[tuple[Sequence[str], Sequence[ReportRow], str]]) -> Iterator[str]:
        from cloudsearch.render.report import body

        for at, (headlines, rows, last) in enumerate(parts):
            yield from ("",) if at else ()
            yield from headlines
            yield ""
            yield from body(rows, self.how, expand=self.expand, width=width())
            yield last
