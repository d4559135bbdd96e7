"""Loading: what goes in is in the store once, or accounted for."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsearch.errors import StoreRejected
from cloudsearch.load import Load, Receipt
from cloudsearch.logs import find
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, RefusalKind, Store, Table
from cloudsearch.where import Everything
from tests.faults import Faulty, Stopped, raising, refusing, through
from tests.logfiles import record, write


class Notes:
    """Listens to a load."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def problem(self, name: str, reason: str) -> None:
        """Remember."""
        self.problems.append((Path(name).name, reason))

    def note(self, text: str) -> None:
        """Not needed here."""

    def progress(self, receipt: Receipt) -> None:
        """The receipt adds up at any moment."""
        assert receipt.created + receipt.existing + receipt.dead_lettered <= receipt.read


def load(store: Store, *paths: Path, notes: Notes | None = None) -> dict[str, Any]:
    """Load; the receipt as JSON, which adds up."""
    info = store.prepare(loading=True)
    receipt = Load(store, info, notes or Notes()).run(find(paths)).as_json()
    files: Any = receipt["files"]
    records: Any = receipt["records"]
    assert files["listed"] == files["already_loaded"] + files["loaded"] + files["refused"]
    assert records["read"] == records["created"] + records["existing"] + records["dead_lettered"]
    return {**files, **records}


def held(store: Store, table: Table = EVENTS) -> list[str]:
    """Ids in a table, sorted."""
    return sorted(str(row["id"]) for row in store.rows(table, Everything(), fields=[table.by_name["id"]]))


def test_loading_twice_loads_nothing_twice(store: Store, tmp_path: Path) -> None:
    """The ledger knows the files, and the ids know the events."""
    folder = tmp_path / "logs"
    write(folder / "a.json.gz", [record(n) for n in range(10)])
    write(folder / "deep" / "b.json", [record(n) for n in range(5, 15)])
    first = load(store, folder)
    assert (first["loaded"], first["created"], first["existing"]) == (2, 15, 5)
    second = load(store, folder)
    assert (second["already_loaded"], second["loaded"], second["read"]) == (2, 0, 0)
    assert len(held(store)) == 15


def test_a_touched_file_is_known_by_its_bytes(store: Store, tmp_path: Path) -> None:
    """Another time with the same bytes is the same file, and is not hashed a second time."""
    path = write(tmp_path / "a.json", [record(1)])
    load(store, path)
    os.utime(path, ns=(1, 1))
    assert load(store, path)["already_loaded"] == 1
    (row,) = store.rows(LOG_FILES, Everything())
    assert (row["modified"], row["records"]) == (1, 1)


def test_a_changed_file_is_loaded_again(store: Store, tmp_path: Path) -> None:
    """Its known events count as existing, also when its size stayed the same."""
    path = write(tmp_path / "a.json", [record(1), record(2)])
    load(store, path)
    write(path, [record(1), record(3)])
    os.utime(path, ns=(5, 5))
    done = load(store, path)
    assert (done["loaded"], done["created"], done["existing"]) == (1, 1, 1)
    write(path, [record(n) for n in range(5)])
    done = load(store, path)
    assert (done["loaded"], done["created"], done["existing"]) == (1, 2, 3)


def test_a_broken_file_never_stops_the_others(store: Store, tmp_path: Path) -> None:
    """It is refused, named, in the dead letters with its size and reason, and its whole records are kept."""
    good = write(tmp_path / "b.json.gz", [record(n) for n in range(3)])
    broken = tmp_path / "a.json.gz"
    data = gzip.compress(json.dumps({"Records": [record(n) for n in range(100, 400)]}).encode())
    broken.write_bytes(data[: len(data) // 2])
    notes = Notes()
    done = load(store, broken, good, notes=notes)
    assert (done["listed"], done["loaded"], done["refused"], done["dead_lettered"]) == (2, 1, 1, 0)
    assert done["created"] == done["read"] > 3
    assert [name for name, _ in notes.problems] == ["a.json.gz"]
    (letter,) = store.rows(DEAD_LETTERS, Everything())
    assert (letter["name"], letter["size"], letter["position"]) == (str(broken), len(data) // 2, None)
    broken.write_bytes(data)
    assert load(store, broken)["created"] + done["created"] == 303


def test_a_broken_record_never_stops_the_others(store: Store, tmp_path: Path) -> None:
    """It goes to the dead letters whole, with its reason and place; the file is loaded."""
    path = write(tmp_path / "a.json", [record(1), None, "text", {"no": "record"}, record(2)])
    done = load(store, path)
    assert (done["loaded"], done["read"], done["created"], done["dead_lettered"]) == (1, 5, 2, 3)
    letters = {row["position"]: row["raw"] for row in store.rows(DEAD_LETTERS, Everything())}
    assert letters == {1: b"null", 2: b'"text"', 3: b'{"no": "record"}'}
    assert load(store, path)["already_loaded"] == 1


def test_what_is_no_log_file_is_counted_as_such(store: Store, tmp_path: Path) -> None:
    """Digests and other files are skipped, named, and not among the listed ones; a missing path is refused."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "digest.json").write_text(
        json.dumps({"awsAccountId": "1", "digestStartTime": "x", "previousDigestSignature": None, "logFiles": []})
    )
    (folder / "README.md").write_text("# hello")
    notes = Notes()
    done = load(store, folder, folder / "absent", notes=notes)
    assert done["skipped"] == {"digests": 1, "not_log_files": 1}
    assert (done["listed"], done["refused"]) == (1, 1)
    assert {name for name, _ in notes.problems} == {"README.md", "absent"}


def test_an_insight_record_is_kept(store: Store, tmp_path: Path) -> None:
    """It has no eventSource and no userIdentity, and is an event all the same."""
    insight = {
        "eventVersion": "1.08",
        "eventTime": "2026-08-05T10:00:00Z",
        "awsRegion": "eu-west-1",
        "eventID": "insight-1",
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": "111122223333",
        "sharedEventID": "s-1",
        "insightDetails": {"state": "Start", "eventName": "RunInstances"},
        "eventCategory": "Insight",
    }
    load(store, write(tmp_path / "a.json", [insight]))
    (row,) = store.rows(EVENTS, Everything())
    assert (row["id"], row["event_category"]) == ("insight-1", "Insight")


def test_records_the_store_refuses_are_dead_letters(store: Store, tmp_path: Path) -> None:
    """With their file and position; the file is loaded, since all of it is accounted for."""
    path = write(tmp_path / "a.json", [record(1), record(2)])
    done = load(Faulty(store, [refusing(RefusalKind.DOCUMENT, "will not have it")]), path)
    assert (done["loaded"], done["created"], done["dead_lettered"]) == (1, 0, 2)
    letters = list(store.rows(DEAD_LETTERS, Everything()))
    assert sorted((row["name"], row["position"], row["reason"]) for row in letters) == [
        (str(path), 0, "will not have it"),
        (str(path), 1, "will not have it"),
    ]


def test_a_dead_letter_the_store_refuses_is_kept_without_its_record(store: Store, tmp_path: Path) -> None:
    """Where, how large and why are never lost; nothing is marked loaded if not even they are kept."""
    path = write(tmp_path / "a.json", [7, record(1)])
    refusal = refusing(RefusalKind.DOCUMENT, "too large a letter")
    with pytest.raises(StoreRejected):
        load(Faulty(store, [through, refusal, refusal]), path)
    assert held(store, LOG_FILES) == []
    notes = Notes()
    load(Faulty(store, [through, refusal]), path, notes=notes)
    (letter,) = store.rows(DEAD_LETTERS, Everything())
    assert (letter["position"], letter["size"], letter["raw"]) == (0, 1, None)
    assert ("a.json", "its dead letter is kept without it: too large a letter") in notes.problems


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(stop=st.integers(0, 8), sizes=st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_a_load_stopped_after_any_write_and_run_again_keeps_every_event_once(
    make_store: Callable[[], Store], tmp_path_factory: pytest.TempPathFactory, stop: int, sizes: list[int]
) -> None:
    """Wherever it stops, the second run ends with all events, once, and all files in the ledger."""
    folder = tmp_path_factory.mktemp("logs")
    for number, size in enumerate(sizes):
        write(folder / f"{number}.json.gz", [record(100 * number + n) for n in range(size)])
    numbers = [100 * number + n for number, size in enumerate(sizes) for n in range(size)]
    expected = sorted(str(record(number)["eventID"]) for number in numbers)
    store = make_store()
    faulty = Faulty(store, [*[through] * stop, raising(Stopped())])
    loading = Load(faulty, store.prepare(loading=True), Notes())
    loading._lane.sizing._size = 4_000
    try:
        loading.run(find([folder]))
    except Stopped:
        store.close()
    load(store, folder)
    assert held(store) == expected
    assert len(held(store, LOG_FILES)) == len(sizes)
    assert load(store, folder)["already_loaded"] == len(sizes)
    store.close()
