"""What a call's parameters show beside its name: actions it used that are inferred, never sure.

``data/pass_role.tsv`` knows the calls that hand a role to a service, ``data/parameters.tsv`` those whose parameters ask
for another permission: an ACL set with the object, tags given at creation, a version of an object, the verbs of
a statement. Where a parameter makes the action of the call's own name wrong, ``displaced`` names that one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from cloudsearch.actions import rules
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.mapping import actions_for
from cloudsearch.actions.parameters import Condition, Layers, condition, frame_of, layers, plain
from cloudsearch.actions.passing import PASS_ROLE, Carriers, PassedRole, passing_calls, roles_in
from cloudsearch.actions.tables import table


@dataclass(frozen=True, slots=True)
class _Variant:
    """Actions a call needs when its parameters meet one of the alternatives; all conditions of that one hold.

    ``names`` are the parameters the alternatives begin at: a call without any of them needs no closer look.
    """

    alternatives: tuple[tuple[Condition, ...], ...]
    names: frozenset[str]
    actions: tuple[str, ...]
    instead: tuple[str, ...]

    def reads(self, path: tuple[str, ...]) -> bool:
        """Whether any condition looks at the path, at something above it or below it."""
        return any(one.reads(path) for conditions in self.alternatives for one in conditions)

    def applies(self, where: Layers) -> bool:
        if all(self.names.isdisjoint(layer) for layer in where):
            return False
        return any(all(one.holds(where) for one in conditions) for conditions in self.alternatives)


@dataclass(frozen=True, slots=True)
class _Call:
    """All that can be inferred from a call's parameters."""

    name: str
    carriers: Carriers = field(default_factory=dict)
    variants: tuple[_Variant, ...] = ()


def infers(event_source: str, event_name: str) -> bool:
    """Whether anything can be inferred from the call's parameters; where not, nobody need read them."""
    return _call(event_source, event_name) is not None


@lru_cache(maxsize=16384)
def may_tell(event_source: str, event_name: str, names: tuple[str, ...]) -> bool:
    """Whether parameters of these names, of an ``infers`` call, are worth reading."""
    call = _call(event_source, event_name)
    if call is None or call.carriers:
        return call is not None
    given = {plain(name) for name in names}
    return frame_of(call.name) in given or any(not variant.names.isdisjoint(given) for variant in call.variants)


def inferred_for(event_source: str, event_name: str, record: object) -> tuple[str, ...]:
    """The actions that a call's parameters show it used beside those of its name; ``record`` is requestParameters.

    Pure, and ready for anything JSON can hold. Only what the caller's own permission paid for is named.
    """
    call = _call(event_source, event_name)
    if call is None or not isinstance(record, dict):
        return ()
    found = [PASS_ROLE] if call.carriers and any(True for _ in roles_in(record, call.carriers)) else []
    where = layers(record, call.name) if call.variants else ()
    for variant in call.variants:
        if variant.applies(where):
            found.extend(variant.actions)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=4096)
def told_by_parameters(event_source: str, event_name: str) -> frozenset[str]:
    """The actions of which a call's parameters tell whether it needed them."""
    call = _call(event_source, event_name)
    if call is None:
        return frozenset()
    roles = (PASS_ROLE,) if call.carriers else ()
    return frozenset((*roles, *(action for variant in call.variants for action in variant.actions)))


def told_at(event_source: str, event_name: str, path: tuple[str, ...]) -> frozenset[str]:
    """The actions of which the parameter at a path, of plain names, tells whether the call needed them."""
    call = _call(event_source, event_name)
    if call is None:
        return frozenset()
    carriers = call.carriers.get(path[-1], ())
    roles = (PASS_ROLE,) if any(one.parent in (None, *path[-2:-1]) for one in carriers) else ()
    return frozenset((*roles, *(action for one in call.variants if one.reads(path) for action in one.actions)))


def passed_roles(event_source: str, event_name: str, record: object) -> tuple[PassedRole, ...]:
    """Every role the call passed, in the order of its parameters; a service-linked role is nobody's to pass."""
    call = _call(event_source, event_name)
    return tuple(dict.fromkeys(roles_in(record, call.carriers))) if call else ()


@lru_cache(maxsize=4096)
def passed_to(event_source: str, event_name: str) -> tuple[str | None, ...]:
    """The services a call can hand a role to, None among them for one no AWS page names; none if it passes no role."""
    call = _call(event_source, event_name)
    carriers = (one for found in call.carriers.values() for one in found) if call else ()
    return tuple(dict.fromkeys(carrier.service for carrier in carriers))


@lru_cache(maxsize=4096)
def displaced(event_source: str, event_name: str, inferred: str) -> tuple[str, ...]:
    """The actions of the call's own name that it did not need because the inferred one was asked for instead.

    ``GetObject`` with a versionId needs s3:GetObjectVersion and not s3:GetObject.
    """
    call = _call(event_source, event_name)
    variants = call.variants if call else ()
    return next((one.instead for one in variants if one.instead and inferred in one.actions), ())


@lru_cache(maxsize=1)
def displacing() -> tuple[str, ...]:
    """Every inferred action that can stand in for what is known of the call from its name alone.

    It was needed instead of an action of that name, or the name alone says nothing (a statement's verb does).
    """
    return tuple(
        sorted(
            {
                action
                for (service, name), variants in _variants().items()
                for variant in variants
                if variant.instead or not actions_for(f"{service}.amazonaws.com", name).is_known
                for action in variant.actions
            }
        )
    )


@lru_cache(maxsize=65536)
def _call(event_source: str, event_name: str) -> _Call | None:
    name = rules.VERSION.sub("", event_name).lower()
    for service in (label(event_source), *prefixes(event_source)):
        carriers = passing_calls().get((service, name), {})
        variants = _variants().get((service, name), ())
        if carriers or variants:
            return _Call(name, carriers, variants)
    return None


@lru_cache(maxsize=1)
def _variants() -> dict[tuple[str, str], tuple[_Variant, ...]]:
    found: dict[tuple[str, str], tuple[_Variant, ...]] = {}
    for service, events, parameters, actions, instead, _ in table("parameters.tsv", 6):
        alternatives = tuple(tuple(map(condition, one.split("&"))) for one in parameters.split(","))
        names = frozenset().union(*(one.steps[0] for conditions in alternatives for one in conditions))
        replaced = () if instead == "-" else tuple(instead.split(","))
        variant = _Variant(alternatives, names, tuple(actions.split(",")), replaced)
        for event in events.split(","):
            key = service, event.lower()
            found[key] = (*found.get(key, ()), variant)
    return found
