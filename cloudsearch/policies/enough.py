"""Whether the logs are enough to make a policy from, and what they could not have shown.

A policy made of too little takes permissions from somebody who needs them. So coverage is judged as the reports judge
it, and what no log of the store could show is said beside every policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cloudsearch.actions.homes import logged_elsewhere
from cloudsearch.policies.subjects import Subject
from cloudsearch.reports.coverage import AccountCoverage, Coverage


def lacking(subject: Subject, account: str, covered: Coverage, min_days: int) -> str | None:
    """Why nothing should be made of it, if so."""
    created = subject.principal.created if subject.principal else None
    own = covered.of(account)
    since = _since(created, own, covered)
    problem = account_lacks(account, covered, min_days, since)
    why = f"; it was made on {created:%Y-%m-%d}" if created and created == since else ""
    return f"{problem}{why}" if problem else None


def account_lacks(account: str, covered: Coverage, min_days: int, since: datetime | None = None) -> str | None:
    """Why nothing should be made of an account's logs, from a moment on, if so."""
    own = covered.of(account)
    if own.problem:
        return own.problem
    start = since or _since(None, own, covered)
    days = own.days_since(start) if start else 0
    return None if days >= min_days else f"only {days} days of logs of account {account}, and --min-days is {min_days}"


def _since(created: datetime | None, own: AccountCoverage, covered: Coverage) -> datetime | None:
    if own.first_day is None or covered.window.since is None:
        return None
    first = datetime.combine(own.first_day, datetime.min.time(), covered.window.since.tzinfo)
    return max(filter(None, (covered.window.since, first, created)))


def unseen(account: str, covered: Coverage) -> Iterator[str]:
    """What uses the logs could not have shown: data events, reads of a trail that records none."""
    own = covered.of(account)
    sources = sorted(source.partition(".")[0] for source in own.data_sources)
    seen = f"but those of {', '.join(sources)}" if sources else "at all"
    limits = ", and of these perhaps not all" if sources else ""
    yield (
        f"account {account}: the logs have no data events {seen}{limits}. What only data events show (objects of S3, "
        "items of DynamoDB, invoked functions ...) is in no policy unless it was seen"
    )
    if own.regions - own.read_regions:
        yield f"account {account}: no reads are recorded in {', '.join(sorted(own.regions - own.read_regions))}"
    for region, services in logged_elsewhere(own.called_regions).items():
        yield (
            f"account {account}: no management event of {region}, the only region that logs {', '.join(services)}: "
            "what was used of these is in no policy"
        )
    yield "Actions that CloudTrail never records (logs:PutLogEvents, execute-api:Invoke ...) are in no policy"
