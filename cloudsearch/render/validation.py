"""What the digests prove, as a table that folds hours of one state into a line, or row by row for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from cloudsearch.logs.chains import State
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import clean, columns
from cloudsearch.reports.validation import Finding, FindingRow, Sums

FIELDS = (
    "account",
    "region",
    "trail",
    "start",
    "end",
    "finding",
    "state",
    "reason",
    "log_files",
    "valid_log_files",
    "quiet",
    "oldest_event",
    "newest_event",
    "name",
    "files",
)
_MARKS = {State.VALID: " ", State.UNPROVEN: "?", State.INVALID: "!", State.MISSING: "!"}


def validation(rows: Sequence[FindingRow], how: Format, *, width: int | None) -> Iterator[str]:
    """The findings in the format asked for; the table gives a block to each account, region and trail."""
    if how is not Format.TABLE:
        yield from render(
            ({name: getattr(row, name) for name in FIELDS} for row in rows), FIELDS, how, Page("Log files and digests")
        )
        return
    spans = [row for row in rows if row.start]
    for (account, region, trail), block in groupby(spans, key=lambda row: (row.account, row.region, row.trail)):
        yield clean(f"{account} {region}  trail {trail or 'not named'}")
        yield from _block(list(block), width)
    yield from _files([row for row in rows if not row.start])


def summary(sums: Sums) -> Iterator[str]:
    """What it comes to, and what it does not say."""
    states = ", ".join(f"{count:,} {state}" for state, count in sums.states if count or state is State.VALID)
    yield f"digests: {sums.digests:,}: {states}; quiet hours proven: {sums.quiet:,}"
    yield f"log files listed: {sums.log_files:,}, proven valid: {sums.valid_log_files:,}"
    if sums.gaps:
        yield f"gaps in the chain of digests: {sums.gaps:,}"
    if sums.unexpected:
        yield f"log files that no digest of their hour lists: {sums.unexpected:,}"
    if sums.uncovered:
        yield f"log files of hours that no digest here speaks of: {sums.uncovered:,}"


def _block(rows: Sequence[FindingRow], width: int | None) -> Iterator[str]:
    cells = []
    for _, same in groupby(rows, key=lambda row: (row.finding, row.state, row.reason)):
        run = list(same)
        cells.append((*_span(run), _MARKS[run[0].state], "; ".join(_said(run))))
    yield columns(((f"{mark} {start}", end, said) for start, end, mark, said in cells), width=width or 80)
    yield from (line for row in rows for line in _bad_files(row))


def _span(run: Sequence[FindingRow]) -> tuple[str, str]:
    return _minute(run[0].start), _minute(max(row.end for row in run if row.end))


def _said(run: Sequence[FindingRow]) -> Iterator[str]:
    first = run[0]
    if first.finding is Finding.GAP:
        yield f"gap: {first.reason}"
        return
    kind = "backfill" if first.finding is Finding.BACKFILL else "digest"
    yield f"{first.state}: {len(run):,} {kind}{'s' if len(run) > 1 else ''}"
    if files := sum(row.log_files for row in run):
        yield f"{files:,} log file{'s' if files > 1 else ''}"
    if quiet := sum(row.quiet for row in run):
        yield f"{quiet:,} quiet"
    if first.reason:
        yield first.reason


def _bad_files(row: FindingRow) -> Iterator[str]:
    for file in row.files:
        yield clean(f"    {file['state']}: {file['name']}")


def _files(rows: Iterable[FindingRow]) -> Iterator[str]:
    for row in rows:
        yield clean(f"{_MARKS[row.state]} {row.finding}: {row.name}: {row.reason}")


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""
