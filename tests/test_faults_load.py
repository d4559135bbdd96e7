"""Every strange or broken file of the catalogue at once, from bytes to the store; numbers are the catalogue's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from cloudsearch.derive import derive
from cloudsearch.errors import RecordError
from cloudsearch.logs import Kind, Piece, split
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Store
from cloudsearch.where import Everything
from tests.logfiles import record, write
from tests.test_load import Notes, held, load
from tests.test_logs_faults import FOREIGN, REFUSED, STRANGE, WHOLE

ADDRESSES: tuple[object, ...] = (
    "garbage",
    "2001:db8::1",
    "::ffff:1.2.3.4",
    "10.0.0.0/8",
    "AWS Internal",
    "config.amazonaws.com",
    "",
    None,
    7,
)
TIMES: tuple[object, ...] = (
    None,
    1690000000,
    "2024-01-01T00:00:00.123Z",
    "1970-01-01T00:00:00Z",
    "2999-01-01T00:00:00Z",
    "2024-02-30",
    "2016-12-31T23:59:60Z",
    "2024-01-01T00:00:00+09:00",
    "Oct 1, 2021 2:08:59 PM",
    {},
    [],
)


def varied(start: int, field: str, values: Iterable[object]) -> list[dict[str, object]]:
    """Records with each of the values in a field."""
    return [record(start + number, **{field: value}) for number, value in enumerate(values)]


ODD: dict[str, list[dict[str, object]]] = {
    "32 ids that are none": varied(0, "eventID", [None, 5, {}, "", "x" * 600]),
    "33 times": varied(100, "eventTime", TIMES),
    "34 versions": varied(200, "eventVersion", ["1.02", "2.0", "", 1, None]),
    "35 identities": varied(300, "userIdentity", [None, {}, "x", [], {"arn": 1}]),
    "36 parameters": varied(400, "requestParameters", ["x", [1, "a"], 5, True, None]),
    "41 addresses": varied(500, "sourceIPAddress", ADDRESSES),
    "42 partitions": varied(
        600,
        "userIdentity",
        [
            {"type": "IAMUser", "arn": f"arn:{partition}:iam::111122223333:user/u", "userName": "u"}
            for partition in ("aws-cn", "aws-us-gov", "aws-iso")
        ],
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file for each row of the tables."""
    folder = tmp_path / "logs"
    folder.mkdir()
    rows: list[tuple[str, bytes]] = []
    rows += [(f"refused-{name}", data) for name, (data, _) in REFUSED.items()]
    rows += [(f"whole-{name}", data) for name, data in WHOLE.items()]
    rows += [(f"foreign-{name}", data) for name, data in FOREIGN.items()]
    for number, (name, value) in enumerate(STRANGE.items()):
        strange = b'{"eventVersion":"1.08","eventName":"x","eventID":"strange-%d","requestParameters":%b}' % (
            number,
            value,
        )
        rows.append((f"strange-{name}", b'{"Records":[%b]}' % strange))
    for name, data in rows:
        (folder / f"{name.replace('/', ' ')}.json.gz").write_bytes(data)
    for name, records in ODD.items():
        write(folder / f"odd-{name}.json", records)
    return folder


def test_the_whole_catalogue_at_once(store: Store, folder: Path) -> None:
    """All that can be read is an event or a dead letter, byte for byte; every file is loaded, refused or skipped."""
    contents = {path: split(path.read_bytes()) for path in folder.iterdir()}
    pieces = {path: list(found.records) for path, found in contents.items()}
    notes = Notes()
    done = load(store, folder, notes=notes)
    assert done["read"] == sum(map(len, pieces.values()))
    logs = [path for path, found in contents.items() if found.kind is Kind.LOG]
    assert done["refused"] == sum(contents[path].problem is not None for path in logs)
    assert done["loaded"] == len(logs) - done["refused"]
    assert done["skipped"] == {"digests": 0, "not_log_files": len(contents) - len(logs)}
    named = {name for name, _ in notes.problems}
    assert {path.name for path in contents if path not in logs or contents[path].problem} <= named

    expected: dict[str, bytes] = {}
    for found in pieces.values():
        for piece in found:
            if isinstance(piece, Piece):
                try:
                    expected.setdefault(str(derive(piece.raw)["id"]), piece.raw)
                except RecordError:
                    continue
    rows = {str(row["id"]): row["raw"] for row in store.rows(EVENTS, Everything())}
    letters = [row for row in store.rows(DEAD_LETTERS, Everything()) if row["position"] is not None]
    assert set(rows) <= set(expected)
    assert all(raw == expected[id_] for id_, raw in rows.items())
    assert len(letters) == done["dead_lettered"]
    assert set(expected) - set(rows) <= {str(row["identity"]) for row in letters}
    assert len(held(store, LOG_FILES)) == done["loaded"]


def test_the_catalogue_a_second_time(store: Store, folder: Path) -> None:
    """What was loaded is known; what was refused is refused again, and its records and letters are there once."""
    load(store, folder)
    before = held(store), held(store, DEAD_LETTERS)
    done = load(store, folder)
    assert (done["created"], done["loaded"]) == (0, 0)
    assert (held(store), held(store, DEAD_LETTERS)) == before


def test_32_one_id_with_two_bodies(store: Store, tmp_path: Path) -> None:
    """The first stays and the other counts as existing, in one file and in two."""
    first, second = record(1), record(1, eventName="TerminateInstances")
    done = load(store, write(tmp_path / "a.json", [first, second]))
    assert (done["created"], done["existing"]) == (1, 1)
    assert load(store, write(tmp_path / "b.json", [second]))["existing"] == 1
    (row,) = store.rows(EVENTS, Everything())
    assert json.loads(row["raw"]) == first  # type: ignore[arg-type]


def test_29_a_record_larger_than_a_chunk(store: Store, tmp_path: Path) -> None:
    """It goes alone, and comes back byte for byte."""
    large = record(2, requestParameters={"text": "x" * 12_000_000})
    done = load(store, write(tmp_path / "a.json", [record(1), large, record(3)]))
    assert (done["created"], done["dead_lettered"]) == (3, 0)
    (row,) = [row for row in store.rows(EVENTS, Everything()) if row["id"] == large["eventID"]]
    assert row["raw"] == json.dumps(large).encode()
