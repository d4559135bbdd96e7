"""A report service by service, and the order in which its actions matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from cloudsearch.actions import PASS_ROLE, ObservabilityClass, observability
from cloudsearch.iam import State
from cloudsearch.reports.report import NOT_BENIGN
from cloudsearch.reports.verdicts import Marker, ReportRow


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A principal's actions of one service, counted; ``used`` are those granted and used."""

    account: str
    principal: str
    service: str
    granted: int
    used: int
    unused: int
    unknown: int
    ungranted: int
    calls: int
    denied: int
    last_used: datetime | None


def services(rows: Iterable[ReportRow], *, riskiest_first: bool = False) -> list[ServiceRow]:
    """The rows of each principal, a service a row, sorted by name within each principal, or by the riskiest action."""

    def key(row: ReportRow) -> tuple[str, str, str]:
        return row.account, row.principal, row.service

    found = [(of, list(own)) for of, own in groupby(sorted(rows, key=key), key=key)]
    if riskiest_first:
        found.sort(key=lambda each: (*each[0][:2], min(map(_risk, each[1])), each[0][2]))
    return [_service(*of, own) for of, own in found]


def by_risk(rows: Iterable[ReportRow]) -> list[ReportRow]:
    """The dangerous to leave granted first: changes of permissions, passed roles, reading of data, writing."""
    return sorted(rows, key=lambda row: (_risk(row), row.action.lower()))


def _service(account: str, principal: str, service: str, rows: Sequence[ReportRow]) -> ServiceRow:
    def of(marker: Marker) -> int:
        return sum(row.marker is marker for row in rows)

    granted = [row for row in rows if row.granted and row.granted != State.NOT_GRANTED]
    return ServiceRow(
        account=account,
        principal=principal,
        service=service,
        granted=len(granted),
        used=sum(row.used for row in granted),
        unused=of(Marker.UNUSED),
        unknown=of(Marker.UNKNOWN),
        ungranted=of(Marker.UNGRANTED),
        calls=sum(row.calls for row in rows),
        denied=sum(row.denied for row in rows),
        last_used=max(filter(None, (row.last_used for row in rows)), default=None),
    )


def _risk(row: ReportRow) -> int:
    """0 is the worst. Access levels are the catalogue's."""
    if row.service == "iam" and row.access_level not in ("Read", "List"):
        return 0 if row.action != PASS_ROLE else 1
    if row.access_level == "Permissions management":
        return 0
    is_of_data = observability(row.action).observability is ObservabilityClass.DATA
    if (row.access_level == "Read" and is_of_data) or row.action in NOT_BENIGN:
        return 2
    return {"Write": 3, "Tagging": 4, "Read": 5}.get(row.access_level or "", 6)
