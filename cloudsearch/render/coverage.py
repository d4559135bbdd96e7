"""What the store holds, folded into ranges of days; row by row for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns
from cloudsearch.reports.days import DayRow, DayState

FIELDS = (
    "account",
    "region",
    "day",
    "state",
    "quiet",
    "events",
    "read_events",
    "data_types",
    "late",
    "reason",
)
_WIDTH = 80
_MARKS = {DayState.PROVEN: " ", DayState.LOADED: " ", DayState.QUIET: "?", DayState.GAP: "!"}


def coverage(rows: Sequence[DayRow], how: Format, *, width: int | None) -> Iterator[str]:
    """The days in the format asked for; the table gives a block to each account and region."""
    if how is not Format.TABLE:
        yield from render(map(_plain, rows), FIELDS, how, Page("What the store holds"))
        return
    if not rows:
        yield "Nothing is loaded of these accounts and days."
        return
    for (account, region), block in groupby(rows, key=lambda row: (row.account, row.region)):
        own = list(block)
        place = f"{account or 'no account'} {region or 'no region'}"
        yield columns([(place, _kinds(own))], width=width or _WIDTH)
        yield columns(map(_range, _ranges(own)), width=width or _WIDTH)
        yield ""
    yield from _sums(rows)


def _plain(row: DayRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in FIELDS} | {"day": row.day.isoformat()}


def _ranges(rows: Iterable[DayRow]) -> Iterator[list[DayRow]]:
    """Days that follow each other in one state, for one reason."""
    for _, same in groupby(rows, key=lambda row: (row.state, row.quiet, row.reason)):
        yield list(same)


def _range(run: Sequence[DayRow]) -> tuple[str, ...]:
    first, last = run[0], run[-1]
    end = last.day.isoformat() if last is not first else ""
    days = f"{len(run):,} day{'s' if len(run) > 1 else ''}"
    return f"{_MARKS[first.state]} {first.day}", end, days, first.state, "; ".join(_remarks(run))


def _remarks(run: Sequence[DayRow]) -> Iterator[str]:
    if events := sum(row.events for row in run):
        yield f"{events:,} event{'s' if events > 1 else ''}"
    if run[0].quiet:
        yield "nothing was logged"
    if run[0].reason:
        yield run[0].reason
    if late := sum(row.late for row in run):
        yield f"{late:,} late {'deliveries' if late > 1 else 'delivery'}"


def _kinds(rows: Sequence[DayRow]) -> str:
    """Which kinds of events were seen at all."""
    types = sorted({type_ for row in rows for type_ in row.data_types})
    reads = "read events" if any(row.read_events for row in rows) else "no read events"
    return f"{reads}; {'data events: ' + ', '.join(types) if types else 'no data events'}"


def _sums(rows: Sequence[DayRow]) -> Iterator[str]:
    counts = Counter(row.state for row in rows)
    places = len({(row.account, row.region) for row in rows})
    states = "; ".join(f"{counts[state]:,} {state}" for state in DayState)
    yield f"days: {states}"
    yield f"counted once for each of {places:,} regions of {len({row.account for row in rows}):,} accounts"
    if not counts[DayState.PROVEN]:
        yield "nothing is proven: `cloudsearch validate` checks CloudTrail's digests"
