"""What changed of one principal: its grants, its trust, its being there; when, by whom, tried in vain as well.

Changes of a group's policies, or of a policy, count while the principal was in the group or had the policy. That is
told by the events themselves, from one to the next, and where they say nothing by IAM's state.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudsearch.actions.homes import home_region
from cloudsearch.event import Outcome
from cloudsearch.iam import Principal
from cloudsearch.reports.changes import Change, Holder, attempts, may_be_above
from cloudsearch.reports.coverage import AccountCoverage, coverage
from cloudsearch.reports.window import Window
from cloudsearch.store import Store

_HOME = "us-east-1"
"""Where IAM's calls are logged, unless a partition's own region is known."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose history is asked for: a role or user of a name, in some accounts, or in any; and IAM's state of it."""

    kind: str
    name: str
    accounts: Collection[str] = ()
    known: Principal | None = None


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A change; ``through`` says on what it acted, where it was not the principal itself."""

    change: Change
    account: str
    principal: str
    through: str | None


@dataclass(frozen=True, slots=True)
class History:
    """The changes, oldest first, and what is loaded of each account they are of, in the window that it answers for."""

    subject: Subject
    window: Window
    rows: tuple[HistoryRow, ...]
    coverages: tuple[AccountCoverage, ...]
    has_organization: bool

    @property
    def home(self) -> str:
        """The region that logs IAM's calls."""
        known = self.subject.known
        return home_region("iam", known.partition if known else "aws") or _HOME


def history(store: Store, window: Window, subject: Subject) -> History:
    """What the store tells of a principal's changes within a window."""
    covered = coverage(store, window)
    found = attempts(store, window)
    named = {change.account for change in found if _is_own(change, subject)}
    accounts = sorted({subject.known.account} if subject.known else {*named, *subject.accounts})
    asked = [account for account in accounts if not subject.accounts or account in subject.accounts]
    rows = [row for account in asked for row in _rows(found, account, subject)]
    return History(
        subject,
        covered.window,
        tuple(sorted(rows, key=lambda row: (row.change.time, row.change.id, row.account))),
        tuple(covered.of(account) for account in asked),
        any(change.holder is Holder.ORGANIZATION for change in found),
    )


def _rows(found: Sequence[Change], account: str, subject: Subject) -> Iterator[HistoryRow]:
    here = [change for change in found if change.account == account]
    holds = _Holdings(here, subject)
    principal = subject.known.arn if subject.known else subject.name
    for change in found:
        if change.account == account and _is_own(change, subject):
            yield HistoryRow(change, account, principal, None)
        elif (change.account == account and holds.concern(change)) or may_be_above(change, account):
            yield HistoryRow(change, account, principal, _through(change))


def _is_own(change: Change, subject: Subject) -> bool:
    """Whether it acts on the principal itself, under the name that it had or was given. IAM does not mind the case."""
    names = (change.subject.lower(), change.details.get("newUserName", "").lower())
    return change.holder == subject.kind and subject.name.lower() in names


def _through(change: Change) -> str:
    return f"{change.holder} {change.subject}".rstrip()


class _Holdings:
    """The groups a user was in, and the policies that were attached to it or to these, at any time."""

    def __init__(self, here: Iterable[Change], subject: Subject) -> None:
        passed = [change for change in here if change.outcome is Outcome.OK]
        own = [change for change in passed if _is_own(change, subject)]
        now = _now(subject.known) if subject.known else {}
        groups = {"AddUserToGroup": True, "RemoveUserFromGroup": False}
        self._in_group = _held(own, groups, "groupName", now.get("group", ()))
        kind = subject.kind.capitalize()
        attached = {f"Attach{kind}Policy": True, f"Detach{kind}Policy": False}
        self._attached = _held(own, attached, "policyArn", now.get("attached", ()))
        bounded = {f"Put{kind}PermissionsBoundary": True, f"Delete{kind}PermissionsBoundary": False}
        self._bounded = _held(own, bounded, "permissionsBoundary", now.get("boundary", ()))
        self._of_groups = {
            group: _held(
                [change for change in passed if change.holder is Holder.GROUP and change.subject == group],
                {"AttachGroupPolicy": True, "DetachGroupPolicy": False},
                "policyArn",
                now.get(f"group {group}", ()),
            )
            for group in {*now.get("group", ()), *(change.details.get("groupName", "") for change in own)} - {""}
        }

    def concern(self, change: Change) -> bool:
        """Whether a change of a group or a policy was one of what the principal then had."""
        if change.holder is Holder.GROUP:
            return self._in_group(change.subject, change.time)
        if change.holder is not Holder.POLICY:
            return False
        arn, time = change.subject, change.time
        through_groups = (self._in_group(group, time) and has(arn, time) for group, has in self._of_groups.items())
        return self._attached(arn, time) or self._bounded(arn, time) or any(through_groups)


_Had = Callable[[str, datetime], bool]


def _held(changes: Iterable[Change], calls: Mapping[str, bool], detail: str, now: Collection[str]) -> _Had:
    """Whether something was held at a time, from what gave and took it, and what is held now.

    Before the first event there was the opposite of what it did. A deletion that names nothing ends all.
    """
    events: dict[str, list[tuple[datetime, bool]]] = defaultdict(list)
    for change in changes:
        if change.call in calls:
            named = change.details.get(detail)
            for item in [named] if named else [*events, *now]:
                events[item].append((change.time, calls[change.call]))

    def had(item: str, time: datetime) -> bool:
        told = events.get(item, [])
        if not told:
            return item in now
        at = bisect_right([moment for moment, _ in told], time)
        return told[at - 1][1] if at else not told[0][1]

    return had


def _now(principal: Principal) -> dict[str, list[str]]:
    """What IAM says it has: groups, and ARNs of policies by how it has them."""
    has: dict[str, list[str]] = defaultdict(list)
    has["group"] += principal.groups
    has["boundary"] += [principal.boundary_arn] if principal.boundary_arn else []
    for policy in principal.policies:
        if policy.arn:
            has[policy.attached].append(policy.arn)
    return has
