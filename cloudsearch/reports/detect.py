"""What rules find: for each rule its events, or why it was not run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from cloudsearch.reports.search import DEFAULT_FIELDS, Asked, columns
from cloudsearch.reports.sigma import Rule
from cloudsearch.store import EVENTS, Store


class Status(StrEnum):
    """What became of a rule."""

    HIT = "hit"
    NO_HIT = "no hit"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Detection:
    """A rule and what it found: how many events, when, and the newest of them, newest first."""

    rule: Rule
    status: Status
    hits: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    events: tuple[Mapping[str, object], ...] = ()


def detect(store: Store, rules: Sequence[Rule], asked: Asked) -> Iterator[Detection]:
    """Each rule, in the order given; ``asked`` says in which window and logs, and how many events are told of each."""
    for rule in rules:
        if rule.where is None:
            yield Detection(rule, Status.NOT_RUN)
        else:
            yield _found(store, rule, replace(asked, where=rule.where))


def _found(store: Store, rule: Rule, asked: Asked) -> Detection:
    shown = columns(DEFAULT_FIELDS)
    newest: deque[Mapping[str, object]] = deque(maxlen=asked.limit or None)
    hits, times = 0, list[datetime]()
    for row in store.rows(EVENTS, asked.whole, fields=[column.needed for column in shown], ordered=True):
        hits += 1
        newest.append({column.name: column.value(row) for column in shown})
        if isinstance(time := row["time"], datetime):
            times = [times[0] if times else time, time]
    if not hits:
        return Detection(rule, Status.NO_HIT)
    first, last = (times[0], times[-1]) if times else (None, None)
    return Detection(rule, Status.HIT, hits, first, last, tuple(reversed(newest)))
