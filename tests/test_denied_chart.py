"""Refused calls day by day, as ``denied --format html`` draws them: no day says more, or less, than the logs do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from datetime import date
from html import unescape
from pathlib import Path

import pytest

from cloudsearch.reports.activity import Day
from cloudsearch.reports.denied import denied, refused_days
from cloudsearch.reports.window import Window
from tests.backends import Backend
from tests.logfiles import ACCOUNT
from tests.refusals import OTHER, SEPTEMBER, Room, network, owners_copy, refusal, user
from tests.scenario import background


@pytest.fixture
def room(tmp_path: Path, backend: Backend, capsys: pytest.CaptureFixture[str]) -> Room:
    """Two months without a gap."""
    made = Room(tmp_path, backend, capsys)
    made.log(*background())
    return made


def drawn(room: Room, accounts: Collection[str] = (), *, services: bool = False) -> tuple[int, dict[date, int | None]]:
    """How many refusals the report has, and those of each day that are not a plain 0."""
    store = room.backend.open()
    store.prepare()
    found = denied(store, Window(), accounts, include_services=services)
    days = refused_days(store, found, accounts, include_services=services)
    store.close()
    assert all(isinstance(day, Day) for day in days)
    return found.calls, {day.day: day.denied for day in days if day.denied != 0}


def test_days_count_what_the_report_counts(room: Room) -> None:
    """A call once, whoever kept a copy; AWS's own probing only where it is asked for."""
    probing = {"type": "AWSService", "invokedBy": "config.amazonaws.com"}
    room.log(
        refusal(1, 40),
        refusal(2, 40, userIdentity=user("ann")),
        refusal(3, 41, sharedEventID="shared-1"),
        owners_copy(4, "ann", OTHER),
        network(5),
        refusal(6, 50, userIdentity=probing, sourceIPAddress="config.amazonaws.com"),
    )
    for services in (False, True):
        calls, days = drawn(room, services=services)
        assert sum(count or 0 for count in days.values()) == calls
    _, days = drawn(room)
    assert days[date(2026, 9, 10)] == 3  # a network copy among them, of which there is no other
    assert date(2026, 9, 20) not in drawn(room, [ACCOUNT])[1]
    assert drawn(room, [ACCOUNT], services=True)[1][date(2026, 9, 20)] == 1


def test_a_day_that_the_logs_cannot_tell_is_no_day_without_refusals(room: Room) -> None:
    """Of an account with two days of logs in two months nearly no day is known; what was refused was, all the same."""
    for number, day in ((1, 3), (2, 20)):
        room.log(refusal(number, day, userIdentity=user("bob", OTHER), recipientAccountId=OTHER))
    _, days = drawn(room)
    assert days[date(2026, 8, 4)] == 1
    assert days[date(2026, 8, 10)] is None
    _, own = drawn(room, [ACCOUNT])
    assert own == {}


def test_the_document_has_the_chart_and_its_policy_knows_it(room: Room) -> None:
    """One picture, whose style sheet is named by its hash; nothing else may be run, styled or fetched."""
    room.log(refusal(1, 40), refusal(2, 45))
    page = room.run("denied", *SEPTEMBER, "--format", "html")[1]
    assert page.count("<svg") == 1
    assert "Refused calls a day" in page
    (policy,) = map(unescape, re.findall(r'Content-Security-Policy" content="([^"]+)"', page))
    assert policy.startswith("default-src 'none';")
    for text in re.findall(r"<(?:style|script)[^>]*>(.*?)</(?:style|script)>", page, re.DOTALL):
        digest = hashlib.sha256(unescape(text).encode()).digest()
        assert f"'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert not re.search(r'(?:src|href)="?(?!#)', page.partition("<table")[0])
    assert not re.search(r"\sstyle=", page)


def test_without_refusals_there_is_no_chart(room: Room) -> None:
    """Nor in a period of which nothing is loaded."""
    for when in (SEPTEMBER, ("--since", "2020-01-01", "--until", "2020-01-31")):
        code, page, _ = room.run("denied", *when, "--format", "html")
        assert code == 0
        assert "<svg" not in page
