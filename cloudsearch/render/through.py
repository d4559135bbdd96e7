"""Who came into a role, and whose sessions a report on a role is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.text import columns, day, folded
from cloudsearch.reports.destination import Destination, Theirs
from cloudsearch.reports.openings import role_key
from cloudsearch.reports.through import ThroughRow

FIELDS = (
    "role",
    "who",
    "who_id",
    "account",
    "way",
    "through",
    "sessions",
    "calls",
    "first_seen",
    "last_seen",
    "link",
    "proven",
)
_HEADERS = ("sessions", "calls", "first", "last", "way", "who; through; how it is known")


def through(rows: Sequence[ThroughRow], how: Format, *, width: int | None) -> Iterator[str]:
    """The list in the format asked for."""
    if how is Format.TABLE:
        yield (
            columns(map(_line, rows), _HEADERS, width=width) if rows else "Nobody: no session of the role in the logs."
        )
    else:
        yield from render(({name: getattr(row, name) for name in FIELDS} for row in rows), FIELDS, how)


def whose_sessions(found: Destination, width: int | None) -> Iterator[str]:
    """Of which sessions the report is, and which it could not tell."""
    origin, came = found.origin, found.came
    yield from folded(f"what {origin.kind} {origin.name}  {origin.arn}  did as", width)
    counts = {one: came.sessions.get(one, 0) for one in Theirs}
    span = f", {day(came.first)} to {day(came.last)}" if came.first else ""
    text = f"sessions  {counts[Theirs.YES]} proven to go back to {origin.name}{span}; {counts[Theirs.NO]} of others; "
    told = f", {came.told} of them said to be {origin.name}'s" if came.told else ""
    yield from folded(f"{text}{counts[Theirs.PERHAPS]} of unproven origin{told}", width)


def _line(row: ThroughRow) -> tuple[object, ...]:
    who = f"{_short(row.who, row.account)}{f' of {row.account}' if row.account else ''}" if row.who else "?"
    seen = day(row.first_seen), day(row.last_seen)
    return row.sessions, row.calls, *seen, row.way or "", "; ".join((who, *_known(row)))


def _known(row: ThroughRow) -> Iterable[str]:
    account = role_key(row.role)[0]
    if row.through:
        yield "through " + ", ".join(_short(role, account) for role in row.through)
    if row.who is None:
        yield row.link
    else:
        yield f"proven: {row.link}" if row.proven else f"told by {row.link}"


def _short(name: str, account: str | None) -> str:
    """An ARN of IAM's without what goes without saying: that it is one, and its account, if it is this one."""
    pieces = name.split(":", 5)
    if len(pieces) != 6 or pieces[2] != "iam":
        return name
    return pieces[5] if pieces[4] == account else f"{pieces[4]}:{pieces[5]}"
