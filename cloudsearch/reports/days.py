"""What the store holds, day by day: a row for each account, region and day, and how far it can be trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from cloudsearch.reports.coverage import last_day, places_of, refused_days
from cloudsearch.reports.proofs import Proofs, proofs
from cloudsearch.reports.window import Window, days_between
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In

_F = EVENTS.by_name
_BY = tuple(_F[name] for name in ("recipient_account", "region", "day", "event_category", "event_type", "read_only"))
_DATA_BY = tuple(_F[name] for name in ("recipient_account", "region", "day", "event_source", "resource_types"))


class DayState(StrEnum):
    """How far a day can be trusted to be whole."""

    PROVEN = "proven"
    LOADED = "loaded"
    QUIET = "quiet, unproven"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A day of an account in a region.

    ``quiet`` is whether it is proven that nothing was logged. ``data_types`` are the resource types of its data events,
    or the service where they name none. ``late`` is how many digests list events of it that came after its time.
    """

    account: str
    region: str
    day: date
    state: DayState
    quiet: bool
    events: int
    read_events: bool
    data_types: tuple[str, ...]
    late: int
    reason: str


@dataclass(slots=True)
class _Seen:
    """The events of a day."""

    events: int = 0
    has_reads: bool = False
    data_types: set[str] = field(default_factory=set)


_Place = tuple[str, str]


def days(store: Store, window: Window, accounts: Collection[str] = ()) -> list[DayRow]:
    """Every day of each account and region, from the account's first to the last that anything is known of.

    An open window begins with each account's first day that has events or digests, and ends with the last of any. The
    rows are of the recipient accounts asked for; of all, when none is given.
    """
    seen, proven = _seen(store, window), proofs(store, window.since)
    owners = {account for account, _, _ in seen} | {account for account, _ in proven.places}
    known = {account: sorted(_known(account, seen, proven, window)) for account in owners}
    ends = [own[-1] for own in known.values() if own]
    if not ends:
        return []
    end = last_day(window) if window.until else max(ends)
    day = _Day(store, seen, proven)
    return [
        day.row(account, region, on)
        for account in sorted(owners)
        if known[account] and (not accounts or account in accounts)
        for region in sorted(day.regions(account))
        for on in days_between(known[account][0], end)
    ]


class _Day:
    """All that is known, asked day by day."""

    def __init__(self, store: Store, seen: dict[tuple[str, str, date], _Seen], proven: Proofs) -> None:
        self._seen, self._proven = seen, proven
        self._refused = refused_days(store)
        self._places = places_of(store, proven)
        self._active = {(account, day) for account, _, day in seen}

    def regions(self, account: str) -> frozenset[str]:
        """The regions of an account that events or paths name."""
        of_events = frozenset(region for owner, region, _ in self._seen if owner == account)
        return of_events | self._places.by_account.get(account, frozenset())

    def row(self, account: str, region: str, day: date) -> DayRow:
        seen = self._seen.get((account, region, day), _Seen())
        state, reason = self._state(account, region, day, has_events=seen.events > 0)
        return DayRow(
            account=account,
            region=region,
            day=day,
            state=state,
            quiet=state is DayState.PROVEN and not seen.events,
            events=seen.events,
            read_events=seen.has_reads,
            data_types=tuple(sorted(seen.data_types)),
            late=self._proven.late(account, region, day),
            reason=reason,
        )

    def _state(self, account: str, region: str, day: date, *, has_events: bool) -> tuple[DayState, str]:
        if any(day in self._refused.get((account, place), ()) for place in (region, None)):
            return DayState.GAP, "a log file was refused or not read"
        if problem := self._proven.problem(account, region, day):
            return DayState.GAP, problem
        if self._proven.proves(account, region, day):
            return DayState.PROVEN, ""
        if has_events:
            return DayState.LOADED, ""
        if (account, day) in self._active:
            return DayState.QUIET, ""
        return DayState.GAP, "no events of the account in any region"


def _seen(store: Store, window: Window) -> dict[tuple[str, str, date], _Seen]:
    where = And((window.where(_F["time"]), Exists(_F["day"])))
    found: dict[tuple[str, str, date], _Seen] = defaultdict(_Seen)
    for group in store.group(EVENTS, _BY, where):
        account, region, day, category, event_type, is_read = group.key
        own = found[str(account or ""), str(region or ""), date.fromisoformat(str(day))]
        own.events += group.count
        own.has_reads |= category in (None, "Management") and event_type in (None, "AwsApiCall") and is_read is True
    for group in store.group(EVENTS, _DATA_BY, And((where, In(_F["event_category"], ("Data",))))):
        account, region, day, source, type_ = group.key
        own = found[str(account or ""), str(region or ""), date.fromisoformat(str(day))]
        own.data_types.add(str(type_ or source))
    return found


def _known(account: str, seen: dict[tuple[str, str, date], _Seen], proven: Proofs, window: Window) -> Iterator[date]:
    """The days of the window with events, and those that digests prove or speak against."""
    yield from (day for owner, _, day in seen if owner == account)
    for day in proven.days(account):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        in_time = window.since is None or window.since < start + timedelta(days=1)
        if in_time and (window.until is None or start < window.until):
            yield day
