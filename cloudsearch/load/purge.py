"""Old events, or an account's, removed for good.

The ledger is told first: a purge that is stopped on its way counts as done for those who ask what the log could have
shown, and is finished by running it again. Dead letters of the same days and accounts go with the events.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from cloudsearch.event import Value
from cloudsearch.load.ledger import now
from cloudsearch.reports.purged import Purge
from cloudsearch.store import DEAD_LETTERS, EVENTS, UNDATED, Store
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Range, Where

_F, _L = EVENTS.by_name, DEAD_LETTERS.by_name


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to remove: events before a day (UTC), of accounts whose trails delivered them; both where both are given."""

    before: date | None = None
    accounts: tuple[str, ...] = ()

    @property
    def events(self) -> Where:
        """The events. One that does not say who delivered it is its caller's."""
        delivered = In(_F["recipient_account"], self.accounts)
        unsaid = And((Not(Exists(_F["recipient_account"])), In(_F["account"], self.accounts)))
        return _all(
            Range(_F["time"], None, _midnight(self.before)) if self.before else None,
            Or((delivered, unsaid)) if self.accounts else None,
        )

    @property
    def letters(self) -> Where:
        """The dead letters of files whose path says so."""
        return _all(
            Range(_L["day"], None, self.before.isoformat()) if self.before else None,
            In(_L["account"], self.accounts) if self.accounts else None,
        )

    def purges(self, moment: datetime) -> tuple[Purge, ...]:
        """What the ledger is told."""
        return tuple(Purge(moment, account, self.before) for account in self.accounts or (None,))


@dataclass(slots=True)
class Purged:
    """What was removed, or would be: events by account and month (``YYYY-MM``, or ``undated``), and dead letters."""

    dry_run: bool
    months: Mapping[tuple[str | None, str], int] = field(default_factory=dict)
    events: int = 0
    dead_letters: int = 0
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """As ``purge --format json`` prints it."""
        months = [{"account": key[0], "month": key[1], "events": count} for key, count in self.months.items()]
        return {
            "dry_run": self.dry_run,
            "events": self.events,
            "dead_letters": self.dead_letters,
            "months": months,
            "seconds": round(self.seconds, 3),
        }


def purge(store: Store, chosen: Chosen, *, dry_run: bool = False) -> Purged:
    """Remove what was chosen, at once and for good; with ``dry_run`` only count it."""
    started = time.monotonic()
    done = Purged(dry_run, _months(store, chosen.events))
    done.events = sum(done.months.values())
    done.dead_letters = sum(group.count for group in store.group(DEAD_LETTERS, [], chosen.letters))
    if not dry_run:
        _remove(store, chosen, done)
    done.seconds = time.monotonic() - started
    return done


def _remove(store: Store, chosen: Chosen, done: Purged) -> None:
    told = chosen.purges(now())
    store.commit([one.entry() for one in told])
    done.events = store.remove(EVENTS, chosen.events)
    done.dead_letters = store.remove(DEAD_LETTERS, chosen.letters)
    counted = Counter({key[0]: 0 for key in done.months})
    for (account, _), count in done.months.items():
        counted[account] += count
    store.commit([replace(one, events=counted[one.account] if one.account else done.events).entry() for one in told])
    store.shrink()


def _months(store: Store, where: Where) -> dict[tuple[str | None, str], int]:
    """Events by account and month, in that order."""
    counts: Counter[tuple[str | None, str]] = Counter()
    for group in store.group(EVENTS, [_F["recipient_account"], _F["day"]], where):
        account, day = group.key
        counts[_text(account), day[:7] if isinstance(day, str) else UNDATED] += group.count
    return dict(sorted(counts.items(), key=lambda item: (item[0][0] or "", item[0][1])))


def _all(*parts: Where | None) -> Where:
    """All parts that are there; a single one as it is, for a store knows a plain one when it sees it."""
    there = tuple(part for part in parts if part is not None)
    return there[0] if len(there) == 1 else And(there) if there else Everything()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
