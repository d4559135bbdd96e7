"""kill -9 in the middle of a load, time after time: nothing is lost and nothing is kept twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.corpus import write
from cloudsearch.store import EVENTS, LOG_FILES, Store, Table
from cloudsearch.where import Everything
from tests.backends import Backend, DuckDB

EVENTS_WRITTEN = 100_000
KILLS = 10
PARTLY = 7
FIRST_KILL, LAST_KILL = 0.1, 0.85
"""Shares of the measured load: before the first commit, and where a quicker run has not ended yet."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of generated log files."""
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, events=EVENTS_WRITTEN, per_file=400, seed=7)
    return folder


def test_ends_equal_after_kill_9(make_backend: Callable[[], Backend], corpus: Path) -> None:
    """Kill times are spread over the measured load; whatever the ledger held then, the next run ends equal."""
    whole = make_backend()
    seconds = min(timed(whole, corpus), timed(make_backend(), corpus))
    expected = counts(whole)
    assert expected[0] == EVENTS_WRITTEN
    partly = 0
    for number in range(KILLS):
        place = make_backend()
        kill_after(seconds * (FIRST_KILL + (LAST_KILL - FIRST_KILL) * number / (KILLS - 1)), place, corpus)
        partly += 0 < ledger(place) < expected[1]
        finish(place, corpus)
        assert counts(place) == expected
    assert partly >= PARTLY


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45, 0.6, 0.75, 0.9])
def test_ctrl_c_ends_cleanly(tmp_path: Path, corpus: Path, share: float) -> None:
    """Exit 130 with a receipt that adds up and no traceback; the next run goes on."""
    place = DuckDB(tmp_path / "store.duckdb")
    with subprocess.Popen(command(place, corpus), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not place.path.exists():
            time.sleep(0.05)
        time.sleep(0.2 + 3 * share)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode in (130, 0), err
    assert "Traceback" not in err
    receipt = json.loads(out)["records"]
    assert receipt["read"] == receipt["created"] + receipt["existing"] <= EVENTS_WRITTEN
    finish(place, corpus)
    assert counts(place)[0] == EVENTS_WRITTEN


def command(place: Backend, corpus: Path) -> Sequence[str]:
    """The load, as its user types it."""
    return [sys.executable, "-m", "cloudsearch", "load", str(corpus), *place.place.options, "--format", "json"]


def finish(place: Backend, corpus: Path) -> None:
    """A load to its end."""
    subprocess.run(command(place, corpus), check=True, capture_output=True, timeout=300)


def timed(place: Backend, corpus: Path) -> float:
    """Seconds of a load."""
    started = time.monotonic()
    finish(place, corpus)
    return time.monotonic() - started


def kill_after(seconds: float, place: Backend, corpus: Path) -> None:
    """A load that is killed."""
    with subprocess.Popen(command(place, corpus), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()


def ledger(place: Backend) -> int:
    """How many files are marked."""
    store = place.open()
    store.prepare(loading=True)
    marked = total(store, LOG_FILES)
    store.close()
    return marked


def counts(place: Backend) -> tuple[int, int, int]:
    """Events, files, and different identities: equal to the events when none is there twice."""
    store = place.open()
    store.prepare()
    ids = {row["id"] for row in store.rows(EVENTS, Everything(), fields=[EVENTS.by_name["id"]])}
    found = (total(store, EVENTS), total(store, LOG_FILES), len(ids))
    store.close()
    return found


def total(store: Store, table: Table) -> int:
    """Rows of a table."""
    return sum(group.count for group in store.group(table, [], Everything()))
