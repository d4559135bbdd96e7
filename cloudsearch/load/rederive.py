"""Rows of an older derivation, derived anew from the records they keep, day by day.

A row that was renewed is not found again, so a rederivation that was stopped anywhere goes on where it was. A row
that belongs elsewhere by what is known now (another month, an id of its own) is written there before it is removed
here: stopped in between it is there twice, which the next run mends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from cloudsearch.derive import derive_again
from cloudsearch.errors import RecordError
from cloudsearch.event import DERIVATION_VERSION, Row
from cloudsearch.load.lane import Listener
from cloudsearch.load.sending import Sender
from cloudsearch.load.sizing import Sizing
from cloudsearch.store import EVENTS, Operation, Store, StoreInfo
from cloudsearch.where import And, Exists, In, Not, Or, Range, Where

ROWS_BETWEEN_COMMITS = 50_000

_F = EVENTS.by_name
OLDER: Where = Or((Range(_F["derivation"], None, DERIVATION_VERSION), Not(Exists(_F["derivation"]))))
"""Rows that a version of ``derive`` before this one filled."""


@dataclass(slots=True)
class Rederived:
    """What became of the older rows: ``read`` = renewed + left. What is left cannot be derived, and stays as it is."""

    read: int = 0
    renewed: int = 0
    left: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The receipt as ``rederive --format json`` prints it."""
        counts = {"read": self.read, "renewed": self.renewed, "left": self.left}
        return {"events": counts, "seconds": round(self.seconds, 3)}


class Watch(Listener, Protocol):
    """Who is told how it goes."""

    def part(self, done: int, total: int, what: str) -> None:
        """So many of so many are done."""
        ...


@dataclass(slots=True)
class _Batch:
    """Rows on their way to the store, with the identities that older rows of theirs have now."""

    rows: dict[int, Row]
    operations: list[Operation]
    size: int = 0


def rederive(store: Store, info: StoreInfo, watch: Watch, *, max_wait: float, keep_secrets: bool = False) -> Rederived:
    """Renew every older row.

    Raises ``StoreError`` when the store stops taking anything; what was renewed by then stays renewed.
    """
    work = _Rederivation(store, info, watch, max_wait=max_wait, keep_secrets=keep_secrets)
    started = time.monotonic()
    for window in _windows(store):
        work.renew(window)
    if work.done.renewed:
        store.shrink()
    work.done.seconds = time.monotonic() - started
    return work.done


def _windows(store: Store) -> Iterator[Where]:
    """The days that hold older rows, earliest first, and at last the rows without a time.

    Where rows do not say their day it is the months from the first of them to the last; no two windows overlap.
    """
    days: set[datetime] = set()
    months: set[datetime] = set()
    for group in store.group(EVENTS, [_F["day"]], OLDER):
        if group.first_seen and group.last_seen:
            first, last = (_midnight(time) for time in (group.first_seen, group.last_seen))
            if first == last:
                days.add(first)
            else:
                months |= set(_months(first, last))
    ends = {day: day + timedelta(days=1) for day in days if day.replace(day=1) not in months}
    ends |= {month: (month + timedelta(days=31)).replace(day=1) for month in months}
    for start in sorted(ends):
        yield Range(_F["time"], start, ends[start])
    yield Not(Exists(_F["time"]))


def _midnight(time: datetime) -> datetime:
    return datetime(time.year, time.month, time.day, tzinfo=UTC)


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    """The first days of the months from one day to another."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


class _Rederivation:
    def __init__(self, store: Store, info: StoreInfo, watch: Watch, *, max_wait: float, keep_secrets: bool) -> None:
        self._store, self._watch, self._keep_secrets = store, watch, keep_secrets
        self._sizing = Sizing(info.chunk)
        self._sender = Sender(store, EVENTS, self._sizing, watch.note, max_wait, replace=True)
        self._total = sum(group.count for group in store.group(EVENTS, [], OLDER))
        self._uncommitted = 0
        self.done = Rederived()

    def renew(self, window: Where) -> None:
        """Renew the older rows of a window of time."""
        moved: list[str] = []
        batch = _Batch({}, [])
        for row in self._store.rows(EVENTS, And((OLDER, window))):
            self.done.read += 1
            try:
                operation = self._store.encode(EVENTS, self._renewed(row))
            except RecordError as error:
                self._leave(row, str(error))
                continue
            batch.rows[id(operation)] = row
            batch.operations.append(operation)
            batch.size += operation.size
            if batch.size >= self._sizing.size:
                moved += self._send(batch)
                batch = _Batch({}, [])
        moved += self._send(batch)
        self._store.commit()
        if moved:
            self._store.remove(EVENTS, And((OLDER, window, In(_F["id"], tuple(moved)))))

    def _renewed(self, row: Row) -> Row:
        raw, hidden = row["raw"], row["redacted"]
        if not isinstance(raw, bytes):
            raise RecordError("its record was not kept")
        paths = hidden if isinstance(hidden, tuple) else ()
        renewed = derive_again(raw, str(row["id"]), paths, keep_secrets=self._keep_secrets)
        return {**renewed, "ingested": row["ingested"]} if row["ingested"] else renewed

    def _send(self, batch: _Batch) -> Sequence[str]:
        """Write rows in place of the older ones; the ids of those whose place is another now."""
        sent = self._sender.send(batch.operations)
        for refused in sent.dead:
            self._leave(batch.rows.pop(id(refused.operation)), refused.reason)
        moved = [
            str(row["id"])
            for operation in batch.operations
            if (row := batch.rows.get(id(operation))) is not None
            and (operation.id, operation.month) != (row["id"], EVENTS.month(row))
        ]
        self.done.renewed += len(batch.rows)
        self._uncommitted += len(batch.rows)
        if self._uncommitted >= ROWS_BETWEEN_COMMITS:
            self._store.commit()
            self._uncommitted = 0
        self._watch.part(self.done.read, self._total, "events")
        return moved

    def _leave(self, row: Row, reason: str) -> None:
        self.done.left += 1
        self._watch.problem(str(row["id"]), f"stays as it is: {reason}")
