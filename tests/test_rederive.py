"""Rows of an older derivation are renewed from their records, once and for good, whatever stops it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.derive import derive, fingerprint
from cloudsearch.event import DERIVATION_VERSION, Row
from cloudsearch.load.rederive import OLDER, Rederived, rederive
from cloudsearch.store import EVENTS, ChunkSize, RefusalKind, Store
from cloudsearch.where import Everything
from tests.backends import Backend
from tests.faults import Faulty, Stopped, raising, refusing, through
from tests.logfiles import record
from tests.rows import ids, whole, write_and_commit
from tests.test_load import Notes

SECRET = "IQoJb3JpZ2luX2VjEOH=="  # noqa: S105 (a made-up one)
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
MONTHS = ("2026-06-30T23:59:59Z", "2026-07-01T00:00:00Z", "2026-07-31T10:00:00Z", "2025-12-31T23:00:00Z", "nonsense")


class Watching(Notes):
    """Listens to a rederivation."""

    def part(self, done: int, total: int, what: str) -> None:
        """Never more than there is."""
        assert 0 <= done <= total, what


def raw_of(number: int, **fields: object) -> bytes:
    """A record's bytes."""
    return json.dumps(record(number, **fields)).encode()


def older(row: Row, **fields: object) -> dict[str, Any]:
    """A row as an older derivation left it: without the fields it did not know."""
    known = {**row, "derivation": DERIVATION_VERSION - 1, "principal": None, "actions": None, **fields}
    return {name: value for name, value in known.items() if value is not None}


def rows() -> list[Row]:
    """Rows of four months and of none."""
    return [derive(raw_of(number, eventTime=moment)) for number, moment in enumerate(MONTHS)]


def held(store: Store) -> dict[object, Row]:
    """Every row by id; no id is there twice."""
    found = list(store.rows(EVENTS, Everything()))
    by_id: dict[object, Row] = {row["id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def renew(store: Store, watch: Watching | None = None) -> Rederived:
    """Rederive; the receipt adds up."""
    done = rederive(store, store.prepare(loading=True), watch or Watching(), max_wait=0)
    assert done.read == done.renewed + done.left
    return done


def test_older_rows_become_what_a_load_would_write_today(store: Store) -> None:
    """In every month and in none; what is up to date is not touched, and a second time there is nothing to do."""
    expected = rows()
    write_and_commit(store, [older(row) for row in expected])
    current = {**derive(raw_of(50)), "principal": "left alone"}
    write_and_commit(store, [current])
    assert renew(store).renewed == 5
    assert held(store) == {row["id"]: whole(row) for row in (*expected, current)}
    assert renew(store).read == 0


def test_rows_without_a_version_are_older(store: Store) -> None:
    """As are those of a version long gone."""
    (row, other, *_) = rows()
    write_and_commit(store, [older(row, derivation=None), older(other, derivation=0)])
    assert renew(store).renewed == 2


def test_the_notice_disappears(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """It names rederive; after that it is gone, for readers and for loads."""
    backend.leave_older(rows(), without="vpc_endpoint")
    assert main(["list", "roles", *backend.place.options]) == 0
    assert "cloudsearch rederive" in capsys.readouterr().err
    assert main(["rederive", "--format", "json", *backend.place.options]) == 0
    out, _ = capsys.readouterr()
    assert json.loads(out)["events"] == {"read": 5, "renewed": 5, "left": 0}
    assert main(["list", "roles", *backend.place.options]) == 0
    assert "rederive" not in capsys.readouterr().err
    assert main(["rederive", *backend.place.options]) == 0
    assert "0 older events" in capsys.readouterr().out


def test_it_creates_no_store(backend: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that is not there is an error that names load."""
    assert main(["rederive", *backend.place.options]) == 4
    assert "cloudsearch load" in capsys.readouterr().err
    assert backend.contents() == set()


@pytest.mark.parametrize("stop", range(4))
def test_stopped_anywhere_and_run_again_it_ends_the_same(store: Store, stop: int) -> None:
    """Each event is there once, renewed or not yet."""
    expected = rows()
    write_and_commit(store, [older(row) for row in expected])
    info = store.prepare(loading=True)
    with pytest.raises(Stopped):
        rederive(Faulty(store, [through] * stop + [raising(Stopped())]), info, Watching(), max_wait=0)
    store.close()
    store.prepare(loading=True)
    assert ids(store.rows(EVENTS, Everything())) == ids(expected)
    assert 4 - stop <= renew(store).renewed <= 5 - stop
    assert held(store) == {row["id"]: whole(row) for row in expected}


def test_what_an_older_version_could_not_read_moves(store: Store) -> None:
    """To the month of a time it did not understand, and to the id it did not take; never twice."""
    timed, named = derive(raw_of(1)), derive(raw_of(2))
    misplaced = [older(timed, time=None, day=None), older(named, id=fingerprint(raw_of(2)))]
    write_and_commit(store, misplaced)
    assert renew(store).renewed == 2
    assert held(store) == {row["id"]: whole(row) for row in (timed, named)}
    write_and_commit(store, misplaced)
    renew(store)
    assert held(store) == {row["id"]: whole(row) for row in (timed, named)}


def test_an_identity_taken_before_secrets_were_hidden_stays(store: Store) -> None:
    """So a later load still meets the event; and so do the paths of what was hidden."""
    raw = raw_of(1, eventID=None, responseElements={"credentials": {"sessionToken": SECRET}})
    row = derive(raw)
    write_and_commit(store, [older(row)])
    renew(store)
    assert held(store) == {fingerprint(raw): whole(row)}


def test_secrets_that_an_older_version_kept_are_hidden(store: Store) -> None:
    """Unless they are to be kept."""
    raw = raw_of(1, responseElements={"credentials": {"sessionToken": SECRET}})
    row = derive(raw)
    write_and_commit(store, [older(row, raw=raw, raw_length=len(raw), redacted=None)])
    rederive(store, store.prepare(loading=True), Watching(), max_wait=0, keep_secrets=True)
    assert [row["raw"] for row in held(store).values()] == [raw]
    write_and_commit(store, [older(row, raw=raw, raw_length=len(raw), redacted=None)], replace=True)
    renew(store)
    assert held(store) == {row["id"]: whole(row)}


def test_what_cannot_be_renewed_stays_as_it_is(store: Store) -> None:
    """A row without its record, and one that the store will not have in its new form, are named and counted."""
    good, other = rows()[1:3]
    write_and_commit(store, [older(good), older(other), older(derive(raw_of(9)), raw=None, raw_length=None)])
    watch = Watching()
    info = store.prepare(loading=True)
    faulty = Faulty(store, [refusing(RefusalKind.DOCUMENT, "will not have it")] * 2)  # a chunk for each day
    done = rederive(faulty, info, watch, max_wait=0)
    assert (done.read, done.renewed, done.left) == (3, 0, 3)
    assert len(watch.problems) == 3
    assert len(list(store.rows(EVENTS, OLDER))) == 3
    assert renew(store).renewed == 2


def test_chunks_are_as_small_as_the_store_asks(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks and many commits change nothing of the outcome."""
    monkeypatch.setattr("cloudsearch.load.rederive.ROWS_BETWEEN_COMMITS", 7)
    expected: Sequence[Row] = [derive(raw_of(number, requestParameters={"text": "x" * 20_000})) for number in range(40)]
    write_and_commit(store, [older(row) for row in expected])
    info = store.prepare(loading=True)
    small = replace(info, chunk=ChunkSize(64 << 10, 64 << 10, 64 << 10))
    faulty = Faulty(store)
    rederive(faulty, small, Watching(), max_wait=0)
    assert len(faulty.sizes) > 5
    assert held(store) == {row["id"]: whole(row) for row in expected}
