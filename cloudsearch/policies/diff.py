"""Today's policies against others: what goes, what stays, what is narrowed, statement by statement.

An Allow is compared action by action with all that the other policies say of its resources, its own Conditions taken
to hold: it stays where each of its actions is allowed on all of them, is narrowed where some actions or resources go,
and goes where nothing is left. A Deny stays where there is one like it. Statements of the other side that allow what
today's do not are new.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cloudsearch import catalogue
from cloudsearch.catalogue import Action
from cloudsearch.iam import (
    IDENTITY,
    Document,
    Effect,
    Facts,
    Layer,
    Policy,
    Principal,
    State,
    Statement,
    grants,
    render,
)
from cloudsearch.iam.conditions import Truth, implies
from cloudsearch.iam.documents import ConditionTest
from cloudsearch.iam.judge import Judge
from cloudsearch.iam.matching import ActionMatcher, overlaps
from cloudsearch.iam.resources import kinds_of


class Fate(StrEnum):
    """What becomes of a statement."""

    STAYS = "stays"
    NARROWED = "narrowed"
    GOES = "goes"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRow:
    """A statement and what becomes of it.

    ``before`` and ``after`` count the catalogue's actions that it allows and those of them that are still allowed, on
    some of its resources at least; ``goes`` and ``narrowed`` name those that are allowed no more or on fewer resources.
    Of a new statement ``after`` counts what is allowed anew, and ``narrowed`` is empty.
    """

    account: str
    principal: str
    policy: str
    sid: str | None
    statement: int
    effect: Effect
    fate: Fate
    before: int
    after: int
    goes: tuple[str, ...] = ()
    narrowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diff:
    """The comparison: its rows, the actions granted before and after over the catalogue, and the text's differences."""

    principal: Principal
    rows: tuple[DiffRow, ...]
    before: frozenset[str]
    after: frozenset[str]
    text: tuple[str, ...]


def diff(
    principal: Principal, others: Sequence[Policy], further: Sequence[Layer] = (), facts: Facts | None = None
) -> Diff:
    """Compare a principal's policies with others in their place; ``further`` bound both alike."""
    after = replace(principal, policies=tuple(others))
    sides = _Side(others, principal, principal.policies), _Side(principal.policies, principal, others)
    rows = [_row(principal, policy, one, sides[0]) for policy, one in _statements(principal.policies)]
    rows += [row for policy, one in _statements(others) if (row := _new(principal, policy, one, sides[1]))]
    return Diff(
        principal,
        tuple(rows),
        granted_of(principal, further, facts),
        granted_of(after, further, facts),
        tuple(unified(principal.policies, others)),
    )


def granted_of(principal: Principal, further: Sequence[Layer], facts: Facts | None = None) -> frozenset[str]:
    """The catalogue's actions that it is granted, on some resource and perhaps under some Condition."""
    return frozenset(
        grant.action.name for grant in grants(principal, further, facts) if grant.state is not State.NOT_GRANTED
    )


def unified(before: Sequence[Policy], after: Sequence[Policy]) -> Iterator[str]:
    """The differences of the JSON, policy by policy of the same name and way of attachment."""
    old, new = _texts(before), _texts(after)
    for name in sorted({*old, *new}):
        yield from difflib.unified_diff(
            old.get(name, []), new.get(name, []), f"today/{name}.json", f"new/{name}.json", lineterm=""
        )


def _texts(policies: Sequence[Policy]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for policy in policies:
        found[file_name(policy.name, found)] = json.dumps(render(policy.document), indent=2).split("\n")
    return found


def file_name(name: str, taken: Iterable[str]) -> str:
    """A name that a file can have and no other has: IAM's take no slash, but files may be named by anybody."""
    safe = "".join(one if one.isalnum() or one in "+=,.@-_ " else "_" for one in name).lstrip(".") or "policy"
    kept, number, free = {one.lower() for one in taken}, 1, safe
    while free.lower() in kept:
        number += 1
        free = f"{safe}-{number}"
    return free


def _statements(policies: Iterable[Policy]) -> Iterator[tuple[Policy, Statement]]:
    return ((policy, one) for policy in policies for one in policy.document.statements)


class _Side:
    """One side's policies, asked what they allow of statements of the other.

    Denies that both sides have take nothing away from one alone, and are left out.
    """

    def __init__(self, policies: Sequence[Policy], principal: Principal, others: Sequence[Policy]) -> None:
        shared = [_meaning(one) for _, one in _statements(others) if one.effect is Effect.DENY]
        self._all = [_meaning(one) for _, one in _statements(policies)]
        self._policies = tuple(_less(policy, shared) for policy in policies)
        self._principal = principal
        self._statements = [(one, ActionMatcher(one.actions.texts)) for _, one in _statements(self._policies)]
        self._has_denies = any(one.effect is Effect.DENY for one, _ in self._statements)
        self._judges: dict[tuple[ConditionTest, ...], Judge] = {}

    def has_like(self, other: Statement) -> bool:
        """Whether it has a statement of the same meaning."""
        return _meaning(other) in self._all

    def allows(self, other: Statement, action: str) -> Truth:
        """Whether an action of the other's Allow is allowed here on all of its resources, on some, on none.

        An action that it names but none of whose resources it has is allowed alike, which is not at all.
        """
        service, _, name = action.lower().partition(":")
        speaking = [
            one for one, matcher in self._statements if matcher.matches(service, name) is not one.actions.negated
        ]
        if not any(one.effect is Effect.ALLOW for one in speaking):
            return Truth.NO
        if not self._has_denies and any(_is_alike(one, other) for one in speaking):
            return Truth.YES
        return self._judged(other, action)

    def _judged(self, other: Statement, action: str) -> Truth:
        judge = self._assuming(other.conditions)
        states = {judge.judge(action, arn, {}).state for arn in resources_of(other, action, self._principal.partition)}
        if len(states) > 1:
            return Truth.PERHAPS
        return states.pop() if states else Truth.YES

    def _assuming(self, tests: tuple[ConditionTest, ...]) -> Judge:
        """A judge for requests in which these tests hold."""
        found = self._judges.get(tests)
        if found is None:
            policies = tuple(_assumed(policy, tests) for policy in self._policies)
            found = self._judges[tests] = Judge((Layer(IDENTITY, policies),), self._principal.partition)
        return found


def _less(policy: Policy, shared: Sequence[Mapping[str, object]]) -> Policy:
    """The policy without its Denies of these meanings."""
    kept = (one for one in policy.document.statements if one.effect is Effect.ALLOW or _meaning(one) not in shared)
    return replace(policy, document=replace(policy.document, statements=tuple(kept)))


def _assumed(policy: Policy, given: Sequence[ConditionTest]) -> Policy:
    """The policy without the tests that surely hold where the given ones do."""
    statements = tuple(
        replace(
            one, conditions=tuple(test for test in one.conditions if not any(implies(known, test) for known in given))
        )
        for one in policy.document.statements
    )
    return replace(policy, document=replace(policy.document, statements=statements))


def resources_of(statement: Statement, action: str, partition: str) -> tuple[str | None, ...]:
    """The resources of a statement that bear on an action; None for all that it takes, or where it takes none."""
    patterns = statement.resources
    if patterns is None or patterns.negated or any(not text.strip("*") for text in patterns.texts):
        return (None,)
    kinds = kinds_of(action, partition)
    return tuple(text for text in patterns.texts if any(overlaps(text, kind.loose) for kind in kinds))


def _row(principal: Principal, policy: Policy, statement: Statement, after: _Side) -> DiffRow:
    if statement.effect is Effect.DENY:
        return _deny(principal, policy, statement, after)
    states = {action.name: after.allows(statement, action.name) for action in _allowed_by(statement, principal)}
    goes = tuple(name for name, state in states.items() if state is Truth.NO)
    narrowed = tuple(name for name, state in states.items() if state is Truth.PERHAPS)
    fate = Fate.STAYS if not (goes or narrowed) else Fate.GOES if len(goes) == len(states) else Fate.NARROWED
    if not states and not after.has_like(statement):
        fate = Fate.GOES
    about = _about(principal, policy, statement)
    return replace(about, fate=fate, before=len(states), after=len(states) - len(goes), goes=goes, narrowed=narrowed)


def _deny(principal: Principal, policy: Policy, statement: Statement, after: _Side) -> DiffRow:
    stays, count = after.has_like(statement), len(actions_of(statement))
    fate = Fate.STAYS if stays else Fate.GOES
    return replace(_about(principal, policy, statement), fate=fate, before=count, after=count if stays else 0)


def _new(principal: Principal, policy: Policy, statement: Statement, today: _Side) -> DiffRow | None:
    """A statement of the other side that allows what today's do not, or a Deny that they do not have."""
    if today.has_like(statement):
        return None
    about = _about(principal, policy, statement)
    if statement.effect is Effect.DENY:
        return replace(about, fate=Fate.NEW, after=len(actions_of(statement)))
    allowed = _allowed_by(statement, principal)
    more = [action.name for action in allowed if today.allows(statement, action.name) is not Truth.YES]
    return replace(about, fate=Fate.NEW, after=len(more)) if more else None


def _about(principal: Principal, policy: Policy, statement: Statement) -> DiffRow:
    return DiffRow(
        account=principal.account,
        principal=principal.arn,
        policy=policy.name,
        sid=statement.sid,
        statement=statement.index,
        effect=statement.effect,
        fate=Fate.STAYS,
        before=0,
        after=0,
    )


def actions_of(statement: Statement) -> tuple[Action, ...]:
    """The catalogue's actions that a statement speaks of, in the catalogue's order."""
    texts = statement.actions.texts
    named = {action.name: action for text in texts for action in catalogue.expand(text)}
    if not statement.actions.negated:
        return tuple(named.values())
    return tuple(action for action in catalogue.everything() if action.name not in named)


def _allowed_by(statement: Statement, principal: Principal) -> list[Action]:
    """The actions that it allows on some resource of theirs; one that acts on ``*`` alone is allowed on that alone."""
    return [one for one in actions_of(statement) if resources_of(statement, one.name, principal.partition)]


def _is_alike(one: Statement, other: Statement) -> bool:
    """Whether a statement says the same of perhaps other actions."""
    alike = (one.effect, one.resources, one.has_variables) == (other.effect, other.resources, other.has_variables)
    return alike and all(
        any(implies(given, test) or given == test for given in other.conditions) for test in one.conditions
    )


def _meaning(one: Statement) -> Mapping[str, object]:
    return {
        "effect": one.effect,
        "actions": (frozenset(text.lower() for text in one.actions.texts), one.actions.negated),
        "resources": (frozenset(one.resources.texts), one.resources.negated) if one.resources else None,
        "conditions": frozenset(one.conditions),
        "variables": one.has_variables,
    }


def as_text(document: Document) -> str:
    """A document as people keep it."""
    return json.dumps(render(document), indent=2)
