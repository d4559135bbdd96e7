"""Who may do it and who did, as people read it and as programs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from cloudsearch.iam import StatementRef
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.report import FIELDS as OF_REPORT
from cloudsearch.render.text import clean, columns, day, folded
from cloudsearch.reports.verdicts import Marker
from cloudsearch.reports.who import Who, WhoRow

OWN = ("kind", "other_calls", "untold_calls")
FIELDS = (*OF_REPORT, *OWN)
"""The report's keys, and those of the question's own."""

_LEGEND = {
    Marker.USED: "used it",
    Marker.UNUSED: "never did",
    Marker.UNKNOWN: "cannot be known",
    Marker.UNGRANTED: "used it and are not granted it",
}
_LACKING = 3
"""Principals that a note names."""


def who(found: Who, how: Format, *, width: int | None) -> Iterator[str]:
    """The principals in the format asked for; the table gives a block to each action."""
    if how is not Format.TABLE:
        page = Page("Who may do it and who did", tuple(notes(found, width=None)))
        yield from render(_records(found.rows), FIELDS, how, page)
        return
    for action, block in groupby(found.rows, key=lambda one: one.row.action):
        yield clean(action)
        yield columns(map(_line, block), ("  principal", "account", "calls", "last used", "why"), width=width)
        yield ""
    if found.rows:
        yield from _sums(found.rows)
    else:
        yield "Nobody that IAM told of is granted it, and no event shows that anybody used it."


def notes(found: Who, *, width: int | None) -> Iterator[str]:
    """What the answer leaves open."""
    if found.lacking:
        few, more = found.lacking[:_LACKING], len(found.lacking) - _LACKING
        others = f" and {more} more" if more > 0 else ""
        yield from folded(f"the IAM files lack policies of {', '.join(few)}{others}: they may be granted it", width)
    yield from folded(
        "AWS services, and callers whom no event names, are not listed; nor what resource policies grant", width
    )


def _records(rows: Iterable[WhoRow]) -> Iterator[dict[str, object]]:
    for one in rows:
        record = {name: getattr(one.row, name) for name in OF_REPORT} | {name: getattr(one, name) for name in OWN}
        record["statements"] = [
            {"policy": statement.policy, "sid": statement.sid, "effect": statement.effect}
            for statement in one.row.statements
        ]
        yield record


def _line(one: WhoRow) -> tuple[object, ...]:
    row = one.row
    name = f"{row.marker} {one.kind} {row.principal.rpartition('/')[2] or row.principal}"
    return (name, row.account, row.calls or "", day(row.last_used), "; ".join(_why(one)))


def _why(one: WhoRow) -> Iterator[str]:
    row = one.row
    if row.granted in ("granted", "conditional"):
        through = ", ".join(_named(one) for one in row.statements if one.effect == "Allow")
        limits = ", ".join(_named(one) for one in row.statements if one.effect == "Deny")
        yield f"{row.granted}{f' by {through}' if through else ''}{f', but for {limits}' if limits else ''}"
    if row.reason:
        yield row.reason
    if one.other_calls:
        yield f"{one.other_calls} on other resources"
    if one.untold_calls and row.used:
        yield f"{one.untold_calls} more, resource not told"


def _named(statement: StatementRef) -> str:
    return f"{statement.policy} ({statement.sid or f'statement {statement.index}'})"


def _sums(rows: Sequence[WhoRow]) -> Iterator[str]:
    counts = Counter(one.row.marker for one in rows)
    yield ", ".join(f"{counts[marker]} {word}" for marker, word in _LEGEND.items())
