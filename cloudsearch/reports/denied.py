"""Who was refused what, why, and since when: clusters of refused calls, each held against the period before.

Three grouped reads of the events, whatever their number: this period's refusals, those of the period before, and what
the accounts did at all in that one. Beside them only what the logs cover is read, once for each period.

A cluster is ``new`` when the period before has none like it and its logs could have shown one; where they could not,
that is unknown. The same holds for what is said of regions and services.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache

from cloudsearch.event import Outcome
from cloudsearch.reports.activity import Day
from cloudsearch.reports.advice import advice, older_names
from cloudsearch.reports.coverage import AccountCoverage, Coverage, coverage
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.reports.facts import table
from cloudsearch.reports.refusals import BY, BY_DAY, Cluster, Key, Logged, clusters, refused
from cloudsearch.reports.window import Window, days_between
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In, Not, Pattern

_F = EVENTS.by_name
_DONE_BY = tuple(
    _F[name] for name in ("recipient_account", "region", "event_source", "event_category", "read_only", "outcome")
)
_LET_IN = (Outcome.OK, Outcome.ERROR)


class Flag(StrEnum):
    """What is worth a look about a cluster."""

    REGION = "unexpected region"
    SERVICE = "first-seen service"
    RENAMED = "renamed action"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedRow:
    """Refused calls of one account, region, principal, action and reason.

    ``new`` is None where the period before cannot tell, and ``note`` says why. Of ``policy_arn``, ``error_code``,
    ``resource_account`` and ``via`` it is the one that most of the calls had; ``policy_arns`` and
    ``resource_accounts`` are all of them. ``action_from`` is ``message``, ``call`` or ``event name`` (the action is
    not known, and the call's own name stands for it).
    """

    account: str | None
    region: str | None
    principal: str | None
    action: str
    service: str
    reason: str
    policy_arn: str | None
    error_code: str | None
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None
    new: bool | None
    advice: str
    resource_account: str | None
    via: str | None
    flags: tuple[Flag, ...]
    older_actions: tuple[str, ...]
    policy_arns: tuple[str, ...]
    resource_accounts: tuple[str, ...]
    action_from: str
    note: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The refusals of a period. ``problem`` is why nothing can be concluded from those that are not there, if so.

    ``previous`` is the period before, as long as this one; None where this one has no beginning. ``by_services`` counts
    the refusals of AWS's own services that were left out, ``incomplete`` names accounts with days of which there are
    no whole logs.
    """

    window: Window
    previous: Window | None
    rows: tuple[DeniedRow, ...]
    by_services: int
    incomplete: tuple[str, ...]
    problem: str | None

    @property
    def calls(self) -> int:
        """How many calls were refused."""
        return sum(row.calls for row in self.rows)


def denied(store: Store, window: Window, accounts: Collection[str] = (), *, include_services: bool = False) -> Denied:
    """Read the refusals of a window, of principals of the accounts asked for, or of all; most calls first."""
    covered = coverage(store, window)
    before = _Before.of(store, window, covered)
    found = clusters(store.group(EVENTS, BY, refused(window)), _loaded(covered)).values()
    asked = [cluster for cluster in found if not accounts or _accounts(cluster) & set(accounts)]
    shown = [cluster for cluster in asked if include_services or not cluster.by_aws]
    rows = sorted((_row(cluster, before) for cluster in shown), key=_order)
    return Denied(
        window=covered.window,
        previous=before.window,
        rows=tuple(rows),
        by_services=sum(cluster.calls for cluster in asked) - sum(cluster.calls for cluster in shown),
        incomplete=tuple(sorted(_incomplete(covered, accounts))),
        problem=_problem(covered, accounts),
    )


def refused_days(
    store: Store, found: Denied, accounts: Collection[str] = (), *, include_services: bool = False
) -> list[Day]:
    """The same refusals day by day, for a picture: as ``denied`` counts them, without those that have no time.

    A day without any is None, not 0, where the logs of an account that is asked for are not whole.
    """
    covered = coverage(store, found.window)
    gathered = clusters(store.group(EVENTS, BY_DAY, refused(found.window)), _loaded(covered)).values()
    counts: Counter[str] = Counter()
    for cluster in gathered:
        is_asked = not accounts or _accounts(cluster) & set(accounts)
        if is_asked and (include_services or not cluster.by_aws):
            counts += cluster.days
    since, until = found.window.since, found.window.until
    if since is None or until is None:
        return []
    own = [covered.of(account) for account in accounts or sorted(covered.accounts)]
    days = days_between(since.date(), (until - timedelta(microseconds=1)).date())
    return [_day(day, counts[day.isoformat()], own) for day in days]


def _day(day: date, count: int, accounts: Collection[AccountCoverage]) -> Day:
    is_whole = all(day in (own.days | own.quiet) - own.gaps for own in accounts)
    return Day(day, None, count if count or is_whole else None)


def _accounts(cluster: Cluster) -> set[str]:
    """The principal's account; of a service of AWS, which has none, the account whose resource it asked for."""
    return {cluster.key.account} if cluster.key.account else set(cluster.owners)


def _order(row: DeniedRow) -> tuple[object, ...]:
    names = (row.account, row.region, row.principal, row.action, row.reason)
    return (-row.calls, *(name or "" for name in names))


def _loaded(covered: Coverage) -> frozenset[str]:
    return frozenset(account for account, own in covered.accounts.items() if own.days)


def _incomplete(covered: Coverage, accounts: Collection[str]) -> Iterator[str]:
    """Accounts of which some day of the window is not known, or that are asked for and not there."""
    for account in accounts or covered.accounts:
        if _unknown_days(covered.of(account), covered.window):
            yield account


def _problem(covered: Coverage, accounts: Collection[str]) -> str | None:
    if not any(own.days for own in covered.accounts.values()):
        return "no events are loaded of this period"
    problems = (covered.of(account).problem for account in accounts or sorted(covered.accounts))
    return next(filter(None, problems), None)


def _unknown_days(own: AccountCoverage, window: Window) -> int:
    """Days of a closed window of which there are neither whole logs nor a proof that nothing happened."""
    known = (own.days | own.quiet) - own.gaps
    return sum(day not in known for day in _days(window))


def _days(window: Window) -> list[date]:
    if window.since is None or window.until is None:
        return []
    last = min(window.until, datetime.now(UTC)) - timedelta(microseconds=1)
    return days_between(window.since.astimezone(UTC).date(), last.astimezone(UTC).date())


@dataclass(frozen=True, slots=True)
class _Done:
    """What accounts did in the period before; AWS's own services left out.

    ``regions`` they were let in, ``sources`` they called at all; ``data_sources`` are those of data events and of
    network activity, ``readers`` the accounts with read management events.
    """

    regions: frozenset[tuple[str, str]] = frozenset()
    sources: frozenset[tuple[str, str]] = frozenset()
    data_sources: frozenset[tuple[str, str, str]] = frozenset()
    readers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Before:
    """The period before, and what its logs could have shown; ``gaps`` caches what ``_gap`` says of an account."""

    window: Window | None
    covered: Coverage
    keys: frozenset[Key]
    done: _Done
    gaps: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store, window: Window, covered: Coverage) -> _Before:
        """Read it: as long as the window, up to its beginning; none where that is left open or nothing is loaded."""
        span = _previous(window, covered)
        if span is None:
            return cls(None, Coverage(Window()), frozenset(), _Done())
        was = coverage(store, _whole_days(span))
        keys = clusters(store.group(EVENTS, BY, refused(span)), _loaded(was))
        return cls(span, was, frozenset(keys), _done(store, span))

    def unknown(self, cluster: Cluster) -> str:
        """Why nothing can be said against this period for a cluster; nothing where it can."""
        if self.window is None:
            return "no period to compare with: --since gives one"
        return next(filter(None, map(self._unknown, sorted(cluster.logged, key=str))), "")

    def _unknown(self, logged: Logged) -> str:
        account = logged.account or ""
        if account not in self.gaps:
            self.gaps[account] = self._gap(account)
        if gap := self.gaps[account]:
            return gap
        if logged.category != "Management":
            what = "network activity" if logged.category == "NetworkActivity" else "data"
            seen = (account, logged.event_source, logged.category) in self.done.data_sources
            return "" if seen else f"no {what} events of {logged.event_source} were logged before"
        if logged.read_only and account not in self.done.readers:
            return "no read events were logged before"
        return ""

    def _gap(self, account: str) -> str:
        whole = _whole_days(self.window or Window())
        days = _unknown_days(self.covered.of(account), whole)
        lacking = f"{days:,} of {len(_days(whole)):,} days before are without whole logs"
        return f"{lacking} of account {account or 'none'}" if days else ""

    def flags(self, cluster: Cluster) -> Iterator[Flag]:
        """What is unlike the period before; AWS's own services call where and what they like."""
        if cluster.by_aws or self.unknown(cluster):
            return
        accounts = {logged.account or "" for logged in cluster.logged}
        sources = {logged.event_source for logged in cluster.logged}
        region = cluster.key.region
        seen = any((account, region) in self.done.regions for account in accounts)
        if region and not seen and not sources <= _global_services():
            yield Flag.REGION
        if not any((account, source) in self.done.sources for account in accounts for source in sources):
            yield Flag.SERVICE


def _previous(window: Window, covered: Coverage) -> Window | None:
    since, until = window.since, min(covered.window.until or datetime.now(UTC), datetime.now(UTC))
    if since is None or since >= until:
        return None
    try:
        return Window(since - (until - since), since)
    except OverflowError:
        return None


def _whole_days(window: Window) -> Window:
    """The window to the ends of its days: whether a day is known is asked of all of it."""
    if window.since is None or window.until is None:
        return window
    since = window.since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    last = (window.until - timedelta(microseconds=1)).astimezone(UTC)
    return Window(since, last.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))


def _done(store: Store, window: Window) -> _Done:
    """Where and on what the accounts acted: the regions where they were let in, the services they called at all."""
    aws = (In(_F["principal_type"], ("AWSService",)), Pattern(_F["principal"], "arn:*:iam::*:role/aws-service-role/*"))
    calls = Not(In(_F["event_type"], tuple(sorted(NOT_CALLS))))
    where = And((window.where(_F["time"]), calls, *(Not(one) for one in aws)))
    regions, sources, data, readers = set(), set(), set(), set()
    for group in store.group(EVENTS, _DONE_BY, where):
        account, region, source, category, read_only, outcome = (
            value if value is not None else "" for value in group.key
        )
        if outcome in _LET_IN:
            regions.add((str(account), str(region)))
        sources.add((str(account), str(source)))
        if category in ("", "Management") and read_only is True:
            readers.add(str(account))
        data.add((str(account), str(source), str(category)))
    return _Done(frozenset(regions), frozenset(sources), frozenset(data), frozenset(readers))


@cache
def _global_services() -> frozenset[str]:
    """Services whose calls are logged in one region wherever they come from."""
    return frozenset(source for source, _ in table("global_services.tsv", 2))


def _row(cluster: Cluster, before: _Before) -> DeniedRow:
    key = cluster.key
    older = older_names(key.action, key.reason)
    unknown = "" if key in before.keys else before.unknown(cluster)
    return DeniedRow(
        account=key.account,
        region=key.region,
        principal=key.principal,
        action=key.action,
        service=key.action.partition(":")[0],
        reason=key.reason,
        policy_arn=_most(cluster.policies),
        error_code=_most(cluster.error_codes),
        calls=cluster.calls,
        first_seen=cluster.first_seen,
        last_seen=cluster.last_seen,
        new=None if unknown else key not in before.keys,
        advice=advice(cluster, older),
        resource_account=_most(cluster.owners),
        via=_most(cluster.vias),
        flags=(*before.flags(cluster), *([Flag.RENAMED] if older else [])),
        older_actions=_distinct(one.older for one in older),
        policy_arns=_distinct(cluster.policies),
        resource_accounts=_distinct(cluster.owners),
        action_from=cluster.action_from,
        note=f"new unknown: {unknown}" if unknown else "",
    )


def _most(counter: Counter[str]) -> str | None:
    """The value most calls had; of equals, the first by name."""
    return min(counter, key=lambda value: (-counter[value], value), default=None)


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
