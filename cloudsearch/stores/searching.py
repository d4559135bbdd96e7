"""The store that all search engines share: monthly indices, bulk requests, composite aggregations, snapshots.

Events lie in one index per month of the event, read through an alias; an event loaded again meets itself there.
The ledger is asked by id, which sees what was written a moment ago; questions see what a ``commit`` made readable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from cloudsearch.errors import AccessError, StoreError, StoreMissing, StoreRejected, StoreUnavailable
from cloudsearch.event import DERIVATION_VERSION, FIELDS_VERSION, RAW, Field, FieldType, Row
from cloudsearch.store import (
    EVENTS,
    LOG_FILES,
    TABLES,
    ChunkSize,
    Group,
    Grouping,
    LogFile,
    Operation,
    RefusalKind,
    Refused,
    StoreInfo,
    Table,
    Written,
    older_derivation,
)
from cloudsearch.stores.bulk import Outcome, deleted, resend, send
from cloudsearch.stores.documents import Documents, Reader
from cloudsearch.stores.engine import Engine, answered, checked, checked_prefix
from cloudsearch.stores.indices import Indices
from cloudsearch.stores.mappings import first_index, index_name, read_name
from cloudsearch.stores.reading import WHOLE, Hit, counted, documents, groups, hits
from cloudsearch.stores.relaxing import Relaxing
from cloudsearch.where import And, Everything, In, Range, Where, subjects

if TYPE_CHECKING:
    from cloudsearch.stores.querying import Question

CHUNK = ChunkSize(start=2 << 20, floor=64 << 10, ceiling=10 << 20)
DELETE_AT_ONCE = 5_000

_NOT_RELAXED = (
    "The settings of the indices may not be changed (that needs the privilege manage on them), so a long load is slower"
)


class _Shards(msgspec.Struct):
    failed: int


class _Refreshed(msgspec.Struct, rename={"shards": "_shards"}):
    shards: _Shards


class _Metric(msgspec.Struct):
    value: float | None = None


class _Oldest(msgspec.Struct):
    aggregations: dict[str, _Metric] = msgspec.field(default_factory=dict)


class SearchStore:
    """A ``Store`` in a search engine."""

    def __init__(self, engine: Engine, address: str, *, prefix: str) -> None:
        self._engine, self._prefix = engine, checked_prefix(prefix)
        self._name = f"{prefix} at {address}"
        self._indices = Indices(engine, self._name, prefix)
        self._documents = {table.name: Documents(prefix, table) for table in TABLES}
        self._lock = Lock()
        self._relaxing = Relaxing(engine, [read_name(prefix, table) for table in TABLES if table.monthly])
        self._loading, self._writing = False, 0
        self._unread: set[str] = set()  # tables with rows that no search sees yet
        self._absent: set[str] = set()  # tables that this version has and an older one, which made the store, had not

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """Check versions and bring mappings up to date; with ``loading`` make what is not there."""
        if loading:
            self._restore()
        found = self._indices.found()
        if not loading and not found[EVENTS]:
            raise StoreMissing(f"There is no store {self._name}. Load logs first: cloudsearch load PATH")
        added, notices = self._indices.upgrade(found, loading=loading)
        if loading:
            notices += self._indices.create()
            self._loading = True
            self._unread.add(LOG_FILES.name)  # a killed load may have marked files that no search sees yet
            if not self._relaxing.may_relax(first_index(self._prefix, EVENTS)):
                notices += (_NOT_RELAXED,)
        self._absent = set() if loading else {table.name for table, mappings in found.items() if not mappings}
        oldest = self._oldest_derivation()
        if added or oldest < DERIVATION_VERSION:
            notices += (older_derivation(self._name),)
        return StoreInfo(self._name, FIELDS_VERSION, oldest, CHUNK, notices)

    def _oldest_derivation(self) -> int:
        body = {"size": 0, "aggs": {"oldest": {"min": {"field": "cloudsearch.derivation"}}}}
        answer = self._engine.request("POST", f"/{read_name(self._prefix, EVENTS)}/_search", params=WHOLE, body=body)
        oldest = answered(answer, _Oldest, f"Reading {self._name}").aggregations["oldest"].value
        return DERIVATION_VERSION if oldest is None else int(oldest)

    def encode(self, table: Table, row: Row) -> Operation:
        """A row as the two lines of a bulk request."""
        return self._documents[table.name].encode(row)

    def decode(self, table: Table, operation: Operation) -> Row:
        """The document of its two lines, read as one that was found."""
        return self._documents[table.name].decode(operation)

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Send rows in one request; a document that was refused is sent once more, in the form no mapping refuses."""
        if not operations:
            return Written()
        barred = self._indices.ensure(table, {operation.month for operation in operations})
        refused = tuple(
            Refused(operation, why.kind, why.reason)
            for operation in operations
            if (why := barred.get(operation.month)) is not None
        )
        allowed = [operation for operation in operations if operation.month not in barred] if barred else operations
        with self._lock:
            self._unread.add(table.name)
            self._absent.discard(table.name)
            self._writing += 1
        try:
            outcome = send(self._engine, allowed, replace=replace)
            if outcome.unfit:
                outcome = resend(self._engine, outcome, self._documents[table.name].fallback, replace=replace)
        finally:
            with self._lock:
                self._writing -= 1
        if table.monthly:
            months = {operation.month for operation in allowed}
            indices = (index_name(self._prefix, table, month) for month in months)
            self._relaxing.wrote(indices, self._indices.created)
        return (outcome + Outcome(refused=refused)).written

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """Look the ids up: at once where a table is not monthly, else among what was committed."""
        if table.name in self._absent:
            return set()
        if table.monthly:
            field = table.by_name["id"]
            return {str(group.key[0]) for group in self.group(table, [field], In(field, tuple(ids)))}
        index = read_name(self._prefix, table)
        return {id_ for id_, _ in documents(self._engine, index, list(filter(None, ids)), source=False)}

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """One composite aggregation; where the query would count too many rows, they are counted here."""
        (groups_,) = self.group_each(table, Everything(), (Grouping(tuple(by), where),))
        return groups_

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """One search with an aggregation for each, where the engine's language says exactly what is meant."""
        subjects_ = (*subjects(where), *(subject for one in asked for subject in (*one.by, *subjects(one.where))))
        if any(not isinstance(field, Field) or field.type is FieldType.BLOB for field in subjects_):
            raise ValueError("group takes derived fields only")
        if table.name in self._absent:
            return (iter(()) for _ in asked)
        among = _compiled(where, self._engine)
        questions = [_compiled(one.where, self._engine) for one in asked]
        if all(question.exact for question in (among, *questions)):
            wanted = [(one.by, question.query) for one, question in zip(asked, questions, strict=True)]
            return groups(self._engine, read_name(self._prefix, table), among.query, wanted)
        return (self._counted_here(table, one.by, And((where, one.where))) for one in asked)

    def _counted_here(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        return counted(self.rows(table, where, fields=[*by, table.by_name["time"]]), by)

    def search(self, table: Table, body: object) -> bytes | None:
        """What the engine answers to a search in its own words, of every shard; None for a table that is not there."""
        if table.name in self._absent:
            return None
        path = f"/{read_name(self._prefix, table)}/_search"
        answer = self._engine.request("POST", path, params=WHOLE, body=body)
        return checked(answer, f"Searching {self._name}").body

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """Pages of a snapshot, filtered where the query finds more than was meant; by id, what is there this moment."""
        if table.name in self._absent:
            return iter(())
        wanted = list(fields if fields is not None else _all_fields(table))
        ids = None if table.monthly else _ids(where)
        if ids is None:
            return (row for _, row in self._found(table, where, wanted, ordered=ordered))
        found = self._by_id(table, ids, where)
        if ordered:
            found = iter(sorted(found, key=_by_time))
        return ({field.name: row.get(field.name) for field in wanted} for row in found)

    def _by_id(self, table: Table, ids: Sequence[str], where: Where) -> Iterator[Row]:
        reader = Reader(_all_fields(table))
        for _, source in documents(self._engine, read_name(self._prefix, table), ids, source=True):
            row = self._documents[table.name].row(source, reader)
            if where.matches(row):
                yield row

    def _found(
        self, table: Table, where: Where, wanted: Sequence[Field], *, ordered: bool = False
    ) -> Iterator[tuple[Hit, Row]]:
        """Documents that match, with their rows."""
        question = _compiled(where, self._engine)
        asked = (
            [] if question.exact else [subject if isinstance(subject, Field) else RAW for subject in subjects(where)]
        )
        reader = Reader(list(dict.fromkeys((*wanted, *asked))))
        known = self._documents[table.name]
        index = read_name(self._prefix, table)
        for hit in hits(self._engine, index, question.query, source=reader.source, ordered=ordered):
            row = known.row(hit.source, reader)
            if question.exact:
                yield hit, row
            elif where.matches(row):
                yield hit, {field.name: row[field.name] for field in wanted}

    def remove(self, table: Table, where: Where) -> int:
        """Find and delete, what was written a moment ago included; months that go whole are dropped."""
        self._refresh({table.name})
        removed = self._dropped(table, where)
        places: list[tuple[str, str]] = []
        for hit, _ in self._found(table, where, [table.by_name["id"]]):
            places.append((hit.index, hit.id))
            if len(places) == DELETE_AT_ONCE:
                removed += deleted(self._engine, places)
                places = []
        removed += deleted(self._engine, places)
        self._refresh({table.name})
        return removed

    def _dropped(self, table: Table, where: Where) -> int:
        """Drop the months before a time, where that is the question; where it is not allowed, they go row by row."""
        match where:
            case Range(Field(name="time"), None, datetime() as end) if table.monthly:
                return sum(self._indices.drop(index) for index in self._indices.before(table, end))
        return 0

    def shrink(self) -> None:
        """Nothing: an engine merges what was deleted away by itself."""

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """Make what was written readable, then write the ledger: a crash in between means loading again, not loss."""
        with self._lock:
            unread, self._unread = self._unread, set()
        if log_files:
            unread.add(EVENTS.name)  # another process may have sent what is in them
        try:
            self._refresh(unread)
        except StoreError:
            with self._lock:
                self._unread |= unread
            raise
        written = self.write(
            LOG_FILES, [self.encode(LOG_FILES, log_file.row()) for log_file in log_files], replace=True
        )
        for refused in written.refused:
            kind = StoreUnavailable if refused.kind in (RefusalKind.RETRY, RefusalKind.WAIT) else StoreRejected
            raise kind(f"The ledger of {self._name} did not take {refused.operation.id}: {refused.reason}")
        if log_files:
            self._refresh({LOG_FILES.name})

    def _refresh(self, names: Collection[str]) -> None:
        if not names:
            return
        path = ",".join(sorted(f"{self._prefix}.{name}" for name in names))
        answer = self._engine.request("POST", f"/{path}/_refresh", params={"ignore_unavailable": "true"})
        if answer.status == 404 and not answer.cause.type:
            raise StoreRejected(
                f"{self._name} cannot make readable what was written (it has no _refresh, as OpenSearch Serverless has "
                "none), so a report could miss events in silence. Load into an OpenSearch domain or cluster"
            )
        if answered(answer, _Refreshed, f"Committing to {self._name}").shards.failed:
            raise StoreUnavailable(f"Committing to {self._name}: some shards could not be refreshed")

    def _restore(self) -> None:
        """Put back what a killed load has left; where that is not allowed nothing was left either."""
        with suppress(AccessError, StoreRejected):
            self._relaxing.restore()

    def close(self) -> None:
        """Put the settings of loading back and close the connections; with writes under way, without much waiting."""
        if self._loading:
            self._relaxing.end(in_a_hurry=self._writing > 0)
        self._loading = False
        self._engine.close()


def _compiled(where: Where, engine: Engine) -> Question:
    """The question for the engine. The query builder is loaded when something is asked: a load asks by ids alone."""
    from cloudsearch.stores.querying import compile_where

    return compile_where(where, engine.dialect)


def _all_fields(table: Table) -> tuple[Field, ...]:
    return (*table.fields, *((RAW,) if table.has_raw else ()))


def _ids(where: Where) -> list[str] | None:
    """The ids that a question names, if it names some; a question about other things too is filtered afterwards."""
    match where:
        case In(Field(name="id"), values) if None not in values:
            return list(dict.fromkeys(value for value in values if isinstance(value, str) and value))
        case And(parts):
            return next((ids for part in parts if (ids := _ids(part)) is not None), None)
    return None


def _by_time(row: Row) -> tuple[bool, Any, Any]:
    time = row["time"]
    return time is None, time or 0, row["id"]
