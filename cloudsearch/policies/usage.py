"""What a principal used, counted: each action, on each resource, under each condition.

Memory is bounded whatever the number of events: of an action that was used on more resources than ``most`` those
deepest down are told by what they lie in (``arn:aws:s3:::bucket/2026/*``), as deep as the bound allows and no deeper,
and ``deepest`` says so. The order in which events come changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cloudsearch.actions import actions_for, displacing
from cloudsearch.actions.resources import Use
from cloudsearch.event import Outcome
from cloudsearch.policies.history import Used
from cloudsearch.policies.names import cut, depth

MOST_RESOURCES = 10_000
"""Resources that are kept apart for each action and condition."""

_SAMPLES = 3
_MOST_VALUES = 20
"""Endpoints or regions past which nobody wants a condition that lists them."""

Conditions = tuple[tuple[str, str], ...]
"""Condition keys and their values, as the use itself tells them."""

Key = tuple[str, Conditions]
"""An action and what narrows it."""


@dataclass(slots=True)
class Tally:
    """How often and when, and a few of the events; ``inferred`` of them were told by parameters alone."""

    count: int = 0
    first: datetime | None = None
    last: datetime | None = None
    samples: tuple[str, ...] = ()
    inferred: int = 0

    def add(self, event_id: str, time: datetime | None, *, is_inferred: bool) -> None:
        """One event more; of all ids the smallest are kept."""
        self.count += 1
        self.inferred += is_inferred
        if time is not None:
            if self.first is None or time < self.first:
                self.first = time
            if self.last is None or time > self.last:
                self.last = time
        samples = self.samples
        if len(samples) < _SAMPLES or event_id < samples[-1]:
            self.samples = tuple(sorted({*samples, event_id})[:_SAMPLES])

    def merge(self, other: Tally) -> None:
        """What another one counted."""
        self.count += other.count
        self.inferred += other.inferred
        self.first = min(filter(None, (self.first, other.first)), default=None)
        self.last = max(filter(None, (self.last, other.last)), default=None)
        self.samples = tuple(sorted({*self.samples, *other.samples})[:_SAMPLES])


@dataclass(slots=True)
class Circumstances:
    """What every use of an action had in common: endpoints, regions, MFA; none where a service made the call.

    None stands for too many values, or for a use without any.
    """

    endpoints: set[str] | None = field(default_factory=set)
    regions: set[str] | None = field(default_factory=set)
    mfa: bool = True
    invoked: bool = False

    def add(self, used: Used) -> None:
        """One use more."""
        self.endpoints = _with(self.endpoints, _endpoint(used))
        self.regions = _with(self.regions, used.region)
        if used.mfa is not True:
            self.mfa = False
        if used.row.get("invoked_by") or (used.via or "").startswith(("service:", "delegate:")):
            self.invoked = True

    def merge(self, other: Circumstances) -> None:
        """What others had in common too."""
        self.endpoints = _joined(self.endpoints, other.endpoints)
        self.regions = _joined(self.regions, other.regions)
        self.mfa = self.mfa and other.mfa
        self.invoked = self.invoked or other.invoked


def _endpoint(used: Used) -> str | None:
    """The VPC endpoint by its id; that of another account is hidden in the log."""
    return used.vpc_endpoint if used.vpc_endpoint and used.vpc_endpoint.startswith("vpce-") else None


def _with(values: set[str] | None, value: str | None) -> set[str] | None:
    if values is None or (value is not None and value in values):
        return values
    if not value or len(values) >= _MOST_VALUES:
        return None
    values.add(value)
    return values


def _joined(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    both = None if one is None or other is None else one | other
    return None if both is None or len(both) > _MOST_VALUES else both


@dataclass(slots=True)
class ActionUse:
    """One action under one condition: each resource it was used on, and uses of which nobody knows the resource.

    ``alone`` are uses of an action that takes no resource, ``uses`` all uses together, each once whatever it was on.
    ``deepest`` is how deep resources are told apart; None where all are.
    """

    uses: int = 0
    resources: dict[str, Tally] = field(default_factory=dict)
    alone: Tally = field(default_factory=Tally)
    unknown: Tally = field(default_factory=Tally)
    reasons: Counter[str] = field(default_factory=Counter)
    about: Circumstances = field(default_factory=Circumstances)
    deepest: int | None = None

    def add(self, use: Use, used: Used, most: int) -> None:
        """One use."""
        self.uses += 1
        self.about.add(used)
        for resource in use.arns:
            self._of(resource, most).add(used.event_id, used.time, is_inferred=use.is_inferred)
        if not use.takes_resources:
            self.alone.add(used.event_id, used.time, is_inferred=use.is_inferred)
        elif use.unknown or not use.arns:
            self.unknown.add(used.event_id, used.time, is_inferred=use.is_inferred)
            self.reasons[use.unknown] += 1

    def merge(self, other: ActionUse, most: int) -> None:
        """What another principal used, as if it were the same."""
        self.uses += other.uses
        self.about.merge(other.about)
        self.alone.merge(other.alone)
        self.unknown.merge(other.unknown)
        self.reasons.update(other.reasons)
        if other.deepest is not None and (self.deepest is None or other.deepest < self.deepest):
            self._fold(other.deepest)
        for resource, tally in other.resources.items():
            self._of(resource, most).merge(tally)

    def _of(self, resource: str, most: int) -> Tally:
        found = self.resources.get(resource)
        if found is not None:
            return found
        name = resource if self.deepest is None else cut(resource, self.deepest)
        found = self.resources.setdefault(name, Tally())
        while len(self.resources) > most and self.deepest != -1:
            self._fold(self._deeper() - 1)
            found = self.resources[cut(resource, self._deeper())]
        return found

    def _deeper(self) -> int:
        return max(map(depth, self.resources)) if self.deepest is None else self.deepest

    def _fold(self, deepest: int) -> None:
        before, self.resources, self.deepest = self.resources, {}, deepest
        for resource, tally in before.items():
            self.resources.setdefault(cut(resource, deepest), Tally()).merge(tally)


@dataclass(slots=True)
class Usage:
    """All that a principal used, by action and condition.

    ``strange`` counts the calls whose actions nobody knows, by event source and name; ``ids`` are the unique ids the
    principal had, several where it was made anew.
    """

    actions: dict[Key, ActionUse] = field(default_factory=dict)
    strange: Counter[tuple[str, str]] = field(default_factory=Counter)
    free: Counter[tuple[str, str]] = field(default_factory=Counter)
    ids: set[str] = field(default_factory=set)
    events: int = 0
    most: int = MOST_RESOURCES

    def add(self, used: Used) -> None:
        """One event."""
        self.events += 1
        if used.principal_id:
            self.ids.add(used.principal_id)
        for use in used.uses:
            key = use.action, use.conditions
            found = self.actions.get(key)
            if found is None:
                found = self.actions[key] = ActionUse()
            found.add(use, used, self.most)
        if not used.uses or all(use.is_inferred for use in used.uses):
            self._without_own(used)

    def merge(self, other: Usage) -> None:
        """What another principal used, as if it were the same."""
        for key, use in other.actions.items():
            self.actions.setdefault(key, ActionUse()).merge(use, self.most)
        self.strange.update(other.strange)
        self.free.update(other.free)
        self.ids |= other.ids
        self.events += other.events

    def _without_own(self, used: Used) -> None:
        """A call whose name tells no action: nobody knows it, it needs none, or its parameters alone tell it."""
        call = str(used.row.get("event_source") or ""), str(used.row.get("event_name") or "")
        mapping = actions_for(*call)
        if any(use.action in displacing() for use in used.uses):
            return
        if not mapping.is_known:
            self.strange[call] += 1
        elif not mapping.actions:
            self.free[call] += 1


def outcomes(*, include_failed: bool) -> tuple[Outcome, ...]:
    """What calls came to that a policy must allow: they were let in; perhaps those of which nobody knows."""
    let_in = (Outcome.OK, Outcome.ERROR)
    return (*let_in, Outcome.UNDETERMINED) if include_failed else let_in


Whose = Callable[[Used], str | None]
"""Whose use an event is, by any name; None where it is of nobody who was asked about."""


def usage(events: Iterable[Used], whose: Whose, most: int = MOST_RESOURCES) -> dict[str, Usage]:
    """What each principal used, from events in any order: one pass, whatever the number of principals."""
    found: dict[str, Usage] = {}
    for used in events:
        name = whose(used)
        if name is None:
            continue
        own = found.get(name)
        if own is None:
            own = found[name] = Usage(most=most)
        own.add(used)
    return found
