"""What a server that is busy says of when to come back (RFC 9110, "Retry-After")."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DIGITS = 9
"""Of a number of seconds: 30 years, and nothing that a float could not hold."""


def seconds_of(header: str | None, now: datetime) -> float | None:
    """How long to wait by a header that gives seconds or an HTTP date; None where it says neither.

    ``now`` is a time with a zone. A date that is past is no time to wait.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[-_DIGITS:] if len(text.lstrip("0")) <= _DIGITS else "9" * _DIGITS)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:  # "-0000", or none: RFC 9110 knows GMT alone
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())
