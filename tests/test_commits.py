"""Commits beside the load: what they hold up, and what becomes of a load when one fails or is under way at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest

from cloudsearch.errors import StoreRejected, StoreUnavailable
from cloudsearch.load import Load, Receipt, commits
from cloudsearch.logs import find
from cloudsearch.store import LOG_FILES, LogFile, Store
from tests.faults import Faulty
from tests.logfiles import record, write
from tests.test_load import Notes, held

FILES = 6
PATIENCE = 60.0
"""Seconds to wait for what happens within one, on a machine that has nothing else to do."""


class Committing(Faulty):
    """Does something before each commit."""

    def __init__(self, store: Store, first: Callable[[], object]) -> None:
        super().__init__(store)
        self._first = first

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """Pass on, after that."""
        self._first()
        super().commit(log_files)


class Reading(Notes):
    """Tells when so many records were read, and can stop the load there."""

    def __init__(self, records: int, stop: BaseException | None = None) -> None:
        super().__init__()
        self.reached = Event()
        self._records, self._stop = records, stop

    def progress(self, receipt: Receipt) -> None:
        """Told after each file."""
        super().progress(receipt)
        if receipt.read >= self._records and not self.reached.is_set():
            self.reached.set()
            if self._stop is not None:
                raise self._stop


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of ten records each; a commit is due after the first."""
    monkeypatch.setattr(commits, "FIRST_COMMIT", 10)
    for number in range(FILES):
        write(tmp_path / "logs" / f"{number}.json", [record(10 * number + n) for n in range(10)])
    return tmp_path / "logs"


def test_reading_goes_on_while_a_commit_is_under_way(store: Store, logs: Path) -> None:
    """The first commit ends only when half of all was read."""
    reading = Reading(5 * FILES)
    met: list[bool] = []
    slow = Committing(store, lambda: met.append(reading.reached.wait(PATIENCE)))
    receipt = Load(slow, slow.prepare(loading=True), reading).run(find([logs]))
    assert len(met) > 1
    assert all(met)
    assert (receipt.loaded, receipt.created) == (FILES, 10 * FILES)
    assert len(held(store)) == 10 * FILES
    assert len(held(store, LOG_FILES)) == FILES


@pytest.mark.parametrize("at", [1, 2])
def test_a_commit_that_fails_ends_the_load(store: Store, logs: Path, at: int) -> None:
    """With its own reason, whichever it was; no file counts as loaded that it should have marked."""
    calls: list[None] = []

    def fail() -> None:
        calls.append(None)
        if len(calls) >= at:
            raise StoreRejected("no more")

    failing = Committing(store, fail)
    loading = Load(failing, failing.prepare(loading=True), Notes())
    with pytest.raises(StoreRejected, match="no more"):
        loading.run(find([logs]))
    assert loading.receipt.loaded == len(held(store, LOG_FILES)) < FILES
    assert Load(store, store.prepare(loading=True), Notes()).run(find([logs])).complete
    assert len(held(store)) == 10 * FILES


def test_letters_of_a_commit_that_failed_are_in_hand(store: Store, logs: Path) -> None:
    """They were given to the store, but nobody knows whether it has kept them."""
    write(logs / "0.json", [record(1), "no record", *[record(n) for n in range(2, 12)]])

    def fail() -> None:
        raise StoreUnavailable("down")

    failing = Committing(store, fail)
    loading = Load(failing, failing.prepare(loading=True), Notes(), max_wait=0.1)
    with pytest.raises(StoreUnavailable, match="down"):
        loading.run(find([logs]))
    assert [letter["raw"] for letter in loading.unkept] == [b'"no record"']


def test_a_load_that_is_stopped_counts_the_commit_under_way(store: Store, logs: Path) -> None:
    """It ends with it, and its receipt and the ledger say the same."""
    reading = Reading(30, stop=KeyboardInterrupt())
    slow = Committing(store, lambda: reading.reached.wait(PATIENCE))
    loading = Load(slow, slow.prepare(loading=True), reading)
    with pytest.raises(KeyboardInterrupt):
        loading.run(find([logs]))
    assert loading.receipt.loaded == len(held(store, LOG_FILES)) > 0
    store.close()
    again = Load(store, store.prepare(loading=True), Notes()).run(find([logs]))
    assert again.loaded + again.already_loaded == FILES
    assert len(held(store)) == 10 * FILES


def test_a_load_that_is_stopped_waits_for_no_commit_without_end(
    store: Store, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not answer holds up nobody who wants to leave."""
    monkeypatch.setattr(commits, "END_SECONDS", 0.1)
    reading, leave = Reading(30, stop=KeyboardInterrupt()), Event()
    stuck = Committing(store, lambda: leave.wait(PATIENCE))
    loading = Load(stuck, stuck.prepare(loading=True), reading)
    with pytest.raises(KeyboardInterrupt):
        loading.run(find([logs]))
    assert loading.receipt.loaded == 0
    leave.set()
