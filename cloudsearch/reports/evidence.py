"""What a principal did, action by action, from one grouped read of the store.

One call is counted once: the caller's copy; the resource owner's copy only where no log of the caller's account is
loaded; network copies count no call. A refusal counts on the action its message names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cloudsearch.actions import NO_PERMISSION, UNKNOWN, actions_for
from cloudsearch.actions import Mapping as Mapped
from cloudsearch.catalogue import find
from cloudsearch.event import Copy, Outcome
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Group, Store
from cloudsearch.where import And, In, Or, Where

NOT_CALLS = frozenset({"AwsServiceEvent", "AwsConsoleSignIn", "AwsCloudTrailInsight"})
"""Event types that record no call of a principal to an API."""

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
    inferred: bool = False
    network_only: bool = False

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
    """A principal's uses: by action, by call without a known action, and those of earlier principals of its name."""

    uses: Mapping[str, Use]
    unknown_calls: Mapping[tuple[str, str], Use]
    earlier: Mapping[str, tuple[str, datetime | None]]
    events: int


def evidence(
    store: Store, window: Window, *, arns: Iterable[str], principal_id: str | None, caller_loaded: bool
) -> Evidence:
    """Read what a principal, known by its ARNs and id, did within a window."""
    who: list[Where] = [In(_F["principal"], tuple(arns))]
    if principal_id:
        who.append(In(_F["principal_id"], (principal_id,)))
    where = And((Or(tuple(who)), window.where(_F["time"])))
    groups = list(store.group(EVENTS, _BY, where))
    gathered = _Gathering(principal_id, caller_loaded=caller_loaded)
    for group in groups:
        gathered.add(group)
    by = (_F["principal_id"], _F["outcome"], _F["copy"], _F["inferred_actions"])
    for group in store.group(EVENTS, by, where):
        gathered.infer(group)
    return Evidence(gathered.uses, gathered.unknown, gathered.earlier, sum(group.count for group in groups))


def needs_no_permission(action: str) -> bool:
    """Whether the call of that action is let in whatever is granted."""
    service, _, name = action.partition(":")
    return actions_for(f"{service}.amazonaws.com", name).how == NO_PERMISSION


class _Gathering:
    def __init__(self, principal_id: str | None, *, caller_loaded: bool) -> None:
        self.uses: dict[str, Use] = defaultdict(Use)
        self.unknown: dict[tuple[str, str], Use] = defaultdict(Use)
        self.earlier: dict[str, tuple[str, datetime | None]] = {}
        self._principal_id = principal_id
        self._copies = (Copy.CALLER,) if caller_loaded else (Copy.CALLER, Copy.OWNER)

    def add(self, group: Group) -> None:
        """One kind of call, with one kind of answer."""
        other, source, name, event_type, copy, outcome, code, denied_action, denied_reason = (
            str(part) if part is not None else "" for part in group.key
        )
        if event_type in NOT_CALLS:
            return
        mapping = actions_for(source, name)
        if other and self._principal_id and other != self._principal_id:
            self._by_earlier(mapping.actions, other, group)
        elif copy == Copy.NETWORK:
            for action in mapping.actions:
                self.uses[action].network_only = True
        elif copy in self._copies:
            for use in self._concerned(mapping, source, name, outcome, denied_action):
                _count(use, group, outcome, code, denied_reason)

    def infer(self, group: Group) -> None:
        """Actions inferred from parameters of calls that were let in."""
        other, outcome, copy, action = group.key
        mine = other is None or not self._principal_id or other == self._principal_id
        if isinstance(action, str) and mine and copy in self._copies and outcome in (Outcome.OK, Outcome.ERROR):
            use = self.uses[action]
            use.inferred = use.inferred or not use.calls
            use.called(group)

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
