"""Is it granted? Three values, after AWS's evaluation logic for what lies on the principal's own side.

Every layer must allow and no statement of any may deny. An action is **granted** when for some resource it supports
every layer allows without an open Condition and nothing denies; **conditional** when that hangs on a Condition, or on
a variable, that only a request decides; else **not granted**. Conditions that the principal decides are decided.
Resource policies, trust and key policies are no part of it, nor that one call may need several resources at once.

An action's resources are sorted by the patterns they fit (``regions``) and each sort is judged as one request would
be, so that what statements close together is closed. An action without resource types needs ``*``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cloudsearch import catalogue
from cloudsearch.catalogue import Action
from cloudsearch.iam.conditions import Truth, implies
from cloudsearch.iam.documents import Effect
from cloudsearch.iam.facts import NOTHING_KNOWN, Facts, facts_of
from cloudsearch.iam.layers import IDENTITY, SCP, Layer, Rule, StatementRef, layers_of, rules_of
from cloudsearch.iam.principals import Principal
from cloudsearch.iam.regions import Group, regions
from cloudsearch.iam.resources import ANYTHING, Kind, kinds_of

__all__ = ["Evaluation", "Grant", "Layer", "Scope", "State", "granted", "grants"]


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
class Grant:
    """What a principal's policies say of one action.

    ``statements`` are those that decide, in the order of layers: the identity's Allows that grant, the Allows of
    further layers that let but some of it through, the Denies that limit it or that a Condition may bring in; the
    Denies of a refusal, or the Allows that a further layer does not let through. ``refused_by`` is the layer that
    refuses, where the state is NOT_GRANTED. ``missing`` is the principal's: where it is not empty NOT_GRANTED means
    not known.
    """

    action: Action
    state: State
    reason: str
    statements: tuple[StatementRef, ...]
    scope: Scope
    missing: tuple[str, ...] = ()
    refused_by: str | None = None

    @property
    def allows(self) -> tuple[StatementRef, ...]:
        """The statements that grant it, or would, and what further layers let through of it."""
        return tuple(one for one in self.statements if one.effect is Effect.ALLOW)

    @property
    def denies(self) -> tuple[StatementRef, ...]:
        """The statements that deny or limit it, or may."""
        return tuple(one for one in self.statements if one.effect is Effect.DENY)


def grants(principal: Principal, further: Sequence[Layer] = (), facts: Facts | None = None) -> Iterator[Grant]:
    """What the principal is granted of the whole catalogue, one grant an action, in the catalogue's order.

    ``facts`` are what is known of it; without them what it tells itself.
    """
    evaluation = _evaluation(principal, further, facts)
    for service in catalogue.services():
        yield from evaluation.grants_of(service)


def granted(
    principal: Principal, actions: Iterable[str], further: Sequence[Layer] = (), facts: Facts | None = None
) -> tuple[Grant, ...]:
    """What the principal is granted of the actions named, in their order; patterns are no names.

    An action the catalogue does not know is judged by the statements alone, and named as it came.
    """
    evaluation = _evaluation(principal, further, facts)
    return tuple(evaluation.grant(catalogue.find(name) or _stranger(name)) for name in actions)


def _evaluation(principal: Principal, further: Sequence[Layer], facts: Facts | None) -> Evaluation:
    layers = (*layers_of(principal), *further)
    return Evaluation(layers, principal.partition, principal.missing, facts or facts_of(principal))


def _stranger(name: str) -> Action:
    return Action(name, name.partition(":")[0].lower(), "", (), ())


class _Decision(NamedTuple):
    """A grant without its action: many actions share one."""

    state: State
    reason: str
    statements: tuple[StatementRef, ...]
    scope: Scope = Scope.ALL
    refused_by: str | None = None


class _Case(NamedTuple):
    """Resources that the statements cannot tell apart, and what the statements say of them.

    ``passes`` is what each layer lets through, ``closing`` the Denies that surely hold where its Allows do.
    """

    value: Truth
    passes: tuple[Truth, ...]
    allows: tuple[Rule, ...]
    denies: tuple[Rule, ...]
    closing: tuple[Rule, ...]

    @property
    def own(self) -> tuple[Rule, ...]:
        """The identity's Allows."""
        return tuple(rule for rule in self.allows if rule.place == 0)


class Evaluation:
    """Layers, the identity's first; statements are made ready once, actions asked at will."""

    def __init__(
        self,
        layers: Sequence[Layer],
        partition: str = "aws",
        missing: tuple[str, ...] = (),
        facts: Facts = NOTHING_KNOWN,
    ) -> None:
        self._layers = tuple(layers)
        self._least = tuple(Truth.NO if layer.is_told else Truth.PERHAPS for layer in layers)
        self._partition = partition
        self._missing = missing
        rules = [rule for place, layer in enumerate(layers) for rule in rules_of(layer, place, facts)]
        self._rules = [rule for rule in rules if rule.truth is not Truth.NO]
        self._naming = frozenset(rule for rule in self._rules if rule.patterns)
        self._void = [rule for rule in rules if rule.truth is Truth.NO and rule.allows]
        self._implied: dict[tuple[Rule, Rule], bool] = {}
        self._decisions: dict[tuple[tuple[Rule, ...], tuple[Kind, ...]], _Decision] = {}

    def grant(self, action: Action) -> Grant:
        """Decide one action."""
        service, name = action.service, action.short_name.lower()
        rules = tuple(rule for rule in self._rules if rule.matcher.matches(service, name) is not rule.negates_actions)
        return self._grant(action, rules, kinds_of(action.name, self._partition))

    def grants_of(self, service: str) -> Iterator[Grant]:
        """Decide every action of a service, in the catalogue's order."""
        touching = [rule for rule in self._rules if rule.touches(service)]
        if not (touching or self._void or self._missing):
            yield from _nothing_of(service)
            return
        names = _names(service)
        covered = [(rule, rule.matcher.covered(service, names), rule.negates_actions) for rule in touching]
        for action, name in zip(catalogue.actions_of(service), names, strict=True):
            rules = tuple([rule for rule, found, negated in covered if (name in found) is not negated])
            yield self._grant(action, rules, kinds_of(action.name, self._partition))

    def _grant(self, action: Action, rules: tuple[Rule, ...], kinds: tuple[Kind, ...]) -> Grant:
        if kinds and self._naming.isdisjoint(rules):
            kinds = ANYTHING  # nothing tells one resource from another
        decision = self._decisions.get((rules, kinds))
        if decision is None:
            decision = self._decisions[rules, kinds] = self._decide(rules, kinds)
        if self._void and decision.reason == _NO_ALLOW:
            decision = self._never(action, decision)
        return _of(action, decision, self._missing)

    def _never(self, action: Action, decision: _Decision) -> _Decision:
        """Whether an Allow whose Condition cannot hold is why nothing allows."""
        service, name = action.service, action.short_name.lower()
        for rule in self._void:
            if rule.place == 0 and rule.matcher.matches(service, name) is not rule.negates_actions:
                reason = f"the Condition of {rule.ref} cannot hold for this principal"
                return decision._replace(reason=reason, statements=(rule.ref, *decision.statements))
        return decision

    def _decide(self, rules: tuple[Rule, ...], kinds: tuple[Kind, ...]) -> _Decision:
        if not any(rule.allows and rule.place == 0 for rule in rules):
            denies = (rule for rule in rules if not rule.allows and rule.truth is Truth.YES)
            return _Decision(State.NOT_GRANTED, _NO_ALLOW, _refs(denies), refused_by=IDENTITY)
        sorts, is_whole = regions(kinds, frozenset().union(*(rule.patterns for rule in rules)), _groups(rules))
        speaking = _speaking(rules)
        cases = [self._case(speaking(fitting), fitting) for fitting in sorts]
        best = max((case.value for case in cases), default=Truth.NO)
        is_all = is_whole and all(case.value is best for case in cases)
        scope = Scope.ALL if is_all else Scope.SOME
        if best is Truth.YES:
            return _Decision(State.GRANTED, "" if is_all else "on some resources", _granting(cases), scope)
        winners = [case for case in cases if case.value is best]
        if best is Truth.PERHAPS:
            reason, deciding = self._hangs_on(winners)
            return _Decision(State.CONDITIONAL, reason, deciding, scope)
        if not is_whole:
            return _Decision(State.CONDITIONAL, "its patterns are too many to decide", _refs(rules), scope)
        return self._refusal(rules, winners, kinds)

    def _case(self, rules: Sequence[Rule], fitting: frozenset[str]) -> _Case:
        """Judge resources that fit these patterns as one request would be."""
        spoken = [(rule, truth, min(rule.truth, truth)) for rule in rules if (truth := rule.speaks_of(fitting))]
        denies = [(rule, truth) for rule, truth, _ in spoken if not rule.allows]
        allows = [(rule, truth, self._voiding(rule, denies, fitting)) for rule, _, truth in spoken if rule.allows]
        passes = tuple(
            max((truth for rule, truth, voiding in allows if rule.place == place and not voiding), default=least)
            for place, least in enumerate(self._least)
        )
        denied = max((truth for rule, _, truth in spoken if not rule.allows), default=Truth.NO)
        return _Case(
            value=min(*passes, ~denied),
            passes=passes,
            allows=tuple(rule for rule, _, _ in allows),
            denies=tuple(rule for rule, _ in denies),
            closing=tuple(deny for _, _, voiding in allows for deny in voiding),
        )

    def _voiding(self, allow: Rule, denies: Iterable[tuple[Rule, Truth]], fitting: frozenset[str]) -> tuple[Rule, ...]:
        """The Denies that, on resources that fit these patterns, hold in every request in which the Allow does."""
        return tuple(
            deny
            for deny, truth in denies
            if (truth is Truth.YES or _names_the_same(allow, deny, fitting)) and self._implies(allow, deny)
        )

    def _implies(self, allow: Rule, deny: Rule) -> bool:
        """Whether the Condition of the Deny holds in every request in which that of the Allow does."""
        if not deny.open_tests:
            return True
        found = self._implied.get((allow, deny))
        if found is None:
            found = all(any(implies(given, test) for given in allow.open_tests) for test in deny.open_tests)
            self._implied[allow, deny] = found
        return found

    def _hangs_on(self, cases: Sequence[_Case]) -> tuple[str, tuple[StatementRef, ...]]:
        """Whose Condition, or open variable, decides; and all statements that bear on it."""
        own = [rule for case in cases for rule in case.own]
        denies = [rule for case in cases for rule in case.denies]
        further = [
            rule for case in cases for rule in case.allows if rule.place and case.passes[rule.place] is Truth.PERHAPS
        ]
        deciding = _refs((*own, *further, *denies))
        if denies:
            return f"unless {_hinge(denies[0])}", deciding
        if all(case.passes[0] is Truth.PERHAPS for case in cases):
            return f"if {_hinge(own[0])}", deciding
        if further:
            return f"if {_hinge(further[0])}", deciding
        untold = next(layer for layer in self._layers if not layer.is_told)
        return f"if the {untold.name}, whose document is missing, allows it", deciding

    def _refusal(self, rules: Sequence[Rule], cases: Sequence[_Case], kinds: tuple[Kind, ...]) -> _Decision:
        """Who refuses: nobody allows it there, a Deny closes all that is allowed, a layer lets nothing of it pass."""
        opened = [case for case in cases if case.own]
        if not opened:
            return _unopened(rules, kinds)
        left = [case for case in opened if not case.closing]
        if not left:
            closing = [rule for case in opened for rule in case.closing]
            first = min(closing, key=_place)
            reason = f"denied by {_named(first)}"
            return _Decision(State.NOT_GRANTED, reason, _refs(closing), refused_by=first.ref.layer)
        refused = _refs(rule for case in left for rule in case.own)
        through = max(_layers_passed(case) for case in left)
        layer = self._layers[through]
        return _Decision(State.NOT_GRANTED, _does_not_allow(layer), refused, refused_by=layer.name)


_NO_ALLOW = "no statement allows it"


def _speaking(rules: Sequence[Rule]) -> Callable[[frozenset[str]], list[Rule]]:
    """Gives the statements that may speak of resources which fit some patterns: of many each sort concerns few."""
    anyway = {rule for rule in rules if rule.has_everything or rule.negates_resources}
    by_pattern: dict[str, set[Rule]] = {}
    for rule in rules:
        for pattern in rule.patterns:
            by_pattern.setdefault(pattern, set()).add(rule)

    def of(fitting: frozenset[str]) -> list[Rule]:
        found = anyway.union(*(by_pattern[pattern] for pattern in fitting))
        return sorted(found, key=_place)

    return of


def _place(rule: Rule) -> tuple[int, int]:
    return rule.place, rule.order


def _groups(rules: Sequence[Rule]) -> frozenset[Group]:
    """Patterns of which one is enough: a statement's, all the Denies', and those of each layer's Allows."""
    uses: dict[str, set[Rule | None]] = {}
    for rule in rules:
        for text in rule.texts:
            uses.setdefault(text.sure, set()).add(None if text.is_open else rule)
            uses.setdefault(text.loose, set()).add(None if text.is_open else rule)
    groups, together = [], dict[tuple[Effect, int], tuple[set[str], set[str]]]()
    for rule in rules:
        own = frozenset(text.sure for text in rule.texts if uses[text.sure] == {rule})
        groups.append(Group(own, own, is_one=True))
        if not rule.negates_resources:
            enough, members = together.setdefault((rule.ref.effect, rule.place * rule.allows), (set(), set()))
            members |= own
            enough |= own if rule.truth is Truth.YES else set()
    groups += [Group(frozenset(enough), frozenset(members), is_one=False) for enough, members in together.values()]
    return frozenset(group for group in groups if group.enough and len(group.members) > 1)


def _names_the_same(allow: Rule, deny: Rule, fitting: frozenset[str]) -> bool:
    """Whether the Deny has every text by which the Allow may speak of the resources: their variables are alike."""
    if allow.negates_resources or deny.negates_resources or allow.has_everything:
        return False
    return all(text in deny.texts for text in allow.texts if text.loose in fitting)


def _granting(cases: Iterable[_Case]) -> tuple[StatementRef, ...]:
    """The Allows that grant, the Denies that take something of it away, and the Allows of layers that limit it."""
    allows: list[Rule] = []
    denies: list[Rule] = []
    limiting: set[int] = set()
    for case in cases:
        if case.value is Truth.YES:
            allows += [rule for rule in case.allows if rule.truth is Truth.YES]
        elif case.own:
            denies += case.denies
            limiting |= {place for place, truth in enumerate(case.passes) if truth is not Truth.YES}
    return _refs((*(rule for rule in allows if rule.place in {0, *limiting}), *denies))


def _layers_passed(case: _Case) -> int:
    """How many layers, from the identity's on, let something of it pass."""
    return next(place for place, truth in enumerate(case.passes) if truth is Truth.NO)


def _unopened(rules: Iterable[Rule], kinds: tuple[Kind, ...]) -> _Decision:
    """Why nothing is open although an Allow names the action."""
    allows = _refs(rule for rule in rules if rule.allows and rule.place == 0)
    if kinds:
        reason = f"no resource can match those of {allows[0]}"
    else:
        reason = f"no resource can match: it acts on * alone, {allows[0]} names others"
    return _Decision(State.NOT_GRANTED, reason, allows, refused_by=IDENTITY)


def _does_not_allow(layer: Layer) -> str:
    if layer.name.startswith(SCP) and layer.allows_nothing:
        return f"the {layer.name} allows nothing at all: FullAWSAccess missing?"
    return f"the {layer.name} does not allow it"


def _hinge(rule: Rule) -> str:
    """What a request has to bring for the statement to hold."""
    if rule.truth is Truth.PERHAPS:
        return f"the Condition of {_named(rule)} holds"
    return f"a variable of {_named(rule)} names the resource"


def _named(rule: Rule) -> str:
    return f"{rule.ref}" if rule.place == 0 else f"the {rule.ref.layer}: {rule.ref}"


def _refs(rules: Iterable[Rule]) -> tuple[StatementRef, ...]:
    """The statements in the order of layers and policies, each once."""
    return tuple(rule.ref for rule in sorted(set(rules), key=_place))


@lru_cache(maxsize=1024)
def _names(service: str) -> tuple[str, ...]:
    return tuple(action.short_name.lower() for action in catalogue.actions_of(service))


@lru_cache(maxsize=1024)
def _nothing_of(service: str) -> tuple[Grant, ...]:
    """Every action of the service, allowed by nobody."""
    decision = _Decision(State.NOT_GRANTED, _NO_ALLOW, (), refused_by=IDENTITY)
    return tuple(_of(action, decision) for action in catalogue.actions_of(service))


def _of(action: Action, decision: _Decision, missing: tuple[str, ...] = ()) -> Grant:
    state, reason, statements, scope, refused_by = decision
    return Grant(action, state, reason, statements, scope, missing, refused_by)
