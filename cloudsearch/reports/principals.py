"""Everybody who may act or did: the IAM file's principals joined with those the events name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from cloudsearch.event import Copy, Outcome
from cloudsearch.iam import Principal
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.verdicts import Marker
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In, Where

_F = EVENTS.by_name
_KINDS = {
    "user": ("IAMUser",),
    "role": ("AssumedRole", "Role"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalRow:
    """A principal and the evidence of its use; ``exists`` and ``created`` are None without an IAM file."""

    account: str
    arn: str
    name: str
    kind: str
    created: datetime | None
    used: bool
    calls: int
    last_seen: datetime | None
    sessions: int
    evidence: tuple[str, ...]
    exists: bool | None
    marker: Marker


@dataclass(slots=True)
class _Activity:
    """What the events say of one principal."""

    calls: int = 0
    sessions: int = 0
    last_seen: datetime | None = None

    def saw(self, moment: datetime | None) -> None:
        self.last_seen = max(filter(None, (self.last_seen, moment)), default=None)


def principals(
    store: Store, window: Window, kind: str, known: Iterable[Principal] | None, *, min_days: int
) -> list[PrincipalRow]:
    """Every user or role: those of the IAM files (if given) and those that acted, used or not, sorted by ARN."""
    covered = coverage(store, window)
    seen = _activity(store, window, kind)
    rows = [_row(principal, seen, covered, min_days) for principal in known or () if principal.kind == kind]
    rows += [
        _departed(arn, activity, exists=None if known is None else False, kind=kind) for arn, activity in seen.items()
    ]
    return sorted(rows, key=lambda row: (row.account, row.arn))


def of_accounts(rows: Iterable[PrincipalRow], accounts: Collection[str]) -> list[PrincipalRow]:
    """The rows of the given accounts; of all, when none is given."""
    return [row for row in rows if not accounts or row.account in accounts]


def _activity(store: Store, window: Window, kind: str) -> dict[str, _Activity]:
    """Calls by principal, and sessions issued for roles, whoever asked for them."""
    found: dict[str, _Activity] = defaultdict(_Activity)
    time = window.where(_F["time"])
    counted = In(_F["copy"], (Copy.CALLER,))
    where = And((time, counted, Exists(_F["principal"]), In(_F["principal_type"], _KINDS[kind])))
    for group in store.group(EVENTS, (_F["principal"],), where):
        activity = found[str(group.key[0])]
        activity.calls += group.count
        activity.saw(group.last_seen)
    if kind == "role":
        _add_sessions(found, store, time)
    return found


def _add_sessions(found: dict[str, _Activity], store: Store, time: Where) -> None:
    """Sessions as the role's own account logged them; as others did, only where that account is not loaded."""
    issued = And((time, In(_F["outcome"], (Outcome.OK,)), Exists(_F["target_role"])))
    elsewhere: dict[str, int] = defaultdict(int)
    at_home: dict[str, int] = defaultdict(int)
    for group in store.group(EVENTS, (_F["target_role"], _F["recipient_account"]), issued):
        role, recipient = map(str, group.key)
        found[role].saw(group.last_seen)
        (at_home if recipient == account_of(role) else elsewhere)[role] += group.count
    for role, activity in found.items():
        activity.sessions = at_home[role] or elsewhere[role]


def arns_of(principal: Principal) -> tuple[str, ...]:
    """The ARN, and the one without a path that an assumed-role ARN alone lets us build."""
    start, _, _ = principal.arn.partition(f":{principal.kind}/")
    return tuple(dict.fromkeys((principal.arn, f"{start}:{principal.kind}/{principal.name}")))


def account_of(arn: str) -> str:
    """The account an ARN names; empty where it names none."""
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def _row(principal: Principal, seen: dict[str, _Activity], covered: Coverage, min_days: int) -> PrincipalRow:
    activity = _merged([seen.pop(arn) for arn in arns_of(principal) if arn in seen])
    evidence = _evidence(activity)
    if (last := principal.last_use) and last.time in covered.window:
        evidence = (*evidence, f"{last.what} {last.time:%Y-%m-%d}")
    return PrincipalRow(
        account=principal.account,
        arn=principal.arn,
        name=principal.name,
        kind=principal.kind,
        created=principal.created,
        used=bool(evidence),
        calls=activity.calls,
        last_seen=activity.last_seen,
        sessions=activity.sessions,
        evidence=evidence,
        exists=True,
        marker=Marker.USED if evidence else _unused(principal, covered, min_days),
    )


def _departed(arn: str, activity: _Activity, *, exists: bool | None, kind: str) -> PrincipalRow:
    """One the IAM files do not know, or that there is no IAM file to know."""
    return PrincipalRow(
        account=account_of(arn),
        arn=arn,
        name=arn.rpartition("/")[2],
        kind=kind,
        created=None,
        used=True,
        calls=activity.calls,
        last_seen=activity.last_seen,
        sessions=activity.sessions,
        evidence=_evidence(activity),
        exists=exists,
        marker=Marker.USED,
    )


def _unused(principal: Principal, covered: Coverage, min_days: int) -> Marker:
    """Unused is said only of a principal that the logs could have shown for long enough."""
    account = covered.of(principal.account)
    since = max(filter(None, (covered.window.since, principal.created)), default=None)
    if account.problem or not account.regions or since is None or account.days_since(since) < min_days:
        return Marker.UNKNOWN
    return Marker.UNUSED


def _evidence(activity: _Activity) -> tuple[str, ...]:
    calls = (f"{activity.calls} calls",) if activity.calls else ()
    return (*calls, f"{activity.sessions} sessions issued") if activity.sessions else calls


def _merged(activities: Iterable[_Activity]) -> _Activity:
    whole = _Activity()
    for activity in activities:
        whole.calls += activity.calls
        whole.sessions += activity.sessions
        whole.saw(activity.last_seen)
    return whole
