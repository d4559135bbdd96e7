"""Layers of policies, and statements made ready for many questions.

Every layer must allow and no statement of any may deny: the identity's policies, a permissions boundary, each level of
service control policies, a session policy. Within a layer the policies are a union.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cloudsearch.iam.conditions import Truth, holds, open_tests
from cloudsearch.iam.documents import ConditionTest, Effect, Patterns, Statement
from cloudsearch.iam.facts import Facts
from cloudsearch.iam.matching import ActionMatcher, is_everything
from cloudsearch.iam.principals import Policy, Principal
from cloudsearch.iam.variables import Text, resolve, without

IDENTITY = "identity"
BOUNDARY = "permissions boundary"
SCP = "service control policy"
SESSION = "session policy"


@dataclass(frozen=True, slots=True)
class Layer:
    """Policies that together must allow: the identity's, a boundary, a level of service control policies.

    Of one that is not told, a boundary whose document nobody has, nobody knows what it allows.
    """

    name: str
    policies: tuple[Policy, ...]
    is_told: bool = True

    @property
    def allows_nothing(self) -> bool:
        """Whether it has no Allow at all, so that nothing passes."""
        return not any(one.effect is Effect.ALLOW for policy in self.policies for one in policy.document.statements)


def layers_of(principal: Principal) -> tuple[Layer, ...]:
    """The principal's own layers; a boundary whose document is ``missing`` is one that is not told."""
    identity = Layer(IDENTITY, principal.policies)
    if principal.boundary:
        return identity, Layer(BOUNDARY, (principal.boundary,))
    return (identity, Layer(BOUNDARY, (), is_told=False)) if principal.boundary_arn else (identity,)


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement: its policy's name, its Sid and its place in the policy, from 0, and the layer it stands in."""

    policy: str
    sid: str | None
    index: int
    effect: Effect
    layer: str = IDENTITY

    def __str__(self) -> str:
        return f"{self.policy}, {self.sid or f'statement {self.index}'}"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A statement made ready for many questions; ``place`` is its layer's, ``order`` its own. Compared by identity.

    ``patterns`` are all that resources have to be compared with.
    """

    ref: StatementRef
    allows: bool
    place: int
    order: int
    matcher: ActionMatcher
    negates_actions: bool
    texts: tuple[Text, ...]
    patterns: frozenset[str]
    has_everything: bool
    negates_resources: bool
    truth: Truth
    open_tests: tuple[ConditionTest, ...]

    def touches(self, service: str) -> bool:
        """Whether it might speak of any of the service's actions."""
        return self.negates_actions or self.matcher.touches(service)

    def speaks_of(self, fitting: frozenset[str]) -> Truth:
        """Whether it speaks of resources that fit these of the patterns, whatever its Condition."""
        if self.has_everything or any(text.sure in fitting for text in self.texts):
            named = Truth.YES
        elif any(text.loose in fitting for text in self.texts):
            named = Truth.PERHAPS
        else:
            named = Truth.NO
        return ~named if self.negates_resources else named


def rules_of(layer: Layer, place: int, facts: Facts) -> list[Rule]:
    """The layer's statements in order; one of a kind without resources speaks of everything."""
    told = [(policy.name, one) for policy in layer.policies for one in policy.document.statements]
    return [
        _rule(one, StatementRef(name, one.sid, one.index, one.effect, layer.name), (place, order), facts)
        for order, (name, one) in enumerate(told)
    ]


def _rule(statement: Statement, ref: StatementRef, where: tuple[int, int], facts: Facts) -> Rule:
    place, order = where
    variables = statement.has_variables
    resources = statement.resources or Patterns(("*",))
    resolved = (_resource(text, facts, variables=variables) for text in resources.texts)
    texts = tuple(text for text in resolved if text is not None)
    has_everything = any(is_everything(text) for text in resources.texts)
    return Rule(
        ref=ref,
        allows=ref.effect is Effect.ALLOW,
        place=place,
        order=order,
        matcher=_matcher(statement.actions.texts),
        negates_actions=statement.actions.negated,
        texts=texts,
        patterns=frozenset(() if has_everything else (form for text in texts for form in text)),
        has_everything=has_everything,
        negates_resources=resources.negated,
        truth=holds(statement.conditions, facts, variables=variables),
        open_tests=open_tests(statement.conditions, facts, variables=variables),
    )


@lru_cache(maxsize=4096)
def _matcher(patterns: tuple[str, ...]) -> ActionMatcher:
    return ActionMatcher(patterns)


def _resource(text: str, facts: Facts, *, variables: bool) -> Text | None:
    """A resource pattern with its variables resolved; an ARN of fewer than six parts ends in stars.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    if text.startswith("arn:"):
        text += ":*" * (5 - without(text).count(":"))
    return resolve(text, facts) if variables else Text(text, text)
