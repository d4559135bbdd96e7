"""What somebody did through a role: the report on the role, of the sessions alone that go back to that principal.

A session goes back to it for sure, surely not, or perhaps: where the logs do not tell who is behind it, or a session's
name or source identity alone does. What was done perhaps makes no use, and leaves nothing unused: such an action is
``?``. The role's events are read as for any report, by the same questions, and told apart on their way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from cloudsearch.event import Field
from cloudsearch.iam import Principal
from cloudsearch.reports.chains import Chain, Chains, Link
from cloudsearch.reports.evidence import Evidence, Use, evidence
from cloudsearch.reports.openings import role_key
from cloudsearch.reports.principals import arns_of
from cloudsearch.reports.report import Options, Report, report
from cloudsearch.reports.sessions import (
    SESSION,
    Roles,
    SessionId,
    chains,
    is_loaded,
    of_role,
    opened_within,
    session_id_of,
    sessions,
)
from cloudsearch.reports.verdicts import Marker, ReportRow
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group, Grouping, Store, Table
from cloudsearch.where import And, In, Where

_F = EVENTS.by_name


class Theirs(StrEnum):
    """Whether a session goes back to a principal."""

    YES = "yes"
    PERHAPS = "perhaps"
    NO = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """The sessions of one role, by whether they go back to the principal; of ``told`` perhaps it is said.

    Sessions that only acted are counted, and those that only were opened.
    """

    sessions: Mapping[Theirs, int]
    told: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class Destination:
    """The report on a role, of the sessions that go back to ``origin``."""

    origin: Principal
    came: Came
    report: Report


def whose(chain: Chain, origin: Principal) -> Theirs:
    """Whether a chain goes back to a user, or leads through a role."""
    if origin.kind == "role":
        links = [step.link for step in chain.steps if _is(origin, step.role, step.role_id)]
        if any(link.proves for link in links):
            return Theirs.YES
        return Theirs.PERHAPS if links or not chain.is_proven else Theirs.NO
    if chain.origin is None or not chain.is_proven:
        return Theirs.PERHAPS
    return Theirs.YES if _is(origin, chain.origin.principal, chain.origin.principal_id) else Theirs.NO


def is_told(chain: Chain, origin: Principal) -> bool:
    """Whether something names the principal, without proof."""
    if origin.kind == "role":
        return any(_is(origin, step.role, step.role_id) and not step.link.proves for step in chain.steps)
    if chain.origin is None or chain.is_proven:
        return False
    named = chain.link is Link.SOURCE_IDENTITY and chain.origin.who == origin.name
    return named or _is(origin, chain.origin.principal, chain.origin.principal_id)


def _is(principal: Principal, arn: str | None, id_: str | None) -> bool:
    """Whether that ARN or id is the principal's; one of its name with another id is an earlier or a later one."""
    if principal.id and id_:
        return principal.id == id_
    return arn is not None and arn.startswith("arn:") and arn in arns_of(principal)


def destination(  # noqa: PLR0913, PLR0917 (whose, where, how careful)
    store: Store, window: Window, known: Roles, origin: Principal, role: Principal, options: Options
) -> Destination:
    """Compare what a principal did in sessions of a role with what the role is granted."""
    solved = chains(store, window, known, arns_of(role))
    verdicts, came = _sort(store, window, solved, origin, role)
    gather = _OfSessions(verdicts)
    since = max(filter(None, (role.created, origin.created)), default=None)  # nobody acts before there is somebody
    found = report(store, window, replace(role, created=since), options, gather)
    rows = tuple(_hedged(row, gather.perhaps.uses.get(row.action)) for row in found.rows)
    return Destination(origin, came, replace(found, principal=role, rows=rows))


def reached(store: Store, window: Window, known: Roles, origin: Principal, account: str) -> list[str]:
    """ARNs of the roles of an account with a session that goes back to the principal, or is said to."""
    of_account = [max(sorted(arns), key=len) for key, arns in known.by_key.items() if key[0] == account]
    solved = chains(store, window, known, of_account)
    keys = {key: max(sorted(arns), key=len) for key, arns in known.by_key.items()}
    found = set()
    for opening in solved.openings:
        inside = opening.first in window if opening.first else window == Window()
        key = role_key(opening.role)
        if inside and key[0] == account and key not in found and _goes_back(solved.opened(opening), origin):
            found.add(key)
    where = And((In(_F["principal_type"], ("AssumedRole",)), In(_F["account"], (account,))))
    for session in sessions(store, window, where, caller_loaded=is_loaded(store, window, account)):
        key = role_key(session.party.principal or "")
        if key not in found and _goes_back(solved.behind(session.party, session.first, session.last), origin):
            found.add(key)
    return sorted(keys[key] for key in found if key in keys)


def _goes_back(chain: Chain, origin: Principal) -> bool:
    return whose(chain, origin) is Theirs.YES or is_told(chain, origin)


def _sort(
    store: Store, window: Window, solved: Chains, origin: Principal, role: Principal
) -> tuple[dict[SessionId, Theirs], Came]:
    """Every session of the role, by whose it is."""
    where = of_role(arns_of(role), (role.id,) if role.id else ())
    counts: Counter[Theirs] = Counter()
    told, times = 0, []
    verdicts: dict[SessionId, Theirs] = {}
    acted: set[str] = set()
    loaded = is_loaded(store, window, role.account)
    for session in sessions(store, window, where, caller_loaded=loaded):
        chain = solved.behind(session.party, session.first, session.last)
        verdict = verdicts[session.id] = whose(chain, origin)
        counts[verdict] += 1
        told += verdict is Theirs.PERHAPS and is_told(chain, origin)
        times += [session.first, session.last] if verdict is Theirs.YES else []
        acted.update(filter(None, (session.party.key,)))
    for opening in opened_within(solved.openings, window, role.arn):
        if opening.key not in acted:
            chain = solved.opened(opening)
            verdict = whose(chain, origin)
            counts[verdict] += opening.count
            told += opening.count if verdict is Theirs.PERHAPS and is_told(chain, origin) else 0
            times += [opening.first, opening.last] if verdict is Theirs.YES else []
            acted.update(filter(None, (opening.key,)))
    seen = [time for time in times if time]
    return verdicts, Came(sessions=counts, told=told, first=min(seen, default=None), last=max(seen, default=None))


@dataclass(slots=True)
class _OfSessions:
    """Reads the evidence of the sessions that are the principal's; keeps aside that of those that perhaps are."""

    verdicts: Mapping[SessionId, Theirs]
    perhaps: Evidence = field(default_factory=lambda: Evidence({}, {}, {}, {}, 0))

    def __call__(
        self, store: Store, window: Window, *, arns: Iterable[str], principal_id: str | None, caller_loaded: bool
    ) -> Evidence:
        """As ``evidence``; what perhaps was called counts where it may have needed further actions, and for IAM's veto.

        All of the role's events speak against "IAM saw it and the logs did not", whosever they are.
        """
        split, arns = _Split(store, self.verdicts), tuple(arns)
        parts = {
            one: evidence(_Part(split, one), window, arns=arns, principal_id=principal_id, caller_loaded=caller_loaded)
            for one in Theirs
        }
        self.perhaps = parts[Theirs.PERHAPS]
        calls = Counter(parts[Theirs.YES].calls) + Counter(self.perhaps.calls)
        return replace(parts[Theirs.YES], calls=calls, events=sum(part.events for part in parts.values()))


@dataclass(slots=True)
class _Split:
    """A store's groups, told apart by whose session the events are of; each question is asked once."""

    store: Store
    verdicts: Mapping[SessionId, Theirs]
    answers: dict[tuple[object, ...], dict[Theirs, list[Group]]] = field(default_factory=dict)

    def group(self, table: Table, by: Sequence[Field], where: Where, theirs: Theirs) -> Iterator[Group]:
        """The groups of one kind of session, ordered as a store's are not promised to be here."""
        question = (table.name, tuple(by), where)
        if question not in self.answers:
            self.answers[question] = self._asked(table, by, where)
        yield from self.answers[question][theirs]

    def _asked(self, table: Table, by: Sequence[Field], where: Where) -> dict[Theirs, list[Group]]:
        sums: dict[Theirs, dict[tuple[object, ...], Group]] = defaultdict(dict)
        for group in self.store.group(table, (*by, *SESSION), where):
            key = group.key[: len(by)]
            # a call of a session that is not known of is one that only a copy of another account tells of
            whose_it_is = self.verdicts.get(session_id_of(group.key[len(by) :]), Theirs.PERHAPS)
            own = sums[whose_it_is]
            own[key] = _added(own.get(key), replace(group, key=key))
        return {one: list(sums[one].values()) for one in Theirs}


def _added(one: Group | None, other: Group) -> Group:
    if one is None:
        return other
    first = min(filter(None, (one.first_seen, other.first_seen)), default=None)
    last = max(filter(None, (one.last_seen, other.last_seen)), default=None)
    return Group(one.key, one.count + other.count, first, last)


@dataclass(frozen=True, slots=True)
class _Part:
    split: _Split
    theirs: Theirs

    def group(self, table: Table, by: Sequence[Field], where: Where) -> Iterator[Group]:
        return self.split.group(table, by, where, self.theirs)

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        return (self.group(table, one.by, And((where, one.where))) for one in asked)


def _hedged(row: ReportRow, perhaps: Use | None) -> ReportRow:
    """A row of an action that was not used for sure, and perhaps was."""
    if row.used or perhaps is None or not perhaps.calls or row.marker is Marker.USED:
        return row
    calls = "1 call" if perhaps.calls == 1 else f"{perhaps.calls} calls"
    last = f", last {perhaps.last_used:%Y-%m-%d}" if perhaps.last_used else ""
    reason = f"{calls} in sessions of unproven origin{last}"
    if row.marker is Marker.UNUSED:
        return replace(row, marker=Marker.UNKNOWN, reason=reason)
    return replace(row, reason=f"{row.reason}; {reason}")
