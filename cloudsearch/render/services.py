"""A report service by service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day
from cloudsearch.reports.services import ServiceRow

FIELDS = (
    "account",
    "principal",
    "service",
    "granted",
    "used",
    "unused",
    "unknown",
    "ungranted",
    "calls",
    "denied",
    "last_used",
)


def services(rows: Sequence[ServiceRow], how: Format, page: Page, *, width: int | None) -> Iterator[str]:
    """A line for each service: how many of the granted actions were used, and what the others are."""
    if how is not Format.TABLE:
        records = ({name: getattr(row, name) for name in FIELDS} for row in rows)
        yield from render(records, FIELDS, how, page)
        return
    cells = [(row.service, _used(row), row.calls or "", day(row.last_used), ", ".join(_others(row))) for row in rows]
    yield columns(cells, ("service", "used", "calls", "last used", "the others"), width=width) or "No service to show."


def _used(row: ServiceRow) -> str:
    return f"{row.used:,} of {row.granted:,} granted"


def _others(row: ServiceRow) -> Iterator[str]:
    if row.unused:
        yield f"{row.unused:,} unused"
    if row.unknown:
        yield f"{row.unknown:,} cannot be known"
    if row.ungranted:
        yield f"{row.ungranted:,} used but not granted"
