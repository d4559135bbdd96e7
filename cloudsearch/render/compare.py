"""Client-side monitoring against CloudTrail, an operation a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.monitored import line
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day, folded
from cloudsearch.reports.compare import CompareRow, Comparison, Part

FIELDS = (
    "part",
    "service",
    "call",
    "account",
    "principal",
    "count",
    "first_seen",
    "last_seen",
    "reason",
)
_HEADS = {
    Part.LOGGED: "Logged: CloudTrail has these calls of SDKs",
    Part.NOT_LOGGED: "Not logged: SDKs made these calls, and CloudTrail has no event of them",
    Part.UNKNOWN: "Whether these calls were logged cannot be known",
    Part.UNANSWERED: "Never answered: these calls did not reach AWS, as far as the SDK could tell",
    Part.ONLY_LOGGED: "Only in CloudTrail: no SDK on a host that is listened on told of these calls",
}


def compare(found: Comparison, how: Format, *, width: int | None) -> Iterator[str]:
    """The parts, one below the other; for programs a record a row."""
    if how is not Format.TABLE:
        records = ({name: getattr(row, name) for name in FIELDS} for row in found.rows)
        yield from render(records, FIELDS, how, Page("Client-side monitoring and CloudTrail", tuple(foot(found))))
        return
    if not found.hosts:
        text = "No record of client-side monitoring is in the window. Record some: cloudsearch record"
        yield from folded(text, width)
        return
    for part, rows in groupby(found.rows, key=lambda row: row.part):
        yield from folded(f"{_HEADS[part]} ({found.totals[part]:,})", width)
        yield columns(map(_cells, rows), ("count", "last", "call"), width=width)
        yield ""


def foot(found: Comparison) -> Iterator[str]:
    """How many calls are in which part, when, and which hosts they are of."""
    if not found.hosts:
        return
    yield "; ".join(f"{part}: {found.totals.get(part, 0):,}" for part in Part)
    since, until = found.window.since, found.window.until
    if since and until:
        yield f"days with records: {day(since)} to {day(until - timedelta(microseconds=1))} UTC"
    yield from map(line, found.hosts)


def _cells(row: CompareRow) -> tuple[object, ...]:
    who = f" by {row.principal}" if row.principal else ""
    why = f": {row.reason}" if row.reason else ""
    return row.count, day(row.last_seen), f"{row.service}:{row.call}{who}{why}"
