"""Today's policies against others, as people read it and as programs do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cloudsearch.policies.diff import Diff, DiffRow, Fate
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import clean, columns, folded

FIELDS = (
    "account",
    "principal",
    "policy",
    "sid",
    "statement",
    "effect",
    "fate",
    "before",
    "after",
    "goes",
    "narrowed",
)
_NAMED = 4
"""Actions that a row names."""


@dataclass(frozen=True, slots=True)
class About:
    """What a comparison rests on: with what today's policies are compared, the window, and what is to be said."""

    against: str
    window: str
    notes: Sequence[str] = ()


def diff(found: Diff, about: About, how: Format, *, width: int | None) -> Iterator[str]:
    """The statements in the format asked for; the table ends in the differences of the JSON."""
    if how is not Format.TABLE:
        page = Page("Today's policies against others", (*head(found, about, None), *sums(found, about, None)))
        yield from render(_records(found.rows), FIELDS, how, page)
        return
    yield from head(found, about, width)
    yield ""
    if found.rows:
        yield columns(map(_line, found.rows), ("", "policy, statement", "actions", "what"), width=width)
        yield ""
    yield from map(clean, found.text)
    yield from ("",) if found.text else ()
    yield from sums(found, about, width)


def head(found: Diff, about: About, width: int | None) -> Iterator[str]:
    """What it rests on."""
    yield from folded(f"{found.principal.kind} {found.principal.arn}", width)
    yield from folded(f"window    {about.window}", width)
    yield from folded(f"against   {about.against}", width)


def sums(found: Diff, about: About, width: int | None) -> Iterator[str]:
    """The statements by what becomes of them, the actions over the catalogue, and the notes."""
    counts = Counter(row.fate for row in found.rows)
    yield from folded(", ".join(f"{counts[fate]:,} {_WORDS[fate]}" for fate in Fate), width)
    more = found.after - found.before
    new = f", {len(more):,} of them new" if more else ""
    yield from folded(f"{len(found.before):,} actions granted today, {len(found.after):,} after{new}", width)
    for note in about.notes:
        yield from folded(f"note: {note}", width)


_WORDS = {Fate.STAYS: "statements stay", Fate.NARROWED: "narrowed", Fate.GOES: "go", Fate.NEW: "new"}


def _records(rows: Iterable[DiffRow]) -> Iterator[dict[str, object]]:
    for row in rows:
        record: dict[str, object] = {name: getattr(row, name) for name in FIELDS}
        record |= {"goes": list(row.goes), "narrowed": list(row.narrowed)}
        yield record


def _line(row: DiffRow) -> tuple[object, ...]:
    name = f"{row.policy}, {row.sid or f'statement {row.statement}'}"
    if row.fate is Fate.NEW:
        return row.fate, name, f"+{row.after:,}", row.effect
    counts = f"{row.before:,}" if row.before == row.after else f"{row.before:,} to {row.after:,}"
    return row.fate, name, counts, "; ".join(_what(row))


def _what(row: DiffRow) -> Iterator[str]:
    if row.effect == "Deny":
        yield "Deny"
    if row.goes:
        yield f"no more: {_few(row.goes)}"
    if row.narrowed:
        yield f"on fewer resources, or under a Condition: {_few(row.narrowed)}"


def _few(names: Sequence[str]) -> str:
    others = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])}{f' and {others:,} more' if others > 0 else ''}"
