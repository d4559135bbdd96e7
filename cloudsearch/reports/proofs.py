"""What digests prove of the days in the store, kept by ``validate`` and joined with the ledger of what is loaded.

A day of an account in a region is proven when valid digests of a trail speak of every moment of its delivery, from its
midnight to an hour after the next, and every log file they list is loaded to the last record. AWS delivers within
minutes as a rule and promises no limit: what comes later still is in later digests, and told as late.

What speaks against a day counts even where it is not proven: a digest that is not valid, a log file that one lists and
that is not loaded.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cloudsearch.event import Row, Value
from cloudsearch.logs.chains import Checked, CheckedDigest, State
from cloudsearch.logs.stamps import DELIVERED_WITHIN
from cloudsearch.reports.keeping import keep_rows
from cloudsearch.reports.validation import state_of, why
from cloudsearch.store import DIGESTS, LOG_FILES, Store
from cloudsearch.where import Everything, Exists, In, Range

AT_ONCE = 500
"""Digests and log files looked up in one request."""

MANY = 4_000
"""Log files from which on the whole ledger is read instead."""

"""Bytes of digests written in one request: a store takes them at any size from here to ten times that."""

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)
_MOST_DAYS = 4_000
"""Days that one digest may tell of; one that claims more is none of CloudTrail's."""

_D = DIGESTS.by_name


def keep(checked: Checked, store: Store, *, now: datetime) -> int:
    """Keep what was proven; says of how many digests.

    What was proven before of the very same digest stays: a copy that lacks its successor, or log files, says no more
    than nothing against it.
    """
    by_worth = sorted(checked.digests, key=lambda one: state_of(one) is State.VALID)  # of two copies the valid one
    rows = {str(row["id"]): row for row in map(_row, by_worth)}
    proven = _proven_before(store, rows)
    rows = {id_: row | {"time": _milliseconds(now)} for id_, row in rows.items() if proven.get(id_) != row["sha256"]}
    keep_rows(store, DIGESTS, rows.values(), "What a digest proves")
    store.commit()
    return len(checked.digests)


def _proven_before(store: Store, ids: Collection[str]) -> dict[str, Value]:
    """The content's hash of the digests that are known to be valid."""
    wanted, found = list(ids), {}
    for at in range(0, len(wanted), AT_ONCE):
        where = In(_D["id"], tuple(wanted[at : at + AT_ONCE]))
        for row in store.rows(DIGESTS, where, fields=(_D["id"], _D["sha256"], _D["state"])):
            if row["state"] == State.VALID:
                found[str(row["id"])] = row["sha256"]
    return found


def _row(one: CheckedDigest) -> dict[str, Value]:
    digest = one.digest
    return {
        "id": hashlib.sha256(digest.path.encode()).hexdigest(),
        "name": f"s3://{digest.path}",
        "sha256": one.file.sha256,
        "account": digest.account,
        "region": digest.region,
        "trail": digest.trail,
        "start": _milliseconds(digest.start),
        "end": _milliseconds(digest.end),
        "state": str(state_of(one)),
        "reason": why(one),
        "backfill": digest.is_backfill,
        "oldest_event": _milliseconds(digest.oldest_event) if digest.oldest_event else None,
        "newest_event": _milliseconds(digest.newest_event) if digest.newest_event else None,
        "log_files": len(digest.log_files),
        "valid": tuple(
            f"{file.found.stored_sha256} {file.name}"
            for file in one.log_files
            if file.state is State.VALID and file.found
        ),
        "not_valid": tuple(dict.fromkeys(file.name for file in one.log_files if file.state is not State.VALID)),
    }


def _milliseconds(moment: datetime) -> datetime:
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _base(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".gz")


@dataclass(frozen=True, slots=True)
class Kept:
    """A digest as the store has it, with what the ledger says of the log files it lists."""

    account: str
    region: str
    trail: str
    start: datetime
    end: datetime
    state: State
    is_backfill: bool
    oldest_event: datetime | None
    newest_event: datetime | None
    not_loaded: int
    dead_lettered: int
    reason: str

    @property
    def proves(self) -> bool:
        """Whether all that it lists is there and loaded, to the last record."""
        return self.state is State.VALID and not self.not_loaded and not self.dead_lettered

    @property
    def is_doubtful(self) -> bool:
        """Whether something that it lists is not there as it lists it, or not loaded to the last record."""
        return bool(self.not_loaded or self.dead_lettered) or self.state in {State.INVALID, State.MISSING}

    @property
    def problem(self) -> str | None:
        """What speaks against the days it is of."""
        if self.state is State.INVALID:
            return f"digest invalid: {self.reason}"
        if self.not_loaded:
            return "listed by a digest and not loaded"
        return None

    def event_days(self) -> range:
        """The days of the events in its log files, as ordinals."""
        if self.oldest_event is None or self.newest_event is None:
            return range(0)
        first, last = self.oldest_event.toordinal(), self.newest_event.toordinal()
        return range(first, min(last, first + _MOST_DAYS) + 1)

    def delivery_days(self, settling: timedelta = timedelta(0)) -> range:
        """The days, as ordinals, whose events are delivered in its time if that takes no longer than ``settling``."""
        last = self.end - _MOMENT
        return range(
            (self.start - settling).toordinal(), min(last.toordinal(), self.start.toordinal() + _MOST_DAYS) + 1
        )

    def concerns(self, day: date) -> bool:
        """Whether what speaks against it speaks against the day."""
        ordinal = day.toordinal()
        return ordinal in self.event_days() or (not self.is_backfill and ordinal in self.delivery_days())


class Proofs:
    """What is known of days by digests; none of it where ``validate`` kept nothing."""

    def __init__(self, kept: Iterable[Kept] = ()) -> None:
        self._by_day: dict[tuple[str, str], dict[int, list[Kept]]] = defaultdict(lambda: defaultdict(list))
        self._all: dict[tuple[str, str], list[Kept]] = defaultdict(list)
        for one in sorted(kept, key=lambda one: one.start):
            self._all[one.account, one.region].append(one)
            days = {*one.event_days(), *one.delivery_days(DELIVERED_WITHIN)}
            for day in days:
                self._by_day[one.account, one.region][day].append(one)

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """The accounts and regions that digests are of."""
        return frozenset(self._all)

    def regions(self, account: str) -> frozenset[str]:
        """The regions of an account that digests are of."""
        return frozenset(region for owner, region in self._all if owner == account)

    def trails(self, account: str, region: str) -> frozenset[str]:
        """The trails that digests of an account in a region are of."""
        return frozenset(one.trail for one in self._all.get((account, region), ()))

    def days(self, account: str) -> list[date]:
        """The days of an account of which digests tell all day long in any region, or which they speak against."""
        told: set[int] = set()
        for region in self.regions(account):
            hourly = [one for one in self._all[account, region] if not one.is_backfill]
            if hourly:
                first, last = hourly[0].start.toordinal(), max(one.end for one in hourly).toordinal()
                told.update(range(first, min(last, first + _MOST_DAYS)))
            told |= {day for one in self._all[account, region] if one.problem for day in one.event_days()}
        return [date.fromordinal(ordinal) for ordinal in sorted(told)]

    def proves(self, account: str, region: str, day: date) -> bool:
        """Whether all that was logged that day was delivered in time, is unchanged, and is loaded."""
        of_day = self._of(account, region, day)
        if any(one.is_doubtful and one.concerns(day) for one in of_day):
            return False
        trails: dict[str, list[Kept]] = defaultdict(list)
        for one in of_day:
            if not one.is_backfill and one.start < _settled(day):
                trails[one.trail].append(one)
        return bool(trails) and all(_covers(trail, day) for trail in trails.values())

    def problem(self, account: str, region: str, day: date) -> str | None:
        """Why the day cannot be trusted to be whole, if digests say so."""
        of_day = self._of(account, region, day)
        return next((one.problem for one in of_day if one.problem and one.concerns(day)), None)

    def late(self, account: str, region: str, day: date) -> int:
        """How many digests list events of the day among files delivered after its time."""
        of_day = self._of(account, region, day)
        return sum(day.toordinal() == min(one.event_days(), default=0) and one.start >= _settled(day) for one in of_day)

    def _of(self, account: str, region: str, day: date) -> Sequence[Kept]:
        return self._by_day.get((account, region), {}).get(day.toordinal(), ())


def proofs(store: Store, since: datetime | None = None) -> Proofs:
    """Read what is kept of a time and what was delivered later, which may be of that time too."""
    where = Range(_D["end"], since) if since else Everything()
    rows = list(store.rows(DIGESTS, where, fields=[_D[name] for name in _FIELDS]))
    if not rows:
        return Proofs()
    loaded = _Loaded(store, rows)
    return Proofs(_kept(row, loaded) for row in rows)


_FIELDS = (
    "account",
    "region",
    "trail",
    "start",
    "end",
    "state",
    "reason",
    "backfill",
    "oldest_event",
    "newest_event",
    "valid",
    "not_valid",
)


def _kept(row: Row, loaded: _Loaded) -> Kept:
    return Kept(
        account=str(row["account"]),
        region=str(row["region"]),
        trail=str(row["trail"]),
        start=_time(row["start"]) or datetime.min.replace(tzinfo=UTC),
        end=_time(row["end"]) or datetime.min.replace(tzinfo=UTC),
        state=State(str(row["state"])),
        is_backfill=row["backfill"] is True,
        oldest_event=_time(row["oldest_event"]),
        newest_event=_time(row["newest_event"]),
        not_loaded=loaded.lacks(row),
        dead_lettered=loaded.lost_records(row),
        reason=str(row["reason"] or ""),
    )


class _Loaded:
    """What the ledger has of the log files that digests list.

    By the hash of their bytes; by their S3 name where it was loaded from there; and one that was not found to be valid
    by its own name anywhere, since it may have been loaded from a copy that is gone.
    """

    def __init__(self, store: Store, rows: Sequence[Row]) -> None:
        valid = {_pair(one) for row in rows for one in _texts(row["valid"])}
        self._hashes = set(_in_ledger(store, "sha256", {sha256 for sha256, _ in valid}))
        self._names = set(_in_ledger(store, "name", {name for sha256, name in valid if sha256 not in self._hashes}))
        self._incomplete = _incomplete(store)
        self._bases = self._all_bases(store) if any(_texts(row["not_valid"]) for row in rows) else frozenset[str]()

    @staticmethod
    def _all_bases(store: Store) -> frozenset[str]:
        name = LOG_FILES.by_name["name"]
        return frozenset(_base(str(row["name"])) for row in store.rows(LOG_FILES, Exists(name), fields=(name,)))

    def lacks(self, row: Row) -> int:
        """How many log files of a digest are not loaded."""
        valid = map(_pair, _texts(row["valid"]))
        lost = sum(sha256 not in self._hashes and name not in self._names for sha256, name in valid)
        return lost + sum(_base(one) not in self._bases for one in _texts(row["not_valid"]))

    def lost_records(self, row: Row) -> int:
        """How many of its log files have records in the dead letters."""
        valid = map(_pair, _texts(row["valid"]))
        return sum(sha256 in self._incomplete or name in self._incomplete for sha256, name in valid)


def _pair(valid: str) -> tuple[str, str]:
    sha256, _, name = valid.partition(" ")
    return sha256, name


def _incomplete(store: Store) -> frozenset[str]:
    """Hashes and names of log files of which records went to the dead letters."""
    name, sha256 = LOG_FILES.by_name["name"], LOG_FILES.by_name["sha256"]
    rows = store.rows(LOG_FILES, Range(LOG_FILES.by_name["dead_lettered"], 1), fields=(name, sha256))
    return frozenset(str(value) for row in rows for value in row.values() if value)


def _in_ledger(store: Store, name: str, values: Collection[str]) -> Iterator[str]:
    """Which of the values the ledger has; of many it is quicker to read them all."""
    by = LOG_FILES.by_name[name]
    if len(values) > MANY:
        yield from (str(row[name]) for row in store.rows(LOG_FILES, Exists(by), fields=(by,)) if row[name] in values)
        return
    wanted = sorted(values)
    for at in range(0, len(wanted), AT_ONCE):
        for group in store.group(LOG_FILES, (by,), In(by, tuple(wanted[at : at + AT_ONCE]))):
            yield str(group.key[0])


def _covers(trail: Sequence[Kept], day: date) -> bool:
    """Whether valid digests follow each other over the whole time in which the day is delivered."""
    at, end = midnight(day), _settled(day)
    for one in sorted((one for one in trail if one.proves), key=lambda one: one.start):
        if one.start <= at < one.end:
            at = one.end
    return at >= end


def midnight(day: date) -> datetime:
    """The day's beginning, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _settled(day: date) -> datetime:
    """When the day's events are delivered."""
    return midnight(day) + _DAY + DELIVERED_WITHIN


def _time(value: Value) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _texts(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
