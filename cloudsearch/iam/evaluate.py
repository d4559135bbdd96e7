"""Is it granted? Three values, after AWS's evaluation logic for what lies on the principal's own side.

Layers: the identity's policies, then each further one (the permissions boundary); every layer must allow and no
statement of any may deny. An action is **granted** when for some resource it supports every layer allows without a
Condition and nothing denies; **conditional** when that hangs on a Condition of an Allow or a Deny; else **not
granted**. Resource policies, trust and key policies are no part of it.

Resources are compared as patterns: an Allow opens regions (its own patterns, or for ``*`` the ARN patterns of the
action's resource types), a Deny closes those it covers whole. An action without resource types needs ``*``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cloudsearch import catalogue
from cloudsearch.catalogue import Action
from cloudsearch.iam.documents import Effect, Patterns, Statement
from cloudsearch.iam.matching import (
    ActionMatcher,
    covers,
    is_everything,
    overlaps,
    variables_as_text,
    variables_as_wildcards,
)
from cloudsearch.iam.principals import Policy, Principal


class State(StrEnum):
    """The three values."""

    GRANTED = "granted"
    CONDITIONAL = "conditional"
    NOT_GRANTED = "not granted"


class Scope(StrEnum):
    """Whether a grant holds for every resource of the action or for some."""

    ALL = "all"
    SOME = "some"


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement: its policy's name, its Sid and its place in the policy, from 0."""

    policy: str
    sid: str | None
    index: int
    effect: Effect

    def __str__(self) -> str:
        return f"{self.policy}, {self.sid or f'statement {self.index}'}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal's policies say of one action.

    ``statements`` are those that decide: the Allows of a grant (with the Denies whose Condition may take it away), the
    Denies of a refusal. ``missing`` is the principal's: where it is not empty NOT_GRANTED means not known.
    """

    action: Action
    state: State
    reason: str
    statements: tuple[StatementRef, ...]
    scope: Scope
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """Policies that together must allow: the identity's, a boundary, a level of service control policies."""

    name: str
    policies: tuple[Policy, ...]


IDENTITY = "identity"
BOUNDARY = "permissions boundary"


def layers_of(principal: Principal) -> tuple[Layer, ...]:
    """The principal's own layers; a boundary whose document is not known is ``missing`` and no layer."""
    boundary = (Layer(BOUNDARY, (principal.boundary,)),) if principal.boundary else ()
    return (Layer(IDENTITY, principal.policies), *boundary)


def grants(principal: Principal, further: Sequence[Layer] = ()) -> Iterator[Grant]:
    """What the principal is granted of the whole catalogue, one grant an action, in the catalogue's order."""
    evaluation = Evaluation((*layers_of(principal), *further), principal.partition, principal.missing)
    return map(evaluation.grant, catalogue.everything())


def granted(principal: Principal, actions: Iterable[str], further: Sequence[Layer] = ()) -> tuple[Grant, ...]:
    """What the principal is granted of the actions named, in their order; patterns are no names.

    An action the catalogue does not know is judged by the statements alone, and named as it came.
    """
    evaluation = Evaluation((*layers_of(principal), *further), principal.partition, principal.missing)
    return tuple(evaluation.grant(catalogue.find(name) or _stranger(name)) for name in actions)


def _stranger(name: str) -> Action:
    return Action(name, name.partition(":")[0].lower(), "", (), ())


class _Target(NamedTuple):
    """An action's resources: ARN patterns of its types; none where it has no types, and then it needs ``*``."""

    arns: tuple[str, ...]
    is_known: bool

    @property
    def needs_star(self) -> bool:
        return self.is_known and not self.arns

    @property
    def whole(self) -> tuple[str, ...]:
        return self.arns or ("*",)


class _Region(NamedTuple):
    """Resources that an Allow opens."""

    pattern: str
    rule: _Rule
    is_conditional: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """A statement made ready for many questions."""

    ref: StatementRef
    matcher: ActionMatcher
    negates_actions: bool
    resources: Patterns
    loose: tuple[str, ...]
    has_everything: bool
    is_conditional: bool

    def covers_action(self, service: str, name: str) -> bool:
        return self.matcher.matches(service, name) is not self.negates_actions

    def opens(self, target: _Target) -> tuple[str, ...]:
        """The resources, as patterns, that the statement speaks of when it allows."""
        texts, negated = self.resources.texts, self.resources.negated
        if self.has_everything is not negated and (self.has_everything or target.needs_star):
            return target.whole
        if self.has_everything or target.needs_star:
            return ()
        if negated:
            return tuple(arn for arn in target.whole if not any(covers(text, arn) for text in texts))
        whole = tuple(arn for arn in target.arns if any(covers(text, arn) for text in texts))
        if len(whole) == len(target.whole):
            return whole
        pairs = zip(texts, self.loose, strict=True)
        return whole + tuple(text for text, loose in pairs if any(overlaps(loose, arn) for arn in target.whole))

    def closes(self, region: str, target: _Target) -> bool:
        """Whether the statement surely speaks of all of a region when it denies."""
        if self.has_everything or target.needs_star:
            return self.has_everything is not self.resources.negated
        if self.resources.negated:
            plain = variables_as_wildcards(region)
            return not any(overlaps(loose, plain) for loose in self.loose)
        return any(covers(text, region) for text in self.resources.texts)

    def narrows(self, region: str, target: _Target) -> bool:
        """Whether a statement that does not close a region speaks of some of it when it denies."""
        if self.has_everything or target.needs_star:
            return False
        if self.resources.negated:
            return not any(covers(text, region) for text in self.resources.texts)
        return any(overlaps(loose, variables_as_wildcards(region)) for loose in self.loose)


def _rule(policy: Policy, statement: Statement) -> _Rule:
    resources = statement.resources or Patterns(("*",))
    texts, loose = resources.texts, resources.texts
    if statement.has_variables:
        texts, loose = tuple(map(variables_as_text, texts)), tuple(map(variables_as_wildcards, texts))
    return _Rule(
        ref=StatementRef(policy.name, statement.sid, statement.index, statement.effect),
        matcher=ActionMatcher(statement.actions.texts),
        negates_actions=statement.actions.negated,
        resources=Patterns(texts, resources.negated),
        loose=loose,
        has_everything=any(map(is_everything, texts)),
        is_conditional=bool(statement.conditions),
    )


class _Ready:
    """A layer's statements by effect, and by the services they touch."""

    def __init__(self, layer: Layer) -> None:
        self.name = layer.name
        rules = [_rule(policy, one) for policy in layer.policies for one in policy.document.statements]
        self._rules = {effect: [rule for rule in rules if rule.ref.effect is effect] for effect in Effect}
        self._by_service: dict[tuple[Effect, str], list[_Rule]] = {}

    def rules(self, effect: Effect, service: str, name: str) -> list[_Rule]:
        """The statements of an effect that cover an action."""
        near = self._by_service.get((effect, service))
        if near is None:
            near = [rule for rule in self._rules[effect] if rule.negates_actions or rule.matcher.touches(service)]
            self._by_service[effect, service] = near
        return [rule for rule in near if rule.covers_action(service, name)]


@dataclass(slots=True)
class _Decision:
    """What remains of the regions that were opened, and what closed the others."""

    regions: list[_Region] = field(default_factory=list)
    against: list[StatementRef] = field(default_factory=list)
    perhaps: list[StatementRef] = field(default_factory=list)
    is_narrowed: bool = False


class Evaluation:
    """Answers for one set of layers, the identity's first; statements are made ready once, actions asked at will."""

    def __init__(self, layers: Sequence[Layer], partition: str = "aws", missing: tuple[str, ...] = ()) -> None:
        self._identity, *self._further = map(_Ready, layers)
        self._partition = partition
        self._missing = missing

    def grant(self, action: Action) -> Grant:
        """Decide one action."""
        service, name = action.service, action.short_name.lower()
        allows = self._identity.rules(Effect.ALLOW, service, name)
        denies = [rule for layer in self._layers for rule in layer.rules(Effect.DENY, service, name)]
        if not allows and not denies:
            return self._refused(action, "no statement allows it", ())
        if not denies and not self._further and (free := _free(allows)):
            return Grant(action, State.GRANTED, "", _refs(free), Scope.ALL, self._missing)
        target = _target(action, self._partition)
        opened = [_Region(text, rule, rule.is_conditional) for rule in allows for text in rule.opens(target)]
        if not opened:
            return self._refused(action, *_unopened(allows, denies, target))
        decision = _closed(opened, denies, target)
        if not decision.regions:
            return self._refused(action, f"denied by {decision.against[0]}", tuple(decision.against))
        return self._through(action, decision, target)

    @property
    def _layers(self) -> tuple[_Ready, ...]:
        return (self._identity, *self._further)

    def _through(self, action: Action, decision: _Decision, target: _Target) -> Grant:
        """What the further layers let through of what the identity's opens."""
        regions = decision.regions
        narrowed = decision.is_narrowed
        for layer in self._further:
            rules = layer.rules(Effect.ALLOW, action.service, action.short_name.lower())
            before = regions
            regions = [passed for region in regions if (passed := _passed(region, rules, target))]
            narrowed = narrowed or not any(rule.has_everything for rule in rules)
            if not regions:
                return self._refused(action, f"the {layer.name} does not allow it", _refs(one.rule for one in before))
        sure = [region for region in regions if not region.is_conditional]
        is_whole = not narrowed and {region.pattern for region in sure or regions} >= set(target.whole)
        scope = Scope.ALL if is_whole else Scope.SOME
        if sure:
            reason = "" if is_whole else "on some resources"
            return Grant(action, State.GRANTED, reason, _refs(r.rule for r in sure), scope, self._missing)
        deciding = (*_refs(region.rule for region in regions), *decision.perhaps)
        return Grant(action, State.CONDITIONAL, _hangs_on(regions, decision), deciding, scope, self._missing)

    def _refused(self, action: Action, reason: str, statements: tuple[StatementRef, ...]) -> Grant:
        if self._missing or statements:
            return Grant(action, State.NOT_GRANTED, reason, statements, Scope.ALL, self._missing)
        return _plain_refusal(action, reason)


@lru_cache(maxsize=65536)
def _plain_refusal(action: Action, reason: str) -> Grant:
    return Grant(action, State.NOT_GRANTED, reason, (), Scope.ALL)


def _free(allows: Iterable[_Rule]) -> list[_Rule]:
    """Statements that allow everything unconditionally."""
    return [rule for rule in allows if rule.has_everything and not rule.is_conditional and not rule.resources.negated]


def _unopened(allows: list[_Rule], denies: list[_Rule], target: _Target) -> tuple[str, tuple[StatementRef, ...]]:
    """Why nothing is open."""
    if not allows:
        closing = [rule for rule in denies if not rule.is_conditional]
        return "no statement allows it", _refs(closing)
    if target.needs_star:
        return f"no resource can match: it acts on * alone, {allows[0].ref} names others", ()
    return f"no resource can match those of {allows[0].ref}", ()


def _closed(opened: Iterable[_Region], denies: Sequence[_Rule], target: _Target) -> _Decision:
    """Take away what is denied; what is denied on a Condition is conditional from then on."""
    decision = _Decision()
    for region in opened:
        closing = [rule for rule in denies if rule.closes(region.pattern, target)]
        if surely := [rule for rule in closing if not rule.is_conditional]:
            decision.against += _refs(surely)
            continue
        decision.perhaps += _refs(closing)
        decision.regions.append(region._replace(is_conditional=region.is_conditional or bool(closing)))
        others = (rule for rule in denies if rule not in closing)
        decision.is_narrowed = decision.is_narrowed or any(rule.narrows(region.pattern, target) for rule in others)
    decision.against = list(dict.fromkeys(decision.against))
    decision.perhaps = list(dict.fromkeys(decision.perhaps))
    return decision


def _passed(region: _Region, rules: Iterable[_Rule], target: _Target) -> _Region | None:
    """The region as a layer lets it through, None where it does not."""
    plain = variables_as_wildcards(region.pattern)
    letting = [
        rule for rule in rules if any(overlaps(variables_as_wildcards(text), plain) for text in rule.opens(target))
    ]
    if not letting:
        return None
    return region._replace(is_conditional=region.is_conditional or all(rule.is_conditional for rule in letting))


def _hangs_on(regions: Sequence[_Region], decision: _Decision) -> str:
    """Whose Condition decides."""
    if decision.perhaps:
        return f"unless the Condition of {decision.perhaps[0]} holds"
    own = next((region.rule.ref for region in regions if region.rule.is_conditional), None)
    return f"if the Condition of {own} holds" if own else "if a Condition of a further layer holds"


def _refs(rules: Iterable[_Rule]) -> tuple[StatementRef, ...]:
    return tuple(dict.fromkeys(rule.ref for rule in rules))


@lru_cache(maxsize=65536)
def _target(action: Action, partition: str) -> _Target:
    arns = catalogue.arn_patterns(action.name)
    own = tuple(f"arn:{partition}:{arn[6:]}" if arn.startswith("arn:*:") else arn for arn in arns)
    return _Target(own, catalogue.find(action.name) is not None)
