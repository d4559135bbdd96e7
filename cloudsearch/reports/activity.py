"""What a principal did day by day, from one grouped read: for a picture, not for a verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date

from cloudsearch.event import Copy, Outcome
from cloudsearch.iam import Principal
from cloudsearch.reports.coverage import AccountCoverage
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.reports.principals import arns_of
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In

_F = EVENTS.by_name
_BY = (_F["day"], _F["copy"], _F["outcome"], _F["event_type"])


@dataclass(frozen=True, slots=True)
class Day:
    """Calls that were let in and those refused; None where no number is known, as of days whose logs are not whole."""

    day: date
    calls: int | None
    denied: int | None


def activity(store: Store, window: Window, principal: Principal, covered: AccountCoverage) -> list[Day]:
    """A principal's days, from the first that is covered; one call is counted once, as in a report."""
    copies = (Copy.CALLER,) if covered.days else (Copy.CALLER, Copy.OWNER)
    where = And(
        (In(_F["principal"], arns_of(principal)), In(_F["copy"], copies), window.where(_F["time"])),
    )
    calls: Counter[str] = Counter()
    denied: Counter[str] = Counter()
    for group in store.group(EVENTS, _BY, where):
        if group.key[3] not in NOT_CALLS:
            counts = denied if group.key[2] == Outcome.DENIED else calls
            counts[str(group.key[0])] += group.count
    days = sorted(covered.days | covered.quiet | covered.gaps)
    return [_day(day, calls, denied, known=day not in covered.gaps) for day in days]


def _day(day: date, calls: Counter[str], denied: Counter[str], *, known: bool) -> Day:
    text = day.isoformat()
    return Day(day, calls[text], denied[text]) if known else Day(day, None, None)
