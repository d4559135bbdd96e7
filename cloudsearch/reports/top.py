"""The most frequent: calls counted by what was called, by whom, where, from where, with what answer.

A call is counted once: the caller's copy, or the resource owner's where no log of the caller's account is loaded. What
a network logged of calls, sign-ins, Insights and what services tell of themselves are no calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cloudsearch.catalogue import find
from cloudsearch.errors import UsageError
from cloudsearch.event import Copy, Field, Outcome
from cloudsearch.reports.coverage import coverage
from cloudsearch.reports.evidence import NOT_CALLS, needs_no_permission
from cloudsearch.reports.window import Window
from cloudsearch.store import CSM_CALLS, EVENTS, Group, Store
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Where

_F = EVENTS.by_name
_C = CSM_CALLS.by_name


class By(StrEnum):
    """What calls can be counted by."""

    ACTION = "action"
    PRINCIPAL = "principal"
    SERVICE = "service"
    REGION = "region"
    ERROR = "error"
    ADDRESS = "address"
    AGENT = "agent"


class CsmBy(StrEnum):
    """What calls of SDKs can be counted by."""

    API = "api"
    SERVICE = "service"
    CLIENT = "client"
    HOST = "host"
    REGION = "region"
    ERROR = "error"
    AGENT = "agent"


_FIELDS: Mapping[By, Field] = {
    By.ACTION: _F["actions"],
    By.PRINCIPAL: _F["principal"],
    By.SERVICE: _F["event_source"],
    By.REGION: _F["region"],
    By.ERROR: _F["error_code"],
    By.ADDRESS: _F["source_address"],
    By.AGENT: _F["user_agent"],
}


@dataclass(frozen=True, slots=True)
class TopRow:
    """A value and its calls, ``denied`` and ``errors`` (those let in that failed) among them.

    ``value`` is None where events name none. ``before`` are the calls of the period before, ``change`` how many more
    there are now; None where there is nothing to compare with.
    """

    by: By | CsmBy
    value: str | None
    count: int
    denied: int
    errors: int
    first_seen: datetime | None
    last_seen: datetime | None
    before: int | None = None
    change: int | None = None


@dataclass(frozen=True, slots=True)
class Top:
    """The most frequent values, of so many with so many calls; ``not_compared`` says why there is no comparison."""

    window: Window
    rows: tuple[TopRow, ...]
    values: int
    calls: int
    not_compared: str | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """By what to count, how many values to tell (0: all), in which recipient accounts' logs (none: all of them).

    With ``compare`` a period of that length, up to the window's end or the last whole day, and the one before it.
    """

    by: By
    limit: int = 0
    accounts: Collection[str] = ()
    compare: timedelta | None = None


@dataclass(slots=True)
class _Tally:
    """Calls of one value."""

    count: int = 0
    denied: int = 0
    errors: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, group: Group, outcome: str) -> None:
        self.count += group.count
        self.denied += group.count if outcome == Outcome.DENIED else 0
        self.errors += group.count if outcome == Outcome.ERROR else 0
        self.first = min(filter(None, (self.first, group.first_seen)), default=None)
        self.last = max(filter(None, (self.last, group.last_seen)), default=None)


def top(store: Store, window: Window, ranking: Ranking) -> Top:
    """The most frequent values; raises ``UsageError`` for a window that is not as long as what to compare."""
    by, accounts = ranking.by, ranking.accounts
    span = _of_length(store, window, ranking.compare) if ranking.compare else window
    tallies = _tallies(store, span, by, accounts)
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].count, item[0] is not None, item[0] or ""))
    before, problem = _before(store, span, by, accounts) if ranking.compare else (None, None)
    rows = tuple(_row(by, value, tally, before) for value, tally in ranked[: ranking.limit or None])
    return Top(coverage(store, span).window, rows, len(tallies), _calls(store, span, accounts), problem)


def _row(by: By | CsmBy, value: str | None, tally: _Tally, before: Mapping[str | None, _Tally] | None) -> TopRow:
    earlier = None if before is None else before.get(value, _Tally()).count
    change = None if earlier is None else tally.count - earlier
    return TopRow(by, value, tally.count, tally.denied, tally.errors, tally.first, tally.last, earlier, change)


_CSM_FIELDS: Mapping[CsmBy, tuple[Field, ...]] = {
    CsmBy.API: (_C["service_id"], _C["api"]),
    CsmBy.SERVICE: (_C["service_id"],),
    CsmBy.CLIENT: (_C["client_id"],),
    CsmBy.HOST: (_C["host"],),
    CsmBy.REGION: (_C["region"],),
    CsmBy.ERROR: (_C["error_code"],),
    CsmBy.AGENT: (_C["user_agent"],),
}


def top_of_csm(store: Store, window: Window, by: CsmBy, limit: int = 0) -> Top:
    """As ``top``, of the calls that SDKs told of, whatever their attempts; one grouped read."""
    fields = _CSM_FIELDS[by]
    calls = And((In(_C["kind"], ("ApiCall",)), window.where(_C["time"])))
    where = And((calls, Exists(fields[0]))) if by is CsmBy.ERROR else calls
    tallies: dict[str | None, _Tally] = {}
    for group in store.group(CSM_CALLS, (*fields, _C["outcome"]), where):
        *names, outcome = (None if part is None else str(part) for part in group.key)
        value = None if None in names else ":".join(map(str, names))
        tallies.setdefault(value, _Tally()).add(group, outcome or "")
    seen = [moment for tally in tallies.values() for moment in (tally.first, tally.last) if moment]
    span = Window(window.since or min(seen), window.until or max(seen) + timedelta(milliseconds=1)) if seen else window
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].count, item[0] is not None, item[0] or ""))
    rows = tuple(_row(by, value, tally, None) for value, tally in ranked[: limit or None])
    return Top(span, rows, len(tallies), sum(tally.count for tally in tallies.values()))


def _tallies(store: Store, window: Window, by: By, accounts: Collection[str]) -> dict[str | None, _Tally]:
    tallies: dict[str | None, _Tally] = {}
    where = calls_once(store, window, accounts)
    counted = _of_actions(store, where) if by is By.ACTION else _of_field(store, where, by)
    for value, outcome, group in counted:
        tallies.setdefault(value, _Tally()).add(group, outcome)
    return tallies


def _of_field(store: Store, where: Where, by: By) -> Iterator[tuple[str | None, str, Group]]:
    field = _FIELDS[by]
    asked = And((where, Exists(field))) if by is By.ERROR else where
    for group in store.group(EVENTS, (field, _F["outcome"]), asked):
        value, outcome = group.key
        yield None if value is None else str(value), str(outcome), group


def _of_actions(store: Store, where: Where) -> Iterator[tuple[str | None, str, Group]]:
    """Each action of a call; a refusal on the action that its message names; a call without any under its own name."""
    named = And((In(_F["outcome"], (Outcome.DENIED,)), Exists(_F["denied_action"])))
    for group in store.group(EVENTS, (_F["denied_action"],), And((where, named))):
        known = find(str(group.key[0]))
        yield known.name if known else str(group.key[0]), Outcome.DENIED, group
    by = (_F["actions"], _F["event_source"], _F["event_name"], _F["outcome"])
    for group in store.group(EVENTS, by, And((where, Not(named)))):
        action, source, name, outcome = group.key
        yield str(action) if action else _call(str(source or ""), str(name or "")), str(outcome), group


def _call(source: str, name: str) -> str:
    """A call that needs no permission as the action of its name; one of which no action is known as events name it."""
    free = find(f"{source.partition('.')[0]}:{name}")
    return free.name if free and needs_no_permission(free.name) else f"{source}:{name}"


def calls_once(store: Store, window: Window, accounts: Collection[str]) -> Where:
    """Calls of a window in these recipient accounts' logs (none: all of them), each counted once."""
    time = window.where(_F["time"])
    loaded = tuple(str(group.key[0]) for group in store.group(EVENTS, (_F["recipient_account"],), time) if group.key[0])
    owners = And((In(_F["copy"], (Copy.OWNER,)), *([Not(In(_F["account"], loaded))] if loaded else [])))
    own = In(_F["recipient_account"], tuple(accounts)) if accounts else Everything()
    calls = Not(In(_F["event_type"], tuple(sorted(NOT_CALLS))))
    return And((time, own, calls, Or((In(_F["copy"], (Copy.CALLER,)), owners))))


def _calls(store: Store, window: Window, accounts: Collection[str]) -> int:
    return sum(group.count for group in store.group(EVENTS, (), calls_once(store, window, accounts)))


def _of_length(store: Store, window: Window, length: timedelta) -> Window:
    end = window.until or _last(store.group(EVENTS, (), window.where(_F["time"])))
    if end is None:
        return window
    start = window.since or end - length
    if end - start != length:
        raise UsageError(f"--compare {length.days}d compares {length.days} days: leave out --since, or make it as many")
    return Window(start, end)


def _last(groups: Iterable[Group]) -> datetime | None:
    """The end of the last event's day; today's is not over, and would seem to have less of everything."""
    seen = [group.last_seen for group in groups if group.last_seen]
    return min(_midnight(max(seen)) + timedelta(days=1), _midnight(datetime.now(UTC))) if seen else None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _before(
    store: Store, window: Window, by: By, accounts: Collection[str]
) -> tuple[dict[str | None, _Tally] | None, str | None]:
    """The calls of the period before; None, and why, where the logs do not hold all of it."""
    if window.since is None or window.until is None:
        return None, "there are no events"
    earlier = Window(window.since - (window.until - window.since), window.since)
    problem = _problem(store, earlier, window, accounts)
    return (None, problem) if problem else (_tallies(store, earlier, by, accounts), None)


def _problem(store: Store, earlier: Window, window: Window, accounts: Collection[str]) -> str | None:
    """Why the two periods cannot be compared: some account counted is not covered in one of them."""
    counted = accounts or sorted(coverage(store, Window(earlier.since, window.until)).accounts)
    for span in (earlier, window):
        start = _midnight(span.since) if span.since else None
        covered = coverage(store, Window(start, span.until))
        for own in map(covered.of, counted):
            if own.problem:
                return own.problem
            if start and own.first_day and own.first_day > start.date():
                return f"nothing of account {own.account} is known of {start:%Y-%m-%d}"
    return None
