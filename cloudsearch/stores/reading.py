"""Reading from a search engine: whole questions over a snapshot, page by page; never a list cut off at a size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cloudsearch.errors import StoreError, StoreUnavailable
from cloudsearch.event import Field, FieldType, Row, Value
from cloudsearch.store import Group
from cloudsearch.stores.dialect import BY_TIME_AND_ID
from cloudsearch.stores.engine import KEEP_ALIVE, Engine, answered
from cloudsearch.stores.mappings import name_of

if TYPE_CHECKING:
    from elasticsearch.dsl.query import Query

PAGE_OF_FIELDS = 5_000
FIRST_PAGE_OF_RECORDS = 1_000
SMALLEST_PAGE = 20
PAGE_BYTES = 16 << 20
PAGE_OF_GROUPS = 10_000
IDS_AT_ONCE = 1_000

WHOLE = {"allow_partial_search_results": "false"}
"""A shard that fails must be an error: by default its hits are left out in silence."""

TIMES = {"first": {"min": {"field": "cloudsearch.time"}}, "last": {"max": {"field": "cloudsearch.time"}}}

_Scalar = str | int | float | bool | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Hit(msgspec.Struct, rename={"id": "_id", "index": "_index", "source": "_source"}, gc=False):
    """A document found: its place, and its bytes as they were sent."""

    id: str
    index: str
    source: Raw | UnsetType = UNSET
    sort: list[_Scalar] = msgspec.field(default_factory=list)


class _Hits(msgspec.Struct):
    hits: list[Hit] = msgspec.field(default_factory=list)
    total: dict[str, Any] = msgspec.field(default_factory=dict)


class _Metric(msgspec.Struct):
    value: float | None = None


class _Bucket(msgspec.Struct, gc=False):
    key: dict[str, _Scalar]
    doc_count: int
    first: _Metric
    last: _Metric


class _Composite(msgspec.Struct):
    buckets: list[_Bucket]
    after_key: dict[str, _Scalar] | None = None


class _Part(msgspec.Struct):
    """What a search counts of the documents that one filter lets through."""

    doc_count: int
    groups: _Composite | None = None
    first: _Metric = msgspec.field(default_factory=_Metric)
    last: _Metric = msgspec.field(default_factory=_Metric)


class _Shards(msgspec.Struct):
    failed: int = 0


class _Found(msgspec.Struct, rename={"shards": "_shards"}):
    timed_out: bool
    shards: _Shards = msgspec.field(default_factory=_Shards)
    hits: _Hits = msgspec.field(default_factory=_Hits)
    aggregations: dict[str, Raw] = msgspec.field(default_factory=dict)
    pit_id: str | None = None


class _Document(msgspec.Struct, rename={"id": "_id", "source": "_source"}):
    id: str
    found: bool = False
    error: Any = None
    source: Raw | UnsetType = UNSET


class _Documents(msgspec.Struct):
    docs: list[_Document]


class Snapshot:
    """An index or alias as it is at one moment."""

    def __init__(self, engine: Engine, index: str) -> None:
        self._engine, self._index = engine, index
        path = f"/{index}{engine.dialect.snapshots}"
        answer = engine.request("POST", path, params={"keep_alive": KEEP_ALIVE})
        self._id: str = answered(answer, dict[str, Any], f"Reading {index}")[engine.dialect.snapshot_id]

    def search(self, body: dict[str, Any]) -> tuple[_Found, int]:
        """Ask; the answer, and the bytes it came in."""
        body = body | {"pit": {"id": self._id, "keep_alive": KEEP_ALIVE}}
        found, answered_bytes = _searched(self._engine, self._index, "/_search", body)
        self._id = found.pit_id or self._id
        return found, answered_bytes

    def close(self) -> None:
        """Let go of it; one that is gone already is fine."""
        dialect = self._engine.dialect
        self._engine.request("DELETE", dialect.snapshots, body=dialect.closing(self._id))


def _searched(engine: Engine, index: str, path: str, body: dict[str, Any]) -> tuple[_Found, int]:
    answer = engine.request("POST", path, params=WHOLE, body=body)
    found = answered(answer, _Found, f"Reading {index}")
    if found.timed_out:
        raise StoreUnavailable(f"Reading {index}: the search took too long")
    if found.shards.failed:  # Amazon's service takes no parameter of a signed POST, WHOLE among them
        raise StoreUnavailable(f"Reading {index}: some shards did not answer")
    return found, len(answer.body)


@contextmanager
def snapshot(engine: Engine, index: str) -> Iterator[Snapshot]:
    """A snapshot for as long as it is needed."""
    taken = Snapshot(engine, index)
    try:
        yield taken
    finally:
        # It ends by itself some minutes later, and what was read is right all the same.
        with suppress(StoreError):
            taken.close()


def hits(engine: Engine, index: str, query: Query, *, source: Any, ordered: bool) -> Iterator[Hit]:  # noqa: ANN401 (what a search takes)
    """Every document that a query finds; pages of whole records are kept to some 16 MiB."""
    body: dict[str, Any] = {"query": query.to_dict(), "sort": _sort(engine, ordered=ordered), "_source": source}
    size = FIRST_PAGE_OF_RECORDS if source is True else PAGE_OF_FIELDS
    with snapshot(engine, index) as taken:
        while True:
            found, answered_bytes = taken.search(body | {"size": size, "track_total_hits": False})
            page = found.hits.hits
            yield from page
            if len(page) < size:
                return
            body["search_after"] = page[-1].sort
            size = max(SMALLEST_PAGE, min(PAGE_OF_FIELDS, size * PAGE_BYTES // answered_bytes))


def _sort(engine: Engine, *, ordered: bool) -> list[Any]:
    ties = engine.dialect.tie_break
    return list(ties) if not ordered else [*BY_TIME_AND_ID, *(tie for tie in ties if tie not in BY_TIME_AND_ID)]


def documents(engine: Engine, index: str, ids: Sequence[str], *, source: Any) -> Iterator[tuple[str, Raw | UnsetType]]:  # noqa: ANN401
    """Documents by their ids, as they were written a moment ago; those that are not there are left out."""
    for at in range(0, len(ids), IDS_AT_ONCE):
        body = {"docs": [{"_id": id_, "_source": source} for id_ in ids[at : at + IDS_AT_ONCE]]}
        answer = engine.request("POST", f"/{index}/_mget", body=body)
        for document in answered(answer, _Documents, f"Reading {index}").docs:
            if document.error is not None:
                raise StoreError(
                    f"Reading {index}: {document.error.get('type')}. Load logs first: cloudsearch load PATH"
                )
            if document.found:
                yield document.id, document.source


def groups(
    engine: Engine, index: str, among: Query, asked: Sequence[tuple[Sequence[Field], Query]]
) -> Iterator[Iterator[Group]]:
    """Of each that is asked for, the groups among the documents that are meant: an iterator each, in their order.

    One search answers all that fit into its first page, which is nearly always all of them; one that has more groups
    is read again as pages of a snapshot. That its counts add up to all rows found is checked.
    """
    parts = {str(at): _part(by, query) for at, (by, query) in enumerate(asked)}
    found, _ = _searched(engine, index, f"/{index}/_search", {"size": 0, "query": among.to_dict(), "aggs": parts})
    for at, (by, query) in enumerate(asked):
        part = msgspec.json.decode(found.aggregations[str(at)], type=_Part)
        if part.groups is not None and _is_full(part.groups):
            yield _paged(engine, index, by, among & query)
        elif part.groups is not None:
            _check(index, by, _rows_in(part.groups), part.doc_count)
            yield (_group(by, bucket) for bucket in part.groups.buckets)
        else:
            times = _time(part.first.value), _time(part.last.value)
            yield iter((Group((), part.doc_count, *times),) if part.doc_count else ())


def _paged(engine: Engine, index: str, by: Sequence[Field], query: Query) -> Iterator[Group]:
    """Pages of one composite aggregation, under no filter: OpenSearch 2 forgets a filter from the second page on."""
    counted = 0
    composite = _composite(by)
    body = {"size": 0, "query": query.to_dict(), "track_total_hits": True, "aggs": {"groups": composite}}
    with snapshot(engine, index) as taken:
        while True:
            found, _ = taken.search(body)
            page = msgspec.json.decode(found.aggregations["groups"], type=_Composite)
            counted += _rows_in(page)
            yield from (_group(by, bucket) for bucket in page.buckets)
            if not _is_full(page):
                break
            composite["composite"]["after"] = page.after_key
    _check(index, by, counted, found.hits.total["value"])


def _part(by: Sequence[Field], query: Query) -> dict[str, Any]:
    """An aggregation of the documents that a query lets through: by fields, or of all of them."""
    return {"filter": query.to_dict(), "aggs": {"groups": _composite(by)} if by else TIMES}


def _composite(by: Sequence[Field]) -> dict[str, Any]:
    sources = [_source(at, field) for at, field in enumerate(by)]
    return {"composite": {"size": PAGE_OF_GROUPS, "sources": sources}, "aggs": TIMES}


def _is_full(page: _Composite) -> bool:
    """Whether there may be more than the page holds."""
    return len(page.buckets) >= PAGE_OF_GROUPS


def _rows_in(page: _Composite) -> int:
    return sum(bucket.doc_count for bucket in page.buckets)


def _check(index: str, by: Sequence[Field], counted: int, total: int) -> None:
    """A list field counts a row more than once."""
    if counted != total and all(field.type is not FieldType.KEYWORDS for field in by):
        raise StoreError(f"Counting {index}: the groups hold {counted} rows of {total}")


def _source(number: int, field: Field) -> dict[str, Any]:
    terms = {"field": name_of(field), "missing_bucket": True, "missing_order": "first", "order": "asc"}
    return {str(number): {"terms": terms}}


def _group(by: Sequence[Field], bucket: _Bucket) -> Group:
    key = tuple(_value(field, bucket.key[str(number)]) for number, field in enumerate(by))
    return Group(key, bucket.doc_count, _time(bucket.first.value), _time(bucket.last.value))


def _value(field: Field, key: _Scalar) -> Value:
    if field.type is FieldType.TIME and isinstance(key, int | float):
        return _time(key)
    return key if isinstance(key, str | int) else None


def _time(milliseconds: float | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds)


def counted(rows: Iterable[Row], by: Sequence[Field]) -> Iterator[Group]:
    """The same groups, counted here: for questions that an engine answers with more than was meant."""
    times: dict[tuple[Value, ...], list[datetime]] = defaultdict(list)
    counts: dict[tuple[Value, ...], int] = defaultdict(int)
    for row in rows:
        time = row["time"]
        for key in product(*(_elements(row[field.name]) for field in by)):
            counts[key] += 1
            if isinstance(time, datetime):
                times[key] = [min(time, *times[key]), max(time, *times[key])] if times[key] else [time, time]
    for key in sorted(counts, key=_order):
        first, last = times.get(key) or (None, None)
        yield Group(key, counts[key], first, last)


def _elements(value: Value) -> tuple[Value, ...]:
    return value or (None,) if isinstance(value, tuple) else (value,)


def _order(key: tuple[Value, ...]) -> tuple[tuple[bool, Any], ...]:
    """None first."""
    return tuple((value is not None, value) for value in key)
