"""What policies would have refused, as people read it and as programs do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cloudsearch.iam import StatementRef
from cloudsearch.policies.replay import Answer, Replayed, ReplayRow
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day, folded

FIELDS = (
    "account",
    "principal",
    "action",
    "resource",
    "answer",
    "reason",
    "statements",
    "calls",
    "first_seen",
    "last_seen",
    "events",
    "inferred",
    "today",
)
_NAMED = 25
"""Rows of an answer that the table shows."""


@dataclass(frozen=True, slots=True)
class About:
    """What a replay rests on: whose calls, when, by which policies, and what cannot be concluded of it, if anything."""

    principal: str
    window: str
    policies: str
    judged_by: str
    problem: str | None = None


def replayed(found: Replayed, about: About, how: Format, *, expand: bool, width: int | None) -> Iterator[str]:
    """The rows in the format asked for; the table folds what is much, and has a line of sums."""
    if how is not Format.TABLE:
        page = Page("What the policies would have refused", (*head(about, None), sums(found)))
        yield from render(records(found.rows), FIELDS, how, page)
        return
    yield from head(about, width)
    for answer, rows in groupby(found.rows, key=lambda row: row.answer):
        yield ""
        yield from _block(answer, list(rows), expand=expand, width=width)
    yield ""
    yield sums(found)


def head(about: About, width: int | None) -> Iterator[str]:
    """What it rests on."""
    yield from folded(about.principal, width)
    yield from folded(f"window    {about.window}", width)
    yield from folded(f"policies  {about.policies}", width)
    yield from folded(f"judged    {about.judged_by}", width)
    if about.problem:
        yield from folded(f"cannot conclude: {about.problem}", width)


def sums(found: Replayed) -> str:
    """How many calls there are of each answer."""
    counts = ", ".join(f"{found.events[answer]:,} {answer}" for answer in Answer)
    return f"{found.total:,} calls that were let in: {counts}"


def records(rows: Iterable[ReplayRow]) -> Iterator[dict[str, object]]:
    """The rows for programs."""
    for row in rows:
        record: dict[str, object] = {name: getattr(row, name) for name in FIELDS}
        record["statements"] = [statement(one) for one in row.statements]
        record["events"] = list(row.events)
        yield record


def statement(one: StatementRef) -> dict[str, object]:
    """A statement's reference for programs."""
    return {"policy": one.policy, "sid": one.sid, "effect": one.effect}


def _block(answer: Answer, rows: Sequence[ReplayRow], *, expand: bool, width: int | None) -> Iterator[str]:
    shown = rows if expand else sorted(rows, key=lambda row: -row.calls)[:_NAMED]
    lines = [(row.action, f"{row.calls:,}", day(row.last_seen), _why(row)) for row in shown]
    yield columns(lines, (f"{answer}", "calls", "last", "why"), width=width)
    if len(rows) > len(shown):
        yield f"and {len(rows) - len(shown):,} more; --expand shows them"


def _why(row: ReplayRow) -> str:
    parts = [f"on {row.resource}"] if row.resource else []
    parts += ["inferred"] if row.inferred else []
    parts.append(row.reason)
    if row.today:
        parts.append(f"today {row.today}")
    return f"{'; '.join(parts)}; event {row.events[0]}" if row.events else "; ".join(parts)
