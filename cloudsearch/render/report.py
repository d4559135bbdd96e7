"""Used against granted, as people read it and as programs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby

from cloudsearch.iam import State
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.monitored import monitoring
from cloudsearch.render.page import Chart, Kind, Page
from cloudsearch.render.text import columns, day, folded
from cloudsearch.reports.activity import Day
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import Marker, ReportRow

FIELDS = (
    "account",
    "principal",
    "action",
    "marker",
    "granted",
    "used",
    "calls",
    "denied",
    "errors",
    "first_used",
    "last_used",
    "reason",
    "statements",
    "observed_from",
    "observed_days",
    "access_level",
)
MOST_SERVICES = 20
"""Services a chart has room for."""

_LEGEND = {
    Marker.USED: "used",
    Marker.UNUSED: "unused",
    Marker.UNKNOWN: "cannot be known",
    Marker.UNGRANTED: "used but not granted",
}


def head(report: Report, *, whole_store: bool, width: int | None) -> Iterator[str]:
    """What the report rests on: the principal, the window, what is loaded of its account, and how old the rest is."""
    principal = report.principal
    named = f"{principal.kind} {principal.name}  {principal.arn}  created {day(principal.created) or 'unknown'}"
    yield from folded(named, width)
    yield from columns(_about(report, whole_store=whole_store), width=width).split("\n")


def _about(report: Report, *, whole_store: bool) -> Iterator[tuple[str, str]]:
    account = report.circumstances.coverage
    since, until = report.window.since, report.window.until
    if since and until:
        last = until - timedelta(microseconds=1)
        yield "window", f"{day(since)} to {day(last)} UTC{' (all that is loaded)' if whole_store else ''}"
    days = f"{len(account.days)} days with events, {len(account.gaps)} gap days"
    yield "coverage", f"account {account.account}: {days}; regions {', '.join(sorted(account.regions)) or 'none'}"
    data = f"of {', '.join(sorted(account.data_sources))}" if account.data_sources else "not seen"
    yield "", f"read events {'seen' if account.read_regions else 'not seen'}; data events {data}"
    for region, services in report.unlogged.items():
        told = f"no management event of {region}, the only region that logs {', '.join(services)}"
        yield "", f"{told}: load it too (load --region {region})"
    yield "IAM file", f"as of {day(report.options.iam_as_of)}{f', {after}' if (after := newer(report)) else ''}"
    if account.days and (home := report.circumstances.home("iam")) and report.circumstances.lacks(home):
        yield "", f"changes of policies are logged in {home}, of which nothing is loaded: none is known"
    yield "", "AWS-managed policies change without an event; resource policies are not part of this report"
    if not report.options.scps_known:
        yield "", "service control policies are not known: give them with --scp, or --iam a snapshot"
    if report.options.selectors is not None:
        yield "trails", ", ".join(trail.name for trail in report.options.selectors.trails) or "none"
    if report.monitored is not None:
        yield from monitoring(report.monitored)
    if report.verdict:
        yield "verdict", report.verdict
    if report.circumstances.missing_documents:
        yield "missing", f"the IAM file lacks {', '.join(report.circumstances.missing_documents)}"


def newer(report: Report) -> str:
    """How long after the window IAM was as told, where that is a day or more."""
    until = report.window.until
    days = (report.options.iam_as_of - until).days if until else 0
    if days < 1:
        return ""
    return f"{days:,} {'day' if days == 1 else 'days'} after the window: later grants, if unseen, count as unused"


def foot(report: Report) -> str:
    """Which data on IAM's actions the report rests on, and of which day."""
    return f"actions as of {report.catalogue_version}"


def body(  # noqa: PLR0913 (each tells how rows are laid out)
    rows: Iterable[ReportRow],
    how: Format,
    *,
    expand: bool,
    width: int | None,
    page: Page | None = None,
    summed: bool = False,
    markers: Collection[Marker] | None = None,
) -> Iterator[str]:
    """The rows in the format asked for; the table folds what needs no line of its own, and counts the markers shown.

    ``summed`` are rows of whole services, one after the other: a line before each service's says how much was used.
    """
    if how is Format.TABLE:
        shown = list(rows)
        yield from _table(shown, expand=expand, width=width, summed=summed)
        yield from _sums(shown, tuple(_LEGEND) if markers is None else markers)
    else:
        yield from render(_records(rows), FIELDS, how, page)


def page(reports: Sequence[Report], notes: Iterable[str], days: Sequence[Day] = ()) -> Page:
    """What stands around the rows in a document; charts only around those of one report with its days."""
    if len(reports) != 1:
        return Page("Used against granted", tuple(notes))
    only = reports[0]
    title = f"Used against granted: {only.principal.kind} {only.principal.name}"
    return Page(title, tuple(notes), tuple(_charts(only, days)) if days else ())


def _charts(report: Report, days: Sequence[Day]) -> Iterator[Chart]:
    labels = tuple(day.day.isoformat() for day in days)
    yield Chart("Calls a day", labels, (("calls let in", tuple(day.calls for day in days)),))
    if any(day.denied for day in days):
        yield Chart("Refused calls a day", labels, (("refused", tuple(day.denied for day in days)),))
    if services := _busiest(report.rows):
        granted, used = zip(*(counts for _, counts in services), strict=True)
        names = tuple(name for name, _ in services)
        yield Chart("Actions of a service", names, (("granted", granted), ("granted and used", used)), Kind.COMPARED)


def _busiest(rows: Iterable[ReportRow]) -> list[tuple[str, tuple[int, int]]]:
    """Services with the most granted actions, those of which some were used first: (granted, used of these)."""
    granted: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for row in rows:
        if row.granted and row.granted != State.NOT_GRANTED:
            granted[row.service] += 1
            used[row.service] += row.used
    most = sorted(granted, key=lambda service: (not used[service], -granted[service], service))[:MOST_SERVICES]
    return [(service, (granted[service], used[service])) for service in most]


def _records(rows: Iterable[ReportRow]) -> Iterator[dict[str, object]]:
    for row in rows:
        record = {name: getattr(row, name) for name in FIELDS}
        record["statements"] = [
            {"policy": statement.policy, "sid": statement.sid, "effect": statement.effect}
            for statement in row.statements
        ]
        yield record


def _table(rows: Sequence[ReportRow], *, expand: bool, width: int | None, summed: bool) -> Iterator[str]:
    lines: list[tuple[object, ...]] = []
    for service, group in groupby(rows, key=lambda row: row.service):
        own = list(group)
        if not expand and _is_idle(own):
            lines += _folded(service, own)
            continue
        lines += [_summary(service, own)] if summed and len(own) > 1 else []
        lines += [_line(row) for row in own]
    if lines:
        yield columns(lines, ("  action", "calls", "last used", "why"), width=width)
    else:
        yield "No action to show."


def _summary(service: str, rows: Sequence[ReportRow]) -> tuple[object, ...]:
    granted = [row for row in rows if row.granted and row.granted != State.NOT_GRANTED]
    return (f"{service}: {sum(row.used for row in granted)} of {len(granted)} granted used", "", "", "")


def _is_idle(rows: Sequence[ReportRow]) -> bool:
    """A service of which nothing was used or tried."""
    return not any(row.tried for row in rows)


def _folded(service: str, rows: Sequence[ReportRow]) -> Iterator[tuple[object, ...]]:
    for marker in Marker:
        own = [row for row in rows if row.marker is marker]
        if len(own) < 2:
            yield from map(_line, own)
            continue
        reasons = Counter(row.reason for row in own)
        reason, count = reasons.most_common(1)[0]
        why = reason if count == len(own) else f"{len(reasons)} reasons, mostly: {reason}"
        yield (f"{marker} {service}:*", "", "", f"{len(own)} actions; {why}")


def _line(row: ReportRow) -> tuple[object, ...]:
    return (f"{row.marker} {row.action}", row.calls or "", day(row.last_used), row.reason)


def _sums(rows: Sequence[ReportRow], markers: Collection[Marker]) -> Iterator[str]:
    counts = Counter(row.marker for row in rows)
    yield ""
    yield ", ".join(f"{counts[marker]} {word}" for marker, word in _LEGEND.items() if marker in markers)
