"""Client-side monitoring against CloudTrail: what was logged, what was not, and what only CloudTrail has.

Both are looked at on the days of which there is a record of monitoring, from midnight to midnight UTC. That a call was
not logged is only said where the log could have shown it: a log of its account and day is loaded, and it was delivered
by then. A call that nothing answered never reached AWS, as far as the SDK could tell.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from cloudsearch.actions import ObservabilityClass, actions_for, observability
from cloudsearch.csm.datagrams import Kind
from cloudsearch.csm.pairing import Call, pair
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.joining import SKEW, Attempt, Event, attempt, by_request_id, by_time
from cloudsearch.reports.monitored import Host, Owner, monitored, owners
from cloudsearch.reports.top import calls_once
from cloudsearch.reports.window import Window
from cloudsearch.store import CSM_CALLS, EVENTS, LOG_FILES, Store
from cloudsearch.where import And, In, Where

DELIVERY = timedelta(minutes=15)
"""How long CloudTrail takes to deliver an event, usually
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html)."""

_AT_ONCE = 5_000
_C, _E = CSM_CALLS.by_name, EVENTS.by_name
_NEEDED = tuple(
    _C[name]
    for name in (
        *("id", "time", "kind", "host", "client_id", "user_agent", "service_id", "api", "event_source", "latency"),
        *("attempts", "outcome", "error_code", "account", "access_key_id", "request_id"),
    )
)


class Part(StrEnum):
    """Where a call is found."""

    LOGGED = "logged"
    NOT_LOGGED = "not logged"
    UNKNOWN = "cannot be known"
    UNANSWERED = "never answered"
    ONLY_LOGGED = "only in CloudTrail"


@dataclass(frozen=True, slots=True)
class CompareRow:
    """Calls of one operation by one principal, all in one part; ``service`` is the event source.

    ``principal`` is an ARN, None where no log names it; ``reason`` says why a part is what it is, where that is known.
    """

    part: Part
    service: str
    call: str
    account: str | None
    principal: str | None
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows, each part's most frequent first, and what they rest on; ``totals`` are calls by part."""

    window: Window
    rows: tuple[CompareRow, ...]
    hosts: tuple[Host, ...]
    totals: Mapping[Part, int]


def compare(store: Store, window: Window, accounts: Collection[str] = ()) -> Comparison:
    """Join what monitoring saw within a window with CloudTrail; with accounts, only calls of theirs."""
    span = _days(store, window)
    if span is None:
        return Comparison(window, (), (), {})
    joining = _Joining(store, span, calls_once(store, Window(), ()))
    around = Window(span.since and span.since - SKEW, span.until and span.until + SKEW)
    kinds = In(_C["kind"], (Kind.CALL.value, Kind.ATTEMPT.value))
    rows = store.rows(CSM_CALLS, And((kinds, around.where(_C["time"]))), fields=_NEEDED, ordered=True)
    calls = pair(rows)
    while some := list(islice(calls, _AT_ONCE)):
        joining.take(some)
    joining.rest()
    found = [*joining.parts(), *_only_logged(store, span, joining.matched, accounts)]
    kept = [row for row in found if not accounts or row.account in accounts or row.part is Part.ONLY_LOGGED]
    order = list(Part)
    kept.sort(key=lambda row: (order.index(row.part), -row.count, row.service, row.call, row.principal or ""))
    totals: Counter[Part] = Counter()
    for row in kept:
        totals[row.part] += row.count
    return Comparison(span, tuple(kept), monitored(store, span).hosts, totals)


def _days(store: Store, window: Window) -> Window | None:
    """The window, no further than the days of the first and last record of monitoring; None without any."""
    kinds = In(_C["kind"], (Kind.CALL.value, Kind.ATTEMPT.value))
    for group in store.group(CSM_CALLS, (), And((kinds, window.where(_C["time"])))):
        if group.first_seen and group.last_seen:
            first, last = _midnight(group.first_seen), _midnight(group.last_seen) + timedelta(days=1)
            return Window(max(first, window.since or first), min(last, window.until or last))
    return None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class _Tally:
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, time: datetime | None, count: int = 1) -> None:
        self.count += count
        self.first = min(filter(None, (self.first, time)), default=None)
        self.last = max(filter(None, (self.last, time)), default=None)


_Key = tuple[Part, str, str, str | None, str | None, str]


@dataclass(slots=True)
class _Joining:
    """Calls taken a few thousand at a time; those that a request id does not join wait for the rest."""

    store: Store
    window: Window
    events: Where
    matched: list[Event] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _left: list[Call] = field(default_factory=list)
    _tallies: dict[_Key, _Tally] = field(default_factory=lambda: defaultdict(_Tally))

    def take(self, calls: list[Call]) -> None:
        attempts = [attempt(number, row) for number, call in enumerate(calls) for row in call.attempts]
        found = self._matched(by_request_id(self.store, self.events, attempts))
        for number, call in enumerate(calls):
            if number in found:
                self._is_logged(call, found[number])
            else:
                self._left.append(call)

    def rest(self) -> None:
        """What is left, by time; then what is left of that is not logged, or nobody can say."""
        left, self._left = self._left, []
        attempts = [attempt(number, row) for number, call in enumerate(left) for row in call.attempts]
        found = self._matched(by_time(self.store, self.events, attempts, self._taken))
        for number, event in found.items():
            self._is_logged(left[number], event)
        self._judge([call for number, call in enumerate(left) if number not in found])

    def parts(self) -> Iterator[CompareRow]:
        for (part, service, name, account, principal, reason), tally in self._tallies.items():
            yield CompareRow(part, service, name, account, principal, tally.count, tally.first, tally.last, reason)

    def _matched(self, pairs: Iterable[tuple[Attempt, Event]]) -> dict[int, Event]:
        """The first event of each call that has one; every event is taken."""
        found: dict[int, Event] = {}
        for one, event in pairs:
            self.matched.append(event)
            self._taken.add(event.id)
            found.setdefault(one.call, event)
        return found

    def _is_logged(self, call: Call, event: Event) -> None:
        principal, account = event.row["principal"], event.row["account"] or call.last.get("account")
        owner = Owner(str(principal) if principal else None, None, str(account) if account else None)
        self._count(Part.LOGGED, call, owner, "")

    def _judge(self, calls: list[Call]) -> None:
        keys = {str(row["access_key_id"]) for call in calls for row in call.attempts if row.get("access_key_id")}
        known = owners(self.store, keys)
        judge = _Judge(coverage(self.store, self.window), _delivered(self.store))
        for call in calls:
            owner = known.get(str(call.last.get("access_key_id")), Owner(None, None, None))
            part, reason = judge.of(call, owner)
            self._count(part, call, owner, reason)

    def _count(self, part: Part, call: Call, owner: Owner, reason: str) -> None:
        if call.time not in self.window:
            return
        service = str(call.about.get("event_source") or call.about["service_id"])
        key = (part, service, str(call.about["api"]), owner.account, owner.principal, reason)
        self._tallies[key].add(call.time)


@dataclass(frozen=True, slots=True)
class _Judge:
    """What may be said of a call that no event was found for."""

    covered: Coverage
    delivered: datetime | None

    def of(self, call: Call, owner: Owner) -> tuple[Part, str]:
        if call.outcome is None:
            return Part.UNANSWERED, str(call.last.get("error_code") or "")
        if problem := self._no_owner(call, owner) or self._no_log(call, owner.account or ""):
            return Part.UNKNOWN, problem
        return Part.NOT_LOGGED, _why(call)

    def _no_owner(self, call: Call, owner: Owner) -> str | None:
        if not call.attempts:
            return "no attempt of it was received"
        if not call.last.get("access_key_id"):
            return "it was not signed"
        return None if owner.account else "neither its key nor a log tells its account"

    def _no_log(self, call: Call, account: str) -> str | None:
        covered = self.covered.of(account)
        if call.time.date() not in covered.days | covered.quiet:
            return f"no log of account {account} is loaded for {call.time:%Y-%m-%d}"
        if self.delivered and call.time > self.delivered:
            return "its event may not have been delivered when logs were loaded last"
        return None


def _why(call: Call) -> str:
    """Why CloudTrail would not log it, where a page of AWS's says so."""
    names = actions_for(str(call.about.get("event_source") or ""), str(call.about["api"])).actions
    kinds = [observability(name) for name in names]
    told = [one for one in kinds if one.observability in (ObservabilityClass.DATA, ObservabilityClass.NEVER)]
    return told[0].reason if told else ""


def _delivered(store: Store) -> datetime | None:
    """Until when events were delivered when logs were loaded last; None where no log file was."""
    for group in store.group(LOG_FILES, (), In(LOG_FILES.by_name["kind"], (None,))):
        return group.last_seen - DELIVERY if group.last_seen else None
    return None


def _only_logged(
    store: Store, window: Window, matched: Iterable[Event], accounts: Collection[str]
) -> Iterator[CompareRow]:
    """Calls of the log without those that monitoring saw."""
    names = ("event_source", "event_name", "account", "principal", "via")
    seen: Counter[tuple[str, str, object, object]] = Counter()
    for event in {event.id: event for event in matched}.values():
        if event.time in window:
            row = event.row
            seen[str(row["event_source"]), str(row["event_name"]), row["principal"], row["via"]] += 1
    for group in store.group(EVENTS, tuple(_E[name] for name in names), calls_once(store, window, ())):
        source, name, account, principal, via = group.key
        if accounts and account not in accounts:
            continue
        known = (str(source), str(name), principal, via)
        joined = min(group.count, seen[known])
        seen[known] -= joined
        if group.count > joined:
            yield CompareRow(
                Part.ONLY_LOGGED,
                str(source or ""),
                str(name or ""),
                str(account) if account else None,
                str(principal) if principal else None,
                group.count - joined,
                None if joined else group.first_seen,  # it may be one of those that are joined
                None if joined else group.last_seen,
                "" if via in (None, "sdk") else f"via {via!s}",
            )
