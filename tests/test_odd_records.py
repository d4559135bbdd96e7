"""No store refuses a record, gives one back changed, or comes to harm by one, whatever came before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from cloudsearch.derive import derive
from cloudsearch.errors import RecordError
from cloudsearch.event import Row
from cloudsearch.store import EVENTS, Store, Written
from cloudsearch.where import Everything, In
from tests.backends import Backend
from tests.odd import conflicting, odd_records
from tests.rows import FIELD, event, whole, write

pytestmark = pytest.mark.engine

CHUNK = 4 << 20


def chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows by the hundred, a large one with few others."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(str(row["raw"]))
        if len(chunk) == 100 or size > CHUNK:
            yield chunk
            chunk, size = [], 0
    yield chunk


def keep(store: Store, backend: Backend, rows: Sequence[Row]) -> None:
    """All are new, all come back as they were, and who keeps them is as well as before."""
    for chunk in chunks(rows):
        assert write(store, chunk) == Written(created=len(chunk))
    store.commit()
    expected = {row["id"]: whole(row) for row in rows}
    found = {row["id"]: row for row in store.rows(EVENTS, Everything())}
    assert found.keys() == expected.keys()
    assert [id_ for id_, row in found.items() if row != expected[id_]] == []
    assert list(backend.harm()) == []
    assert write(store, [event("one more")]) == Written(created=1)


@pytest.mark.parametrize("order", [1, -1], ids=["forth", "back"])
def test_every_name_in_every_type(store: Store, backend: Backend, order: int) -> None:
    """Every field that AWS writes as more than one type, in every type, each before and after each other."""
    keep(store, backend, [event(f"{n:04}", raw=raw) for n, raw in enumerate(conflicting())][::order])


@pytest.mark.parametrize("order", [1, -1], ids=["forth", "back"])
def test_every_odd_record(store: Store, backend: Backend, order: int) -> None:
    """Depth, length, spelling, names and times that some engine or parser refuses or dies of."""
    keep(store, backend, [event(name, raw=raw) for name, raw in odd_records().items()][::order])


def test_every_odd_record_as_it_is_loaded(store: Store, backend: Backend) -> None:
    """With the fields that are derived of it; what is no record at all is said to be none."""
    rows: dict[str, Row] = {}
    for name, raw in odd_records().items():
        try:
            row = derive(raw)
        except RecordError:
            continue
        assert row["raw"] == raw.strip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf"), name
        rows[name] = {**row, "id": name}
    assert len(rows) > 250
    keep(store, backend, list(rows.values()))


def test_an_odd_record_hides_none_of_its_neighbours(store: Store) -> None:
    """What is derived finds each, in whatever form it is kept."""
    records = odd_records()
    rows = [event(name, raw=raw, region=f"r-{n}") for n, (name, raw) in enumerate(records.items()) if len(raw) < 50_000]
    for chunk in chunks(rows):
        write(store, chunk)
    store.commit()
    regions = tuple(str(row["region"]) for row in rows)
    found = store.rows(EVENTS, In(FIELD["region"], regions), fields=(FIELD["id"], FIELD["region"]))
    assert {(row["id"], row["region"]) for row in found} == {(row["id"], row["region"]) for row in rows}
