"""Everybody who may act or did: the IAM file's principals joined with those the events name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudsearch.event import Copy, Outcome
from cloudsearch.iam import Principal
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.verdicts import Marker
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group, Store
from cloudsearch.where import And, Exists, In, Not

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
    is_service_linked: bool = False
    permission_set: str | None = None


@dataclass(slots=True)
class _Activity:
    """What the events say of one principal."""

    calls: int = 0
    sessions: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    def saw(self, first: datetime | None, last: datetime | None) -> None:
        self.first_seen = min(filter(None, (self.first_seen, first)), default=None)
        self.last_seen = max(filter(None, (self.last_seen, last)), default=None)


_Seen = dict[tuple[str, str], _Activity]
"""By ARN and unique id; the id is empty where no event tells it, as of the roles that sessions are issued for."""

_NO_ID, _EARLIER = "", "?"


def principals(
    store: Store, window: Window, kind: str, known: Iterable[Principal] | None, *, min_days: int
) -> list[PrincipalRow]:
    """Every user or role: those of the IAM files (if given) and those that acted, used or not, sorted by ARN.

    One that was deleted and made anew under its name is two: unique ids tell them apart.
    """
    covered = coverage(store, window)
    seen = _activity(store, window, kind)
    own = [principal for principal in known or () if principal.kind == kind]
    _part_sessions(store, window, own, seen)
    arns = {arn for principal in own for arn in arns_of(principal)}
    named = _by_name(seen, arns)
    rows = [_row(principal, _theirs(principal, seen, named), covered, min_days) for principal in own]
    rows += _departed(seen, arns, exists=None if known is None else False, kind=kind)
    return sorted(rows, key=lambda row: (row.account, row.arn, row.exists is False))


def of_accounts(rows: Iterable[PrincipalRow], accounts: Collection[str]) -> list[PrincipalRow]:
    """The rows of the given accounts; of all, when none is given."""
    return [row for row in rows if not accounts or row.account in accounts]


def _activity(store: Store, window: Window, kind: str) -> _Seen:
    """Calls by principal, and sessions issued for roles, whoever asked for them."""
    found: _Seen = defaultdict(_Activity)
    time = window.where(_F["time"])
    counted = In(_F["copy"], (Copy.CALLER,))
    by_them = And((Exists(_F["principal"]), In(_F["principal_type"], _KINDS[kind]), Not(_FAILED_SIGN_IN)))
    where = And((time, counted, by_them))
    for group in store.group(EVENTS, (_F["principal"], _F["principal_id"]), where):
        activity = found[str(group.key[0]), str(group.key[1] or _NO_ID)]
        activity.calls += group.count
        activity.saw(group.first_seen, group.last_seen)
    if kind == "role":
        for role, activity in _sessions(store.group(EVENTS, _ISSUED, And((time, *_IS_ISSUED)))).items():
            found[role, _NO_ID] = _merged((found[role, _NO_ID], activity))
    return found


_FAILED_SIGN_IN = And((In(_F["event_type"], ("AwsConsoleSignIn",)), Not(In(_F["outcome"], (Outcome.OK,)))))
"""Whoever knows a name can try it."""

_ISSUED = (_F["target_role"], _F["recipient_account"])
_IS_ISSUED = (In(_F["outcome"], (Outcome.OK,)), Exists(_F["target_role"]))


def _sessions(groups: Iterable[Group]) -> dict[str, _Activity]:
    """Sessions as the role's own account logged them; as others did, only where that account is not loaded."""
    found: dict[str, _Activity] = defaultdict(_Activity)
    elsewhere: dict[str, int] = defaultdict(int)
    at_home: dict[str, int] = defaultdict(int)
    for group in groups:
        role, recipient = str(group.key[0]), str(group.key[1])
        found[role].saw(group.first_seen, group.last_seen)
        (at_home if recipient == account_of(role) else elsewhere)[role] += group.count
    for role, activity in found.items():
        activity.sessions = at_home[role] or elsewhere[role]
    return found


def _part_sessions(store: Store, window: Window, known: Iterable[Principal], seen: _Seen) -> None:
    """Tell the sessions of roles that were made in the window from those of earlier ones of their names.

    An event of a session names its role, and not which role of that name; when it was issued tells that.
    """
    made: dict[str, datetime] = {}
    for principal in known:
        for arn in arns_of(principal):
            issued = seen.get((arn, _NO_ID))
            if principal.created and issued and issued.first_seen and issued.first_seen < principal.created:
                made[arn] = principal.created
    if not made:
        return
    where = And((window.where(_F["time"]), *_IS_ISSUED, In(_F["target_role"], tuple(made))))
    parts: tuple[list[Group], list[Group]] = ([], [])
    for group in store.group(EVENTS, (*_ISSUED, _F["issued_access_key_id"]), where):
        is_own = group.first_seen is None or group.first_seen >= made[str(group.key[0])]
        parts[is_own].append(group)
    for arn in made:
        before = seen.pop((arn, _NO_ID))
        if before.calls:  # calls of a principal whose id no event tells are taken for this one's
            seen[arn, _NO_ID] = _Activity(before.calls, 0, before.first_seen, before.last_seen)
    for id_, part in zip((_EARLIER, _NO_ID), parts, strict=True):
        for arn, activity in _sessions(part).items():
            seen[arn, id_] = _merged((seen.get((arn, id_), _Activity()), activity))


def arns_of(principal: Principal) -> tuple[str, ...]:
    """The ARN, and the one without a path that an assumed-role ARN alone lets us build."""
    start, _, _ = principal.arn.partition(f":{principal.kind}/")
    return tuple(dict.fromkeys((principal.arn, f"{start}:{principal.kind}/{principal.name}")))


def account_of(arn: str) -> str:
    """The account an ARN names; empty where it names none."""
    return arn.split(":")[4] if arn.count(":") >= 5 else ""


def _row(principal: Principal, activity: _Activity, covered: Coverage, min_days: int) -> PrincipalRow:
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
        is_service_linked=principal.is_service_linked,
        permission_set=principal.permission_set,
    )


def _by_name(seen: _Seen, arns: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Keys of the activities by the ARN, where it is one of these, and else by the id: one that was named otherwise."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for arn, id_ in seen:
        found[arn if arn in arns else id_].append((arn, id_))
    return found


def _theirs(principal: Principal, seen: _Seen, named: Mapping[str, Sequence[tuple[str, str]]]) -> _Activity:
    """Take out what is the principal's: under its name, but for those of another id; and its id's, once named else."""
    keys = {key for arn in arns_of(principal) for key in named.get(arn, ()) if _is_own(principal, key[1])}
    if principal.id:
        keys.update(key for key in named.get(principal.id, ()) if account_of(key[0]) == principal.account)
    return _merged(seen.pop(key) for key in keys if key in seen)


def _is_own(principal: Principal, id_: str) -> bool:
    return id_ in (_NO_ID, principal.id) or (principal.id is None and id_ != _EARLIER)


def _departed(seen: _Seen, names: Collection[str], *, exists: bool | None, kind: str) -> Iterator[PrincipalRow]:
    """Those the IAM files do not know, or that there is no IAM file to know; of one name, each id by itself."""
    by_arn: dict[str, dict[str, _Activity]] = defaultdict(dict)
    for (arn, id_), activity in seen.items():
        by_arn[arn][id_] = activity
    for arn, own in by_arn.items():
        ids = sorted((id_ for id_ in own if id_ not in (_NO_ID, _EARLIER)), key=lambda id_: _since(own[id_]))
        for id_ in ids or [""]:
            without_id = [own[one] for one in (_NO_ID, _EARLIER) if one in own] if id_ == (ids or [""])[-1] else []
            activity = _merged([*([own[id_]] if id_ else []), *without_id])
            is_told = arn in names or len(ids) > 1
            earlier = ", ".join(filter(None, (f"another {kind} of this name", id_)))
            note = earlier if arn in names else f"id {id_}"
            yield _gone(arn, activity, exists=exists, kind=kind, note=(note,) if is_told else ())


def _since(activity: _Activity) -> datetime:
    return activity.first_seen or datetime.min.replace(tzinfo=UTC)


def _gone(arn: str, activity: _Activity, *, exists: bool | None, kind: str, note: tuple[str, ...]) -> PrincipalRow:
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
        evidence=(*_evidence(activity), *note),
        exists=exists,
        marker=Marker.USED,
    )


def _unused(principal: Principal, covered: Coverage, min_days: int) -> Marker:
    """Unused is said only of a principal that the logs could have shown for long enough."""
    account = covered.of(principal.account)
    since = max(filter(None, (covered.window.since, principal.created)), default=None)
    if account.problem or not account.management_sources or since is None or account.days_since(since) < min_days:
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
        whole.saw(activity.first_seen, activity.last_seen)
    return whole
