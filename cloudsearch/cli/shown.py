"""How the results of ``cloudsearch report`` are printed, and held against gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from cloudsearch.cli.output import put, say, width
from cloudsearch.errors import GateTripped
from cloudsearch.render.formats import Format
from cloudsearch.reports.merged import Merged

if TYPE_CHECKING:
    from cloudsearch.render.page import Page
    from cloudsearch.reports.activity import Day
    from cloudsearch.reports.destination import Destination
    from cloudsearch.reports.gates import Tally
    from cloudsearch.reports.report import Report
    from cloudsearch.reports.resources import ResourceReport, ResourceRow
    from cloudsearch.reports.saved import Changes
    from cloudsearch.reports.through import ThroughRow
    from cloudsearch.reports.verdicts import Marker, ReportRow


@dataclass(frozen=True, slots=True)
class Picked:
    """Which rows, and in which order: markers, services, nothing benign; the most dangerous first."""

    markers: frozenset[Marker] | None
    services: frozenset[str]
    hide_benign: bool
    by_risk: bool

    def counted(self, rows: Iterable[ReportRow]) -> list[ReportRow]:
        """The rows that are asked about, whatever their marker."""
        from cloudsearch.reports.report import shown

        of_services = [row for row in rows if not self.services or row.service in self.services]
        return shown(of_services, markers=None, hide_benign=self.hide_benign)

    def shown(self, rows: Iterable[ReportRow]) -> list[ReportRow]:
        """Those of them that are shown."""
        from cloudsearch.reports.services import by_risk

        kept = [row for row in rows if self.markers is None or row.marker in self.markers]
        return by_risk(kept) if self.by_risk else kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The format, where to, what of it, and the gates; ``result`` is the file that says what became of these."""

    how: Format
    output: Path | None
    picked: Picked
    expand: bool
    by_service: bool
    whole_store: bool
    tally: Tally
    result: Path | None

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
        from cloudsearch.render.report import foot, head

        parts = []
        for own_head, report in zip(heads, found, strict=True):
            headlines = [*own_head, *head(report, whole_store=self.whole_store, width=width())]
            parts.append((headlines, self._rows(report), foot(report)))
        if self.how is Format.TABLE:
            put(self._tables(parts), self.output)
        else:
            about = [line for headlines, _, last in parts for line in (*headlines, last)]
            self._document(found, [row for _, own, _ in parts for row in own], about, days)
        self._gate()

    def everyone(self, found: Iterable[Report]) -> None:
        """Reports on many principals: a line each, or with ``expand`` their rows; one report at a time."""
        from cloudsearch.render import everyone
        from cloudsearch.render.report import foot

        reports = iter(found)
        first = next(reports, None)
        about = [*everyone.head(first, whole_store=self.whole_store), foot(first)] if first else []
        reports = chain([first] if first else [], reports)
        if self.how is not Format.TABLE:
            rows = (row for report in reports for row in self._told(report))
            self._document([], rows if not self.by_service else list(rows), about)
        elif self.expand or self.by_service:
            put(self._each(reports), self.output)
        else:
            lines = [everyone.line(report, self._rows(report)) for report in reports]
            put([*about[:-1], "", *everyone.table(lines, width=width()), *about[-1:]], self.output)
        self._gate()

    def resources(self, found: Iterable[ResourceReport]) -> None:
        """Reports with the resources of each action."""
        from cloudsearch.render.page import Page
        from cloudsearch.render.report import foot, head
        from cloudsearch.render.resources import resources

        notes: list[str] = []
        if self.how is Format.TABLE:
            put(self._resources(found), self.output)
        else:
            rows = []
            for one in found:
                notes += [*head(one.report, whole_store=self.whole_store, width=width()), foot(one.report)]
                rows += self._touched(one)
            for line in notes if not self.how.is_document else ():
                say(line)
            put(resources(rows, self.how, Page("Granted on and used on", tuple(notes)), width=None), self.output)
        self._gate()

    def _resources(self, found: Iterable[ResourceReport]) -> Iterator[str]:
        from cloudsearch.render.page import Page
        from cloudsearch.render.report import foot, head
        from cloudsearch.render.resources import resources

        for at, one in enumerate(found):
            yield from ("",) if at else ()
            yield from head(one.report, whole_store=self.whole_store, width=width())
            yield ""
            yield from resources(self._touched(one), self.how, Page(), width=width())
            yield foot(one.report)

    def _touched(self, one: ResourceReport) -> list[ResourceRow]:
        by_action = {own.row.action: own for own in one.rows}
        return [by_action[row.action] for row in self._rows(one.report)]

    def merged(self, found: Sequence[Merged]) -> None:
        """Principals of many accounts that stand for one: a line each, or their rows; a single one's rows always."""
        from cloudsearch.render import everyone, merged
        from cloudsearch.render.report import foot

        first = next((report for one in found for report in one.reports), None)
        about = list(everyone.head(first, whole_store=self.whole_store)) if first else []
        last = foot(first) if first else ""
        if self.how is not Format.TABLE:
            notes = [*about, *(line for one in found for line in merged.head(one, width=width())), last]
            self._document([], [row for one in found for row in self._rows(one)], notes)
        elif self.expand or self.by_service or len(found) == 1:
            parts = [([*about, *merged.head(one, width=width())], self._rows(one), last) for one in found]
            put(self._tables(parts), self.output)
        else:
            lines = [merged.line(one, self._rows(one)) for one in found]
            put([*about, "", *everyone.table(lines, width=width()), last], self.output)
        self._gate()

    def changes(self, found: Sequence[Report], since: Sequence[Changes]) -> None:
        """What changed since saved reports; gates go by the reports of today."""
        from cloudsearch.render.saved import changes

        for report in found:
            self._rows(report)
        put(changes(since, self.how, width=width()), self.output)
        self._gate()

    def _told(self, report: Report) -> list[ReportRow]:
        """A report's rows; what cannot be concluded is said beside them."""
        if report.verdict and not self.how.is_document:
            say(f"{report.principal.arn}: {report.verdict}")
        return self._rows(report)

    def _each(self, reports: Iterable[Report]) -> Iterator[str]:
        from cloudsearch.render.report import foot, head

        for at, report in enumerate(reports):
            headlines = list(head(report, whole_store=self.whole_store, width=width()))
            yield from ("",) if at else ()
            yield from self._tables([(headlines, self._rows(report), foot(report))])

    def _document(
        self, found: Sequence[Report], rows: Iterable[ReportRow], about: Sequence[str], days: Sequence[Day] = ()
    ) -> None:
        from cloudsearch.render.report import page

        if not self.how.is_document:
            for line in about:
                say(line)
        around = page(found, about, days)
        put(self._body(rows, around), self.output)

    def _rows(self, report: Report | Merged) -> list[ReportRow]:
        rows = self.picked.counted(report.rows)
        self.tally.add(report.reports if isinstance(report, Merged) else (report,), rows)
        shown = self.picked.shown(rows)
        if not self.by_service:
            return shown
        services = {row.service for row in shown}  # of a service that has such rows, all are counted
        return [row for row in rows if row.service in services]

    def _body(self, rows: Iterable[ReportRow], around: Page) -> Iterator[str]:
        from cloudsearch.render.report import body
        from cloudsearch.render.services import services as rendered
        from cloudsearch.reports.services import services

        if self.by_service:
            return rendered(services(rows, riskiest_first=self.picked.by_risk), self.how, around, width=width())
        by_risk = self.picked.by_risk
        summed = self.picked.markers is None and not (by_risk or self.picked.hide_benign)
        return body(
            rows,
            self.how,
            expand=self.expand or by_risk,
            width=width(),
            page=around,
            summed=summed,
            markers=self.picked.markers,
        )

    def _tables(self, parts: Sequence[tuple[Sequence[str], Sequence[ReportRow], str]]) -> Iterator[str]:
        from cloudsearch.render.page import Page

        for at, (headlines, rows, last) in enumerate(parts):
            yield from ("",) if at else ()
            yield from headlines
            yield ""
            yield from self._body(rows, Page())
            yield last

    def _gate(self) -> None:
        """Say what became of the gates; raises ``GateTripped``."""
        if not self.tally:
            return
        from cloudsearch.render.gates import as_json, lines

        result = self.tally.result()
        if self.result is not None:
            put([as_json(result)], self.result)
        for line in lines(result):
            say(line)
        if not result.passed:
            raise GateTripped("A gate of --fail-on did not hold")
