"""Used against granted, for one principal: grants from the IAM file, uses from the store, markers from ``verdicts``."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloudsearch.actions import Case, ObservabilityClass, may_need, observability
from cloudsearch.actions.selectors import Selectors
from cloudsearch.catalogue import data_version, find
from cloudsearch.iam import Grant, Layer, Principal, State, facts_of, grants
from cloudsearch.reports.changes import Change, Grantee, changes, last_change, removed
from cloudsearch.reports.circumstances import Circumstances
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.evidence import Evidence, Gather, Subject, Use, evidence, evidence_of_all
from cloudsearch.reports.granted import by_action
from cloudsearch.reports.monitored import Monitored, joined
from cloudsearch.reports.principals import arns_of
from cloudsearch.reports.verdicts import Marker, ReportRow, judge, unknown_call
from cloudsearch.reports.window import Window
from cloudsearch.store import Store

MIN_DAYS = 30

BENIGN_LEVELS = ("List", "Read")
NOT_BENIGN = frozenset(
    {
        "ec2:GetPasswordData",
        "kms:Decrypt",
        "lambda:GetFunction",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetSecretValue",
        "ssm:GetParameter",
        "ssm:GetParameterHistory",
        "ssm:GetParameters",
        "ssm:GetParametersByPath",
        "sts:AssumeRole",
    }
)
"""Reads that hand out secrets or data: never hidden as benign."""


_LOGGED = (ObservabilityClass.MANAGEMENT_CONFIRMED, ObservabilityClass.MANAGEMENT_ASSUMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How careful a report is, and what it is told beside the logs; ``iam_as_of`` is when the IAM file was true.

    ``further`` are layers that bound the principal from above, ``scps_known`` is whether it is known which do;
    ``organization`` is the id of its account's. With ``same_name`` what earlier principals
    of its name did is its own.
    """

    iam_as_of: datetime
    min_days: int = MIN_DAYS
    strict: bool = False
    further: tuple[Layer, ...] = ()
    organization: str | None = None
    scps_known: bool = False
    same_name: bool = False
    selectors: Selectors | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What may be concluded of one principal."""

    principal: Principal
    window: Window
    coverage: Coverage
    circumstances: Circumstances
    options: Options
    catalogue_version: str
    events: int
    rows: tuple[ReportRow, ...]
    monitored: Monitored | None = None

    @property
    def verdict(self) -> str | None:
        """``cannot conclude`` and why, when nothing may be said of what is not there."""
        problem = self.circumstances.cannot_conclude
        return f"cannot conclude: {problem}" if problem else None

    @property
    def unlogged(self) -> dict[str, list[str]]:
        """Regions that would show more were they loaded, and the services of its rows that are logged there alone."""
        found: dict[str, list[str]] = {}
        about = self.circumstances
        unknown = (row for row in self.rows if row.marker is Marker.UNKNOWN) if about.coverage.days else ()
        for service in sorted({row.service for row in unknown if observability(row.action).observability in _LOGGED}):
            if (home := about.home(service)) and about.lacks(home):
                found.setdefault(home, []).append(service)
        return found


def report(store: Store, window: Window, principal: Principal, options: Options, gather: Gather = evidence) -> Report:
    """Compare what a principal is granted with what it used within a window; ``gather`` reads what it used."""
    covered = coverage(store, window)
    found = gather(
        store,
        window,  # not the closed one: a use without a plausible time is a use all the same
        arns=arns_of(principal),
        principal_id=principal.id,
        caller_loaded=bool(covered.of(principal.account).days),
    )
    return _concluded(principal, covered, found, _changes(store, covered, principal.account), options)


def reports(
    store: Store,
    window: Window,
    asked: Sequence[tuple[Principal, Options]],
    told: Monitored | None = None,
) -> Iterator[Report]:
    """As ``report``, of many principals: the events are gone through once, whatever their number.

    With what client-side monitoring ``told``, an action counts as used, too, that only it shows.
    """
    covered = coverage(store, window)
    subjects = [
        Subject(arns_of(one), one.id, bool(covered.of(one.account).days), options.same_name) for one, options in asked
    ]
    changed = {account: _changes(store, covered, account) for account in {principal.account for principal, _ in asked}}
    for (principal, options), found in zip(asked, evidence_of_all(store, window, subjects), strict=True):
        seen = joined(found, told.evidence(arns_of(principal), principal.id)) if told else found
        yield replace(_concluded(principal, covered, seen, changed[principal.account], options), monitored=told)


def _changes(store: Store, covered: Coverage, account: str) -> Sequence[Change]:
    """Changes in the window and after it: what is granted today may have been granted since."""
    since = Window(covered.window.since)
    return changes(store, since, account) if covered.of(account).days else []


def _concluded(
    principal: Principal, covered: Coverage, found: Evidence, changed: Sequence[Change], options: Options
) -> Report:
    grantee = _grantee(principal)
    about = _circumstances(principal, covered, found, last_change(changed, grantee), options)
    gone = removed(changed, grantee, principal.created) if principal.created else None
    if gone and not options.same_name:
        about = replace(
            about, stale=f"the IAM file is older than this {principal.kind}: {gone.call} {gone.time:%Y-%m-%d}"
        )
    return Report(
        principal,
        covered.window,
        covered,
        about,
        options,
        data_version(),
        found.events,
        tuple(_rows(principal, found, about, options)),
    )


def is_benign(row: ReportRow) -> bool:
    """Whether a row is of a listing or reading that hands out neither data nor secrets.

    A reading that only data events show is one of data.
    """
    if row.access_level not in BENIGN_LEVELS or row.action in NOT_BENIGN:
        return False
    return row.access_level == "List" or observability(row.action).observability is not ObservabilityClass.DATA


def shown(rows: Sequence[ReportRow], *, markers: Collection[Marker] | None, hide_benign: bool) -> list[ReportRow]:
    """The rows asked for."""
    return [row for row in rows if (markers is None or row.marker in markers) and not (hide_benign and is_benign(row))]


def perhaps_used(seen: Mapping[tuple[str, str], int]) -> dict[str, dict[Case, tuple[str, ...]]]:
    """Actions that may have been used, by the case in which the calls seen, by event source and name, need them."""
    perhaps: dict[str, dict[Case, tuple[str, ...]]] = {}
    for (source, name), count in sorted(seen.items()):
        for action, case in may_need(source, name).items():
            calls = perhaps.setdefault(action, {})
            calls[case] = (*calls.get(case, ()), f"{name} x {count}")
    return perhaps


def _rows(principal: Principal, found: Evidence, about: Circumstances, options: Options) -> list[ReportRow]:
    facts = facts_of(principal, options.organization)
    granted: dict[str, Grant] = {grant.action.name: grant for grant in grants(principal, options.further, facts)}
    given = {name: grant for name, grant in granted.items() if grant.state is not State.NOT_GRANTED}
    apart = by_action(principal, given, about, options.further, facts)
    rows = []
    for name in sorted({*given, *found.uses}, key=str.lower):
        use, own = found.uses.get(name, Use()), apart.get(name, about)
        rows.append(judge(find(name) or name, granted.get(name), use, own, earlier=found.earlier.get(name)))
    return rows + [unknown_call(*call, use, about) for call, use in sorted(found.unknown_calls.items())]


def _circumstances(
    principal: Principal, covered: Coverage, found: Evidence, change: Change | None, options: Options
) -> Circumstances:
    account = covered.of(principal.account)
    observed_from, granted_since = _observed_from(principal, covered, change)
    return Circumstances(
        account=principal.account,
        principal=principal.arn,
        observed_from=observed_from,
        observed_days=account.days_since(observed_from) if observed_from else 0,
        coverage=account,
        min_days=options.min_days,
        strict=options.strict,
        selectors=options.selectors,
        cannot_conclude=account.problem or _iam_says_otherwise(principal, covered, found),
        stale=_stale(change, options.iam_as_of),
        granted_since=granted_since,
        last_change=change,
        missing_documents=principal.missing,
        is_bound_untold=bool(principal.boundary_arn) and principal.boundary is None,
        perhaps_used=perhaps_used(found.calls),
    )


def _observed_from(
    principal: Principal, covered: Coverage, change: Change | None
) -> tuple[datetime | None, str | None]:
    """Since when a use would have been seen, and why, where it is not the logs that bound it."""
    account = covered.of(principal.account)
    since = covered.window.since
    if account.first_day is None or since is None:
        return None, None
    first = datetime.combine(account.first_day, datetime.min.time(), since.tzinfo)
    start = max(since, first)
    if change and change.time >= max(start, principal.created or start):
        return change.time, f"{change.call} then"
    if principal.created and principal.created > start:
        return principal.created, "created then"
    return start, None


def _iam_says_otherwise(principal: Principal, covered: Coverage, found: Evidence) -> str | None:
    """IAM's own record may veto an absence; it never proves the use of an action."""
    last = principal.last_use
    if last is None or last.time not in covered.window:
        return None
    says = f"IAM says {last.what} {last.time:%Y-%m-%d}"
    if not found.events:
        return f"{says}, yet the logs have nothing of it"
    is_seen = last.region is None or last.region in covered.of(principal.account).regions
    return None if is_seen else f"{says} in {last.region}, of which no management events are loaded"


def _stale(change: Change | None, iam_as_of: datetime) -> str | None:
    if change is None or change.time <= iam_as_of:
        return None
    return f"the IAM file ({iam_as_of:%Y-%m-%d}) is older than the policy ({change.call} {change.time:%Y-%m-%d})"


def _grantee(principal: Principal) -> Grantee:
    arns = [policy.arn for policy in principal.policies if policy.arn]
    boundary = [principal.boundary_arn] if principal.boundary_arn else []
    return Grantee(principal.account, principal.kind, principal.name, principal.groups, [*arns, *boundary])
