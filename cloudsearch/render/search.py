"""Events, one a line, or one whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import islice

from rich.console import Console
from rich.syntax import Syntax

from cloudsearch.event import Row
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import cell, clean, columns, iso

PAGE = 50
"""Lines of a table that are aligned with one another: a table shows its beginning while its end is looked for."""

USUAL = ("time", "event_source", "event_name", "outcome", "error_code", "principal", "session_name", "source_address")
"""What a table is made of, where no fields are asked for."""

_HEADERS = ("time", "call", "outcome", "who, from where")


def events(  # noqa: PLR0913 (how rows are rendered, and how they begin)
    found: Iterable[Mapping[str, object]],
    fields: Sequence[str],
    how: Format,
    page: Page,
    *,
    width: int | None,
    headed: bool = True,
) -> Iterator[str]:
    """Events in the format asked for; in a table of the usual fields as one line a call.

    Without ``headed`` a table and CSV go on from what was printed before.
    """
    if how is not Format.TABLE:
        lines = render(found, fields, how, page)
        yield from lines if headed or how is not Format.CSV else islice(lines, 1, None)
        return
    usual = tuple(fields) == USUAL
    headers: Sequence[str] = () if not headed else _HEADERS if usual else fields
    rows = iter(found)
    while part := list(islice(rows, PAGE)):
        cells = [call(row) if usual else [cell(row[name]) for name in fields] for row in part]
        yield columns(cells, headers, width=width)
        headers = ()


def call(row: Mapping[str, object]) -> Sequence[str]:
    """An event as a line of a table: when, what, with what outcome, who and from where."""
    time = row["time"]
    service = str(row["event_source"] or "").removesuffix(".amazonaws.com")
    outcome = str(row["error_code"] or row["outcome"] or "")
    return (
        iso(time) if isinstance(time, datetime) else "",
        f"{service}:{row['event_name'] or ''}",
        outcome,
        f"{_who(row)} {row['source_address'] or ''}".strip(),
    )


def _who(row: Mapping[str, object]) -> str:
    """The end of the principal's ARN with the account, and the session."""
    principal = str(row["principal"] or "")
    pieces = principal.split(":", 5)
    short = f"{pieces[4]} {pieces[5]}" if len(pieces) == 6 else principal
    return f"{short} ({row['session_name']})" if row["session_name"] else short


def whole(row: Row, *, colour: bool, width: int | None) -> Iterator[str]:
    """One event: what was derived, and the record, its JSON set in and with ``colour`` highlighted."""
    shown = ((name, value) for name, value in row.items() if name != "raw" and value not in (None, ()))
    yield from columns(((name, cell(value)) for name, value in shown), width=width).split("\n")
    yield ""
    raw = row.get("raw")
    text = _indented(raw) if isinstance(raw, bytes) else "The record was not kept."
    yield from _coloured(text) if colour else text.split("\n")


def _indented(raw: bytes) -> str:
    """The record for people: what is invisible in it written as escapes; one that is no JSON as it is."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw.decode("utf-8", "replace")
    return "\n".join(map(clean, text.split("\n")))


def _coloured(text: str) -> Iterator[str]:
    widest = max(map(len, text.split("\n")))
    console = Console(file=StringIO(), force_terminal=True, color_system="standard", width=widest + 1)
    with console.capture() as captured:
        console.print(Syntax(text, "json", theme="ansi_dark", background_color="default"), soft_wrap=True)
    yield from (line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def foot(shown: int, *, more: bool, window: str = "") -> Iterator[str]:
    """How many there are, and how to see the others."""
    if not shown:
        yield f"No event is found{window}."
    elif more:
        yield f"The newest {shown:,} events{window}; there are more: --limit 0 shows all"
    else:
        yield f"{shown:,} {'event' if shown == 1 else 'events'}{window}"
