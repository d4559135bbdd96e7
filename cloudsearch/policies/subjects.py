"""Whom policies are made for: users and roles as the events name them, or as IAM told of them.

Without IAM a name stands for all ARNs of that name in an account: a role has one name there, whatever its path, and an
assumed role's ARN alone does not tell the path. With IAM the unique id is known, and events of an earlier principal of
the same name are nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from cloudsearch.errors import CloudsearchError, UsageError
from cloudsearch.event import Copy
from cloudsearch.iam import Principal
from cloudsearch.policies.history import Used
from cloudsearch.policies.usage import MOST_RESOURCES, Usage, Whose
from cloudsearch.reports.principals import account_of, arns_of
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In

# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_RESERVED = re.compile(
    r"arn:[^:]+:iam::\d{12}:role/aws-reserved/sso\.amazonaws\.com/(?:[^/]+/)?AWSReservedSSO_(.+)_[0-9a-f]{16}"
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
_SERVICE_LINKED = ":role/aws-service-role/"

USER, ROLE, PERMISSION_SET = "user", "role", "permission set"
_F = EVENTS.by_name
_TYPES = ("IAMUser", "AssumedRole", "Role")


@dataclass(frozen=True, slots=True)
class Subject:
    """A user, a role, or a permission set with its roles of all accounts; ``id`` is None where IAM did not tell it."""

    kind: str
    name: str
    account: str
    arns: tuple[str, ...]
    id: str | None = None
    principal: Principal | None = None

    @property
    def key(self) -> str:
        """What tells it from others: the first of its ARNs."""
        return self.arns[0]

    @property
    def permission_set(self) -> str | None:
        """The permission set that the role stands for in its account."""
        return next((found[1] for arn in self.arns if (found := _RESERVED.fullmatch(arn))), None)

    @property
    def is_service_linked(self) -> bool:
        """Whether an AWS service alone can change what it may do."""
        return any(_SERVICE_LINKED in arn for arn in self.arns)


def acting(store: Store, window: Window) -> list[Subject]:
    """Every user and role that acted within the window, by account, kind and name."""
    found: dict[tuple[str, str, str], set[str]] = {}
    where = And((window.where(_F["time"]), Exists(_F["principal"]), In(_F["principal_type"], _TYPES)))
    for group in store.group(EVENTS, (_F["principal"],), where):
        arn = str(group.key[0])
        kind = next((kind for kind in (USER, ROLE) if f":{kind}/" in arn), None)
        if kind:
            found.setdefault((account_of(arn), kind, arn.rpartition("/")[2]), set()).add(arn)
    return [
        Subject(kind, name, account, tuple(sorted(arns, key=lambda arn: (-len(arn), arn))))
        for (account, kind, name), arns in sorted(found.items())
    ]


def told(principals: Iterable[Principal]) -> list[Subject]:
    """As IAM told of them."""
    return [Subject(one.kind, one.name, one.account, arns_of(one), one.id, one) for one in principals]


def named(subjects: Collection[Subject], kind: str, name: str) -> Subject:
    """The one of a name or ARN; an error names close matches, or the ARNs to choose from."""
    own = [one for one in subjects if one.kind == kind]
    found = [one for one in own if name == one.name or name in one.arns] or [
        one for one in own if name.lower() == one.name.lower()
    ]
    if len(found) == 1:
        return found[0]
    if found:
        error = UsageError(f"Several {kind}s are meant by {name}; give the ARN, or --account:")
        error.add_note("\n".join(f"  {one.key}" for one in found))
        raise error
    close = get_close_matches(name.rpartition("/")[2], {one.name for one in own})
    hint = f" Close: {', '.join(close)}." if close else ""
    raise CloudsearchError(
        f"No {kind} {name!r} acted in the window.{hint} `cloudsearch list {kind}s` names those that did"
    )


def of_permission_set(subjects: Iterable[Subject], name: str) -> list[Subject]:
    """The roles that a permission set has in each account; an error names close matches."""
    roles = [(one, one.permission_set) for one in subjects]
    found = [one for one, own in roles if (own or "").lower() == name.lower()]
    if not found:
        close = get_close_matches(name, {own for _, own in roles if own})
        hint = f" Close: {', '.join(close)}." if close else ""
        raise CloudsearchError(f"No role of a permission set {name!r} acted in the window.{hint}")
    return found


def as_one(roles: Collection[Subject], name: str, usages: Mapping[str, Usage]) -> tuple[Subject, Usage]:
    """The permission set, and what all of its roles used."""
    whole = Usage(most=max((own.most for own in usages.values()), default=MOST_RESOURCES))
    for role in roles:
        if own := usages.get(role.key):
            whole.merge(replace_ids(own))
    arns = tuple(role.key for role in roles)
    return Subject(PERMISSION_SET, name, "", arns), whole


def replace_ids(own: Usage) -> Usage:
    """The same use without ids: roles of several accounts are no earlier ones of each other."""
    return replace(own, ids=set())


def asked_of(subjects: Iterable[Subject]) -> tuple[str, ...]:
    """What the history of them is asked by: ids where all are known, and ARNs."""
    found = list(subjects)
    ids = [one.id for one in found if one.id] if all(one.id for one in found) else []
    return (*(arn for one in found for arn in one.arns), *ids)


def whose(subjects: Iterable[Subject], without_logs: Collection[str] = ()) -> Whose:
    """Gives the key of the subject that an event is of.

    ``without_logs`` are accounts none of whose logs are loaded: of their principals the resource owner's copies count.
    """
    by_id, by_arn = dict[str, Subject](), dict[str, Subject]()
    for one in subjects:
        by_arn |= dict.fromkeys(one.arns, one)
        by_id |= {one.id: one} if one.id else {}

    def of(used: Used) -> str | None:
        found = by_id.get(used.principal_id or "") or by_arn.get(used.principal)
        if found is None or (found.id and used.principal_id and found.id != used.principal_id):
            return None
        if used.row.get("copy") == Copy.OWNER and found.account not in without_logs:
            return None
        return found.key

    return of


def in_accounts(subjects: Iterable[Subject], accounts: Collection[str]) -> Iterator[Subject]:
    """Those of the accounts; all where none is named."""
    return (one for one in subjects if not accounts or one.account in accounts)
