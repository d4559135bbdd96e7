"""Users and roles, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day
from cloudsearch.reports.principals import PrincipalRow

FIELDS = (
    "account",
    "arn",
    "name",
    "kind",
    "created",
    "used",
    "calls",
    "last_seen",
    "sessions",
    "evidence",
    "exists",
)


def principals(rows: Sequence[PrincipalRow], how: Format, *, width: int | None) -> Iterator[str]:
    """The list in the format asked for."""
    if how is Format.TABLE:
        yield from _table(rows, width)
    else:
        yield from render(
            ({name: getattr(row, name) for name in FIELDS} for row in rows), FIELDS, how, Page("Principals")
        )


def _table(rows: Iterable[PrincipalRow], width: int | None) -> Iterator[str]:
    cells = [
        (f"{row.marker} {row.name}", row.account, row.calls, day(row.last_seen), "; ".join(_remarks(row)))
        for row in rows
    ]
    if cells:
        yield columns(cells, ("  name", "account", "calls", "last seen", "evidence"), width=width)
    else:
        yield "Nobody: no such principal in the IAM files or in the events."


def _remarks(row: PrincipalRow) -> Iterator[str]:
    yield from row.evidence
    if row.exists is False:
        yield "exists no more, or is in none of the IAM files"
    if row.marker == "-":
        yield "never used in the window"
    elif row.marker == "?":
        yield "no events; too little is loaded to call it unused"
    if row.is_service_linked:
        yield "service-linked: AWS's own"
    if row.permission_set:
        yield f"Identity Center: {row.permission_set}"
