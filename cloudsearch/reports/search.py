"""The events that a question finds, the newest first; those without a time come last."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cloudsearch.errors import UsageError
from cloudsearch.event import RAW, Field, Row
from cloudsearch.names import FLATTENED, Addresses, Constant, Named, close_to, named
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import Address, And, Everything, Exists, In, Not, Path, Range, Where, values_of

ROWS_AT_ONCE = 20_000
"""Rows that are looked through at first; where that finds too little, more each time."""

LATE = timedelta(hours=1)
"""How long a load may take from reading an event to making it readable."""

DEFAULT_FIELDS = (
    "time",
    "id",
    "account",
    "recipient_account",
    "region",
    "principal",
    "session_name",
    "event_source",
    "event_name",
    "outcome",
    "error_code",
    "source_address",
    "resources",
)

RECORD = "record"
"""The name of the whole record among fields."""

_WHOLE = (RECORD, RAW.name)
_F = EVENTS.by_name


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: in which window, in which recipient accounts' logs (none: all), how many (0: all)."""

    where: Where
    window: Window = field(default_factory=Window)
    accounts: Collection[str] = ()
    limit: int = 0

    @property
    def whole(self) -> Where:
        """All of it in one question."""
        parts: list[Where] = [self.where]
        if self.window.since or self.window.until:
            parts.append(self.window.where(_F["time"]))
        if self.accounts:
            parts.append(In(_F["recipient_account"], tuple(self.accounts)))
        return And(tuple(parts)) if len(parts) > 1 else self.where


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is shown, under the name it was asked for by."""

    name: str
    subject: Named | None

    def value(self, row: Row) -> object:
        """Its value in a row: None for none, a list's where there are several; the record as JSON's value."""
        match self.subject:
            case None:
                return _record(row)
            case Constant(value):
                return value
            case Addresses(field):
                return row[field.name] if Address(field).matches(row) else None
            case Field():
                return row[self.subject.name]
            case Path(path) if isinstance(node := _below(_record(row), path), dict):
                return node
            case _:
                values = tuple(values_of(self.subject, row))
                return values[0] if len(values) == 1 else values or None

    @property
    def needed(self) -> Field:
        """What of a row it is read from."""
        match self.subject:
            case Field():
                return self.subject
            case Addresses(field):
                return field
        return RAW


def columns(names: Sequence[str]) -> list[Column]:
    """The fields of these names; raises ``UsageError`` for one that is nobody's, or none at all."""
    found: dict[str, Column] = {}
    for name in names:
        subject = Path(name) if name in FLATTENED else None if name in _WHOLE else named(name)
        if subject is None and name not in _WHOLE:
            close = close_to(name)
            raise UsageError(f"There is no field {name!r}{f'; did you mean {close[0]}?' if close else ''}")
        found[name] = Column(name, subject)
    if not found:
        raise UsageError("--fields names no field")
    return list(found.values())


def search(store: Store, asked: Asked, shown: Sequence[Column]) -> Iterator[Row]:
    """Rows with what the columns need, the newest first, no more than the limit."""
    fields = list(dict.fromkeys((_F["time"], _F["id"], *(column.needed for column in shown))))
    left = asked.limit
    for window in _backwards(store, asked):
        found = deque(store.rows(EVENTS, And((asked.whole, window)), fields=fields, ordered=True), left or None)
        while found:
            yield found.pop()
            if asked.limit and (left := left - 1) == 0:
                return


def _backwards(store: Store, asked: Asked) -> Iterator[Where]:
    """Windows of whole days, the last first, each with more rows in it than the one before; at last the undated."""
    time = _F["time"]
    if not asked.limit and asked.window.since and asked.window.until:
        yield Everything()
        return
    spans = (
        asked.window.where(time),
        In(_F["recipient_account"], tuple(asked.accounts)) if asked.accounts else Everything(),
    )
    days = [group for group in store.group(EVENTS, [_F["day"]], And((*spans, Exists(time)))) if group.first_seen]
    held, most, end = 0, ROWS_AT_ONCE, None
    for at in range(len(days) - 1, -1, -1):
        held += days[at].count
        if held >= most or not at:
            start = days[at].first_seen
            yield Range(time, start, end)
            held, most, end = 0, 2 * most, start
    if not (asked.window.since or asked.window.until):
        yield Not(Exists(time))


class Following:
    """Tells events that come into the store, each once, by when they were put there.

    What a load reads is seen when it commits: each look goes back by ``LATE``, and leaves out what was told before.
    """

    def __init__(self, asked: Asked, since: datetime) -> None:
        self._asked, self._since = asked, since
        self._told: dict[object, datetime] = {}

    def new(self, store: Store, shown: Sequence[Column], now: datetime) -> list[Row]:
        """Those that came since the last look, the earliest first."""
        ingested = _F["ingested"]
        fields = list(dict.fromkeys((_F["time"], _F["id"], ingested, *(column.needed for column in shown))))
        where = And((self._asked.whole, Range(ingested, self._since - LATE)))
        found = [row for row in store.rows(EVENTS, where, fields=fields, ordered=True) if _key(row) not in self._told]
        self._told |= {_key(row): time for row in found if isinstance(time := row["ingested"], datetime)}
        self._since = max(self._since, now)
        self._told = {key: time for key, time in self._told.items() if time >= self._since - LATE}
        return found


def _key(row: Row) -> tuple[object, object]:
    """An id is one event's within the month of its time."""
    return row["id"], row["time"]


def event(store: Store, id_: str) -> list[Row]:
    """The events of an id: one as a rule, one a month at most."""
    return list(store.rows(EVENTS, In(_F["id"], (id_,)), ordered=True))


def _below(node: object, path: str) -> object:
    """What lies at a path of names without dots."""
    for name in path.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _record(row: Row) -> object:
    raw = row.get(RAW.name)
    if not isinstance(raw, bytes):
        return None
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")
    return found


def told(rows: Iterator[Row], shown: Sequence[Column]) -> Iterator[Mapping[str, object]]:
    """Each row as what is shown of it."""
    for row in rows:
        yield {column.name: column.value(row) for column in shown}
