"""The span of time a report speaks of, and the dates people write for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cloudsearch.errors import UsageError
from cloudsearch.event import Field
from cloudsearch.where import Everything, Range, Where

_AGO = re.compile(r"(\d{1,5})d", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d|\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` up to but without ``until``, UTC; None leaves a side open."""

    since: datetime | None = None
    until: datetime | None = None

    def where(self, time: Field) -> Where:
        """Rows whose time lies in the window."""
        return Range(time, self.since, self.until) if self.since or self.until else Everything()

    def __contains__(self, time: datetime) -> bool:
        return (self.since is None or self.since <= time) and (self.until is None or time < self.until)


def window(since: str | None, until: str | None, *, now: datetime) -> Window:
    """Read ``--since`` and ``--until``: ISO dates or times in UTC, or ``90d`` from now.

    A bare ``until`` date includes that day. Raises ``UsageError`` for anything else and for an empty window.
    """
    start = _moment(since, now, "--since") if since is not None else None
    end = _moment(until, now, "--until") if until is not None else None
    if end and until and _DAY.fullmatch(until.strip()):
        end = _day_after(end)
    if start and end is None and since and _AGO.fullmatch(since.strip()):
        end = now
    if start and end and start >= end:
        raise UsageError(f"The window is empty: --since {since} is not before --until {until or 'now'}")
    return Window(start, end)


def _moment(text: str, now: datetime, flag: str) -> datetime:
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return _days_before(now, int(ago[1]))
    try:
        moment = datetime.fromisoformat(text if _DAY.match(text) else "")  # no weeks: is all of one meant?
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{flag} {text!r} is no date: write 2026-08-31, 2026-08-31T12:00:00Z or 90d") from error


def _day_after(day: datetime) -> datetime | None:
    """None after the calendar's last day: there is no end then."""
    return day + timedelta(days=1) if day.date() < date.max else None


def _days_before(now: datetime, days: int) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"{days}d reaches back before the calendar begins") from error


def days_between(first: date, last: date) -> list[date]:
    """Every day from ``first`` to ``last``, both included."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
