"""Role sessions and what opened them, from a handful of grouped reads, whatever the number of sessions.

One read tells which role was opened by whom, role by role. It leads from the roles asked about up to all those that a
chain to them may lead through; the openings of these alone are then read one by one, which is a second read. A third
one reads who used a role, session by session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import cast

from msgspec.structs import replace

from cloudsearch.derive.identity import role_of
from cloudsearch.event import Copy, Outcome, Value
from cloudsearch.reports.chains import Chains
from cloudsearch.reports.evidence import NOT_CALLS
from cloudsearch.reports.openings import Opening, Party, permission_set, role_key, switched_from
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group, Store
from cloudsearch.where import And, Exists, In, Not, Or, Where

LOOK_BACK = timedelta(days=3)
"""How long before a window openings matter: 36 hours of a user's session, 12 of a role's, and an hour for each further
role (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html)."""

MOST_NAMES = 200
"""Roles a store is asked for by name; past that every opening is read."""

_F = EVENTS.by_name
_NO_ROLE = ("CreateAccessKey", "GetSessionToken", "GetFederationToken")
_CALLER = tuple(
    _F[name]
    for name in (
        "principal",
        "principal_id",
        "principal_type",
        "account",
        "session_name",
        "access_key_id",
        "source_identity",
        "on_behalf_of",
    )
)
_OPENING = tuple(
    _F[name]
    for name in (
        "target_role",
        "target_session",
        "issued_access_key_id",
        "event_name",
        "switch_from",
        "shared_event_id",
    )
)
SESSION = tuple(_F[name] for name in ("principal", "principal_id", "session_name", "access_key_id", "day"))
"""What tells the session of a call."""

SessionId = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a role with what it did; ``id`` is its key, or where it has none its role's id, name and day."""

    id: SessionId
    party: Party
    calls: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Roles:
    """The roles the logs name, by ARN, with their ids, and who opened sessions of which."""

    ids: Mapping[str, str]
    callers: Mapping[str, frozenset[str]]
    principals: frozenset[str]

    @cached_property
    def by_key(self) -> dict[tuple[str, str], frozenset[str]]:
        """ARNs of one role, with its path and without."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for arn in (*self.principals, *self.callers):
            if arn.startswith("arn:"):
                found[role_key(arn)].add(arn)
        return {key: frozenset(arns) for key, arns in found.items()}

    def named(self, name: str, accounts: Collection[str] = ()) -> list[str]:
        """Roles of that name or ARN, else of that permission set, by ARNs with the path; IAM does not mind the case."""
        account, wanted = role_key(name)
        own = wanted.rpartition("/")[2].lower()
        names = {key: {key[1].lower(), (permission_set(key[1]) or key[1]).lower()} for key in self.by_key}
        alike = [key for key, known in names.items() if own in known and account in ("", key[0])]
        exact = [key for key in alike if key[1].lower() == own]
        found = [max(sorted(self.by_key[key]), key=len) for key in exact or alike]
        return sorted(arn for arn in found if not accounts or role_key(arn)[0] in accounts)

    def close_matches(self, name: str) -> list[str]:
        """Names that look like it, the likest first."""
        return get_close_matches(role_key(name)[1], {key[1] for key in self.by_key}, n=5)

    def ids_of(self, arn: str) -> tuple[str, ...]:
        """The unique ids a role of that name had."""
        return tuple(sorted(one for one, owner in self.ids.items() if role_key(owner) == role_key(arn)))

    def leading_to(self, arns: Iterable[str]) -> frozenset[str]:
        """ARNs, as openings have them, of the roles and of those that any chain to them leads through."""
        seen: set[tuple[str, str]] = set()
        found: set[str] = set()
        ahead = [role_key(arn) for arn in arns]
        while ahead:
            key = ahead.pop()
            if key in seen:
                continue
            seen.add(key)
            for arn in self.by_key.get(key, frozenset()) & self.callers.keys():
                found.add(arn)
                ahead += [role_key(caller) for caller in self.callers[arn]]
        return frozenset(found)


def roles(store: Store, window: Window, ids: Mapping[str, str]) -> Roles:
    """The roles the logs name; ``ids`` are ARNs by unique id that are known from elsewhere."""
    known = dict(ids)
    principals = set()
    who = And((In(_F["principal_type"], ("AssumedRole",)), Exists(_F["principal"])))
    for group in store.group(EVENTS, (_F["principal"], _F["principal_id"]), And((_time(window), who))):
        arn, id_ = group.key
        principals.add(str(arn))
        if id_:
            known[str(id_)] = max(known.get(str(id_), ""), str(arn), key=len)
    callers: dict[str, set[str]] = defaultdict(set)
    edges = list(
        store.group(
            EVENTS, (_F["target_role"], _F["principal"], _F["principal_id"], _F["switch_from"]), _openings(window)
        )
    )
    for role, principal, id_, switch in (_texts(group.key) for group in edges):
        if principal and id_:
            known.setdefault(id_, principal)
        came = role_of(switch) or switch if switch else None
        callers[role or ""].update(filter(None, (came or principal, id_)))
    # ids of roles that only owners' copies name are told by other events: put their ARNs beside them
    named = {role: frozenset(known.get(one, one) for one in own) for role, own in callers.items()}
    return Roles(known, named, frozenset(principals))


def chains(store: Store, window: Window, known: Roles, arns: Iterable[str]) -> Chains:
    """Who is behind the sessions of the roles; one read of the openings that matter."""
    wanted = sorted(known.leading_to(arns))
    if not wanted:
        return Chains((), known.ids)
    where: Where = _openings(window)
    if len(wanted) <= MOST_NAMES:
        where = And((where, In(_F["target_role"], tuple(wanted))))
    return Chains([_opening(group) for group in store.group(EVENTS, (*_OPENING, *_CALLER), where)], known.ids)


def sessions(store: Store, window: Window, where: Where, *, caller_loaded: bool) -> list[Session]:
    """Sessions of roles that acted within a window, calls to APIs alone; one read."""
    copies = (Copy.CALLER,) if caller_loaded else (Copy.CALLER, Copy.OWNER)
    is_call = And((In(_F["copy"], copies), Not(In(_F["event_type"], tuple(sorted(NOT_CALLS))))))
    found: dict[SessionId, Session] = {}
    by = (*_CALLER, _F["day"])
    for group in store.group(EVENTS, by, And((window.where(_F["time"]), is_call, where))):
        party = _party(group.key)
        identity = session_id(party, *_texts(group.key[-1:]))
        own = Session(identity, party, group.count, group.first_seen, group.last_seen)
        found[identity] = _together(found[identity], own) if identity in found else own
    return list(found.values())


def of_role(arns: Iterable[str], ids: Iterable[str]) -> Where:
    """Events of a role's sessions."""
    return Or((In(_F["principal"], tuple(arns)), In(_F["principal_id"], tuple(ids))))


def session_id(party: Party, day: str | None) -> SessionId:
    """What tells a session from others."""
    if party.key:
        return (party.key,)
    return (party.principal_id or party.principal or "", party.session or "", day or "")


def session_id_of(key: tuple[Value, ...]) -> SessionId:
    """The same, from the values of ``SESSION``."""
    principal, principal_id, session, access_key, day = _texts(key)
    return session_id(Party(principal=principal, principal_id=principal_id, session=session, key=access_key), day)


def is_loaded(store: Store, window: Window, account: str) -> bool:
    """Whether anything that a trail of the account delivered is there."""
    where = And((window.where(_F["time"]), In(_F["recipient_account"], (account,))))
    return any(group.count for group in store.group(EVENTS, (_F["recipient_account"],), where))


def _together(one: Session, other: Session) -> Session:
    """Two groups of one session: some of its events may tell more of who is behind it."""
    party = replace(
        one.party,
        principal=one.party.principal or other.party.principal,
        source_identity=one.party.source_identity or other.party.source_identity,
        on_behalf_of=one.party.on_behalf_of or other.party.on_behalf_of,
    )
    first = min(filter(None, (one.first, other.first)), default=None)
    last = max(filter(None, (one.last, other.last)), default=None)
    return Session(one.id, party, one.calls + other.calls, first, last)


def _openings(window: Window) -> Where:
    return And(
        (
            _time(window),
            In(_F["outcome"], (Outcome.OK,)),
            Exists(_F["target_role"]),
            Not(In(_F["event_name"], _NO_ROLE)),
            Not(In(_F["copy"], (Copy.NETWORK,))),
        )
    )


def _time(window: Window) -> Where:
    since = window.since - LOOK_BACK if window.since else None
    return Window(since, window.until).where(_F["time"])


def _opening(group: Group) -> Opening:
    role, session, key, call, switch, shared = _texts(group.key[: len(_OPENING)])
    caller = _party(group.key[len(_OPENING) :])
    return Opening(
        role=role or "",
        session=session,
        key=caller.key if switch else key,
        call=call or "",
        caller=switched_from(switch) if switch else caller,
        first=group.first_seen,
        last=group.last_seen,
        shared=shared,
        is_switch=switch is not None,
        count=group.count,
    )


def _party(key: tuple[Value, ...]) -> Party:
    principal, principal_id, type_, account, session, access_key, source_identity, on_behalf_of = _texts(
        key[: len(_CALLER)]
    )
    return Party(
        principal=principal,
        principal_id=principal_id,
        type=type_,
        account=account,
        session=session,
        key=access_key,
        source_identity=source_identity,
        on_behalf_of=on_behalf_of,
    )


def _texts(values: tuple[Value, ...]) -> tuple[str | None, ...]:
    """The values of fields that hold a text, which need no reading."""
    return cast("tuple[str | None, ...]", values)


def opened_within(openings: Iterable[Opening], window: Window, role: str) -> Iterator[Opening]:
    """Openings of a role within a window; one without a time is in every window that is open on both sides."""
    for opening in openings:
        inside = opening.first in window if opening.first else window == Window()
        if inside and role_key(opening.role) == role_key(role):
            yield opening
