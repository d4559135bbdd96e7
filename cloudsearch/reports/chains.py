"""Who is behind a session: role chains solved in memory, from openings alone, without a look at the store.

An opening is a call that let somebody into a role: AssumeRole and its like, a console's SwitchRole. Its caller may be
a session itself, and so on, however many times, back to a user, a service, a person of a federation, or to where the
logs end. What joins a session to its opening, the strongest first:

==================  ==============================================================================================
``access key``      the key the opening issued signed the session's calls; key ids are unique
``SwitchFrom``      the console's SwitchRole event of that very key names who switched
``onBehalfOf``      AWS names the Identity Center user on the session's calls
``source identity`` the session carries one; whoever opened the first session of the chain chose it
``session name``    all openings of that role under that name, as long ago as a session lasts, have one caller
==================  ==============================================================================================

The first three are AWS's own word, so they prove; the last two are told by somebody who could choose them. A chain is
as strong as its weakest link. Where openings of one name have several callers nothing is told, and keys that run in a
circle tell nothing.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from cloudsearch.reports.openings import RESERVED, Opening, Party, Way, merged, role_key

LONGEST_SESSION = timedelta(hours=12)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html: a role's maximum session duration."""


class Link(IntEnum):
    """What joins a session to who is behind it; a greater one is stronger."""

    NONE = 0
    SESSION_NAME = 1
    SOURCE_IDENTITY = 2
    ON_BEHALF_OF = 3
    SWITCH_FROM = 4
    ACCESS_KEY = 5

    @property
    def proves(self) -> bool:
        """Whether it is AWS's own word."""
        return self >= Link.ON_BEHALF_OF

    @property
    def text(self) -> str:
        """As it is written in results."""
        return _LINK_TEXTS[self]


_LINK_TEXTS = {
    Link.NONE: "origin not in the logs",
    Link.SESSION_NAME: "session name",
    Link.SOURCE_IDENTITY: "source identity",
    Link.ON_BEHALF_OF: "onBehalfOf",
    Link.SWITCH_FROM: "SwitchFrom",
    Link.ACCESS_KEY: "access key",
}


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The one at a chain's beginning: ``who`` is an ARN, an id, a host or a name, as the log has it."""

    who: str
    account: str | None
    principal: str | None = None
    principal_id: str | None = None
    is_service: bool = False


class Step(msgspec.Struct, frozen=True, gc=False):
    """A role that a chain leads through, and the weakest link from there to the chain's end."""

    role: str
    role_id: str | None
    link: Link


class Chain(msgspec.Struct, frozen=True, gc=False):
    """What is known of who is behind a session; ``origin`` is None where the logs do not tell.

    ``steps`` are the roles between, the first entered first; one that was entered from itself stands once. ``way`` is
    how the origin came into the first role, ``link`` the weakest of all links.
    """

    origin: Origin | None
    steps: tuple[Step, ...]
    link: Link
    way: str | None = None

    @property
    def is_proven(self) -> bool:
        """Whether AWS's own word leads to the origin."""
        return self.origin is not None and self.link.proves

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles between."""
        return tuple(step.role for step in self.steps)


_LOST = Chain(None, (), Link.NONE)


@dataclass(frozen=True, slots=True)
class _Named:
    """Openings of one role under one session name, in the order of time.

    ``runs`` says for each where the run of openings by the same caller begins that it belongs to, so that it costs
    one look, and not one at each, whether those of a span of time have one caller.
    """

    openings: Sequence[Opening]
    times: Sequence[datetime]
    runs: Sequence[int]

    def one(self, first: datetime | None, last: datetime | None) -> Opening | None:
        """The opening that a session seen from ``first`` to ``last`` may be of, if all it may be of have one caller."""
        if first is None or last is None:
            return None
        start, end = bisect_left(self.times, first - LONGEST_SESSION), bisect_right(self.times, last)
        before = bisect_right(self.times, first)
        return self.openings[before - 1] if start < before and self.runs[end - 1] <= start else None


@dataclass(slots=True)
class Chains:
    """All openings there are, and who is behind whom; ``ids`` are ARNs of principals by their unique ids."""

    openings: Sequence[Opening]
    ids: Mapping[str, str] = field(default_factory=dict)
    _by_key: dict[str, Opening] = field(default_factory=dict)
    _by_name: dict[tuple[tuple[str, str], str], _Named] = field(default_factory=dict)
    _known: dict[int, Chain] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.openings = merged(self.openings)
        self._by_key = _by_key(self.openings)
        named: dict[tuple[tuple[str, str], str], list[Opening]] = defaultdict(list)
        for opening in self.openings:
            if opening.session and opening.first:
                named[role_key(opening.role), opening.session].append(opening)
        self._by_name = {name: self._in_time(own) for name, own in named.items()}

    def behind(self, party: Party, first: datetime | None, last: datetime | None) -> Chain:
        """Who is behind a party that was seen from ``first`` to ``last``.

        Up to an opening whose chain is known, to who is no session, or to where nothing is told; then down again.
        """
        up: list[tuple[Party, Link, Opening]] = []
        places: dict[int, int] = {}
        at, chain = party, _LOST
        while True:
            opening, link = self._opening_of(at, first, last)
            if opening is None:
                chain = self._ends(at)
                break
            if (place := places.get(id(opening))) is not None:  # all from there on run in a circle
                self._known.update((id(one), _LOST) for _, _, one in up[place:])
                up = up[: place + 1]
                break
            places[id(opening)] = len(up)
            up.append((at, link, opening))
            if id(opening) in self._known:
                break
            at, first, last = opening.caller, opening.first, opening.last
        for session, link, opening in reversed(up):
            if id(opening) not in self._known:
                self._known[id(opening)] = self._came_in(opening, chain)
            chain = _weakened(_told(self._known[id(opening)], session), link)
        return chain

    def opened(self, opening: Opening) -> Chain:
        """Who is behind the session that an opening opened."""
        return self.behind(self.session_of(opening), opening.first, opening.last)

    def session_of(self, opening: Opening) -> Party:
        """The session, as far as its opening tells."""
        caller = opening.caller
        return Party(
            principal=opening.role,
            type="AssumedRole",
            account=role_key(opening.role)[0] or None,
            session=opening.session,
            key=opening.key,
            source_identity=caller.source_identity,
        )

    def has_opening(self, key: str | None, role: str) -> bool:
        """Whether the key was issued, or the console switched to with it, for a session of the role."""
        opening = self._by_key.get(key or "")
        return opening is not None and role_key(opening.role) == role_key(role)

    def _opening_of(self, party: Party, first: datetime | None, last: datetime | None) -> tuple[Opening | None, Link]:
        role = self._role_of(party)
        opening = self._by_key.get(party.key or "")
        if opening and (role is None or role_key(role) == role_key(opening.role)):
            return opening, Link.SWITCH_FROM if opening.is_switch else Link.ACCESS_KEY
        if not party.is_session or role is None or party.session is None or _tells_of_itself(party):
            return None, Link.NONE
        named = self._by_name.get((role_key(role), party.session))
        opening = named.one(first, last) if named else None
        return opening, Link.SESSION_NAME if opening else Link.NONE

    def _role_of(self, party: Party) -> str | None:
        return party.principal or self.ids.get(party.principal_id or "")

    def _came_in(self, opening: Opening, above: Chain) -> Chain:
        """The chain of a session from its caller's; the link of the session itself is not in it yet."""
        caller = opening.caller
        if not self._goes_on(caller):
            return replace(above, way=opening.way)
        role = self._role_of(caller) or caller.name
        steps = above.steps
        if not steps or role_key(steps[-1].role) != role_key(role):
            steps = (*steps, Step(role, caller.principal_id, Link.ACCESS_KEY))
        else:
            steps = (*steps[:-1], replace(steps[-1], link=Link.ACCESS_KEY))
        return replace(above, steps=steps)

    def _goes_on(self, caller: Party) -> bool:
        return caller.is_session or self.has_opening(caller.key, caller.principal or "")

    def _ends(self, party: Party) -> Chain:
        """The chain of one whose opening is not there."""
        if not party.is_session:
            return Chain(self._origin(party), (), Link.ACCESS_KEY) if party.name else _LOST
        told = _told(_LOST, party)
        role = self._role_of(party) or ""
        if told.origin or not (party.session and role_key(role)[1].startswith(RESERVED)):
            return told
        # nobody but Identity Center can open a session of such a role, and it names it after the user
        return Chain(Origin(party.session, None), (), Link.SESSION_NAME, Way.IDENTITY_CENTER)

    def _origin(self, party: Party) -> Origin:
        principal = self._role_of(party)
        return Origin(
            principal or party.name, party.account, principal, party.principal_id, is_service=party.type == "AWSService"
        )

    def _in_time(self, openings: Iterable[Opening]) -> _Named:
        dated = sorted(
            ((one.first, one) for one in openings if one.first), key=lambda each: (each[0], each[1].key or "")
        )
        callers = [self._caller(opening.caller) for _, opening in dated]
        runs: list[int] = []
        for at, caller in enumerate(callers):
            runs.append(runs[-1] if at and callers[at - 1] == caller else at)
        return _Named([opening for _, opening in dated], [time for time, _ in dated], runs)

    def _caller(self, party: Party) -> tuple[object, ...]:
        """What two callers have in common that are one; of sessions the key too, for others may share the name."""
        principal = self._role_of(party) or party.principal_id or party.account
        return (principal, party.session, party.key) if party.is_session else (principal,)


def _tells_of_itself(party: Party) -> bool:
    return bool(party.on_behalf_of or party.source_identity)


def _told(chain: Chain, session: Party) -> Chain:
    """The chain with the origin that a session of it tells, where none or nobody but a service was found above it."""
    if session.on_behalf_of and (chain.origin is None or chain.origin.is_service):
        person = Origin(session.on_behalf_of, None)
        return Chain(person, chain.steps, Link.ON_BEHALF_OF, Way.IDENTITY_CENTER)
    if session.source_identity and chain.origin is None:
        return Chain(Origin(session.source_identity, None), chain.steps, Link.SOURCE_IDENTITY)
    return chain


def _weakened(chain: Chain, link: Link) -> Chain:
    if link is Link.ACCESS_KEY:
        return chain
    steps = tuple(replace(step, link=min(step.link, link)) for step in chain.steps)
    return replace(chain, steps=steps, link=min(chain.link, link))


def _by_key(openings: Iterable[Opening]) -> dict[str, Opening]:
    """Openings by the key they issued; a switch by its own key, where no call that issued it is there."""
    found: dict[str, Opening] = {}
    for opening in openings:
        if opening.key and (opening.key not in found or not opening.is_switch):
            found[opening.key] = opening
    return found
