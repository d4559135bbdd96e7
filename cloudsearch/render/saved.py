"""What changed since a report that was saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import clean, columns, day
from cloudsearch.reports.saved import ChangedRow, Changes

FIELDS = tuple(field.name for field in fields(ChangedRow))
_NONE = "none"


def changes(found: Sequence[Changes], how: Format, *, width: int | None) -> Iterator[str]:
    """A line for each action whose marker or grant changed, by principal; rows for programs."""
    if how is not Format.TABLE:
        rows = ({name: getattr(row, name) for name in FIELDS} for one in found for row in one.rows)
        yield from render(rows, FIELDS, how, Page("What changed since the saved reports"))
        return
    for at, one in enumerate(found):
        yield from ("",) if at else ()
        yield clean(one.principal)
        yield from _of_one(one, width)


def _of_one(one: Changes, width: int | None) -> Iterator[str]:
    if one.then is None:
        yield "no report on it was saved by then: --save keeps one"
    elif not one.rows:
        yield f"as on {day(one.then)}"
    else:
        headers = ("action", f"{day(one.then)}", "now", "why")
        yield columns([_line(row) for row in one.rows], headers, width=width)


def _line(row: ChangedRow) -> tuple[str, ...]:
    then, now = _state(row.marker_then, row.granted_then), _state(row.marker, row.granted)
    return row.action, then, now, row.reason


def _state(marker: str | None, granted: str | None) -> str:
    if marker is None:
        return _NONE
    return f"{marker} {granted or ''}".rstrip() if marker.strip() else f"used, {granted or 'no grant'}"
