"""Old events and an account's go for good, and nobody takes their absence for silence."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.cli import main
from cloudsearch.derive import derive
from cloudsearch.event import Row
from cloudsearch.load.purge import Chosen, purge
from cloudsearch.reports.coverage import coverage
from cloudsearch.reports.purged import Purge, purges
from cloudsearch.reports.window import Window
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store
from cloudsearch.where import Everything
from tests.backends import Backend, DuckDB, Elasticsearch
from tests.faults import Faulty
from tests.logfiles import ACCOUNT, record, write
from tests.proxy import Proxy, Reply, error
from tests.rows import write_and_commit
from tests.test_load import held, load

OTHER = "444455556666"
DAYS = ("2026-05-31", "2026-06-01", "2026-06-30", "2026-07-14", "2026-07-15", "2026-08-01")


def records(account: str = ACCOUNT) -> list[dict[str, object]]:
    """One a day."""
    number = 100 if account == ACCOUNT else 200
    return [
        record(number + n, eventTime=f"{day}T23:59:59Z" if n % 2 else f"{day}T00:00:00Z", recipientAccountId=account)
        for n, day in enumerate(DAYS)
    ]


def filled(store: Store, tmp_path: Path) -> Path:
    """A store with two accounts' events, one without a time, and one that names no recipient."""
    undated = record(1, eventTime="nonsense")
    unsaid = record(2, eventTime="2026-05-01T00:00:00Z", recipientAccountId=None)
    path = write(tmp_path / "a.json", [*records(), *records(OTHER), undated, unsaid])
    assert load(store, path)["created"] == 14
    return path


def days(store: Store) -> list[str]:
    """The days that are left."""
    return sorted(str(row["day"]) for row in store.rows(EVENTS, Everything(), fields=[EVENTS.by_name["day"]]))


def test_events_before_a_day_go_and_all_others_stay(store: Store, tmp_path: Path) -> None:
    """Whole months, the first days of the next, and to the millisecond; what has no time stays."""
    filled(store, tmp_path)
    done = purge(store, Chosen(date(2026, 7, 15)))
    assert (done.events, done.dead_letters) == (9, 0)
    assert days(store) == ["2026-07-15", "2026-07-15", "2026-08-01", "2026-08-01", "None"]
    assert purge(store, Chosen(date(2026, 7, 15))).events == 0


def test_an_accounts_events_go(store: Store, tmp_path: Path) -> None:
    """Those its trails delivered, without a time too; of an event that names no recipient, the caller's."""
    filled(store, tmp_path)
    assert purge(store, Chosen(date(2026, 6, 1), (OTHER,))).events == 1
    assert purge(store, Chosen(None, (ACCOUNT,))).events == 8
    assert days(store) == [*DAYS[1:]]


def test_a_dry_run_says_the_same_and_removes_nothing(store: Store, tmp_path: Path) -> None:
    """By account and month."""
    filled(store, tmp_path)
    before = held(store)
    told = purge(store, Chosen(date(2026, 7, 1)), dry_run=True)
    assert held(store) == before
    assert purges(store) == ()
    done = purge(store, Chosen(date(2026, 7, 1)))
    assert (told.months, told.events) == (done.months, done.events)
    assert done.months == {
        (None, "2026-05"): 1,
        (ACCOUNT, "2026-05"): 1,
        (ACCOUNT, "2026-06"): 2,
        (OTHER, "2026-05"): 1,
        (OTHER, "2026-06"): 2,
    }


def test_no_load_brings_them_back(store: Store, tmp_path: Path) -> None:
    """The files are known, also when they were touched; what is new in the same months is loaded."""
    path = filled(store, tmp_path)
    purge(store, Chosen(date(2026, 7, 15)))
    left = held(store)
    assert load(store, path)["already_loaded"] == 1
    os.utime(path, ns=(1, 1))
    assert load(store, path)["already_loaded"] == 1
    assert held(store) == left
    late = write(tmp_path / "late.json", [record(900, eventTime="2026-06-02T00:00:00Z")])
    assert load(store, late)["created"] == 1
    assert len(held(store)) == len(left) + 1


def test_the_ledger_remembers(store: Store, tmp_path: Path) -> None:
    """What was purged, when and how much, beside the files; for each account."""
    filled(store, tmp_path)
    purge(store, Chosen(date(2026, 7, 1)))
    purge(store, Chosen(None, (ACCOUNT, OTHER)))
    first, *accounts = purges(store)
    assert (first.account, first.before, first.events) == (None, date(2026, 7, 1), 7)
    assert [(one.account, one.before, one.events) for one in accounts] == [(ACCOUNT, None, 4), (OTHER, None, 3)]
    assert sum(1 for _ in store.rows(LOG_FILES, Everything())) == 4


def test_purged_days_are_not_observed(store: Store, tmp_path: Path) -> None:
    """Also when a file that comes late brings a few of their events back: what it lacks could have been there."""
    filled(store, tmp_path)
    purge(store, Chosen(date(2026, 7, 15), (ACCOUNT,)))
    late = [record(900, eventTime="2026-06-02T00:00:00Z"), record(901, eventTime="2026-06-03T00:00:00Z")]
    load(store, write(tmp_path / "late.json", late))
    found = coverage(store, Window())
    assert found.of(ACCOUNT).first_day == date(2026, 7, 15)
    assert found.of(OTHER).first_day == date(2026, 5, 31)
    purge(store, Chosen(None, (OTHER,)))
    load(store, write(tmp_path / "other.json", [record(902, recipientAccountId=OTHER)]))
    assert coverage(store, Window()).of(OTHER).problem == f"no events of account {OTHER} in the window"


def test_a_purge_that_was_stopped_counts_as_done(store: Store, tmp_path: Path) -> None:
    """Nobody knows how far it came, so its days are not observed; run again it finishes."""
    filled(store, tmp_path)

    class Stops(Faulty):
        """Stopped before anything is removed."""

        def remove(self, *_: object) -> int:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purge(Stops(store), Chosen(date(2026, 7, 1)))
    assert [one.before for one in purges(store)] == [date(2026, 7, 1)]
    assert purge(store, Chosen(date(2026, 7, 1))).events == 7


def test_dead_letters_go_with_their_days(store: Store) -> None:
    """Of files whose path says the day and the account; the others stay."""
    letters: list[Row] = [
        {"id": "old", "time": datetime.now(UTC), "name": "/a", "position": 1, "day": "2026-06-30", "account": ACCOUNT},
        {"id": "new", "time": datetime.now(UTC), "name": "/b", "position": 1, "day": "2026-07-01", "account": ACCOUNT},
        {"id": "any", "time": datetime.now(UTC), "name": "/c", "position": 1},
    ]
    write_and_commit(store, letters, DEAD_LETTERS)
    assert purge(store, Chosen(date(2026, 7, 1), (OTHER,))).dead_letters == 0
    assert purge(store, Chosen(date(2026, 7, 1))).dead_letters == 1
    assert held(store, DEAD_LETTERS) == ["any", "new"]


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_what_a_purge_may_have_removed(before: date, day: date) -> None:
    """Days before, of that account alone; without a day, everything up to the purge."""
    moment = datetime(2026, 8, 1, 12, tzinfo=UTC)
    assert Purge(moment, None, before).removed(ACCOUNT, day) == (day < before)
    assert Purge(moment, ACCOUNT, before).removed(ACCOUNT, day) == (day < before)
    assert not Purge(moment, ACCOUNT, before).removed(OTHER, day)
    assert Purge(moment, ACCOUNT, None).removed(ACCOUNT, day) == (day <= moment.date())


def run(backend: Backend, *arguments: str) -> int:
    """The command on the store."""
    return main(["purge", *arguments, *backend.place.options])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--before", "yesterday"],
        ["--before", "2026-07-01T12:00:00Z"],
        ["--account", "worker"],
        ["--account", ""],
        ["--account", "*"],
    ],
)
def test_what_it_does_not_understand_removes_nothing(
    backend: Backend, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is exit 2, before any store is opened."""
    assert run(backend, *arguments) == 2
    assert capsys.readouterr().out == ""
    assert backend.contents() == set()


def test_the_command(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it did, in words and as JSON, and makes no store."""
    assert run(backend, "--before", "2026-07-01") == 4
    assert backend.contents() == set()
    path = write(tmp_path / "a.json", records())
    assert main(["load", str(path), *backend.place.options]) == 0
    capsys.readouterr()
    assert run(backend, "--before", "2026-07-01", "--dry-run") == 0
    assert f"2 events of {ACCOUNT}, 2026-06\nto remove: 3 events, 0 dead letters" in capsys.readouterr().out
    assert run(backend, "--before", "2026-07-01", "--format", "json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["dry_run"], found["events"]) == (False, 3)
    assert found["months"][0] == {"account": ACCOUNT, "month": "2026-05", "events": 1}
    ago = (datetime.now(UTC).date() - date(2026, 7, 15)).days
    assert run(backend, "--before", f"{ago}d") == 0
    assert "removed: 1 events" in capsys.readouterr().out


def test_the_file_becomes_smaller(tmp_path: Path) -> None:
    """By about the share of what was removed; what stays is the same, byte for byte, and private."""
    place = DuckDB(tmp_path / "it's a store.duckdb")
    store = place.open()
    store.prepare(loading=True)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        derive(
            json.dumps(
                record(n, eventTime=(start + timedelta(minutes=12 * n)).isoformat(), x=os.urandom(60).hex())
            ).encode()
        )
        for n in range(20_000)
    ]
    write_and_commit(store, rows)
    store.close()
    store.prepare(loading=True)
    size = place.path.stat().st_size
    assert purge(store, Chosen(date(2026, 6, 1))).events == 18_120
    assert place.path.stat().st_size < size * 0.5
    assert place.path.stat().st_mode & 0o777 == 0o600
    kept = {row["id"]: row["raw"] for row in store.rows(EVENTS, Everything())}
    assert kept == {row["id"]: row["raw"] for row in rows[18_120:]}
    write_and_commit(store, [derive(json.dumps(record(99_999)).encode())])
    store.close()
    assert place.contents() == {"it's a store.duckdb"}
    store.prepare()
    assert sum(1 for _ in store.rows(EVENTS, Everything())) == 1_881
    store.close()


def test_whole_months_are_dropped(cluster: Elasticsearch, tmp_path: Path) -> None:
    """Their indices are gone, not their rows one by one; the month that stays in part, and other prefixes, are not."""
    store = cluster.open()
    filled(store, tmp_path)
    purge(store, Chosen(date(2026, 7, 15)))
    months = {name for name in cluster.contents() if name.startswith(f"{cluster.prefix}-2")}
    assert months == {f"{cluster.prefix}-2026.07", f"{cluster.prefix}-2026.08"}
    write_and_commit(store, [derive(json.dumps(record(7, eventTime="2026-05-05T00:00:00Z")).encode())])
    assert len(held(store)) == 6
    store.close()


def test_without_the_right_to_drop_rows_go_one_by_one(
    cluster: Elasticsearch, behind: Store, proxy: Proxy, tmp_path: Path
) -> None:
    """A role that may only delete documents purges all the same."""
    filled(behind, tmp_path)
    proxy.fault("DELETE /test-", Reply(403, error("security_exception", "unauthorized")))
    assert purge(behind, Chosen(date(2026, 7, 15))).events == 9
    assert f"{cluster.prefix}-2026.05" in cluster.contents()
    assert len(held(behind)) == 5
