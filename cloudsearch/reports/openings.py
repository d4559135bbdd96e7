"""Openings: the calls that let somebody into a role, and who made them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from cloudsearch.derive.identity import role_of, session_of

RESERVED = "AWSReservedSSO_"
"""https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html"""

_RESERVED = re.compile(rf"{RESERVED}(.+)_[0-9a-f]{{16}}")
_SESSION_TYPES = ("AssumedRole",)
_ROLE_ID = "AROA"  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html


class Way(StrEnum):
    """How somebody came into the first role of a chain; other calls that open sessions stand under their own name."""

    ASSUME_ROLE = "AssumeRole"
    SAML = "SAML"
    WEB_IDENTITY = "web identity"
    IDENTITY_CENTER = "Identity Center"
    SWITCH_ROLE = "SwitchRole"
    SERVICE = "service"


_WAYS = {
    "AssumeRoleWithSAML": Way.SAML,
    "AssumeRoleWithWebIdentity": Way.WEB_IDENTITY,
    "SwitchRole": Way.SWITCH_ROLE,
    "RenewRole": Way.SWITCH_ROLE,
}


class Party(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who made a call, as its event tells: a session of a role, or anybody else."""

    principal: str | None = None
    principal_id: str | None = None
    type: str | None = None
    account: str | None = None
    session: str | None = None
    key: str | None = None
    source_identity: str | None = None
    on_behalf_of: str | None = None

    @property
    def is_session(self) -> bool:
        """Whether it is a role's session; a foreign account's is told by the id, which is a role's."""
        return self.type in _SESSION_TYPES or (
            self.principal is None and (self.principal_id or "").startswith(_ROLE_ID)
        )

    @property
    def name(self) -> str:
        """The principal, by the best of the names there are."""
        return self.principal or self.principal_id or self.account or ""


class Opening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A call that opened a session of ``role``; where both accounts' copies are there they are one opening."""

    role: str
    session: str | None
    key: str | None
    call: str
    caller: Party
    first: datetime | None
    last: datetime | None
    shared: str | None = None
    is_switch: bool = False
    count: int = 1

    @property
    def way(self) -> str:
        """How its caller came in."""
        if self.caller.type == "AWSService":
            return Way.SERVICE
        if role_key(self.role)[1].startswith(RESERVED):
            return Way.IDENTITY_CENTER
        return _WAYS.get(self.call, self.call)


@lru_cache(maxsize=4096)
def role_key(arn: str) -> tuple[str, str]:
    """A role's account and name: its path is not always told, and names are unique without it."""
    pieces = arn.split(":", 5)
    return (pieces[4], pieces[5].rpartition("/")[2]) if len(pieces) == 6 else ("", arn)


def permission_set(name: str) -> str | None:
    """The permission set that a role of this name stands for, None for others."""
    named = _RESERVED.fullmatch(name)
    return named[1] if named else None


def switched_from(arn: str) -> Party:
    """The caller that a SwitchRole event names: a user, or a session."""
    account = role_key(arn)[0] or None
    if role := role_of(arn):
        return Party(principal=role, type="AssumedRole", account=account, session=session_of(arn))
    return Party(principal=arn, account=account)


def merged(openings: Iterable[Opening]) -> list[Opening]:
    """One opening of each call: the caller's and the owner's copy issue one key, or share an id.

    What the caller's copy tells of the caller is kept. Calls without key and shared id stay as they are.
    """
    openings = list(openings)
    keys: dict[str | None, str] = {one.shared: one.key for one in openings if one.shared and one.key}
    whole: dict[tuple[str, str], Opening] = {}
    loose = []
    for one in openings:
        key = one.key or keys.get(one.shared)
        identity = ("key", key) if key else ("shared", one.shared) if one.shared else None
        if identity is None or one.is_switch:
            loose.append(one)
            continue
        other = whole.get(identity)
        whole[identity] = _joined(other, one, key) if other else replace(one, key=key) if key != one.key else one
    return [*whole.values(), *loose]


def _joined(one: Opening, other: Opening, key: str | None) -> Opening:
    """Two copies as one; two calls that claim to have issued one key name nobody."""
    told, less = (one, other) if one.caller.principal or not other.caller.principal else (other, one)
    if less.caller.principal and _identity(less.caller) != _identity(told.caller):
        told = replace(told, caller=Party())
    times = [time for time in (one.first, one.last, other.first, other.last) if time]
    return replace(told, key=key, first=min(times, default=None), last=max(times, default=None))


def _identity(party: Party) -> tuple[str | None, ...]:
    return party.principal, party.principal_id, party.session, party.key
