"""Users and roles with all that is granted to them, and how to find one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from cloudsearch.iam.documents import Document


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of a principal. ``attached`` says how it has it: ``inline``, ``attached`` or ``group NAME``."""

    name: str
    arn: str | None
    document: Document
    attached: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A user or role as the file told it.

    ``missing`` names what bears on its permissions and is not in the file: ARNs of policies (the boundary among them),
    ``group NAME``. Where it is not empty nothing may be called not granted. Times are UTC.
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
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``."""
        return self.arn.split(":", 2)[1] if self.arn.startswith("arn:") else "aws"


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its principals."""

    id: str
    principals: tuple[Principal, ...]


@dataclass(frozen=True, slots=True)
class Iam:
    """The principals of all the accounts that were read."""

    principals: tuple[Principal, ...]

    def __iter__(self) -> Iterator[Principal]:
        return iter(self.principals)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The principals by account, in the order of the account ids."""
        ids = sorted({principal.account for principal in self.principals})
        return tuple(Account(one, tuple(p for p in self.principals if p.account == one)) for one in ids)

    def find(self, name: str, kind: str | None = None) -> tuple[Principal, ...]:
        """Principals of that name, path and name, or ARN; several accounts may have one. IAM does not mind the case."""
        candidates = tuple(self._of_kind(kind))
        exact = tuple(p for p in candidates if name in _names(p))
        return exact or tuple(p for p in candidates if name.lower() in map(str.lower, _names(p)))

    def close_matches(self, name: str, kind: str | None = None) -> tuple[str, ...]:
        """Names that look like it, the likest first."""
        names = {principal.name.lower(): principal.name for principal in self._of_kind(kind)}
        wanted = name.rpartition("/")[2].lower()
        return tuple(names[close] for close in get_close_matches(wanted, names, n=5))

    def _of_kind(self, kind: str | None) -> Iterable[Principal]:
        return (principal for principal in self.principals if kind in (None, principal.kind))


def _names(principal: Principal) -> tuple[str, ...]:
    whole = f"{principal.path}{principal.name}"
    return (principal.name, principal.arn, whole, whole.lstrip("/"))
