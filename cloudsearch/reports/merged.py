"""One principal of many accounts: an Identity Center permission set, or roles of one name. Used anywhere is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cloudsearch.iam import Principal, State
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import Marker, ReportRow

EVERY_ACCOUNT = "*"
"""What a merged row has for an account."""

_STATES = (State.GRANTED, State.CONDITIONAL, State.NOT_GRANTED)


@dataclass(frozen=True, slots=True)
class Merged:
    """Reports on principals that stand for one, and their rows made one; ``arn`` is a pattern that fits them all."""

    title: str
    arn: str
    reports: tuple[Report, ...]
    rows: tuple[ReportRow, ...]


def group_of(principal: Principal) -> tuple[str, str]:
    """What merging goes by: a title, and a pattern of ARNs. IAM does not mind the case of names."""
    start = f"arn:{principal.partition}:iam::*:{principal.kind}"
    if permission_set := principal.permission_set:
        pattern = f"{start}/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{permission_set}_*"
        return f"permission set {permission_set}", pattern
    return f"{principal.kind} {principal.name}", f"{start}/*{principal.name}"


def merged(reports: Iterable[Report]) -> list[Merged]:
    """Reports by what they are merged by, sorted by title."""
    groups: dict[tuple[str, str], list[Report]] = defaultdict(list)
    names: dict[tuple[str, str], tuple[str, str]] = {}
    for report in reports:
        title, arn = group_of(report.principal)
        key = title.lower(), arn.lower()
        names.setdefault(key, (title, arn))
        groups[key].append(report)
    return [Merged(*names[key], tuple(groups[key]), tuple(_rows(names[key][1], groups[key]))) for key in sorted(groups)]


def _rows(arn: str, reports: Sequence[Report]) -> list[ReportRow]:
    by_action: dict[str, list[ReportRow]] = defaultdict(list)
    for report in reports:
        for row in report.rows:
            by_action[row.action].append(row)
    return [_row(arn, by_action[action]) for action in sorted(by_action, key=str.lower)]


def _row(arn: str, rows: Sequence[ReportRow]) -> ReportRow:
    """The least that holds of all: unused only where every account that is granted it says so."""
    marker = _marker(rows)
    return replace(
        rows[0],
        account=EVERY_ACCOUNT,
        principal=arn,
        marker=marker,
        granted=min((row.granted for row in rows if row.granted), key=_rank, default=None),
        used=any(row.used for row in rows),
        tried=any(row.tried for row in rows),
        calls=sum(row.calls for row in rows),
        denied=sum(row.denied for row in rows),
        errors=sum(row.errors for row in rows),
        first_used=min(filter(None, (row.first_used for row in rows)), default=None),
        last_used=max(filter(None, (row.last_used for row in rows)), default=None),
        reason=_reason(marker, rows),
        statements=tuple(dict.fromkeys(statement for row in rows for statement in row.statements)),
        observed_from=max(filter(None, (row.observed_from for row in rows)), default=None),
        observed_days=min(row.observed_days for row in rows),
    )


def _rank(state: str) -> int:
    return next((rank for rank, one in enumerate(_STATES) if one == state), len(_STATES))


def _marker(rows: Sequence[ReportRow]) -> Marker:
    """Used and granted, each anywhere, is used; then what nobody knows of any account; then what none of them used."""
    markers = {row.marker for row in rows}
    is_granted = any(row.granted and row.granted != State.NOT_GRANTED for row in rows)
    if Marker.USED in markers or (Marker.UNGRANTED in markers and is_granted):
        return Marker.USED
    return next(marker for marker in (Marker.UNGRANTED, Marker.UNKNOWN, Marker.UNUSED) if marker in markers)


def _reason(marker: Marker, rows: Sequence[ReportRow]) -> str:
    """The reason of the first row of that marker, and of how many accounts it is one."""
    telling = [row for row in rows if row.marker is marker]
    if not telling:
        where = ", ".join(row.account for row in rows if row.used)
        return f"used without being granted in {where}, granted elsewhere"
    if marker is Marker.USED:
        unused = sum(not row.used for row in rows)
        more = f"not used in {unused} of {len(rows)} accounts" if unused else ""
    else:
        more = f"so in {len(telling)} of {len(rows)} accounts" if len(rows) > 1 else ""
    return "; ".join(filter(None, (telling[0].reason, more)))
