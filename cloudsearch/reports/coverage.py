"""What the loaded logs could have shown: days, regions and kinds of events of each account.

Two grouped reads of the events and one of the dead letters answer it, whatever the size of the store; where digests
were validated, what they prove is read too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from cloudsearch.actions.homes import home_regions
from cloudsearch.reports.proofs import Proofs, proofs
from cloudsearch.reports.purged import purges
from cloudsearch.reports.window import Window, days_between
from cloudsearch.store import DEAD_LETTERS, EVENTS, LOG_FILES, Group, Store
from cloudsearch.where import And, Exists, In, Where

MOST_GAPS = 0.05
"""The share of days without events past which nothing can be concluded from absence."""

EXCLUDABLE_SOURCES = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
"""Sources a trail may leave out (AWS CloudTrail user guide, "Logging management events")."""

_F = EVENTS.by_name


@dataclass(frozen=True, slots=True)
class AccountCoverage:
    """What was loaded of one account within the window; days are UTC.

    ``days`` hold at least one event of the account in any region, and none of theirs was purged; ``quiet`` days hold
    none, and digests prove of each region that there was none. ``gaps`` are the other days from the first of all these
    to the window's end, and days of which a log file was refused, or is not what a digest says. ``regions`` and
    ``read_regions`` are those of calls that management events tell; ``quiet_regions`` are regions that some service
    logs in alone, without such a call, and digests prove that there was none.
    """

    account: str
    days: frozenset[date] = frozenset()
    quiet: frozenset[date] = frozenset()
    gaps: frozenset[date] = frozenset()
    regions: frozenset[str] = frozenset()
    read_regions: frozenset[str] = frozenset()
    quiet_regions: frozenset[str] = frozenset()
    data_sources: frozenset[str] = frozenset()
    management_sources: frozenset[str] = frozenset()

    @property
    def first_day(self) -> date | None:
        """The first day with an event, or proven to have none."""
        return min(self.days | self.quiet, default=None)

    @property
    def called_regions(self) -> frozenset[str]:
        """The regions of which it is known what was called there."""
        return self.regions | self.quiet_regions

    @property
    def problem(self) -> str | None:
        """Why nothing can be concluded from absence, if so."""
        if not self.days:
            return f"no events of account {self.account} in the window"
        total = len(self.days | self.quiet | self.gaps)
        if len(self.gaps) > MOST_GAPS * total:
            return f"{len(self.gaps)} of {total} days of account {self.account} have no events or are not whole"
        return None

    def days_since(self, moment: datetime) -> int:
        """Covered days from the moment's day on, days that are gaps left out."""
        return sum(day >= moment.date() for day in (self.days | self.quiet) - self.gaps)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The window the store answers for, and each account's part of it."""

    window: Window
    accounts: Mapping[str, AccountCoverage] = field(default_factory=dict)

    def of(self, account: str) -> AccountCoverage:
        """An account's coverage; of one without events, nothing."""
        return self.accounts.get(account, AccountCoverage(account))


def coverage(store: Store, window: Window) -> Coverage:
    """Read what the store holds within a window; open sides end with the first and last event of any account."""
    groups = list(store.group(EVENTS, _BY, And((window.where(_F["time"]), Exists(_F["time"])))))
    seen = [moment for group in groups for moment in (group.first_seen, group.last_seen) if moment]
    if not seen:
        return Coverage(window)
    closed = Window(window.since or _midnight(min(seen)), window.until or _midnight(max(seen)) + timedelta(days=1))
    by_account: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        if isinstance(group.key[0], str):
            by_account[group.key[0]].append(group)
    refused, sources, removed = refused_days(store), _sources(store, closed), purges(store)
    proven = proofs(store, closed.since)
    places = places_of(store, proven) if proven.places else Places({}, is_whole=False)
    accounts = {}
    for account, own in by_account.items():
        seen_days = frozenset(date.fromisoformat(str(group.key[2])) for group in own)
        days = frozenset(day for day in seen_days if not any(one.removed(account, day) for one in removed))
        calls = [group for group in own if _is_management_call(group) and isinstance(group.key[1], str)]
        regions = places.regions(account, (str(group.key[1]) for group in own))
        quiet, faulty = _by_digests(account, regions, days, proven, closed)
        called = frozenset(str(group.key[1]) for group in calls)
        unsure = faulty.union(*(lost for (owner, _), lost in refused.items() if owner == account))
        accounts[account] = AccountCoverage(
            account,
            days,
            quiet=quiet - unsure,
            gaps=frozenset(_gaps(days, closed, quiet - unsure, unsure)),
            regions=called,
            read_regions=frozenset(str(group.key[1]) for group in calls if group.key[5] is True),
            quiet_regions=frozenset(_quiet_regions(account, called, days | quiet, proven)),
            data_sources=frozenset(sources[account, True]),
            management_sources=frozenset(sources[account, False]),
        )
    return Coverage(closed, accounts)


_BY = tuple(_F[name] for name in ("recipient_account", "region", "day", "event_category", "event_type", "read_only"))


def _is_management_call(group: Group) -> bool:
    category, event_type = group.key[3:5]
    return event_type in (None, "AwsApiCall") and category in (None, "Management")


def _sources(store: Store, window: Window) -> dict[tuple[str, bool], set[str]]:
    """Services that were called, by account and whether data events tell it."""
    by = (_F["recipient_account"], _F["event_source"], _F["event_category"])
    where = And((window.where(_F["time"]), In(_F["event_type"], ("AwsApiCall", None))))
    sources: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for group in store.group(EVENTS, by, where):
        account, source, category = group.key
        if category in (None, "Management", "Data"):
            sources[str(account), category == "Data"].add(str(source))
    return sources


def _gaps(days: Collection[date], window: Window, quiet: Collection[date], unsure: Collection[date]) -> Iterator[date]:
    """Days from the first covered one to the window's end that nothing is known of, and days that are not whole."""
    known = (*days, *quiet)
    for day in days_between(min(known), max(last_day(window), *known)) if known else ():
        if day in unsure or (day not in days and day not in quiet):
            yield day


def last_day(window: Window) -> date:
    """The window's last day, but none that is yet to come."""
    now = datetime.now(UTC)
    return (min(window.until or now, now) - timedelta(microseconds=1)).date()


def _by_digests(
    account: str, regions: Collection[str], days: Collection[date], proven: Proofs, window: Window
) -> tuple[frozenset[date], frozenset[date]]:
    """Days without events that digests prove quiet in every region, and days that digests speak against in any."""
    if not proven.regions(account) or window.since is None:
        return frozenset(), frozenset()
    span = days_between(window.since.date(), max(last_day(window), *days))
    told = frozenset(proven.days(account)).intersection(span)
    quiet = {day for day in told if day not in days and all(proven.proves(account, region, day) for region in regions)}
    faulty = {day for day in told if any(proven.problem(account, region, day) for region in regions)}
    return frozenset(quiet), frozenset(faulty)


def _quiet_regions(account: str, called: Collection[str], days: Collection[date], proven: Proofs) -> Iterator[str]:
    """Of the regions that some service logs in alone, those in which digests prove that there was no call.

    On nearly all days of the account, and by all the trails that digests are of where calls were seen: a further trail
    there may record data events alone.
    """
    recording = frozenset().union(*(proven.trails(account, region) for region in called))
    for region in home_regions().difference(called) if recording else ():
        if recording <= proven.trails(account, region):
            unproven = sum(not proven.proves(account, region, day) for day in days)
            if unproven <= MOST_GAPS * len(days):
                yield region


@dataclass(frozen=True, slots=True)
class Places:
    """Where log files and digests are from: regions by account; ``is_whole`` is whether every log file's path says."""

    by_account: Mapping[str, frozenset[str]]
    is_whole: bool

    def regions(self, account: str, of_events: Iterable[str]) -> frozenset[str]:
        """The regions an account is logged in, as its paths say; as events say too, where some paths say nothing.

        A path's region is the one that is to be proven: events of global services lie in another's log files.
        """
        named = self.by_account.get(account, frozenset())
        return named if named and self.is_whole else named | frozenset(of_events)


def places_of(store: Store, proven: Proofs) -> Places:
    """Read from where log files are loaded, and join what digests are of."""
    found: dict[str, set[str]] = defaultdict(set)
    for account, region in proven.places:
        found[account].add(region)
    is_whole = True
    logs = In(LOG_FILES.by_name["kind"], (None,))
    for group in store.group(LOG_FILES, (LOG_FILES.by_name["account"], LOG_FILES.by_name["region"]), logs):
        if all(isinstance(part, str) for part in group.key):
            found[str(group.key[0])].add(str(group.key[1]))
        else:
            is_whole = False
    return Places({account: frozenset(regions) for account, regions in found.items()}, is_whole)


def refused_days(store: Store) -> dict[tuple[str, str | None], frozenset[date]]:
    """Days of which a log file was refused and not loaded since, per account and region its path names."""
    letters = DEAD_LETTERS.by_name
    by = (letters["name"], letters["account"], letters["region"], letters["day"])
    broken = list(store.group(DEAD_LETTERS, by, And((In(letters["position"], (None,)), Exists(letters["day"])))))
    names = tuple(str(group.key[0]) for group in broken)
    loaded = _loaded_names(store, In(LOG_FILES.by_name["name"], names)) if names else frozenset()
    days: dict[tuple[str, str | None], set[date]] = defaultdict(set)
    for group in broken:
        name, account, region, day = group.key
        if name not in loaded:
            days[str(account), str(region) if region else None].add(date.fromisoformat(str(day)))
    return {place: frozenset(found) for place, found in days.items()}


def _loaded_names(store: Store, where: Where) -> frozenset[object]:
    return frozenset(group.key[0] for group in store.group(LOG_FILES, (LOG_FILES.by_name["name"],), where))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
