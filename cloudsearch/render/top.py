"""The most frequent, one value a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day
from cloudsearch.reports.top import Top, TopRow

FIELDS = ("by", "value", "count", "denied", "errors", "first_seen", "last_seen", "before", "change")


def top(found: Top, how: Format, *, width: int | None) -> Iterator[str]:
    """The values in the format asked for; in the table what they are stands last, for it may be long."""
    if how is not Format.TABLE:
        records = ({name: getattr(row, name) for name in FIELDS} for row in found.rows)
        yield from render(records, FIELDS, how, Page("The most frequent", tuple(foot(found))))
        return
    if not found.rows:
        yield "No call is in the window."
        return
    compared = any(row.before is not None for row in found.rows)
    headers = ("count", *(("before", "change") if compared else ()), "denied", "first", "last", found.rows[0].by)
    yield columns((_line(row, compared=compared) for row in found.rows), headers, width=width)


def foot(found: Top) -> Iterator[str]:
    """Of how many values and calls these are, when, and why there is no comparison."""
    since, until = found.window.since, found.window.until
    span = f", {day(since)} to {day(until - timedelta(microseconds=1))} UTC" if since and until else ""
    yield f"{len(found.rows):,} of {found.values:,} values; {found.calls:,} calls{span}"
    if found.not_compared:
        yield f"not compared: {found.not_compared}"


def _line(row: TopRow, *, compared: bool) -> Sequence[object]:
    value = "(none is named)" if row.value is None else row.value
    before = (row.before, "" if row.change is None else f"{row.change:+}") if compared else ()
    return (row.count, *before, row.denied or "", day(row.first_seen), day(row.last_seen), value)
