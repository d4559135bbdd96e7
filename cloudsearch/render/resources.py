"""Used against granted, resource by resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cloudsearch.catalogue import find
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, iso
from cloudsearch.reports.resources import ResourceRow

FIELDS = (
    "account",
    "principal",
    "action",
    "marker",
    "granted",
    "calls",
    "granted_on",
    "limited_to",
    "denied_on",
    "used_on",
    "not_told",
    "reason",
)
_NAMED = 3
"""Resources and patterns that a line names."""


def resources(rows: Iterable[ResourceRow], how: Format, page: Page, *, width: int | None) -> Iterator[str]:
    """A line for each action: where it is granted, and what events tell it was used on."""
    if how is not Format.TABLE:
        yield from render(map(_record, rows), FIELDS, how, page)
        return
    cells = [(f"{one.row.marker} {one.row.action}", one.row.calls or "", "; ".join(_where(one))) for one in rows]
    yield columns(cells, ("  action", "calls", "where"), width=width) or "No action to show."


def _record(one: ResourceRow) -> dict[str, object]:
    row, reach = one.row, one.reach
    return {
        "account": row.account,
        "principal": row.principal,
        "action": row.action,
        "marker": row.marker,
        "granted": row.granted,
        "calls": row.calls,
        "granted_on": reach.granted_on,
        "limited_to": reach.limited_to,
        "denied_on": reach.denied_on,
        "used_on": [
            {
                "resource": used.resource,
                "calls": used.calls,
                "first_used": used.first_used and iso(used.first_used),
                "last_used": used.last_used and iso(used.last_used),
            }
            for used in one.used_on
        ],
        "not_told": one.not_told,
        "reason": row.reason,
    }


def _where(one: ResourceRow) -> Iterator[str]:
    reach = one.reach
    if reach.granted_on:
        yield f"granted on {_some(reach.granted_on)}"
    if reach.limited_to:
        yield f"limited to {_some(reach.limited_to)}"
    if reach.denied_on:
        yield f"denied on {_some(reach.denied_on)}"
    if one.needs_all:
        yield "acts on no resource of its own"
    if one.used_on:
        named = [f"{used.resource} x {used.calls:,}" for used in one.used_on]
        yield f"used on {_counted(one)}: {_some(named)}"
    if one.not_told:
        yield f"{one.not_told:,} {'call' if one.not_told == 1 else 'calls'}: not told by the log"


def _counted(one: ResourceRow) -> str:
    """How many, by the name of their type where the action has but one: ``2 buckets``."""
    count = len(one.used_on)
    types = action.resource_types if (action := find(one.row.action)) else ()
    noun = types[0] if len(types) == 1 else "resource"
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{count:,} {noun}s"


def _some(texts: Sequence[str]) -> str:
    others = len(texts) - _NAMED
    return f"{', '.join(texts[:_NAMED])}{f' and {others:,} more' if others > 0 else ''}"
