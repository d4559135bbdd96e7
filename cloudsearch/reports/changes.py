"""What changed of principals and their grants, from the calls of IAM and of Organizations in the store.

A grant that is a week old was not unused for the eight weeks before it. ``CALLS`` is the one list of the calls that
change anything; ``changes`` are those that went through and bear on what somebody is granted, ``attempts`` all.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cloudsearch.event import RAW, Outcome, Row
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In, Or, Where

_F = EVENTS.by_name
_IAM, _ORGANIZATIONS = "iam.amazonaws.com", "organizations.amazonaws.com"


class Holder(StrEnum):
    """On what a call acts, and with that whom it concerns."""

    ROLE = "role"
    USER = "user"
    GROUP = "group"
    POLICY = "policy"
    ORGANIZATION = "organization"


class Aspect(StrEnum):
    """What of a principal a call changes."""

    GRANTS = "grants"
    TRUST = "trust"
    EXISTENCE = "existence"


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes something: of what, which parameter names it, and what is done, in words."""

    source: str
    holder: Holder
    parameter: str
    words: str
    aspect: Aspect = Aspect.GRANTS


def _on(holder: Holder, names: Mapping[str, str], aspect: Aspect = Aspect.GRANTS) -> dict[str, Call]:
    parameter = "policyArn" if holder is Holder.POLICY else f"{holder}Name"
    return {name: Call(_IAM, holder, parameter, words, aspect) for name, words in names.items()}


def _above(parameter: str, names: Mapping[str, str]) -> dict[str, Call]:
    return {name: Call(_ORGANIZATIONS, Holder.ORGANIZATION, parameter, words) for name, words in names.items()}


CALLS: Mapping[str, Call] = {
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
    **_on(
        Holder.ROLE,
        {
            "AttachRolePolicy": "policy attached",
            "DetachRolePolicy": "policy detached",
            "PutRolePolicy": "inline policy put",
            "DeleteRolePolicy": "inline policy deleted",
            "PutRolePermissionsBoundary": "permissions boundary put",
            "DeleteRolePermissionsBoundary": "permissions boundary deleted",
        },
    ),
    **_on(Holder.ROLE, {"UpdateAssumeRolePolicy": "trust policy changed"}, Aspect.TRUST),
    **_on(
        Holder.ROLE,
        {
            "CreateRole": "created",
            "CreateServiceLinkedRole": "created",
            "DeleteRole": "deleted",
            "DeleteServiceLinkedRole": "deleted",
        },
        Aspect.EXISTENCE,
    ),
    **_on(
        Holder.USER,
        {
            "AttachUserPolicy": "policy attached",
            "DetachUserPolicy": "policy detached",
            "PutUserPolicy": "inline policy put",
            "DeleteUserPolicy": "inline policy deleted",
            "PutUserPermissionsBoundary": "permissions boundary put",
            "DeleteUserPermissionsBoundary": "permissions boundary deleted",
            "AddUserToGroup": "put into a group",
            "RemoveUserFromGroup": "taken out of a group",
        },
    ),
    **_on(
        Holder.USER,
        {"CreateUser": "created", "DeleteUser": "deleted", "UpdateUser": "renamed or moved"},
        Aspect.EXISTENCE,
    ),
    **_on(
        Holder.GROUP,
        {
            "AttachGroupPolicy": "policy attached",
            "DetachGroupPolicy": "policy detached",
            "PutGroupPolicy": "inline policy put",
            "DeleteGroupPolicy": "inline policy deleted",
        },
    ),
    **_on(
        Holder.POLICY,
        {"CreatePolicyVersion": "policy version created", "SetDefaultPolicyVersion": "policy version made the default"},
    ),
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
    **_above("targetId", {"AttachPolicy": "policy attached above", "DetachPolicy": "policy detached above"}),
    **_above("accountId", {"MoveAccount": "account moved"}),
    **_above("", {"UpdatePolicy": "policy of the organisation changed"}),
    **_above("", {"EnablePolicyType": "policy type enabled", "DisablePolicyType": "policy type disabled"}),
}
"""Calls by name. Those of Organizations name a policy by its id alone: whether it is a service control policy, and what
a root or unit has below it, they do not tell; so they concern every account that they may."""

_REMOVING = (
    "DeleteRole",
    "DeleteServiceLinkedRole",
    "DeleteUser",
    "CreateRole",
    "CreateServiceLinkedRole",
    "CreateUser",
)
_SOON = timedelta(minutes=1)
"""Within which IAM dates what an event made."""

_DETAILS = (
    "policyName",
    "policyArn",
    "permissionsBoundary",
    "groupName",
    "versionId",
    "newUserName",
    "policyId",
    "policyType",
    "targetId",
    "destinationParentId",
)
_FIELDS = (
    *(_F[name] for name in ("id", "time", "event_source", "event_name", "recipient_account", "outcome", "error_code")),
    *(_F[name] for name in ("denied_reason", "principal", "session_name", "source_address")),
    RAW,
)


@dataclass(frozen=True, slots=True)
class Change:
    """A stored event that changed something, or was to: which call, on what, by whom, and what became of it.

    ``subject`` is a role's, user's or group's name, a policy's ARN, or an account's, unit's or root's id; empty where
    the event does not tell. ``details`` are the parameters that say what was changed, by name.
    """

    time: datetime
    account: str
    call: str
    subject: str
    id: str
    by: str | None
    session: str | None
    outcome: Outcome
    error_code: str | None
    denied_reason: str | None
    source_address: str | None
    details: Mapping[str, str]
    document: str | None

    @property
    def holder(self) -> Holder:
        """On what it acts."""
        return CALLS[self.call].holder

    @property
    def aspect(self) -> Aspect:
        """What it changes."""
        return CALLS[self.call].aspect

    @property
    def words(self) -> str:
        """What is done."""
        return CALLS[self.call].words


@dataclass(frozen=True, slots=True)
class Grantee:
    """What a principal's grants hang on."""

    account: str
    kind: str
    name: str
    groups: Collection[str]
    policy_arns: Collection[str]


def changes(store: Store, window: Window, account: str) -> list[Change]:
    """Every stored change of grants in an account, or above it, within a window that went through, oldest first.

    With them what made or removed principals.
    """
    in_account = And((In(_F["event_source"], (_IAM,)), In(_F["recipient_account"], (account,))))
    above = In(_F["event_source"], (_ORGANIZATIONS,))
    where = And((Or((in_account, above)), In(_F["outcome"], (Outcome.OK,))))
    return [one for one in _found(store, window, where) if one.aspect is not Aspect.TRUST]


def attempts(store: Store, window: Window) -> list[Change]:
    """Every stored call that changed something, or was to and was refused or failed, oldest first."""
    return _found(store, window, In(_F["event_source"], (_IAM, _ORGANIZATIONS)))


def last_change(changes: Collection[Change], grantee: Grantee) -> Change | None:
    """The last of the changes of grants that concerns a principal."""
    own = (one for one in changes if one.aspect is Aspect.GRANTS and _concerns(one, grantee))
    return max(own, key=lambda change: change.time, default=None)


def removed(changes: Collection[Change], grantee: Grantee, since: datetime) -> Change | None:
    """What removed a principal, or made another of its name, after it was made itself."""
    later = (one for one in changes if one.time > since + _SOON and one.call in _REMOVING and _concerns(one, grantee))
    return max(later, key=lambda change: change.time, default=None)


def may_be_above(change: Change, account: str) -> bool:
    """Whether a change in the organisation may bear on an account: it names it, a root, a unit or nothing."""
    is_account = len(change.subject) == len(account) and change.subject.isdigit()
    return change.holder is Holder.ORGANIZATION and (change.subject == account or not is_account)


def _found(store: Store, window: Window, where: Where) -> list[Change]:
    asked = And((where, In(_F["event_name"], tuple(sorted(CALLS))), window.where(_F["time"])))
    found = [change for row in store.rows(EVENTS, asked, fields=_FIELDS) for change in _change(row)]
    return sorted(found, key=lambda change: (change.time, change.id))


def _change(row: Row) -> Iterator[Change]:
    time, name, raw = row["time"], str(row["event_name"]), row["raw"]
    call = CALLS[name]
    if not isinstance(time, datetime) or row["event_source"] != call.source:
        return
    record = _object(raw) if isinstance(raw, bytes) else {}
    asked = record.get("requestParameters")
    parameters = asked if isinstance(asked, dict) else {}
    yield Change(
        time=time,
        account=str(row["recipient_account"] or ""),
        call=name,
        subject=_text(parameters.get(call.parameter)) or _made(record) or _named_in(record, call.holder),
        id=str(row["id"]),
        by=_optional(row["principal"]),
        session=_optional(row["session_name"]),
        outcome=Outcome(str(row["outcome"])),
        error_code=_optional(row["error_code"]),
        denied_reason=_optional(row["denied_reason"]),
        source_address=_optional(row["source_address"]),
        details={key: text for key in _DETAILS if key != call.parameter and (text := _text(parameters.get(key)))},
        document=_text(parameters.get("policyDocument")) or None,
    )


def _made(record: Mapping[str, object]) -> str:
    """The role that a call made, where its caller does not name it: a service-linked one."""
    answer = record.get("responseElements")
    role = answer.get("role") if isinstance(answer, dict) else None
    return _text(role.get("roleName")) if isinstance(role, dict) else ""


def _named_in(record: Mapping[str, object], holder: Holder) -> str:
    """What a refusal's message names: ``on resource: role deploy``, or an ARN; refusals have no parameters."""
    _, found, rest = _text(record.get("errorMessage")).partition("on resource: ")
    if not found:
        return ""
    kind, _, name = rest.partition(" ")
    if kind.startswith("arn:"):
        return kind if holder is Holder.POLICY else kind.rpartition("/")[2]
    return name.partition(" ")[0].rpartition("/")[2] if kind == holder else ""


def _object(raw: bytes) -> dict[str, object]:
    try:
        record = json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _optional(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _concerns(change: Change, grantee: Grantee) -> bool:
    """Whether it does; a call may write a name in another case than IAM does, which tells none apart by it."""
    if change.holder is Holder.ORGANIZATION:
        return may_be_above(change, grantee.account)
    if change.account != grantee.account:
        return False
    if change.holder is Holder.POLICY:
        return _is_among(change.subject, grantee.policy_arns)
    if change.holder is Holder.GROUP:
        return grantee.kind == "user" and _is_among(change.subject, grantee.groups)
    return change.holder == grantee.kind and _is_among(change.subject, (grantee.name,))


def _is_among(name: str, names: Collection[str]) -> bool:
    return name.lower() in {one.lower() for one in names}
