"""Times as people write them in a query: as exact as they are written, ``2026-08`` is the whole month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[Tt ](?P<hour>\d\d)(?::(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?)?)?)?",
    re.ASCII,
)
_NOW = re.compile(r"now(?:([+-])(\d{1,6})([smhdw]))?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to but without ``end``."""

    start: datetime
    end: datetime


def span_of(text: str, now: datetime) -> Span | None:
    """The time that is meant, from its beginning to its end; None for what is no time. UTC unless it says otherwise."""
    try:
        if shift := _NOW.fullmatch(text):
            moment = now + _shift(shift)
            return Span(moment, moment + _MILLISECOND)
        return _span(match) if (match := _ISO.fullmatch(text)) else None
    except (ValueError, OverflowError):
        return None


def _shift(match: re.Match[str]) -> timedelta:
    if match[1] is None:
        return timedelta()
    length = timedelta(**{_UNITS[match[3]]: int(match[2])})
    return length if match[1] == "+" else -length


def _span(match: re.Match[str]) -> Span:
    part = {name: int(match[name]) if match[name] else None for name in ("month", "day", "hour", "minute", "second")}
    fraction = (match["fraction"] or "").ljust(3, "0")[:3]
    start = datetime(
        int(match["year"]),
        part["month"] or 1,
        part["day"] or 1,
        part["hour"] or 0,
        part["minute"] or 0,
        part["second"] or 0,
        int(fraction) * 1000,
        _zone(match["zone"]),
    )
    return Span(start.astimezone(UTC), (start + _length(match, start)).astimezone(UTC))


def _zone(text: str | None) -> tzinfo | None:
    return UTC if text is None or text in "Zz" else datetime.strptime(text.replace(":", ""), "%z").tzinfo


def _length(match: re.Match[str], start: datetime) -> timedelta:
    """How long what is written lasts: the least unit that it names."""
    for name, length in (
        ("fraction", _MILLISECOND),
        ("second", timedelta(seconds=1)),
        ("minute", timedelta(minutes=1)),
        ("hour", timedelta(hours=1)),
        ("day", timedelta(days=1)),
    ):
        if match[name]:
            return length
    end = start.replace(year=start.year + 1) if not match["month"] else (start + timedelta(days=31)).replace(day=1)
    return end - start
