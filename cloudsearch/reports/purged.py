"""What was removed on purpose: the ledger remembers, so that days without their events are not taken for quiet ones.

A purge is an entry of the ledger under a name that no file has. The files it concerned stay in the ledger too, so no
load brings their events back.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cloudsearch.event import Value
from cloudsearch.store import LOG_FILES, LogFile, Store
from cloudsearch.where import In

NAME = "(purged)"


@dataclass(frozen=True, slots=True)
class Purge:
    """Events that were removed at a time: of one account or of all, before a day or up to that time."""

    time: datetime
    account: str | None
    before: date | None
    events: int = 0

    def removed(self, account: str, day: date) -> bool:
        """Whether events of the account on the day (UTC) may be missing because of it."""
        if self.account not in (None, account):
            return False
        return day < self.before if self.before else day <= self.time.astimezone(UTC).date()

    def entry(self) -> LogFile:
        """The ledger's entry."""
        identity = f"{NAME}\n{self.time.isoformat()}\n{self.account}\n{self.before}"
        return LogFile(
            id=hashlib.sha256(identity.encode()).hexdigest(),
            time=self.time,
            name=NAME,
            size=0,
            account=self.account,
            day=self.before.isoformat() if self.before else None,
            records=self.events,
        )


def purges(store: Store) -> tuple[Purge, ...]:
    """Every purge of the store, in the order of time."""
    names = ("time", "account", "day", "records")
    rows = store.rows(LOG_FILES, In(LOG_FILES.by_name["name"], (NAME,)), fields=[LOG_FILES.by_name[n] for n in names])
    found = [
        Purge(_time(row["time"]), _text(row["account"]), _day(row["day"]), int(str(row["records"]))) for row in rows
    ]
    return tuple(sorted(found, key=lambda purge: (purge.time, purge.account or "")))


def _time(value: Value) -> datetime:
    return value if isinstance(value, datetime) else datetime.max.replace(tzinfo=UTC)


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _day(value: Value) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None
