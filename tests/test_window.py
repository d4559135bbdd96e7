"""Dates as people write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cloudsearch.errors import UsageError
from cloudsearch.reports.window import Window, window


def utc(*parts: int) -> datetime:
    """A moment."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


NOW = utc(2026, 11, 21, 10, 30)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, Window()),
        ("2026-08-01", None, Window(utc(2026, 8, 1))),
        (None, "2026-08-31", Window(None, utc(2026, 9, 1))),
        (
            "2026-08-01T10:00",
            "2026-08-01T12:00:00Z",
            Window(utc(2026, 8, 1, 10), utc(2026, 8, 1, 12)),
        ),
        ("2026-08-01T10:00+02:00", None, Window(utc(2026, 8, 1, 8))),
        ("90d", None, Window(utc(2026, 8, 23, 10, 30), NOW)),
        ("90d", "2026-10-01", Window(utc(2026, 8, 23, 10, 30), utc(2026, 10, 2))),
        ("20260801", "20260801", Window(utc(2026, 8, 1), utc(2026, 8, 2))),
        ("2026-08-01", "9999-12-31", Window(utc(2026, 8, 1))),
        ("2026-08-01", "2026-08-01", Window(utc(2026, 8, 1), utc(2026, 8, 2))),
    ],
)
def test_dates(since: str | None, until: str | None, expected: Window) -> None:
    """ISO dates and times are UTC, a bare until date is included, 90d counts from now."""
    assert window(since, until, now=NOW) == expected


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("soon", None),
        ("2026-02-30", None),
        ("2026-08-02", "2026-08-01"),
        ("9999999d", None),
        ("", None),
        (None, " "),
        ("2026-W31-1", None),
        ("0001-01-01T00:00+10:00", None),
    ],
)
def test_what_is_no_date(since: str, until: str | None) -> None:
    """Anything else is a usage error that shows how to write it."""
    with pytest.raises(UsageError):
        window(since, until, now=NOW)
