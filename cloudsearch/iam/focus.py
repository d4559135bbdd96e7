"""Policies as far as they speak of some actions, and of one resource: all else that they say is left out.

What is left is judged by ``evaluate`` as ever, and statements keep their names and places. So a question about one
action need not go through all that a principal may do, and one about a resource is answered as a request for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from cloudsearch.iam.conditions import Truth
from cloudsearch.iam.documents import ConditionTest, Effect, Patterns, Statement
from cloudsearch.iam.facts import Facts
from cloudsearch.iam.layers import BOUNDARY, IDENTITY, Layer, Rule, rules_of
from cloudsearch.iam.matching import matches_resource
from cloudsearch.iam.principals import Principal
from cloudsearch.iam.resources import kinds_of
from cloudsearch.iam.variables import literal

_NOTHING = Patterns(())


@dataclass(frozen=True, slots=True)
class Focus:
    """Some actions, by their names as AWS writes them, and perhaps one resource that they act on: an ARN."""

    actions: Collection[str]
    resource: str | None = None

    def principal(self, whole: Principal, facts: Facts) -> Principal:
        """The principal with what its own policies, and its boundary, say of these."""
        own = self.layer(Layer(IDENTITY, whole.policies), facts)
        limits = self.layer(Layer(BOUNDARY, (whole.boundary,) if whole.boundary else ()), facts)
        return replace(whole, policies=own.policies, boundary=next(iter(limits.policies), None))

    def layer(self, whole: Layer, facts: Facts) -> Layer:
        """A layer with what it says of these."""
        rules = iter(rules_of(whole, 0, facts))  # one for each statement, in order
        policies = []
        for policy in whole.policies:
            statements = tuple(self._statement(one, next(rules)) for one in policy.document.statements)
            policies.append(replace(policy, document=replace(policy.document, statements=statements)))
        return Layer(whole.name, tuple(policies))

    def _statement(self, whole: Statement, rule: Rule) -> Statement:
        """The statement of these alone; it stays, naming no action, where it says nothing of them."""
        own = tuple(name for name in self.actions if _names(rule, name))
        truth = self._speaks(rule) if self.resource else Truth.YES
        if truth is Truth.NO or not own:
            return replace(whole, actions=_NOTHING)
        conditions = (*whole.conditions, *([_open(whole)] if truth is Truth.PERHAPS else ()))
        resources = self._resource(whole) if self.resource else whole.resources
        return replace(whole, actions=Patterns(own), resources=resources, conditions=conditions)

    def _speaks(self, rule: Rule) -> Truth:
        """Whether the statement, whatever its Condition, speaks of the resource."""
        wanted = literal(self.resource or "")
        return rule.speaks_of(frozenset(one for one in rule.patterns if matches_resource(one, wanted)))

    def _resource(self, statement: Statement) -> Patterns:
        """What stands for the resource. A Deny closes everything: nothing else is asked for."""
        if statement.effect is Effect.DENY:
            return Patterns(("*",))
        text = self.resource or ""
        return Patterns((text.replace("$", "${$}") if statement.has_variables else text,))


def _open(statement: Statement) -> ConditionTest:
    """That variables name the resource, as a Condition that only a request decides, alike for like patterns."""
    patterns = statement.resources or Patterns(())
    return ConditionTest("StringNotEquals" if patterns.negated else "StringEquals", " ".join(patterns.texts), ("1",))


def acts_on(action: str, resource: str) -> bool:
    """Whether the resource is of a type that the action acts on; of one that acts on ``*`` alone, none is."""
    partition = resource.split(":", 2)[1] if resource.count(":") > 1 else ""
    return any(kind.takes(literal(resource)) for kind in kinds_of(action, partition))


def _names(rule: Rule, action: str) -> bool:
    service, _, name = action.lower().partition(":")
    return rule.matcher.matches(service, name) is not rule.negates_actions
