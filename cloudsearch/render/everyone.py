"""Reports on many principals: a line each, and what they rest on said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from cloudsearch.iam import State
from cloudsearch.render.monitored import monitoring
from cloudsearch.render.report import newer
from cloudsearch.render.text import columns, day
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import Marker, ReportRow

_HEADERS = ("principal", "granted", "used", "-", "?", "+", "last used", "")


@dataclass(frozen=True, slots=True)
class Line:
    """One principal's rows, counted; ``remark`` is a verdict, where nothing can be concluded.

    Within an account no two of a kind share a name, so the ARN need not be shown.
    """

    account: str
    name: str
    granted: int
    markers: Counter[Marker]
    last_used: datetime | None
    remark: str


def line(report: Report, rows: Sequence[ReportRow]) -> Line:
    """Count a report's rows."""
    principal = report.principal
    return counted(principal.account, f"{principal.kind} {principal.name}", rows, report.verdict or "")


def counted(account: str, name: str, rows: Sequence[ReportRow], remark: str) -> Line:
    """Count the rows of whoever has that name; the account is empty where it is several."""
    return Line(
        account,
        name,
        sum(row.granted != State.NOT_GRANTED for row in rows if row.granted),
        Counter(row.marker for row in rows),
        max(filter(None, (row.last_used for row in rows)), default=None),
        remark,
    )


def head(report: Report, *, whole_store: bool) -> Iterator[str]:
    """What all reports of one run have in common."""
    since, until = report.window.since, report.window.until
    if since and until:
        last = until - timedelta(microseconds=1)
        yield f"window    {day(since)} to {day(last)} UTC{' (all that is loaded)' if whole_store else ''}"
    yield f"IAM       as of {day(report.options.iam_as_of)}; AWS-managed policies change without an event"
    if after := newer(report):
        yield f"{'':9} {after}"
    for label, text in monitoring(report.monitored) if report.monitored else ():
        yield f"{label:9} {text}"


def table(lines: Iterable[Line], *, width: int | None) -> Iterator[str]:
    """A line for each principal, under its account; and their number."""
    found = list(lines)
    cells: list[tuple[object, ...]] = []
    for account, own in groupby(found, key=lambda one: one.account):
        if account:
            cells.append((f"account {account}", *[""] * (len(_HEADERS) - 1)))
        cells += map(_cells, own)
    yield columns(cells, _HEADERS, width=width) if cells else "No principal to report on."
    yield ""
    yield f"{len(found):,} principals; --expand shows their actions"


def _cells(one: Line) -> tuple[object, ...]:
    return (one.name, one.granted, *(one.markers[marker] for marker in Marker), day(one.last_used), one.remark)
