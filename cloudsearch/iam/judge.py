"""Concrete requests: an action on a resource, in a context that is known as far as somebody saw it.

The statements are those of ``evaluate``, with its layers, Conditions and matching; only the resource is one instead of
all that the action takes, and more condition keys are known. So an answer here is never at odds with a report's.

=======  =================================================================================================
YES      every layer surely allows it and nothing may deny it
PERHAPS  a Condition hangs on a key that nobody saw, or the resource is not known and some of those that it may
         have been are allowed, or a policy's document is missing
NO       some layer does not allow it, or a Deny surely holds
=======  =================================================================================================

What lies on the principal's side is not the whole of AWS's evaluation. Within one account a resource's policy that
names the user, the role or its session allows by itself: an implicit deny of the identity's policies does not matter
then, nor (but for the role's own ARN) one of the boundary or a session policy. A Deny in any policy still wins, and
every level of service control policies has to allow in any case. Between accounts both sides must allow. So a NO is
``is_final`` where a Deny holds or a service control policy does not allow; where it is not, a resource's policy could
have let the request in, if its service knows such policies and the resource is of the principal's account: that is for
the caller to weigh, who knows what happened.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cloudsearch import catalogue
from cloudsearch.catalogue import Action
from cloudsearch.iam.conditions import Truth, decide
from cloudsearch.iam.documents import Effect, Statement
from cloudsearch.iam.evaluate import Evaluation, Scope, State
from cloudsearch.iam.facts import NOTHING_KNOWN, Facts, facts_of
from cloudsearch.iam.layers import IDENTITY, SCP, Layer, Rule, StatementRef, layers_of, rules_of
from cloudsearch.iam.matching import literal_start
from cloudsearch.iam.principals import Principal
from cloudsearch.iam.resources import Kind
from cloudsearch.iam.variables import resolve
from cloudsearch.where import fits

Context = Mapping[str, tuple[str, ...]]
"""Values of condition keys, in any case; none where a key is surely absent. A key that is not there is open."""

_WILD = frozenset("*?")
_CONTEXTS = 256
"""Contexts of which the statements are kept ready."""
_ODD = dict.fromkeys(range(8), "\ufffd")  # characters that patterns mean something by


@dataclass(frozen=True, slots=True)
class Judged:
    """What the policies say of a request, why, and by which statements, in the order of layers.

    ``is_final`` is a NO that no policy of a resource could change.
    """

    state: Truth
    reason: str
    statements: tuple[StatementRef, ...] = ()
    is_final: bool = False


def judge(who: Principal | Sequence[Layer], action: str, arn: str | None, context: Context) -> Judged:
    """Judge one request; ``arn`` is None where the action takes no resource or nobody knows which it was.

    Of a principal its own policies and boundary judge; for further layers give all of them, the identity's first.
    """
    if isinstance(who, Principal):
        return Judge.of(who).judge(action, arn, context)
    return Judge(who).judge(action, arn, context)


class Judge:
    """Judges requests of one principal; what they have in common is made ready once."""

    def __init__(
        self,
        layers: Sequence[Layer],
        partition: str = "aws",
        missing: tuple[str, ...] = (),
        facts: Facts = NOTHING_KNOWN,
    ) -> None:
        self._layers = tuple(layers)
        self._partition = partition
        self._missing = missing
        self._facts = facts
        self._requests: dict[frozenset[tuple[str, tuple[str, ...]]], Requests] = {}
        self._alike: dict[tuple[object, ...], Requests] = {}
        self._by_ref: dict[StatementRef, tuple[object, ...] | None] | None = None
        self._statements = [
            one for layer in self._layers for policy in layer.policies for one in policy.document.statements
        ]
        self._naming = _keys_of_resources(self._statements)
        self.keys = keys_in(self._layers)

    @classmethod
    def of(cls, principal: Principal, further: Sequence[Layer] = (), facts: Facts | None = None) -> Judge:
        """Of a principal with its policies and boundary, and what bounds it from above."""
        layers = (*layers_of(principal), *further)
        return cls(layers, principal.partition, principal.missing, facts or facts_of(principal))

    def judge(self, action: str, arn: str | None, context: Context) -> Judged:
        """Judge one request."""
        return self.requests(context).judge(action, arn)

    def lets_in_as(self, other: Judge, judged: Judged, by_other: Judged) -> bool:
        """Whether a request that the other's statements let in is surely let in by these, though both hang on a test.

        It is where every Allow that bears on it there does so here too, and every Deny here does so there: alike in
        resources and Conditions, whatever further actions they name.
        """
        if by_other.state is not Truth.PERHAPS or not by_other.statements:
            return False
        own, others = self._bearing(judged.statements), other._bearing(by_other.statements)
        if own is None or others is None:
            return False
        is_allow = {one for one in others if one[1] is Effect.ALLOW}
        return is_allow <= own and own - others <= {one for one in own if one[1] is Effect.ALLOW}

    def _bearing(self, refs: Iterable[StatementRef]) -> set[tuple[object, ...]] | None:
        """Statements without their actions; None where a name is of several."""
        if self._by_ref is None:
            self._by_ref = {}
            for layer in self._layers:
                for policy in layer.policies:
                    for one in policy.document.statements:
                        ref = StatementRef(policy.name, one.sid, one.index, one.effect, layer.name)
                        meaning = (layer.name, one.effect, one.resources, one.conditions, one.has_variables)
                        self._by_ref[ref] = None if ref in self._by_ref else meaning
        found = [self._by_ref.get(ref) for ref in refs]
        return None if None in found else {one for one in found if one is not None}

    def requests(self, context: Context) -> Requests:
        """What judges all requests of a context; keys that no statement asks for make no difference."""
        asked = frozenset((name, value) for key, value in context.items() if (name := key.lower()) in self.keys)
        found = self._requests.get(asked)
        if found is None:
            if len(self._requests) >= _CONTEXTS:
                self._requests.clear()  # cheaper than keeping an order
            found = self._requests[asked] = self._of(asked)
        return found

    def _of(self, asked: frozenset[tuple[str, tuple[str, ...]]]) -> Requests:
        """Contexts in which each test has the same answer, and each resource the same name, are one."""
        facts = self._facts.with_values(dict(asked))
        answers = (
            decide(test, facts, variables=one.has_variables) for one in self._statements for test in one.conditions
        )
        alike = (*answers, *sorted(pair for pair in asked if pair[0] in self._naming))
        found = self._alike.get(alike)
        if found is None:
            if len(self._alike) >= _CONTEXTS:
                self._alike.clear()
            found = self._alike[alike] = Requests(self._layers, self._partition, self._missing, facts)
        return found


class Requests(Evaluation):
    """Judges requests of one context."""

    def __init__(
        self,
        layers: Sequence[Layer],
        partition: str = "aws",
        missing: tuple[str, ...] = (),
        facts: Facts = NOTHING_KNOWN,
    ) -> None:
        super().__init__(layers, partition, missing, facts)
        self._asked: dict[str, _Asked] = {}
        self._anywhere: dict[str, Judged] = {}

    def judge(self, action: str, arn: str | None) -> Judged:
        """Judge one request."""
        if arn is None:
            return self._somewhere(action)
        asked = self._of(action)
        text = _text(arn)
        if not _WILD.isdisjoint(text):
            return self._concluded(asked, text, None)
        fitting = asked.fitting(text)
        found = asked.judged.get(fitting)
        if found is None:
            found = asked.judged[fitting] = self._concluded(asked, text, fitting)
        return found

    def _somewhere(self, action: str) -> Judged:
        """A request of which nobody knows the resource, or that has none."""
        found = self._anywhere.get(action)
        if found is None:
            known = catalogue.find(action) or Action(action, action.partition(":")[0].lower(), "", (), ())
            grant, asked = self.grant(known), self._of(action)
            reason, statements = asked.unmet(None) or (grant.reason, grant.statements)
            found = self._judged(grant.state, grant.scope, reason, statements, self._is_final(asked.rules, None))
            self._anywhere[action] = found
        return found

    def _of(self, action: str) -> _Asked:
        asked = self._asked.get(action)
        if asked is None:
            service, _, name = action.lower().partition(":")
            speaking = [
                tuple(rule for rule in rules if rule.matcher.matches(service, name) is not rule.negates_actions)
                for rules in (self._rules, self._void)
            ]
            asked = self._asked[action] = _Asked(*speaking)
        return asked

    def _concluded(self, asked: _Asked, text: str, fitting: frozenset[str] | None) -> Judged:
        """The decision of ``evaluate`` on resources of one kind: those that fit the text."""
        state, reason, statements, scope, refused_by = self._decide(asked.rules, (Kind(text),))
        if unmet := asked.unmet(fitting):
            reason, statements = unmet
        elif refused_by == IDENTITY and statements and all(one.effect is Effect.ALLOW for one in statements):
            reason = f"{statements[0]} allows it on other resources"
        return self._judged(state, scope, reason, statements, self._is_final(asked.rules, fitting))

    def _judged(
        self,
        state: State,
        scope: Scope,
        reason: str,
        statements: tuple[StatementRef, ...],
        final: bool,  # noqa: FBT001
    ) -> Judged:
        if state is State.GRANTED:
            sure = scope is Scope.ALL
            return Judged(Truth.YES, "", statements) if sure else Judged(Truth.PERHAPS, _SOME, statements)
        if state is State.CONDITIONAL:
            return Judged(Truth.PERHAPS, reason, statements)
        if self._missing and not final:
            return Judged(Truth.PERHAPS, f"the document of {', '.join(self._missing)} is missing", statements)
        return Judged(Truth.NO, reason, statements, final)

    def _is_final(self, rules: Sequence[Rule], fitting: frozenset[str] | None) -> bool:
        """Whether a Deny surely holds, or a level of service control policies allows nothing of it."""
        if any(not rule.allows and _holds(rule, fitting) is Truth.YES for rule in rules):
            return True
        levels = {place for place, layer in enumerate(self._layers) if layer.name.startswith(SCP)}
        open_levels = {rule.place for rule in rules if rule.allows and _holds(rule, fitting) is not Truth.NO}
        return not levels <= open_levels


_SOME = "granted on some of the resources that it may have been"


class _Asked:
    """The statements that speak of an action; their resource patterns sorted for comparing with one text.

    ``rules`` may hold, the Conditions of ``void`` do not.
    """

    def __init__(self, rules: tuple[Rule, ...], void: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.judged: dict[frozenset[str], Judged] = {}
        self._void = tuple(rule for rule in void if rule.place == 0)
        self._is_allowed = any(rule.allows and rule.place == 0 for rule in rules)
        patterns = frozenset().union(*(rule.patterns for rule in (*rules, *self._void)))
        self._exact = frozenset(one for one in patterns if _WILD.isdisjoint(one))
        self._wild = tuple((literal_start(one), one) for one in sorted(patterns - self._exact))

    def unmet(self, fitting: frozenset[str] | None) -> tuple[str, tuple[StatementRef, ...]] | None:
        """Whether nothing of the identity's allows it but statements whose Condition does not hold."""
        if self._is_allowed:
            return None
        unmet = (one for one in self._void if fitting is None or one.speaks_of(fitting) is not Truth.NO)
        found = next(unmet, None)
        return (f"the Condition of {found.ref} does not hold", (found.ref,)) if found else None

    def fitting(self, text: str) -> frozenset[str]:
        """The patterns that the text fits."""
        found = [one for start, one in self._wild if text.startswith(start) and fits(one, text)]
        return frozenset((*found, text) if text in self._exact else found)


def _holds(rule: Rule, fitting: frozenset[str] | None) -> Truth:
    """Whether the statement holds of the resource; where that is not known, whatever it was."""
    if fitting is not None:
        return min(rule.truth, rule.speaks_of(fitting))
    if rule.has_everything:
        return min(rule.truth, ~Truth.YES if rule.negates_resources else Truth.YES)
    return min(rule.truth, Truth.PERHAPS)


def _text(arn: str) -> str:
    """The ARN with what IAM writes for a star, a question mark and a dollar sign as those characters, no wildcards."""
    if not arn.isprintable():
        arn = arn.translate(_ODD)
    if "${" not in arn:
        return arn
    resolved = resolve(arn, NOTHING_KNOWN)
    return resolved.loose if resolved else arn


class _Noted(Mapping[str, tuple[str, ...]]):
    """No values at all, and a note of the keys that were asked for."""

    def __init__(self) -> None:
        self.keys_asked: set[str] = set()

    def __getitem__(self, key: str) -> tuple[str, ...]:
        self.keys_asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _keys_of_resources(statements: Iterable[Statement]) -> frozenset[str]:
    """The keys that variables in the statements' resources ask for."""
    noted = _Noted()
    for one in statements:
        for text in one.resources.texts if one.resources and one.has_variables else ():
            resolve(text, Facts(noted))
    return frozenset(noted.keys_asked)


def keys_in(layers: Iterable[Layer]) -> frozenset[str]:
    """The condition keys, in lower case, that Conditions and variables of the policies ask for."""
    noted = _Noted()
    for layer in layers:
        rules_of(layer, 0, Facts(noted))
    return frozenset(noted.keys_asked)
