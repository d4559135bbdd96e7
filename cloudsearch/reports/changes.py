"""When a principal's grants changed last, from the IAM calls in the store.

A grant that is a week old was not unused for the eight weeks before it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from cloudsearch.event import RAW, Outcome, Row
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In

_F = EVENTS.by_name

ON_ROLE = frozenset(
    {
        "AttachRolePolicy",
        "DetachRolePolicy",
        "PutRolePolicy",
        "DeleteRolePolicy",
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
    }
)
ON_USER = frozenset(
    {
        "AttachUserPolicy",
        "DetachUserPolicy",
        "PutUserPolicy",
        "DeleteUserPolicy",
        "PutUserPermissionsBoundary",
        "DeleteUserPermissionsBoundary",
        "AddUserToGroup",
        "RemoveUserFromGroup",
    }
)
ON_GROUP = frozenset({"AttachGroupPolicy", "DetachGroupPolicy", "PutGroupPolicy", "DeleteGroupPolicy"})
ON_POLICY = frozenset({"CreatePolicyVersion", "SetDefaultPolicyVersion"})
"""IAM calls that change what somebody is granted (IAM API reference)."""


@dataclass(frozen=True, slots=True)
class Change:
    """A stored event that changed grants: which call, on what (a role's, user's or group's name, or a policy ARN)."""

    time: datetime
    account: str
    call: str
    subject: str


@dataclass(frozen=True, slots=True)
class Grantee:
    """What a principal's grants hang on."""

    account: str
    kind: str
    name: str
    groups: Collection[str]
    policy_arns: Collection[str]


def changes(store: Store, window: Window, account: str) -> list[Change]:
    """Every stored change of grants in an account within a window that went through, oldest first."""
    names = tuple(sorted(ON_ROLE | ON_USER | ON_GROUP | ON_POLICY))
    where = And(
        (
            In(_F["event_source"], ("iam.amazonaws.com",)),
            In(_F["event_name"], names),
            In(_F["recipient_account"], (account,)),
            In(_F["outcome"], (Outcome.OK,)),
            window.where(_F["time"]),
        )
    )
    fields = (_F["time"], _F["event_name"], RAW)
    found = [change for row in store.rows(EVENTS, where, fields=fields) for change in _change(row, account)]
    return sorted(found, key=lambda change: change.time)


def last_change(changes: Collection[Change], grantee: Grantee) -> Change | None:
    """The last of the changes that concerns a principal."""
    return max(
        (change for change in changes if _concerns(change, grantee)), key=lambda change: change.time, default=None
    )


def _change(row: Row, account: str) -> Iterator[Change]:
    time, call, raw = row["time"], str(row["event_name"]), row["raw"]
    parameters = _parameters(raw) if isinstance(raw, bytes) else {}
    for name in ("roleName", "userName", "groupName", "policyArn"):
        subject = parameters.get(name)
        if isinstance(subject, str) and isinstance(time, datetime):
            yield Change(time, account, call, subject)


def _parameters(raw: bytes) -> dict[str, object]:
    try:
        parameters = json.loads(raw.decode("utf-8", "replace"), strict=False).get("requestParameters")
    except (ValueError, RecursionError):
        return {}
    return parameters if isinstance(parameters, dict) else {}


def _concerns(change: Change, grantee: Grantee) -> bool:
    if change.account != grantee.account:
        return False
    if change.call in ON_POLICY:
        return change.subject in grantee.policy_arns
    if change.call in ON_GROUP:
        return grantee.kind == "user" and change.subject in grantee.groups
    return change.call in (ON_ROLE if grantee.kind == "role" else ON_USER) and change.subject == grantee.name
