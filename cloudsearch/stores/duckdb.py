"""The embedded store: one DuckDB file, one column per derived field, and the record beside them.

Rows travel as JSON lines: ``encode`` writes them, DuckDB's own reader takes a chunk of them at once, which is
some fifty times faster than binding values row by row. There is no primary key (it costs a quarter of the speed):
the ids of a chunk are looked up within its months in the same statement that inserts them.

Everything written since the last ``commit`` is one transaction, the ledger's rows among them. One process at a
time holds the file for writing; several may read it.
"""

from __future__ import annotations

import os
import time as clock
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any

import duckdb
import msgspec

from cloudsearch.errors import StoreError, StoreMissing, StoreRejected, StoreUnavailable
from cloudsearch.event import DERIVATION_VERSION, FIELDS_VERSION, RAW, Field, Row
from cloudsearch.store import (
    EVENTS,
    LOG_FILES,
    TABLES,
    ChunkSize,
    Group,
    Grouping,
    LogFile,
    Operation,
    StoreInfo,
    Table,
    Written,
    older_derivation,
)
from cloudsearch.stores.columns import (
    USUAL_LINE,
    definition,
    exactly,
    json_source,
    raw_columns,
    row_in,
    row_of,
    same,
    selected,
    stored,
    there,
    unfolding,
    utc,
    value_of,
    within,
)
from cloudsearch.stores.room import first_line, holder_of, is_stump
from cloudsearch.stores.shrinking import rewritten
from cloudsearch.stores.sql import compile_where, quoted
from cloudsearch.where import And, In, Range, Where

LOCK_SECONDS = 5.0
CHUNK = ChunkSize(start=4 << 20, floor=64 << 10, ceiling=6 << 20)
PAGE = 2_000
WINDOW_ROWS = 20_000

_AMPLE = "SET memory_limit = '2GB'"
_WRITING = "SET memory_limit = '112MB'; SET threads = 1; SET checkpoint_threshold = '1MB'"
"""One core derives, another inserts; what has no room waits beside the store, and no commit goes to a log first."""

_DEFINITIONS = {table.name: [definition(*column) for column in stored(table)] for table in TABLES} | {
    "meta": ["fields_version INTEGER", "derivation_version INTEGER"]
}
"""Every table of a file, by the definitions of its columns."""

_INVALIDATED = "database has been invalidated"
_IN_TURN = "One process writes at a time; wait for it or end it"

_ENCODER = msgspec.json.Encoder()


class DuckDBStore:
    """A ``Store`` in a DuckDB file."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._lock = RLock()
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._dirty = False
        self._gone = 0  # events that were removed or replaced
        self._failed = ""  # what DuckDB said last; after that it may only say that it has been invalidated

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """Open the file, or with ``loading`` create it; bring its columns up to date."""
        if not loading and not self._path.is_file():
            raise StoreMissing(f"There is no store at {self._path}. Load logs first: cloudsearch load PATH")
        self.close()
        self._opened = self._connect(read_only=not loading)
        with self._translated():
            if loading and not self._has_table("meta"):
                self._create()
            self._check_versions()
            if self._missing_columns():
                self._upgrade(read_only=not loading)
            return self._info()

    def encode(self, table: Table, row: Row) -> Operation:
        """A row as a line of JSON; a record that is not UTF-8 goes to ``raw_bytes``."""
        raw = row.get("raw")
        values = {**row, **raw_columns(raw)} if isinstance(raw, bytes) else row
        return Operation(str(row["id"]), table.month(row), _ENCODER.encode(values))

    def decode(self, table: Table, operation: Operation) -> Row:
        """A line of JSON, read again."""
        return row_in(table, operation.body)

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Insert what is not there."""
        given = len(operations)
        if not operations:
            return Written()
        inserted = operations if replace else reversed(operations)  # of two with one identity: the last, the first
        operations = list({(operation.month, operation.id): operation for operation in inserted}.values())
        with self._lock, self._translated():
            self._begin()
            if replace:
                self._delete(table, operations)
                self._gone += len(operations) if table is EVENTS else 0
            created = self._insert(table, operations)
        return Written(created=created, existing=given - created)

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """Look the ids up."""
        found = self._fetch(f"SELECT DISTINCT id FROM {table.name} WHERE list_contains(?, id)", (list(ids),))
        return {str(row[0]) for row in found}

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """GROUP BY; a list is unfolded first."""
        condition = exactly(where)
        times = 'min("time"), max("time")'
        if not by:
            text = f"SELECT count(*), {times} FROM {table.name} WHERE {condition.text} HAVING count(*) > 0"
        else:
            names = ", ".join(quoted(field) for field in by)
            inner = unfolding(table.name, by, condition.text)
            text = (
                f"SELECT {names}, count(*), min(seen), max(seen) FROM ({inner}) "
                f"GROUP BY {names} ORDER BY {', '.join(f'{quoted(field)} NULLS FIRST' for field in by)}"
            )
        for *key, count, first, last in self._fetch(text, condition.params):
            yield Group(tuple(map(value_of, key)), count, utc(first), utc(last))

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """One after the other."""
        return (self.group(table, one.by, And((where, one.where))) for one in asked)

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """SELECT; ordered, a window of time after the other, since sorting whole records needs gigabytes."""
        wanted = list(fields if fields is not None else (*table.fields, *((RAW,) if table.has_raw else ())))
        exact = compile_where(where).exact
        read = wanted if exact else [*table.fields, *((RAW,) if table.has_raw else ())]
        for window in self._windows(table, where) if ordered else (where,):
            for row in self._select(table, window, read, ordered=ordered):
                if exact or where.matches(row):
                    yield row if exact else {field.name: row[field.name] for field in wanted}

    def remove(self, table: Table, where: Where) -> int:
        """Delete, and commit."""
        condition = compile_where(where)
        with self._lock, self._translated():
            if condition.exact:
                self._begin()
                removed = self._run(f"DELETE FROM {table.name} WHERE {condition.text}", condition.params)
            else:
                rows = [self.encode(table, row) for row in self.rows(table, where)]
                self._begin()
                self._delete(table, rows)
                removed = len(rows)
            self._gone += removed if table is EVENTS else 0
        self.commit()
        return removed

    def shrink(self) -> None:
        """Write the file anew without what is free, where that is much of it."""
        with self._lock, self._translated():
            self.commit()
            if rewritten(self._connection, self._path, _DEFINITIONS, gone=self._gone):
                self.close()
                self._gone = 0
                self._opened = self._connect(read_only=False)

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """End the transaction, with the ledger's rows in it."""
        with self._lock:
            self.write(LOG_FILES, [self.encode(LOG_FILES, log_file.row()) for log_file in log_files], replace=True)
            if self._dirty:
                with self._translated():
                    self._connection.commit()
                self._dirty = False

    def close(self) -> None:
        """Close the file; what was not committed is gone."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened, self._dirty = None, False

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._opened is None:
            raise StoreError(f"The store at {self._path} is not open")
        return self._opened

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file; while another process holds it, try again for a while and then say who does."""
        end = clock.monotonic() + LOCK_SECONDS
        while True:
            stump = not read_only and is_stump(self._path)
            try:
                return self._open(read_only=read_only)
            except duckdb.IOException as error:
                if "lock" not in str(error):
                    if stump:
                        self._path.unlink(missing_ok=True)
                        continue
                    raise StoreError(f"{self._path} could not be opened: {first_line(error)}") from error
                if clock.monotonic() > end:
                    raise StoreUnavailable(
                        f"{self._path} is in use: {holder_of(error)} holds it. {_IN_TURN}"
                    ) from error
                clock.sleep(0.1)
            except duckdb.Error as error:
                raise StoreError(f"{self._path} is not a cloudsearch store: {first_line(error)}") from error

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        created = not self._path.exists()
        if read_only:
            connection = duckdb.connect(str(self._path), read_only=True)
        else:
            connection = duckdb.connect(str(self._path), config={"storage_compatibility_version": "v1.4.0"})
        if created:
            self._path.chmod(0o600)
        connection.execute(f"{_AMPLE}; SET preserve_insertion_order = false; {'' if read_only else _WRITING}")
        return connection

    def _has_table(self, name: str) -> bool:
        return any(self._fetch("SELECT 1 FROM information_schema.tables WHERE table_name = ?", (name,)))

    def _create(self) -> None:
        with self._lock:
            self._begin()
            for table, columns in _DEFINITIONS.items():
                self._run(f"CREATE TABLE {table} ({', '.join(columns)})")
            self._run("INSERT INTO meta VALUES (?, ?)", (FIELDS_VERSION, DERIVATION_VERSION))
            self.commit()

    def _check_versions(self) -> None:
        if not self._has_table("meta"):
            raise StoreError(f"{self._path} is a DuckDB file, but not a cloudsearch store")
        ((fields, derivation),) = self._fetch("SELECT fields_version, derivation_version FROM meta")
        if fields > FIELDS_VERSION or derivation > DERIVATION_VERSION:
            raise StoreRejected(
                f"{self._path} was written by a newer cloudsearch (field table {fields}, derivation {derivation}; "
                f"this one knows {FIELDS_VERSION} and {DERIVATION_VERSION}). Upgrade cloudsearch"
            )

    def _missing_columns(self) -> list[tuple[str, str]]:
        """Table name and column definition of what this version has and the file lacks."""
        present = set(self._fetch("SELECT table_name, column_name FROM information_schema.columns"))
        return [
            (table.name, definition(*column))
            for table in TABLES
            for column in stored(table)
            if (table.name, column[0]) not in present
        ]

    def _upgrade(self, *, read_only: bool) -> None:
        if read_only:
            self.close()
            self._opened = self._connect(read_only=False)
        with self._lock:
            self._begin()
            for table, column in self._missing_columns():
                self._run(f"CREATE TABLE IF NOT EXISTS {table} ({column})")
                self._run(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
            self._run(
                "UPDATE meta SET fields_version = ?, derivation_version = ?", (FIELDS_VERSION, DERIVATION_VERSION)
            )
            self.commit()

    def _info(self) -> StoreInfo:
        ((oldest,),) = self._fetch(f"SELECT min(derivation) FROM {EVENTS.name}")
        notices: tuple[str, ...] = ()
        if oldest is not None and oldest < DERIVATION_VERSION:
            notices = (older_derivation(str(self._path)),)
        return StoreInfo(str(self._path), FIELDS_VERSION, DERIVATION_VERSION, CHUNK, notices)

    def _insert(self, table: Table, operations: Sequence[Operation]) -> int:
        """Insert rows, each of another identity, that are not there; says how many."""
        names = ", ".join(f'"{name}"' for name, _ in stored(table))
        values = names.replace('"raw_bytes"', "from_base64(raw_bytes)")
        place, params = there(table, operations)
        longest = max(operation.size for operation in operations)
        if longest > USUAL_LINE:  # it lies in memory until it is committed
            self._connection.execute(_AMPLE)
        with self._lines(operations) as path:
            text = (
                f"INSERT INTO {table.name} ({names}) "
                f"SELECT {values} FROM {json_source(table, longest)} n "
                f"WHERE NOT EXISTS (SELECT 1 FROM {place} e WHERE {same(table)})"
            )
            return self._run(text, (path, *params))

    def _delete(self, table: Table, operations: Sequence[Operation]) -> None:
        """Delete rows of the same identity, a month at a time: of the others nothing is read."""
        for month in {operation.month for operation in operations}:
            place, params = within(month)
            ids = [operation.id for operation in operations if operation.month == month]
            self._run(f"DELETE FROM {table.name} WHERE {place} AND id IN (SELECT unnest(?))", (*params, ids))

    def _select(self, table: Table, where: Where, fields: Sequence[Field], *, ordered: bool) -> Iterator[Row]:
        condition = compile_where(where)
        columns = ", ".join(f"{name}" for field in fields for name in selected(field))
        order = ' ORDER BY "time" NULLS LAST, id' if ordered else ""
        text = f"SELECT {columns or '1'} FROM {table.name} WHERE {condition.text}{order}"
        for row in self._fetch(text, condition.params):
            yield row_of(fields, row)

    def _windows(self, table: Table, where: Where) -> Iterator[Where]:
        """Cut the question into windows of time that hold few rows each, the rows without a time last."""
        condition = compile_where(where)
        time = table.by_name["time"]
        hours = self._fetch(
            f"SELECT date_trunc('hour', \"time\") AS hour, count(*) FROM {table.name} "
            f"WHERE {condition.text} GROUP BY hour ORDER BY hour",
            condition.params,
        )
        start: datetime | None = None
        held = 0
        for hour, count in hours:
            if hour is None:
                continue
            if start is not None and held + count > WINDOW_ROWS:
                yield And((where, Range(time, start, utc(hour))))
                start, held = None, 0
            start, held = start or utc(hour), held + count
        if start is not None:
            yield And((where, Range(time, start)))
        yield And((where, In(time, (None,))))

    def _begin(self) -> None:
        if not self._dirty:
            self._connection.begin()
            self._dirty = True

    def _run(self, text: str, params: Sequence[object] = ()) -> int:
        """Change something; says how many rows it changed."""
        answer = self._connection.execute(text, list(params)).fetchone()
        return int(answer[0]) if answer and isinstance(answer[0], int) else 0

    def _fetch(self, text: str, params: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query: streamed, or read at once on the writing connection while a transaction is open."""
        with self._translated():
            if self._dirty:
                with self._lock:
                    yield from self._connection.execute(text, list(params)).fetchall()
                return
            with self._connection.cursor() as cursor:
                cursor.execute(text, list(params))
                while page := cursor.fetchmany(PAGE):
                    yield from page

    @contextmanager
    def _lines(self, operations: Sequence[Operation]) -> Iterator[str]:
        """A file of JSON lines that only this user can read.

        It lies beside the store, which one process writes at a time: what a killed one leaves is overwritten.
        """
        path = self._path.with_name(f"{self._path.name}.chunk")
        try:
            with open(path, "wb", opener=_private) as file:
                file.write(b"\n".join([operation.body for operation in operations]))
            yield str(path)
        except OSError as error:
            raise StoreError(f"{path} could not be written: {first_line(error)}") from error
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            if not self._failed or _INVALIDATED not in str(error):
                self._failed = first_line(error)
            raise StoreError(f"{self._path}: {self._failed}") from error
        except RuntimeError as error:
            if "interrupted" not in str(error):
                raise
            raise KeyboardInterrupt from error  # what DuckDB makes of Ctrl-C while it works


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
