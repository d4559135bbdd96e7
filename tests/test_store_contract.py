"""What every store must do; the same file runs over each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from cloudsearch.errors import StoreError
from cloudsearch.event import DERIVATION_VERSION, FIELDS_VERSION, FieldType, Row, Value
from cloudsearch.store import (
    CSM_CALLS,
    DEAD_LETTERS,
    EVENTS,
    LOG_FILES,
    REPORT_ROWS,
    TABLES,
    LogFile,
    Store,
    Table,
    Written,
)
from cloudsearch.where import And, Everything, Exists, In, Pattern, Text, Where
from tests.backends import Backend
from tests.conftest import StoreFactory
from tests.questions import ID, NAME
from tests.rows import FIELD, NOON, ODD_RECORDS, event, ids, whole
from tests.rows import write_and_commit as write

pytestmark = pytest.mark.engine

# Writing


def test_writing_again_changes_nothing(store: Store) -> None:
    """A row's id is its identity: the second time it counts as existing."""
    rows = [event("1"), event("2")]
    assert write(store, rows) == Written(created=2)
    assert write(store, [*rows, event("3")]) == Written(created=1, existing=2)
    assert ids(store.rows(EVENTS, Everything())) == ["1", "2", "3"]


def test_the_first_of_two_rows_with_one_id_stays(store: Store) -> None:
    """A later row of the same id does not overwrite."""
    write(store, [event("1", event_name="first")])
    write(store, [event("1", event_name="second")])
    assert [row["event_name"] for row in store.rows(EVENTS, Everything())] == ["first"]


def test_duplicates_within_a_chunk_count_as_existing(store: Store) -> None:
    """Two trails into one bucket give every event twice."""
    assert write(store, [event("1"), event("1"), event("2")]) == Written(created=2, existing=1)
    assert ids(store.rows(EVENTS, Everything())) == ["1", "2"]


def test_one_id_in_two_months_is_two_rows(store: Store) -> None:
    """Identity is within the month of the event; without a time, among those without."""
    rows = [event("1"), event("1", time=NOON + timedelta(days=1)), event("1", time=None)]
    assert write(store, rows) == Written(created=3)
    assert write(store, rows) == Written(existing=3)
    assert len(list(store.rows(EVENTS, In(ID, ("1",))))) == 3


def test_no_rows_is_no_work(store: Store) -> None:
    """An empty chunk, and a commit of nothing, do nothing."""
    assert write(store, []) == Written()


def test_replace_overwrites(store: Store) -> None:
    """With replace a row that is there is overwritten, and counts as created."""
    write(store, [event("1", event_name="old", region="r"), event("2")])
    assert write(store, [event("1", event_name="new")], replace=True) == Written(created=1)
    rows = {row["id"]: row for row in store.rows(EVENTS, Everything())}
    assert (rows["1"]["event_name"], rows["1"]["region"], len(rows)) == ("new", None, 2)


def test_threads_write_at_once(store: Store) -> None:
    """Nothing is lost and nothing counted twice when chunks that overlap are written side by side."""
    rows = [event(f"{n}", time=NOON + timedelta(days=n % 90)) for n in range(400)]
    chunks = [rows[at : at + 100] for at in range(0, 400, 50)]
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda chunk: _send(store, chunk), chunks))
    store.commit()
    assert sum(one.created for one in written) == 400
    assert sum(one.created + one.existing for one in written) == sum(map(len, chunks))
    assert len(list(store.rows(EVENTS, Everything()))) == 400


def _send(store: Store, rows: Sequence[Row]) -> Written:
    return store.write(EVENTS, [store.encode(EVENTS, row) for row in rows])


def test_encode_knows_size_and_month(store: Store) -> None:
    """An operation tells its month and its size in bytes."""
    operation = store.encode(EVENTS, event("1"))
    assert (operation.id, operation.month) == ("1", "2024.05")
    assert operation.size == len(operation.body) > len(str(event("1")["raw"])) - 3
    assert store.encode(EVENTS, event("1", time=None)).month == "undated"
    assert store.encode(LOG_FILES, {"id": "f"}).month is None


@pytest.mark.parametrize("raw", [b'{"eventID":"1"}', b'{"eventID":"\xff"}', b"[1]", b""])
def test_what_was_encoded_can_be_decoded(store: Store, raw: bytes) -> None:
    """Whoever holds an operation can have its row again, the record byte for byte."""
    rows: list[tuple[Table, Row]] = [
        (EVENTS, {**event("1"), "raw": raw, "raw_length": len(raw), "actions": ("s3:GetObject",)}),
        (DEAD_LETTERS, {"id": "d", "time": event("1")["time"], "name": "a", "raw": raw}),
        (LOG_FILES, {"id": "f", "size": 3}),
    ]
    for table, row in rows:
        decoded = store.decode(table, store.encode(table, row))
        assert {name: value for name, value in decoded.items() if value not in (None, ())} == row
        assert decoded.keys() >= table.by_name.keys()


# The record


def test_records_come_back_byte_for_byte(store: Store) -> None:
    """Whatever a record holds, it is kept, and so are its derived fields."""
    rows = [event(name, raw=raw, event_name=name, actions=("a", "b")) for name, raw in ODD_RECORDS.items()]
    assert write(store, rows) == Written(created=len(rows))
    assert write(store, rows) == Written(existing=len(rows))
    found = {row["id"]: row for row in store.rows(EVENTS, Everything())}
    for row in rows:
        assert found[row["id"]] == whole(row), row["id"]


def test_rows_without_a_record(store: Store) -> None:
    """A row whose record is not kept has none."""
    write(store, [{"id": "1", "time": NOON}, {"id": "2", "time": NOON, "raw": None, "raw_length": 5}])
    assert [row["raw"] for row in store.rows(EVENTS, Everything())] == [None, None]


def test_every_table_keeps_its_rows(store: Store) -> None:
    """Each field of each table comes back as it was written, and so does what was never set."""
    for table in TABLES:
        full = _full(table)
        bare: Row = {"id": "bare", "time": NOON}
        assert write(store, [full, bare], table) == Written(created=2)
        names = [*table.by_name, *(["raw"] if table.has_raw else [])]
        found = {row["id"]: row for row in store.rows(table, Everything())}
        assert found["full"] == {name: full[name] for name in names}, table.name
        assert found["bare"] == {name: bare.get(name) for name in names}, table.name


def _full(table: Table) -> dict[str, Value]:
    values: dict[FieldType, Value] = {
        FieldType.KEYWORD: "text é",
        FieldType.KEYWORDS: ("a", "b"),
        FieldType.TIME: NOON,
        FieldType.INTEGER: 1_716_900_000_123_456_789,
        FieldType.BOOLEAN: False,
    }
    row = {field.name: values[field.type] for field in table.fields} | {"id": "full", "raw": b'{"a":"\xff\\u0000"}'}
    return row | ({"raw_length": 17} if table is EVENTS else {})


# Knowing, removing, committing


def log_file(id_: str) -> LogFile:
    """An entry of the ledger."""
    return LogFile(
        id=id_, time=NOON, name=f"/logs/{id_}.json.gz", size=5, modified=1_716_900_000_123_456_789, records=2
    )


def test_the_ledger_is_known_before_a_commit(store: Store) -> None:
    """A second loader asks by id, and sees what was written a moment ago."""
    store.write(LOG_FILES, [store.encode(LOG_FILES, log_file("a").row())])
    assert store.known(LOG_FILES, ["a", "b"]) == {"a"}
    (row,) = store.rows(LOG_FILES, In(LOG_FILES.by_name["id"], ("a", "b")))
    assert row == log_file("a").row()
    assert not list(store.rows(LOG_FILES, And((In(LOG_FILES.by_name["id"], ("a",)), Exists(LOG_FILES.by_name["day"])))))


def test_known_ids(store: Store) -> None:
    """Of thousands of ids, those that are there, in any month."""
    write(store, [event("1"), event("2", time=None), event("3", time=NOON + timedelta(days=40)), event("3")])
    asked = ["1", "2", "3", "4", *(f"x{n}" for n in range(12_000))]
    assert store.known(EVENTS, asked) == {"1", "2", "3"}
    assert store.known(EVENTS, []) == set()
    store.commit([log_file(f"f{n}") for n in range(2_500)])
    assert len(store.known(LOG_FILES, [f"f{n}" for n in range(5_000)])) == 2_500


def test_commit_marks_files_as_loaded(store: Store, reopen: StoreFactory) -> None:
    """What was committed is there after the store is opened again, rows and ledger; a file is marked once."""
    store.write(EVENTS, [store.encode(EVENTS, event("1"))])
    store.commit([log_file("a")])
    store.commit([log_file("a"), log_file("b")])
    again = reopen()
    assert ids(again.rows(EVENTS, Everything())) == ["1"]
    assert ids(again.rows(LOG_FILES, Everything())) == ["a", "b"]
    assert again.known(LOG_FILES, ["a", "b", "c"]) == {"a", "b"}


def test_a_closed_store_opens_again(store: Store) -> None:
    """After a close, prepare makes the same handle usable."""
    write(store, [event("1")])
    store.close()
    store.prepare(loading=True)
    assert write(store, [event("1"), event("2")]) == Written(created=1, existing=1)


@pytest.mark.parametrize(
    "where", [In(NAME, ("DeleteMe",)), Text("deleteme"), Pattern(NAME, "delete*", ignore_case=True)]
)
def test_remove(store: Store, reopen: StoreFactory, where: Where) -> None:
    """Rows that match are gone at once and for good, also those not committed yet; the others stay."""
    write(store, [event("1", event_name="DeleteMe"), event("2", event_name="Keep")])
    late = event("3", event_name="DeleteMe", time=None)
    store.write(EVENTS, [store.encode(EVENTS, late)])
    assert store.remove(EVENTS, where) == 2
    assert store.remove(EVENTS, where) == 0
    assert ids(store.rows(EVENTS, Everything())) == ["2"]
    assert ids(reopen().rows(EVENTS, Everything())) == ["2"]


def test_removed_rows_can_be_written_again(store: Store) -> None:
    """Removal leaves no trace that a later load would meet."""
    write(store, [event("1")])
    store.remove(EVENTS, Everything())
    assert write(store, [event("1")]) == Written(created=1)
    assert ids(store.rows(EVENTS, Everything())) == ["1"]


def test_tables_do_not_mix(store: Store) -> None:
    """A row of one table is not seen in another."""
    write(store, [event("1")])
    for table in (DEAD_LETTERS, CSM_CALLS, REPORT_ROWS):
        assert not list(store.rows(table, Everything()))
        assert write(store, [{"id": "1", "time": NOON}], table) == Written(created=1)
    assert len(list(store.rows(EVENTS, Everything()))) == 1


def test_stores_do_not_mix(make_store: StoreFactory) -> None:
    """Two stores side by side know nothing of each other."""
    one, other = make_store(), make_store()
    write(one, [event("1")])
    assert write(other, [event("1"), event("2")]) == Written(created=2)
    assert ids(one.rows(EVENTS, Everything())) == ["1"]
    assert one.remove(EVENTS, Everything()) == 1
    assert ids(other.rows(EVENTS, Everything())) == ["1", "2"]


# Versions


def test_reading_never_creates(make_backend: Callable[[], Backend]) -> None:
    """Reading from a store that is not there is an error that names load, and leaves nothing behind."""
    backend = make_backend()
    store = backend.open()
    with pytest.raises(StoreError, match=r"cloudsearch load"):
        store.prepare()
    store.close()
    assert backend.contents() == set()


def test_a_new_store_has_nothing_to_say(make_backend: Callable[[], Backend]) -> None:
    """Prepared twice, and then for reading: current versions, no notices, bounds for chunks."""
    store = make_backend().open()
    for loading in (True, True, False):
        info = store.prepare(loading=loading)
        assert (info.fields_version, info.derivation_version) == (FIELDS_VERSION, DERIVATION_VERSION)
        assert info.notices == ()
        assert info.chunk.floor <= info.chunk.start <= info.chunk.ceiling
    store.close()


@pytest.mark.parametrize("loading", [True, False])
def test_a_store_of_a_newer_version_is_refused(store: Store, backend: Backend, *, loading: bool) -> None:
    """An older program would misread it, or write what the newer one must not find."""
    write(store, [event("1")])
    store.close()
    backend.leave_newer()
    before = backend.contents()
    with pytest.raises(StoreError, match=re.compile("newer cloudsearch", re.IGNORECASE)):
        store.prepare(loading=loading)
    assert backend.contents() == before


@pytest.mark.parametrize("loading", [True, False])
def test_an_older_store_gets_the_new_fields(make_backend: Callable[[], Backend], *, loading: bool) -> None:
    """Old months too take and find a field that was added; a notice names rederive until rows are renewed."""
    backend = make_backend()
    backend.leave_older([event("1"), event("2", time=NOON - timedelta(days=90)), event("3", time=None)], "region")
    store = backend.open()
    assert any("cloudsearch rederive" in notice for notice in store.prepare(loading=loading).notices)
    assert any("cloudsearch rederive" in notice for notice in store.prepare(loading=True).notices)
    assert [row["region"] for row in store.rows(EVENTS, Everything())] == [None] * 3
    renewed = [event("1", region="r"), event("2", time=NOON - timedelta(days=90), region="r")]
    write(store, [*renewed, event("3", time=None, region="r")], replace=True)
    assert ids(store.rows(EVENTS, In(FIELD["region"], ("r",)))) == ["1", "2", "3"]
    assert store.prepare().notices == ()
    store.close()
