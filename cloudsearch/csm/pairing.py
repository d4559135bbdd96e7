"""Calls and their attempts, put together: SDKs send both, and nothing in them names the other.

An attempt belongs to a call of the same host, application, SDK, service and operation whose time it lies within:
it began and ended between the call's begin and its end. Where several calls would do (threads of one process), it goes
to the one that ends first and has not all of its attempts yet, so that as many as possible find theirs.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from cloudsearch.csm.datagrams import Kind
from cloudsearch.event import Outcome, Row

SLACK = timedelta(milliseconds=5)
"""What SDKs measure at two moments may differ by."""

LONGEST = timedelta(hours=2)
"""A call that says nothing of its length is not waited for any longer."""

_Key = tuple[object, ...]


@dataclass(slots=True)
class Call:
    """One call with its attempts, first to last. ``row`` is None where only attempts were received.

    Without a call, each attempt stands for one: whether two belong together is then not known.
    """

    row: Row | None
    attempts: list[Row] = field(default_factory=list)

    @property
    def last(self) -> Row:
        """What tells of the call's end: its last attempt, or else the call."""
        return self.attempts[-1] if self.attempts else (self.row or {})

    @property
    def about(self) -> Row:
        """What tells of the call as a whole."""
        return self.row or self.attempts[-1]

    @property
    def time(self) -> datetime:
        """When it began."""
        time = self.about["time"]
        assert isinstance(time, datetime)  # noqa: S101 (rows without one are rejects)
        return time

    @property
    def outcome(self) -> Outcome | None:
        """What its answer proves; None where nothing answered."""
        found = self.about.get("outcome") or self.last.get("outcome")
        return Outcome(str(found)) if found else None


def pair(rows: Iterable[Row]) -> Iterator[Call]:
    """Calls of rows that come in the order of their time; each is handed on when no attempt can belong to it any more.

    Rejects are passed over.
    """
    pairing = _Pairing()
    for time, together in groupby(rows, key=lambda row: row.get("time")):
        if not isinstance(time, datetime):
            continue
        found = list(together)
        yield from pairing.over(time)
        for row in found:
            if row["kind"] == Kind.CALL:
                pairing.call(row, time)
        for row in found:
            if row["kind"] == Kind.ATTEMPT and not pairing.attempt(row, time):
                yield Call(None, [row])
    yield from pairing.all()


class _Pairing:
    """Calls that may still find attempts, by what they share with them."""

    def __init__(self) -> None:
        self._open: dict[_Key, list[tuple[datetime, int, Call]]] = defaultdict(list)
        self._ends: list[tuple[datetime, int, Call]] = []
        self._count = 0

    def call(self, row: Row, time: datetime) -> None:
        self._count += 1
        latency = row.get("latency")
        end = time + (timedelta(milliseconds=latency) if isinstance(latency, int) else LONGEST)
        one = (end, self._count, Call(row))
        heapq.heappush(self._ends, one)
        self._open[_key(row)].append(one)

    def attempt(self, row: Row, time: datetime) -> bool:
        latency = row.get("latency")
        end = time + timedelta(milliseconds=latency if isinstance(latency, int) else 0)
        for ends, _, call in sorted(self._open.get(_key(row), ()), key=lambda one: one[:2]):
            if end <= ends + SLACK and _has_room(call):
                call.attempts.append(row)
                return True
        return False

    def over(self, now: datetime) -> Iterator[Call]:
        """Calls that ended before."""
        while self._ends and self._ends[0][0] + SLACK < now:
            _, _, call = one = heapq.heappop(self._ends)
            key = _key(call.about)
            self._open[key].remove(one)
            if not self._open[key]:
                del self._open[key]
            yield call

    def all(self) -> Iterator[Call]:
        """Those that are left, in the order in which they end."""
        yield from (call for _, _, call in sorted(self._ends, key=lambda one: one[:2]))


def _has_room(call: Call) -> bool:
    expected = (call.row or {}).get("attempts")
    return not isinstance(expected, int) or len(call.attempts) < expected


def _key(row: Row) -> _Key:
    """Of the SDK its name and version alone: what it says behind them may differ from one attempt to the next."""
    sdk = str(row.get("user_agent") or "").partition(" ")[0]
    return sdk, *(row.get(name) for name in ("host", "client_id", "service_id", "api"))
