"""The seam between what we know and where it is kept: tables, questions, and the ``Store`` protocol.

A store is a set of tables of rows. Each row has an id that is its identity; for a monthly table, within
the month of its ``time``. The stores differ only in how they say the same thing: ``tests/test_store_contract.py``
runs unchanged over each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import msgspec

from cloudsearch.event import EVENT_FIELDS, Field, FieldType, Row, Value
from cloudsearch.where import Where

UNDATED = "undated"
"""The month of a row without a time."""

_K, _L, _T, _I, _B = FieldType.KEYWORD, FieldType.KEYWORDS, FieldType.TIME, FieldType.INTEGER, FieldType.BOOLEAN


@dataclass(frozen=True)
class Table:
    """A table's name, its fields (``id`` and ``time`` among them), and whether identity is per month.

    ``has_raw`` tables carry a record's own bytes in ``Row["raw"]`` beside the fields.
    """

    name: str
    fields: tuple[Field, ...]
    monthly: bool = False
    has_raw: bool = False

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Field by name."""
        return {field.name: field for field in self.fields}

    def month(self, row: Row) -> str | None:
        """``YYYY.MM`` of the row's time, ``undated`` without one; None for a table that is not monthly."""
        if not self.monthly:
            return None
        time = row.get("time")
        return f"{time.year}.{time.month:02}" if isinstance(time, datetime) else UNDATED


EVENTS = Table("events", EVENT_FIELDS, monthly=True, has_raw=True)

LOG_FILES = Table(
    "ledger",
    (
        Field("id", _K, "sha256 of what names the file: path and size, or bucket, key and ETag"),
        Field("time", _T, "when the file was marked loaded"),
        Field("name", _K, "resolved path, or s3://bucket/key"),
        Field("size", _I, "bytes as stored"),
        Field("modified", _I, "modification time of a local file, nanoseconds since 1970"),
        Field("sha256", _K, "of a local file's bytes as stored"),
        Field("account", _K, "the account the file's path names"),
        Field("region", _K, "the region the file's path names"),
        Field("day", _K, "the day the file's path names, YYYY-MM-DD"),
        Field("records", _I, "records read from it"),
        Field("dead_lettered", _I, "records of it in the dead letters"),
        Field("kind", _K, "csm for an archive of client-side monitoring; none for a log of CloudTrail"),
    ),
)

DEAD_LETTERS = Table(
    "dead",
    (
        Field("id", _K, "sha256 of file, position and what was found there"),
        Field("time", _T, "when it was put here"),
        Field("name", _K, "the file"),
        Field("position", _I, "which record of the file, from 0; none when the file itself is broken"),
        Field("size", _I, "bytes of the record, or of the file"),
        Field("reason", _K, "why it could not be kept"),
        Field("account", _K, "the account the file's path names"),
        Field("region", _K, "the region the file's path names"),
        Field("day", _K, "the day the file's path names, YYYY-MM-DD"),
        Field("identity", _K, "of a record without an id of its own: taken before secret values were hidden"),
    ),
    has_raw=True,
)

CSM_CALLS = Table(
    "csm",
    (
        Field("id", _K, "identity of the line: given when it was received, or sha256 of it"),
        Field("time", _T, "when the SDK began the call or the attempt, by its host's clock; of a reject, received"),
        Field("kind", _K, "ApiCall, ApiCallAttempt or Rejected"),
        Field("service_id", _K, "the SDK's service id"),
        Field("api", _K, "the operation"),
        Field("client_id", _K, "the application's own name"),
        Field("host", _K, "the host that was listened on"),
        Field("region", _K, "region of the call"),
        Field("account", _K, "account of the access key"),
        Field("access_key_id", _K, "key that signed the attempt"),
        Field("request_id", _K, "the service's request id"),
        Field("http_status", _I, "status of the attempt, or of the call's last one; none if nothing answered"),
        Field("error_code", _K, "the error the service or the SDK gave"),
        Field("error_message", _K, "its message"),
        Field("attempts", _I, "attempts of a call"),
        Field("latency", _I, "milliseconds"),
        Field("user_agent", _K, "the SDK"),
        Field("actions", _L, "IAM actions that the call needs, whatever became of it"),
        Field("event_source", _K, "the service's host, as CloudTrail's events name services"),
        Field("outcome", _K, "ok, denied, error (authorised, then failed) or undetermined; none if nothing answered"),
        Field("denied_action", _K, "the IAM action a refusal names"),
        Field("endpoint", _K, "the host and port the attempt was sent to"),
        Field("retries_exceeded", _B, "whether the SDK gave up trying again"),
        Field("received", _T, "when the recorder received it, by its own clock"),
        Field("reason", _K, "why a datagram was rejected"),
    ),
    monthly=True,
    has_raw=True,
)

REPORT_ROWS = Table(
    "reports",
    (
        Field("id", _K, "sha256 of report time, principal and action"),
        Field("time", _T, "when the report was saved"),
        Field("account", _K, "the principal's account"),
        Field("principal", _K, "ARN"),
        Field("action", _K, "IAM's, as AWS writes it"),
        Field("service", _K, "service prefix"),
        Field("marker", _K, "blank, -, ? or +"),
        Field("granted", _K, "granted, conditional or not granted"),
        Field("used", _B, "whether calls is more than 0"),
        Field("calls", _I, "calls that were let in"),
        Field("denied", _I, "refusals"),
        Field("errors", _I, "calls let in that failed"),
        Field("first_used", _T, "first call"),
        Field("last_used", _T, "last call"),
        Field("reason", _K, "why the marker is what it is"),
        Field("observed_from", _T, "since when a use would have been seen"),
        Field("observed_days", _I, "covered days since then"),
        Field("access_level", _K, "the catalogue's"),
    ),
)

DIGESTS = Table(
    "digests",
    (
        Field("id", _K, "sha256 of the digest's bucket and key"),
        Field("time", _T, "when it was checked"),
        Field("name", _K, "the digest: s3://bucket/key, as it says itself"),
        Field("sha256", _K, "of its content"),
        Field("account", _K, "the account it is of"),
        Field("region", _K, "the region whose log files it lists"),
        Field("trail", _K, "the trail's name and home region"),
        Field("start", _T, "from when on it tells what was delivered"),
        Field("end", _T, "until when"),
        Field("state", _K, "valid, invalid, missing or unproven: the digest with the log files it lists"),
        Field("reason", _K, "why it is not valid"),
        Field("backfill", _B, "whether it lists late files beside the digests of their hours"),
        Field("oldest_event", _T, "the oldest event in its log files"),
        Field("newest_event", _T, "the newest event in its log files"),
        Field("log_files", _I, "log files it lists"),
        Field("valid", _L, "its valid log files: sha256 of the bytes as stored, a blank, s3://bucket/key"),
        Field("not_valid", _L, "its log files that are missing or invalid: s3://bucket/key"),
    ),
)
"""What ``validate`` proved. A table of its own: a digest tells of hours and of files that may never have been loaded,
and a store that lacks it gets it when next opened, without a new version of the other tables' fields."""

TABLES = (EVENTS, LOG_FILES, DEAD_LETTERS, CSM_CALLS, REPORT_ROWS, DIGESTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """A loaded log file's entry in the ledger: a row of ``LOG_FILES``."""

    id: str
    time: datetime
    name: str
    size: int
    modified: int | None = None
    sha256: str | None = None
    account: str | None = None
    region: str | None = None
    day: str | None = None
    records: int = 0
    dead_lettered: int = 0
    kind: str | None = None

    def row(self) -> Row:
        """The entry as a row."""
        return asdict(self)


class Operation(msgspec.Struct, frozen=True, gc=False):
    """One row, encoded by a store and ready to send to it, which can ``decode`` it again."""

    id: str
    month: str | None
    body: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire, uncompressed."""
        return len(self.body)


class RefusalKind(StrEnum):
    """What a refusal asks for; sizing and dead-lettering act on this, never on texts."""

    RETRY = "retry"  # overloaded: again, later, smaller
    WAIT = "wait"  # blocked (disk full, read-only): again, when somebody has mended it
    DOCUMENT = "document"  # this row will never be taken
    TOO_LARGE = "too large"  # the request was larger than the store takes
    FATAL = "fatal"  # nothing will be taken until the set-up changes


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation the store did not keep, and why."""

    operation: Operation
    kind: RefusalKind
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the operations of one write: created + existing + len(refused) = all of them.

    ``retry_after`` is how many seconds a store that refused wants to be left alone, where it says so.
    """

    created: int = 0
    existing: int = 0
    refused: tuple[Refused, ...] = ()
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """One combination of values, in the order asked for; ``first_seen``/``last_seen`` run over ``time``."""

    key: tuple[Value, ...]
    count: int
    first_seen: datetime | None
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Grouping:
    """What to count rows by, and which of them."""

    by: tuple[Field, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """Bytes of one write: where to begin, and the bounds it may move in."""

    start: int
    floor: int
    ceiling: int


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What a store said of itself when it was prepared; each notice is a sentence for the user."""

    name: str
    fields_version: int
    derivation_version: int
    chunk: ChunkSize
    notices: tuple[str, ...] = field(default=())


def older_derivation(name: str) -> str:
    """The notice for a store that holds rows of an older derivation."""
    return (
        f"Some events in {name} were derived by an older cloudsearch; fields added since are empty for them. "
        "Renew them: cloudsearch rederive"
    )


class Store(Protocol):
    """Tables of rows, each with an id that is its identity: writing a row again changes nothing.

    Every method raises ``StoreError``: ``StoreUnavailable`` where the same call is worth another try.
    """

    def prepare(self, *, loading: bool = False) -> StoreInfo:
        """Check versions, add columns or mapping fields this version has and the store lacks (old months too).

        Only ``loading=True`` creates a store; reading from one that is not there is an error that names ``load``.
        A store written by a newer version is refused. Until rows are rederived a notice names ``rederive``.
        """
        ...

    def encode(self, table: Table, row: Row) -> Operation:
        """Make a row ready to send. Pure; from any thread."""
        ...

    def decode(self, table: Table, operation: Operation) -> Row:
        """The row that was encoded; every field is a key, None or empty where it has no value."""
        ...

    def write(self, table: Table, operations: Sequence[Operation], *, replace: bool = False) -> Written:
        """Keep rows; one that is there counts as existing (with ``replace`` it is overwritten and counts as created).

        From several threads. A whole request that failed on the way raises ``StoreUnavailable``, and
        sending the same operations again is safe; a request that is too large refuses all of them as TOO_LARGE.
        """
        ...

    def known(self, table: Table, ids: Collection[str]) -> set[str]:
        """Which of the ids are there (in any month)."""
        ...

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        """Count rows per combination of values; exact, never cut off, ordered by key (None first).

        A list field counts a row once per value, and once under None when empty. ``where`` takes derived
        fields only (``ValueError`` otherwise). With no field, one group of all rows, or none if there are none.
        """
        ...

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """As ``group`` of each in turn, among the rows of ``where``: asked together where a store can."""
        ...

    def rows(
        self, table: Table, where: Where, *, fields: Sequence[Field] | None = None, ordered: bool = False
    ) -> Iterator[Row]:
        """Rows that match, as ``where.matches`` means it; with ``ordered``, by (time, id), rows without time last.

        Every field asked for (all of the table's, and raw, by default) is a key of each row, None where absent.
        ``In`` on ``id`` of a table that is not monthly sees what was written even before a commit.
        """
        ...

    def remove(self, table: Table, where: Where) -> int:
        """Remove rows that match, at once; says how many."""
        ...

    def shrink(self) -> None:
        """Give back the space of rows that were removed or replaced, where that is the store's own business."""
        ...

    def commit(self, log_files: Sequence[LogFile] = ()) -> None:
        """All written so far is durable and readable; these files are loaded, in the same act."""
        ...

    def close(self) -> None:
        """Let go of the store. What was not committed may be lost, and will be loaded again."""
        ...
