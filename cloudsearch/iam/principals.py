"""Users and roles with all that is granted to them, and how to find one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from cloudsearch.errors import PolicyError
from cloudsearch.iam.documents import Document, parse

# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
_SERVICE_LINKED = "/aws-service-role/"
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
_RESERVED_PATH = "/aws-reserved/sso.amazonaws.com/"
_RESERVED_NAME = re.compile(r"AWSReservedSSO_(.+)_[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a managed policy, whose document is not parsed yet; ``created`` is UTC."""

    id: str
    created: datetime
    content: object


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a principal. ``attached`` says how it has it: ``inline``, ``attached`` or ``group NAME``.

    ``versions`` are those of a managed policy up to the one in force, which is the last, as far as the file tells when
    they were created.
    """

    name: str
    arn: str | None
    document: Document
    attached: str
    versions: tuple[Version, ...] = field(default=(), compare=False, repr=False)

    def is_newer_than(self, moment: datetime) -> bool:
        """Whether the version in force was created later: what it says held at no time before."""
        return bool(self.versions) and self.versions[-1].created > moment

    def at(self, moment: datetime) -> Policy | None:
        """The policy as it was then; None where the file does not tell."""
        known = [version for version in self.versions if version.created <= moment]
        if not self.is_newer_than(moment):
            return self
        try:
            return replace(self, document=parse(known[-1].content, self.arn or self.name)) if known else None
        except PolicyError:
            return None


@dataclass(frozen=True, slots=True)
class LastUse:
    """IAM's own word that a principal was active: ``what`` was used, when (UTC), and in which region if it says that.

    It can contradict "never used"; it never says which action was used.
    """

    what: str
    time: datetime
    region: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user or role as the file told it.

    ``missing`` names what bears on its permissions and is not in the file: ARNs of policies (the boundary among them),
    ``group NAME``. Where it is not empty nothing may be called not granted. Times are UTC. ``trust`` is a role's trust
    policy, ``instance_profiles`` are the ARNs of those it is in; ``credential_uses`` are the last uses of a user's
    password and access keys, where a credential report told them.
    """

    arn: str
    name: str
    path: str
    id: str | None
    kind: str
    created: datetime | None
    account: str
    policies: tuple[Policy, ...]
    groups: tuple[str, ...] = ()
    boundary_arn: str | None = None
    boundary: Policy | None = None
    missing: tuple[str, ...] = ()
    role_last_used: datetime | None = None
    role_last_region: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    credential_uses: tuple[LastUse, ...] = ()
    instance_profiles: tuple[str, ...] = ()
    trust: Document | None = None

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return self.arn.split(":", 2)[1] if self.arn.startswith("arn:") else "aws"

    @property
    def last_use(self) -> LastUse | None:
        """The latest use of any kind that IAM knows of, None where it knows none or was not asked."""
        last, region = self.role_last_used, self.role_last_region
        of_role = (LastUse("RoleLastUsed", last, region),) if last else ()
        return max((*of_role, *self.credential_uses), key=lambda use: use.time, default=None)

    @property
    def is_service_linked(self) -> bool:
        """Whether an AWS service alone can assume and change it; service control policies do not bind it."""
        return self.kind == "role" and self.path.startswith(_SERVICE_LINKED)

    @property
    def permission_set(self) -> str | None:
        """The Identity Center permission set that a reserved role stands for in its account, None for others."""
        if self.kind != "role" or not self.path.startswith(_RESERVED_PATH):
            return None
        named = _RESERVED_NAME.fullmatch(self.name)
        return named[1] if named else None


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its principals."""

    id: str
    principals: tuple[Principal, ...]


@dataclass(frozen=True, slots=True)
class Iam:
    """The principals of all the accounts that were read; ``notes`` are lines that the reader should see."""

    principals: tuple[Principal, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Principal]:
        return iter(self.principals)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The principals by account, in the order of the account ids."""
        ids = sorted({principal.account for principal in self.principals})
        return tuple(Account(one, tuple(p for p in self.principals if p.account == one)) for one in ids)

    def find(self, name: str, kind: str | None = None) -> tuple[Principal, ...]:
        """Principals of that name, path and name, or ARN; several accounts may have one. IAM does not mind the case.

        Where nobody is called so, the roles of the permission set of that name.
        """
        candidates = tuple(self._of_kind(kind))
        exact = tuple(p for p in candidates if name in _names(p))
        alike = exact or tuple(p for p in candidates if name.lower() in map(str.lower, _names(p)))
        return alike or tuple(p for p in candidates if (p.permission_set or "").lower() == name.lower() != "")

    def close_matches(self, name: str, kind: str | None = None) -> tuple[str, ...]:
        """Names that look like it, the likest first."""
        names = {name.lower(): name for p in self._of_kind(kind) for name in (p.name, p.permission_set or p.name)}
        wanted = name.rpartition("/")[2].lower()
        return tuple(names[close] for close in get_close_matches(wanted, names, n=5))

    def _of_kind(self, kind: str | None) -> Iterable[Principal]:
        return (principal for principal in self.principals if kind in (None, principal.kind))


def _names(principal: Principal) -> tuple[str, ...]:
    whole = f"{principal.path}{principal.name}"
    return (principal.name, principal.arn, whole, whole.lstrip("/"))
