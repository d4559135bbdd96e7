"""What changed of a principal, one change a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from cloudsearch.event import Outcome
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns, day, folded
from cloudsearch.reports.changes import Change
from cloudsearch.reports.coverage import AccountCoverage
from cloudsearch.reports.history import History, HistoryRow

FIELDS = (
    "time",
    "account",
    "principal",
    "change",
    "call",
    "aspect",
    "through",
    "details",
    "by",
    "session",
    "outcome",
    "error_code",
    "denied_reason",
    "source_address",
    "id",
    "document",
)
_OUTCOMES = {Outcome.OK: "", Outcome.DENIED: "refused: ", Outcome.ERROR: "failed: ", Outcome.UNDETERMINED: "failed: "}
_MOST_GAPS = 5


def history(found: History, how: Format, *, width: int | None) -> Iterator[str]:
    """The changes in the format asked for."""
    if how is not Format.TABLE:
        page = Page(f"What changed of {found.subject.kind} {found.subject.name}", tuple(head(found, width=None)))
        yield from render(map(_record, found.rows), FIELDS, how, page)
    elif found.rows:
        yield columns(map(_line, found.rows), ("when (UTC)", "account", "by", "what"), width=width)
    else:
        yield f"No change of the {found.subject.kind} is in the window."


def head(found: History, *, width: int | None) -> Iterator[str]:
    """Whose history it is, and what the logs could not have shown of it."""
    subject = found.subject
    arn = f"  {subject.known.arn}" if subject.known else ""
    yield from folded(f"{subject.kind} {subject.name}{arn}", width)
    yield from columns(_about(found), width=width).split("\n")


def _about(found: History) -> Iterator[tuple[str, str]]:
    since, until = found.window.since, found.window.until
    if since and until:
        yield "window", f"{day(since)} to {day(until - timedelta(microseconds=1))} UTC"
    for coverage in found.coverages:
        yield "coverage", "; ".join(_covered(coverage, found.home))
    if not found.coverages:
        yield "coverage", "no account is known that it is of: no event names it"
    if found.subject.known is None:
        yield "IAM", "not told: which groups and policies it has is known from events alone; give --iam"
    if not found.has_organization:
        yield "", "no change in the organisation is in the logs: its management account's log would have them"
    yield "", "AWS-managed policies change without an event"


def _covered(coverage: AccountCoverage, home: str) -> Iterator[str]:
    yield f"account {coverage.account}: {len(coverage.days)} days with events"
    if not coverage.days:
        yield "whatever changed is not in the logs"
        return
    gaps = sorted(coverage.gaps)
    if gaps:
        few, more = ", ".join(f"{gap:%Y-%m-%d}" for gap in gaps[:_MOST_GAPS]), len(gaps) - _MOST_GAPS
        yield f"{len(gaps)} gap days: {few}{f' and {more} more' if more > 0 else ''}"
    else:
        yield "no gap"
    if home not in coverage.regions:
        yield f"nothing of {home}, where IAM's calls are logged: changes may be missing"


def _record(row: HistoryRow) -> dict[str, object]:
    change = row.change
    own = {"account": row.account, "principal": row.principal, "through": row.through}
    told = {"change": change.words, "details": dict(change.details), "aspect": str(change.aspect)}
    return {name: (own | told).get(name, getattr(change, name, None)) for name in FIELDS}


def _line(row: HistoryRow) -> Sequence[object]:
    change = row.change
    return (_minute(change.time), row.account, _by(change), _what(row))


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _by(change: Change) -> str:
    name = (change.by or "nobody named").rpartition("/")[2]
    return f"{name} ({change.session})" if change.session else name


def _what(row: HistoryRow) -> str:
    change = row.change
    details = ", ".join(change.details.values())
    through = f"{row.through}: " if row.through else ""
    why = "; ".join(filter(None, (change.error_code, change.denied_reason)))
    ending = f" [{why}]" if change.outcome is not Outcome.OK and why else ""
    return f"{_OUTCOMES[change.outcome]}{through}{change.words}{f' {details}' if details else ''}{ending}"
