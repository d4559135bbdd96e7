"""What a principal did, action by action, from one grouped read of the store.

One call is counted once: the caller's copy; the resource owner's copy only where no log of the caller's account is
loaded, or that log has no call of the kind at all (it lacks a day, or data events); network copies count no call. A
refusal counts on the action its message names.

What is inferred from a call's parameters is kept apart from what its name makes sure. A store keeps the inferred
actions alone, so it is known by which call and to which service a role was passed, but not which role it was.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from cloudsearch.actions import NO_PERMISSION, PASS_ROLE, UNKNOWN, actions_for, displaced, displacing, passed_to
from cloudsearch.actions import Mapping as Mapped
from cloudsearch.catalogue import find
from cloudsearch.event import Copy, Field, Outcome
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group, Grouping, Store, Table
from cloudsearch.where import And, Exists, In, Not, Or, Where

NOT_CALLS = frozenset({"AwsServiceEvent", "AwsConsoleSignIn", "AwsCloudTrailInsight"})
"""Event types that record no call of a principal to an API."""

_NAMED = 3
"""Calls that an inference names."""

_LET_IN = (Outcome.OK, Outcome.ERROR)
_F = EVENTS.by_name
_BY = (
    _F["principal_id"],
    _F["event_source"],
    _F["event_name"],
    _F["event_type"],
    _F["copy"],
    _F["outcome"],
    _F["error_code"],
    _F["denied_action"],
    _F["denied_reason"],
)


@dataclass(slots=True)
class Use:
    """What is known of one action; ``calls`` were let in, ``errors`` of them failed afterwards."""

    calls: int = 0
    errors: int = 0
    denied: int = 0
    first_used: datetime | None = None
    last_used: datetime | None = None
    last_denied: datetime | None = None
    denied_reason: str | None = None
    error_codes: Counter[str] = field(default_factory=Counter)
    undetermined: Counter[str] = field(default_factory=Counter)
    inferred_from: Counter[str] = field(default_factory=Counter)
    network_only: bool = False
    monitored: bool = False  # whether only client-side monitoring shows the calls

    @property
    def inferred(self) -> bool:
        """Whether no call's name shows the use, only parameters of calls of other names."""
        return self.calls > 0 and self.inferred_from.total() == self.calls

    @property
    def inference(self) -> str:
        """What was inferred and from which calls; empty where nothing was."""
        if not self.inferred_from:
            return ""
        whence = ", ".join(f"{what} x {count}" for what, count in self.inferred_from.most_common(_NAMED))
        others = len(self.inferred_from) - _NAMED
        text = f"inferred: {whence}{f' and {others} more' if others > 0 else ''}"
        return text if self.inferred else f"{self.inferred_from.total()} of {self.calls} calls {text}"

    def called(self, group: Group) -> None:
        """Calls that were let in."""
        self.calls += group.count
        self.first_used = min(filter(None, (self.first_used, group.first_seen)), default=None)
        self.last_used = max(filter(None, (self.last_used, group.last_seen)), default=None)

    def refused(self, group: Group, reason: str | None) -> None:
        """Calls that were refused."""
        self.denied += group.count
        self.last_denied = max(filter(None, (self.last_denied, group.last_seen)), default=None)
        self.denied_reason = reason or self.denied_reason


@dataclass(frozen=True, slots=True)
class Evidence:
    """A principal's uses: by action, by call without a known action, and those of earlier principals of its name.

    ``calls`` counts every call that was not refused, known or not, by event source and name.
    """

    uses: Mapping[str, Use]
    unknown_calls: Mapping[tuple[str, str], Use]
    calls: Mapping[tuple[str, str], int]
    earlier: Mapping[str, tuple[str, datetime | None]]
    events: int


class Grouped(Protocol):
    """What is asked of a store: ``Store.group_each``."""

    def group_each(self, table: Table, where: Where, asked: Sequence[Grouping]) -> Iterator[Iterator[Group]]:
        """Count rows per combination of values."""
        ...


class Gather(Protocol):
    """How a report reads what a principal did: ``evidence``, or a part of it."""

    def __call__(
        self, store: Store, window: Window, *, arns: Iterable[str], principal_id: str | None, caller_loaded: bool
    ) -> Evidence:
        """Read what a principal, known by its ARNs and id, did within a window."""
        ...


def evidence(
    store: Grouped, window: Window, *, arns: Iterable[str], principal_id: str | None, caller_loaded: bool
) -> Evidence:
    """Read what a principal, known by its ARNs and id, did within a window."""
    who: list[Where] = [In(_F["principal"], tuple(arns))]
    if principal_id:
        who.append(In(_F["principal_id"], (principal_id,)))
    gathered = _Gathering(principal_id, caller_loaded=caller_loaded)
    for group, add in _read(store, And((Or(tuple(who)), window.where(_F["time"])))):
        add(gathered, group)
    return gathered.evidence()


@dataclass(frozen=True, slots=True)
class Subject:
    """A principal as events know it; ``caller_loaded`` is whether a log of its account is loaded.

    With ``same_name`` earlier principals of its name are taken for it.
    """

    arns: tuple[str, ...]
    principal_id: str | None
    caller_loaded: bool
    same_name: bool = False

    def gathering(self) -> _Gathering:
        """What its groups are gathered in."""
        return _Gathering(None if self.same_name else self.principal_id, caller_loaded=self.caller_loaded)


def evidence_of_all(store: Grouped, window: Window, subjects: Sequence[Subject]) -> list[Evidence]:
    """As ``evidence``, of many principals at once: the same reads of the store, whatever their number."""
    gathered = [subject.gathering() for subject in subjects]
    named = _by_name(subjects)
    anybody = Or((Exists(_F["principal"]), Exists(_F["principal_id"])))
    for group, add in _read(store, And((anybody, window.where(_F["time"]))), _F["principal"]):
        arn, *key = group.key
        own = replace(group, key=tuple(key))
        for at in named.get(str(arn), set()) | named.get(str(key[0]), set()):
            add(gathered[at], own)
    return [one.evidence() for one in gathered]


@dataclass(slots=True)
class Touch:
    """The calls of one action whose events name one resource, or none."""

    calls: int = 0
    first_used: datetime | None = None
    last_used: datetime | None = None

    def add(self, use: Use) -> None:
        """Calls that were let in."""
        self.calls += use.calls
        self.first_used = min(filter(None, (self.first_used, use.first_used)), default=None)
        self.last_used = max(filter(None, (self.last_used, use.last_used)), default=None)


Touched = dict[str, dict[str | None, Touch]]
"""By action, or call of which no action is known, and by the ARN that an event names; None where it names none."""


def touched_by_all(store: Grouped, window: Window, subjects: Sequence[Subject]) -> list[Touched]:
    """What each of the subjects' uses touched; a call counts once for each ARN that its event names."""
    named = _by_name(subjects)
    found: list[Touched] = [{} for _ in subjects]
    for group, add in _read(store, And((acted(subjects), window.where(_F["time"]))), _F["principal"], _F["resources"]):
        arn, resource, *key = group.key
        own = replace(group, key=tuple(key))
        for at in named.get(str(arn), set()) | named.get(str(key[0]), set()):
            gathered = subjects[at].gathering()
            add(gathered, own)
            for name, use in gathered.told():
                if use.calls:
                    touches = found[at].setdefault(name, {})
                    touches.setdefault(None if resource is None else str(resource), Touch()).add(use)
    return found


def acted(subjects: Iterable[Subject]) -> Where:
    """Events of any of the subjects."""
    known = list(subjects)
    arns = tuple(dict.fromkeys(arn for subject in known for arn in subject.arns))
    ids = tuple(dict.fromkeys(subject.principal_id for subject in known if subject.principal_id))
    return Or((In(_F["principal"], arns), In(_F["principal_id"], ids)))


def _by_name(subjects: Sequence[Subject]) -> dict[str, set[int]]:
    named: dict[str, set[int]] = defaultdict(set)
    for at, subject in enumerate(subjects):
        for name in filter(None, (*subject.arns, subject.principal_id)):
            named[name].add(at)
    return named


def gathered(groups: Iterable[Group], principal_id: str | None) -> Evidence:
    """The evidence of groups that are a principal's, with keys as events' are grouped by."""
    gathering = _Gathering(principal_id, caller_loaded=True)
    for group in groups:
        gathering.add(group)
    return gathering.evidence()


def _read(store: Grouped, where: Where, *first: Field) -> Iterator[tuple[Group, Callable[[_Gathering, Group], None]]]:
    """The groups that tell of uses, each with what is to be done with it; keys begin with the fields of ``first``."""
    let_in = In(_F["outcome"], _LET_IN)
    stand_in = And((let_in, In(_F["inferred_actions"], displacing())))
    inferred = And((let_in, Exists(_F["inferred_actions"])))
    asked = (
        Grouping((*first, _F["principal_id"]), stand_in),
        Grouping((*first, *_BY), Not(stand_in)),
        Grouping((*first, *_BY, _F["inferred_actions"]), inferred),
    )
    told = (_Gathering.count, _Gathering.add, _Gathering.infer)
    for add, groups in zip(told, store.group_each(EVENTS, where, asked), strict=True):
        for group in groups:
            yield group, add


def needs_no_permission(action: str) -> bool:
    """Whether the call of that action is let in whatever is granted."""
    service, _, name = action.partition(":")
    return actions_for(f"{service}.amazonaws.com", name).how == NO_PERMISSION


class _Gathering:
    def __init__(self, principal_id: str | None, *, caller_loaded: bool) -> None:
        self.uses: dict[str, Use] = defaultdict(Use)
        self.unknown: dict[tuple[str, str], Use] = defaultdict(Use)
        self.calls: Counter[tuple[str, str]] = Counter()
        self.earlier: dict[str, tuple[str, datetime | None]] = {}
        self.events = 0
        self._principal_id = principal_id
        self._copies = (Copy.CALLER,) if caller_loaded else (Copy.CALLER, Copy.OWNER)
        self._by_callers: set[tuple[str, str]] = set()
        self._by_owners: list[tuple[Group, Callable[[], None]]] = []

    def evidence(self) -> Evidence:
        """What it comes to."""
        for group, count in self._by_owners:
            if _call(group) not in self._by_callers:
                count()
        self._by_owners.clear()
        return Evidence(self.uses, self.unknown, self.calls, self.earlier, self.events)

    def told(self) -> Iterator[tuple[str, Use]]:
        """Uses by action, and by call where no action is known."""
        yield from self.uses.items()
        yield from ((f"{source}:{name}", use) for (source, name), use in self.unknown.items())

    def count(self, group: Group) -> None:
        """Events whose actions ``infer`` is told."""
        self.events += group.count

    def add(self, group: Group) -> None:
        """One kind of call, with one kind of answer."""
        self.events += group.count
        self._add(group, actions_for(*_call(group)))

    def infer(self, group: Group) -> None:
        """An action inferred from the parameters of calls that were let in, and what their name still makes sure.

        A call's inferred actions make a group each, so the call itself is counted with the one that stands in for an
        action of its name; calls with none such are counted by ``add``.
        """
        source, name = _call(group)
        action = str(group.key[-1])
        mapping = actions_for(source, name)
        if instead := displaced(source, name, action):
            kept = tuple(one for one in mapping.actions if one not in instead)
            self._add(group, replace(mapping, actions=kept))
        elif mapping.is_known and action in displacing():  # kept with the row by other tables than today's
            self._add(group, mapping)
        self._infer(group, action, _whence(action, source, name))

    def _infer(self, group: Group, action: str, whence: str) -> None:
        other, copy, outcome, code = (str(group.key[at] or "") for at in (0, 4, 5, 6))
        if self._is_earlier(other):
            self._by_earlier((action,), other, group)
            return

        def count() -> None:
            use = self.uses[action]
            use.inferred_from[whence] += group.count
            _count(use, group, outcome, code, "")

        self._of_copy(copy, group, count)

    def _add(self, group: Group, mapping: Mapped) -> None:
        other, source, name, event_type, copy, outcome, code, denied_action, denied_reason = (
            str(part) if part is not None else "" for part in group.key[: len(_BY)]
        )
        if event_type in NOT_CALLS:
            return
        if self._is_earlier(other):
            self._by_earlier(mapping.actions, other, group)
        elif copy == Copy.NETWORK:
            for action in mapping.actions:
                self.uses[action].network_only = True
        else:

            def count() -> None:
                if outcome != Outcome.DENIED:
                    self.calls[source, name] += group.count
                for use in self._concerned(mapping, source, name, outcome, denied_action):
                    _count(use, group, outcome, code, denied_reason)

            self._of_copy(copy, group, count)

    def _of_copy(self, copy: str, group: Group, count: Callable[[], None]) -> None:
        """Count a call now, or when it is known whether the caller's account logged any such call."""
        if copy in self._copies:
            self._by_callers.add(_call(group))
            count()
        elif copy == Copy.OWNER:
            self._by_owners.append((group, count))

    def _is_earlier(self, other: str) -> bool:
        return bool(other and self._principal_id and other != self._principal_id)

    def _concerned(self, mapping: Mapped, source: str, name: str, outcome: str, denied_action: str) -> list[Use]:
        if outcome == Outcome.DENIED and denied_action:
            known = find(denied_action)
            return [self.uses[known.name if known else denied_action]]
        if mapping.how == UNKNOWN:
            return [self.unknown[source, name]]
        if mapping.how == NO_PERMISSION:
            free = find(f"{source.partition('.')[0]}:{name}")
            return [self.uses[free.name]] if free else []
        return [self.uses[action] for action in mapping.actions]

    def _by_earlier(self, actions: Iterable[str], other: str, group: Group) -> None:
        for action in actions:
            _, last = self.earlier.get(action, (other, None))
            self.earlier[action] = (other, max(filter(None, (last, group.last_seen)), default=None))


def _count(use: Use, group: Group, outcome: str, code: str, denied_reason: str) -> None:
    match outcome:
        case Outcome.DENIED:
            use.refused(group, denied_reason or code or None)
        case Outcome.UNDETERMINED:
            use.undetermined[code or "without a code"] += group.count
        case _:
            use.called(group)
            if outcome == Outcome.ERROR:
                use.errors += group.count
                use.error_codes[code] += group.count


def _call(group: Group) -> tuple[str, str]:
    """The group's event source and event name."""
    return str(group.key[1] or ""), str(group.key[2] or "")


def _whence(action: str, event_source: str, event_name: str) -> str:
    """In words, what of the call shows the action."""
    if action != PASS_ROLE:
        return f"parameters of {event_name}"
    services = passed_to(event_source, event_name)
    to = "" if None in services or not services else f" to {' or '.join(filter(None, services))}"
    return f"passed{to} by {event_name}"
