"""Single values: what counts as a text, a flag, a time, and what every store can take."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import cast

from cloudsearch.event import TEXT_LIMIT, Value

LIST_LIMIT = 1000
"""Elements a derived list keeps."""

YEARS = range(2006, 2101)
"""AWS began in 2006; a time outside is a mistake of whoever wrote it, and no guess is made."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:[.,](\d{1,12}))?\s?(?:([Zz]|UTC)|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_UNKEPT = re.compile(r"[\x00\ud800-\udfff]")


def text(value: object) -> str | None:
    """A text as it is, a number or boolean as JSON writes it; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def filled(value: object) -> str | None:
    """A text that says something: ``""`` is none."""
    return text(value) or None


def flag(value: object) -> bool | None:
    """A boolean, or one of the texts ``true`` and ``false`` in any case; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    """The texts without repetition and empty ones, in order of appearance, at most ``LIST_LIMIT`` of them."""
    found = dict.fromkeys(values)
    found.pop(None, None)
    found.pop("", None)
    return tuple(cast("dict[str, None]", found))[:LIST_LIMIT]


def storable(value: Value) -> Value:
    """The value as every store takes it: at most ``TEXT_LIMIT`` characters, no NUL, no half of a surrogate pair."""
    if isinstance(value, str):
        return _UNKEPT.sub("\ufffd", value[:TEXT_LIMIT])
    if isinstance(value, tuple):
        return distinct(_UNKEPT.sub("\ufffd", element[:TEXT_LIMIT]) for element in value)
    return value


def moment(written: str) -> tuple[datetime, str] | None:
    """An ISO 8601 date and time as UTC, cut to milliseconds, and its day; None for anything else.

    A time without a zone is UTC, as CloudTrail Lake writes it. A leap second is the last millisecond before it.
    """
    return _usual_moment(written) if len(written) == 20 else _moment(written)


@lru_cache(maxsize=4096)
def _usual_moment(written: str) -> tuple[datetime, str] | None:
    """As CloudTrail writes nearly all of them, and several in a second."""
    if written[4] == written[7] == "-" and written[10] == "T" and written[19] == "Z":
        try:
            time = datetime.fromisoformat(written)
        except ValueError:
            return _moment(written)
        return (time, written[:10]) if time.year in YEARS else None
    return _moment(written)


def _moment(written: str) -> tuple[datetime, str] | None:
    match = _TIME.fullmatch(written)
    if match is None:
        return None
    day, clock, second, fraction, _, sign, hours, minutes = match.groups()
    if second == "60":
        second, fraction = "59", "999"
    try:
        time = datetime.fromisoformat(f"{day}T{clock}{second}.{(fraction or '')[:3]:0<3}")
        time = (time - _offset(sign, hours, minutes)).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (time, time.date().isoformat()) if time.year in YEARS else None


def _offset(sign: str | None, hours: str, minutes: str) -> timedelta:
    if sign is None:
        return timedelta()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    zone = timezone(offset if sign == "+" else -offset)  # refuses a day or more
    return zone.utcoffset(None)
