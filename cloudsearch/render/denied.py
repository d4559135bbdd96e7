"""Refused calls for people: a table, and the text of a week that fits a mail; row by row for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from itertools import groupby

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Chart, Page
from cloudsearch.render.text import clean, columns, day, folded, wide
from cloudsearch.reports.activity import Day
from cloudsearch.reports.denied import Denied, DeniedRow
from cloudsearch.reports.window import Window

FIELDS = tuple(field.name for field in fields(DeniedRow))

NOT_LOGGED = (
    "Not in these logs: roles refused to callers of other accounts; what a VPC endpoint's policy refused where "
    "its network activity is not logged; objects, items and other data that were refused where data events are not"
)
"""AWS CloudTrail user guide, "Cross-account delivery" and "Logging network activity events"."""

_WIDTH = 80
_MOST_ROWS = 12
_LONGEST = 160
"""Characters of a name in a mail: whoever makes a call chooses some of them."""


@dataclass(frozen=True, slots=True)
class Section:
    """Some of the rows, under a title; ``more`` are left out."""

    title: str
    rows: Sequence[DeniedRow]
    more: int


def denied(found: Denied, how: Format, *, width: int | None, days: Sequence[Day] = ()) -> Iterator[str]:
    """The clusters in the format asked for; the table gives a block to each principal. ``days`` are for a chart."""
    if how is not Format.TABLE:
        notes = (headline(found), *((found.problem,) if found.problem else ()), *foot(found))
        page = Page("Refused calls", notes, tuple(_charts(days)))
        yield from render(map(_plain, found.rows), FIELDS, how, page)
        return
    width = width or _WIDTH
    yield from folded(headline(found), width)
    for whom, block in groupby(sorted(found.rows, key=_whose), key=_whose):
        yield ""
        yield from _folded(" ".join(filter(None, whom)) or "nobody that the log names", width)
        yield from _block(list(block), width)
    yield ""
    for line in foot(found):
        yield from folded(line, width)


def _charts(days: Sequence[Day]) -> Iterator[Chart]:
    if any(day.denied for day in days):
        labels = tuple(day.day.isoformat() for day in days)
        yield Chart("Refused calls a day", labels, (("refused", tuple(day.denied for day in days)),))


def headline(found: Denied) -> str:
    """The period, how many calls were refused, how many kinds, and how many of these are new."""
    calls, rows = found.calls, found.rows
    if not rows:
        nothing = f"nothing can be concluded: {found.problem}" if found.problem else "no refused call is in the logs"
        return f"{period(found.window)}: {nothing}"
    kinds = f"{_many(calls, 'refused call')} of {_many(len(rows), 'kind')}"
    return f"{period(found.window)}: {kinds}{_novelty(rows)}"


def period(window: Window) -> str:
    """Its first and its last day."""
    last = day(window.until - timedelta(microseconds=1)) if window.until else ""
    if window.since:
        return f"{day(window.since)} to {last}" if last else f"from {day(window.since)} on"
    return f"up to {last}" if last else "all that is loaded"


def foot(found: Denied) -> Iterator[str]:
    """What the list does not hold, and what it cannot say."""
    if notes := sorted({row.note.removeprefix("new unknown: ") for row in found.rows if row.note}):
        others = f" and {len(notes) - 3} more" if len(notes) > 3 else ""
        yield f"?: whether it is new cannot be known: {'; '.join(notes[:3])}{others}"
    elif found.rows and found.previous:
        yield f"new: not refused from {period(found.previous)}"
    if found.incomplete:
        yield (
            f"Not all days are covered of {_some(found.incomplete)}: there may have been more refusals; "
            "`cloudsearch coverage` shows the days"
        )
    if found.by_services:
        yield f"{_many(found.by_services, 'refused call')} of AWS's own services left out: --include-services"
    yield NOT_LOGGED


def weekly(found: Denied) -> Iterator[str]:
    """The most important of it as a text of bounded length, in lines of 80 columns at most."""
    yield from folded(headline(found), _WIDTH)
    if found.rows:
        yield from folded(f"Reasons: {reasons(found.rows)}", _WIDTH)
    for section in sections(found.rows):
        yield ""
        yield section.title
        for row in section.rows:
            yield from _entry(row)
        if section.more:
            yield f"  and {section.more:,} more: cloudsearch denied lists them"
    yield ""
    for line in foot(found):
        yield from folded(line, _WIDTH)


def sections(rows: Sequence[DeniedRow]) -> Iterator[Section]:
    """What is new first, then what may be, then the rest; of each the rows with most calls."""
    for title, new in (("New", True), ("Perhaps new", None), ("As in the period before", False)):
        own = [row for row in rows if row.new is new]
        if own:
            yield Section(f"{title} ({len(own):,})", own[:_MOST_ROWS], max(0, len(own) - _MOST_ROWS))


def reasons(rows: Iterable[DeniedRow]) -> str:
    """The reasons with their calls, most first."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.reason] += row.calls
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one)))


def short(text: str | None) -> str:
    """A text made safe, and cut where it is longer than a mail has room for."""
    safe = clean(text or "")
    return safe if len(safe) <= _LONGEST else f"{safe[: _LONGEST - 3]}..."


def when(row: DeniedRow) -> str:
    """The days of the first and the last refusal."""
    first, last = day(row.first_seen), day(row.last_seen)
    return first if first == last else f"{first} to {last}"


def mark(row: DeniedRow) -> str:
    """``new``, ``?`` where that cannot be known, or nothing."""
    return {True: "new", None: "?", False: ""}[row.new]


def _plain(row: DeniedRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in FIELDS}


def _whose(row: DeniedRow) -> tuple[str, str]:
    return row.account or "", row.principal or ""


def _block(rows: Sequence[DeniedRow], width: int) -> Iterator[str]:
    """A line for each cluster with how many and what, and below it why and what would help."""
    cells = [(mark(row), f"{row.calls:,}x", row.action, row.region or "", "; ".join(row.flags)) for row in rows]
    for line, row in zip(columns([("", *one) for one in cells]).split("\n"), rows, strict=True):
        yield from _wrapped(line.rstrip(), width)
        yield from _set_in(f"{row.reason}, {when(row)}", width)
        yield from _set_in(row.advice, width)


def _entry(row: DeniedRow) -> Iterator[str]:
    flags = f" ({'; '.join(row.flags)})" if row.flags else ""
    yield from _wrapped(f"  {row.calls:,}x {short(row.action)} in {short(row.region) or 'no region'}{flags}", _WIDTH)
    yield from _set_in(f"{short(row.principal) or 'nobody that the log names'}, {row.account or 'no account'}", _WIDTH)
    yield from _set_in(f"{row.reason}, {when(row)}", _WIDTH)
    yield from _set_in(advice_of(row), _WIDTH)


def advice_of(row: DeniedRow) -> str:
    """The advice, cut to what a mail has room for."""
    safe = clean(row.advice)
    return safe if len(safe) <= 4 * _LONGEST else f"{safe[: 4 * _LONGEST - 3]}..."


def _set_in(text: str, width: int) -> Iterator[str]:
    yield from (f"      {part.strip()}" for part in _folded(text, width - 6))


def _wrapped(line: str, width: int) -> Iterator[str]:
    """A line of aligned columns; one that is too long goes on set in."""
    if wide(line) <= width:
        yield line
        return
    first, *rest = _folded(line.strip(), width - 6)
    yield f"  {first}"
    yield from (f"      {part.strip()}" for part in rest)


def _folded(text: str, width: int) -> list[str]:
    """Lines that fit, also where a word such as an ARN is longer: it is broken behind a slash or colon, or anywhere."""
    room = max(width - 4, 8)
    words = (piece for word in clean(text).split(" ") for piece in _pieces(word, room))
    return folded(" ".join(words), width)


def _pieces(word: str, room: int) -> Iterator[str]:
    room = room if word.isascii() else room // 2
    while wide(word) > room:
        at = max(word.rfind(mark, 1, room) for mark in "/:") + 1
        at = at if at > room // 2 else room
        yield word[:at]
        word = word[at:]
    yield word


def _novelty(rows: Sequence[DeniedRow]) -> str:
    counts = Counter(row.new for row in rows)
    told = f", {counts[True]:,} new" if counts[True] or counts[False] else ""
    return told + (f", of {counts[None]:,} unknown whether new" if counts[None] else "")


def _some(accounts: Sequence[str]) -> str:
    others = f" and {len(accounts) - 3:,} more" if len(accounts) > 3 else ""
    return f"account{'s' if len(accounts) > 1 else ''} {', '.join(accounts[:3])}{others}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"
