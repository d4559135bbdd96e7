"""Reports that are kept, dated, and what changed since one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudsearch.event import Row, Value
from cloudsearch.reports.keeping import keep_rows
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import ReportRow
from cloudsearch.store import REPORT_ROWS, Store
from cloudsearch.where import And, In, Range

_F = REPORT_ROWS.by_name
_COPIED = [field.name for field in REPORT_ROWS.fields if field.name not in ("id", "time", "marker", "granted")]
_AT_ONCE = 500
"""Principals a question names."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """An action whose marker or grant is another than in the report that was saved ``then``; None where it had none."""

    account: str
    principal: str
    action: str
    marker_then: str | None
    marker: str | None
    granted_then: str | None
    granted: str | None
    reason: str
    then: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed of one principal since ``then``; no ``then``: no report on it was saved by that time."""

    principal: str
    then: datetime | None
    rows: tuple[ChangedRow, ...]


def saving(store: Store, reports: Iterable[Report], *, now: datetime) -> Iterator[Report]:
    """Hand reports on, each when its rows are written; they are committed with the last one."""
    moment = _whole(now)
    for report in reports:
        keep_rows(store, REPORT_ROWS, (_row(row, moment) for row in report.rows), "The report")
        yield report
    store.commit()


def changes(store: Store, reports: Sequence[Report], until: datetime) -> list[Changes]:
    """Each report against the last one on its principal that was saved before ``until``, whole milliseconds."""
    until = _whole(until)
    times = _last_saved(store, [report.principal.arn for report in reports], until)
    return [_changes(store, report, times.get(report.principal.arn)) for report in reports]


def _whole(moment: datetime) -> datetime:
    """As stores keep times: whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _row(row: ReportRow, moment: datetime) -> dict[str, Value]:
    identity = f"{moment.isoformat()} {row.principal} {row.action}"
    return {
        **{name: getattr(row, name) for name in _COPIED},
        "id": hashlib.sha256(identity.encode()).hexdigest(),
        "time": moment,
        "marker": str(row.marker),
        "granted": row.granted and str(row.granted),
    }


def _last_saved(store: Store, arns: Sequence[str], until: datetime) -> dict[str, datetime]:
    found: dict[str, datetime] = {}
    for at in range(0, len(arns), _AT_ONCE):
        where = And((In(_F["principal"], tuple(arns[at : at + _AT_ONCE])), Range(_F["time"], None, until)))
        for group in store.group(REPORT_ROWS, (_F["principal"],), where):
            if group.last_seen:
                found[str(group.key[0])] = group.last_seen
    return found


def _changes(store: Store, report: Report, then: datetime | None) -> Changes:
    arn = report.principal.arn
    if then is None:
        return Changes(arn, None, ())
    where = And((In(_F["principal"], (arn,)), Range(_F["time"], then, then + timedelta(milliseconds=1))))
    saved = {str(row["action"]): row for row in store.rows(REPORT_ROWS, where)}
    now = {row.action: row for row in report.rows}
    rows = (_changed(report, name, saved.get(name), now.get(name), then) for name in sorted({*saved, *now}))
    return Changes(arn, then, tuple(row for row in rows if row is not None))


def _changed(
    report: Report, action: str, was: Row | None, is_now: ReportRow | None, then: datetime
) -> ChangedRow | None:
    marker_then, granted_then = (_text(was["marker"]), _text(was["granted"])) if was else (None, None)
    marker = str(is_now.marker) if is_now else None
    granted = str(is_now.granted) if is_now and is_now.granted else None
    if (marker_then, granted_then) == (marker, granted):
        return None
    reason = is_now.reason if is_now else "not granted and not used any more"
    principal = report.principal
    return ChangedRow(
        principal.account, principal.arn, action, marker_then, marker, granted_then, granted, reason, then
    )


def _text(value: Value) -> str | None:
    return str(value) if value is not None else None
