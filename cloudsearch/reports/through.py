"""Who came into a role: by whom, which way, through which roles, how often, and whether that is proven."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cloudsearch.reports.chains import Chain, Chains, Link, Origin
from cloudsearch.reports.openings import role_key
from cloudsearch.reports.sessions import (
    Roles,
    Session,
    chains,
    is_loaded,
    of_role,
    opened_within,
    sessions,
)
from cloudsearch.reports.window import Window
from cloudsearch.store import Store

_Key = tuple[Origin | None, str | None, tuple[str, ...], Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughRow:
    """Sessions of a role that came the same way from the same origin; ``who`` is None where the logs do not tell.

    ``way`` is how the origin came into the first role, ``through`` are the ARNs of the roles between, first entered
    first. A session is an opening, or a key that signed calls and whose opening is not there. ``link`` is the weakest
    that leads to the origin, ``proven`` whether it is AWS's own word. ``who_id`` is the origin's unique id, where told.
    """

    role: str
    who: str | None
    who_id: str | None
    account: str | None
    way: str | None
    through: tuple[str, ...]
    sessions: int
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None
    link: str
    proven: bool


@dataclass(slots=True)
class _Sum:
    sessions: int = 0
    calls: int = 0
    times: list[datetime] = field(default_factory=list)

    def add(self, count: int, calls: int, times: Iterable[datetime | None]) -> None:
        self.sessions += count
        self.calls += calls
        seen = [*self.times, *filter(None, times)]
        self.times = [min(seen), max(seen)] if seen else []


def through(store: Store, window: Window, known: Roles, arn: str) -> list[ThroughRow]:
    """Who came into a role within a window, the most frequent first; those of unknown origin last.

    Sessions that were opened are counted, whatever they did, and those that acted, however they were opened.
    """
    arns = known.by_key.get(role_key(arn), frozenset((arn,)))
    solved = chains(store, window, known, [arn])
    loaded = is_loaded(store, window, role_key(arn)[0])
    used = sessions(store, window, of_role(sorted(arns), known.ids_of(arn)), caller_loaded=loaded)
    return _rows(arn, solved, used, window)


def _rows(arn: str, solved: Chains, used: Iterable[Session], window: Window) -> list[ThroughRow]:
    sums: dict[_Key, _Sum] = defaultdict(_Sum)

    def add(chain: Chain, count: int, calls: int, times: Iterable[datetime | None]) -> None:
        sums[chain.origin, chain.way, chain.roles, chain.link].add(count, calls, times)

    acted = {session.party.key: session for session in used if solved.has_opening(session.party.key, arn)}
    counted: set[str] = set()
    for opening in opened_within(solved.openings, window, arn):
        session = acted.pop(opening.key, None) if opening.key else None
        count = 0 if opening.key in counted else opening.count
        counted.update(filter(None, (opening.key,)))
        chain = solved.behind(session.party, session.first, session.last) if session else solved.opened(opening)
        seen = (session.first, session.last) if session else ()
        add(chain, count, session.calls if session else 0, (opening.first, opening.last, *seen))
    rest = (one for one in used if one.party.key in acted or not solved.has_opening(one.party.key, arn))
    for session in rest:
        chain = solved.behind(session.party, session.first, session.last)
        add(chain, 1, session.calls, (session.first, session.last))
    return sorted((_row(arn, key, total) for key, total in sums.items()), key=_order)


def _row(arn: str, key: _Key, total: _Sum) -> ThroughRow:
    origin, way, roles, link = key
    return ThroughRow(
        role=arn,
        who=origin.who if origin else None,
        who_id=origin.principal_id if origin else None,
        account=origin.account if origin else None,
        way=way,
        through=roles,
        sessions=total.sessions,
        calls=total.calls,
        first_seen=min(total.times, default=None),
        last_seen=max(total.times, default=None),
        link=link.text,
        proven=origin is not None and link.proves,
    )


def _order(row: ThroughRow) -> tuple[object, ...]:
    named = (row.who or "", row.who_id or "", row.way or "", row.through, row.link)
    return (row.who is None, -row.sessions, -row.calls, *named)
