"""Attempts of SDK calls and CloudTrail's events of them: which belong together.

First by the request id, which both have. What is left, where one of the two lacks an id, by access key, operation and
time: the clocks of a host and of AWS may differ by ``SKEW``. Two different ids are two different calls, however
alike they are. Each event is one attempt's, and each attempt has one event.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib import resources

from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.rules import VERSION
from cloudsearch.event import Row
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In, Range, Where

SKEW = timedelta(minutes=2)
"""By how much a host's clock may be off; SigV4 itself takes five minutes
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)."""

_FAR = timedelta(hours=1)
"""No call is signed by a clock that is further off, so no id need be looked for further away."""

_AT_ONCE = 2_000
_F = EVENTS.by_name
_READ = tuple(
    _F[name]
    for name in (
        "id",
        "time",
        "event_source",
        "event_name",
        "request_id",
        "access_key_id",
        "principal",
        "via",
        "account",
    )
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt as far as it is joined by: ``call`` is the number of the call that it belongs to."""

    call: int
    time: datetime
    services: frozenset[str]
    name: str
    key: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as far as it is joined by."""

    id: str
    time: datetime
    services: frozenset[str]
    name: str
    key: str | None
    request_id: str | None
    row: Row


def attempt(call: int, row: Row) -> Attempt:
    """What of an attempt's row it is joined by."""
    source, api, time = str(row.get("event_source") or row["service_id"]), str(row["api"]), row["time"]
    assert isinstance(time, datetime)  # noqa: S101 (an attempt without a time was rejected)
    key, request = _text(row, "access_key_id"), _text(row, "request_id")
    return Attempt(call, time, services_of(source), name_of(source, api), key, request)


def by_request_id(store: Store, calls: Where, attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Event]]:
    """Attempts with the events that have their request id, of those that are ``calls``: with each of several."""
    wanted: dict[str, list[Attempt]] = defaultdict(list)
    for one in attempts:
        if one.request_id:
            wanted[one.request_id].append(one)
    times = [one.time for one in attempts if one.request_id]
    if not times:
        return
    near = Range(_F["time"], min(times) - _FAR, max(times) + _FAR)
    for ids in _some(sorted(wanted)):
        for event in _events(store, And((calls, near, In(_F["request_id"], ids)))):
            for one in wanted[event.request_id or ""]:
                if one.key is None or event.key is None or one.key == event.key:
                    yield one, event


def by_time(
    store: Store, calls: Where, attempts: Sequence[Attempt], taken: set[str]
) -> Iterator[tuple[Attempt, Event]]:
    """Attempts with events that nobody has taken: of their key and operation, within ``SKEW``."""
    waiting: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for one in attempts:
        if one.key:
            waiting[one.key, one.name].append(one)
    times = [one.time for one in attempts]
    if not waiting:
        return
    span = Range(_F["time"], min(times) - SKEW, max(times) + SKEW + timedelta(milliseconds=1))
    for keys in _some(sorted({key for key, _ in waiting})):
        events: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in _events(store, And((calls, In(_F["access_key_id"], keys), span))):
            if event.id not in taken and (event.key or "", event.name) in waiting:
                events[event.key or "", event.name].append(event)
        for known, own in events.items():
            yield from _nearest(waiting[known], own, taken)


def _nearest(attempts: Sequence[Attempt], events: Sequence[Event], taken: set[str]) -> Iterator[tuple[Attempt, Event]]:
    """In the order of time the first event that will do: of intervals of one length no other order joins more.

    An attempt with an id can only have an event without one, so attempts without an id leave those to it if they can.
    """
    left = sorted(events, key=lambda event: (event.time, event.id))
    named = deque(event for event in left if event.request_id)
    unnamed = deque(event for event in left if not event.request_id)
    for one in sorted(attempts, key=lambda one: one.time):
        found = _first(one, unnamed) if one.request_id else _first(one, named) or _first(one, unnamed)
        if found:
            taken.add(found.id)
            yield one, found


def _first(one: Attempt, left: deque[Event]) -> Event | None:
    """Take the first event near the attempt; those before are too early for all that come later, too."""
    time = one.time.replace(microsecond=0)  # events have whole seconds
    while left and left[0].time < time - SKEW:
        left.popleft()
    for at, event in enumerate(left):
        if event.time > time + SKEW:
            return None
        if not one.services.isdisjoint(event.services):
            del left[at]
            return event
    return None


def _events(store: Store, where: Where) -> Iterator[Event]:
    for row in store.rows(EVENTS, where, fields=_READ):
        time, source, name = row["time"], str(row["event_source"] or ""), str(row["event_name"] or "")
        if isinstance(time, datetime):
            key, request = _text(row, "access_key_id"), _text(row, "request_id")
            yield Event(str(row["id"]), time, services_of(source), name_of(source, name), key, request, row)


@lru_cache(maxsize=4096)
def services_of(event_source: str) -> frozenset[str]:
    """The service prefixes of a host, or the host itself: SDKs and events may name one service by two hosts."""
    return frozenset(prefixes(event_source)) or frozenset({label(event_source)})


@lru_cache(maxsize=65536)
def name_of(event_source: str, name: str) -> str:
    """A call's name as events have it, without an API version, in lower case."""
    plain = VERSION.sub("", name)
    known = (_names().get((service, plain.lower())) for service in sorted(services_of(event_source)))
    return next(filter(None, known), plain).lower()


@cache
def _names() -> Mapping[tuple[str, str], str]:
    lines = (resources.files(__package__) / "data" / "event_names.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {(service, operation.lower()): event for service, operation, event in rows}


def _some(values: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return (tuple(values[at : at + _AT_ONCE]) for at in range(0, len(values), _AT_ONCE))


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    return str(value) if value else None
