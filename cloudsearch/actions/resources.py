"""From a call to the actions it used and the ARNs it used them on.

ARNs are written as a policy's Resource is: a star or question mark in a name stands as ``${*}``, ``${?}``
(``arns.as_written``; ``arns.as_named`` gives the name back), and a star that stands alone is a wildcard
(``arns.has_wildcard``): ``instance/*`` for what had no id before the call, the resource that AWS checks such a call
against.

Three places tell a resource, the first that does counts: the call's parameters and answer by the facts of
``data/resources.tsv``, or by the general rule (``naming``) where there is no fact; the event's own ``resources``. An
ARN of ``resources`` also takes the place of one put together from the same name: it knows the account, the path and
the random end. What none of them tells is unknown, and ``unknown`` says why.

A name without an account is taken to be of the caller's account, and a role's or user's without a path to have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions.arns import Pattern, as_written, is_account, is_arn, patterns_in, patterns_of
from cloudsearch.actions.given import Given
from cloudsearch.actions.inferred import displaced, inferred_for, infers, may_tell, passed_roles
from cloudsearch.actions.mapping import actions_for
from cloudsearch.actions.narrowing import create_action, via_service
from cloudsearch.actions.parameters import plain
from cloudsearch.actions.passing import PASS_ROLE, PassedRole
from cloudsearch.actions.resource_facts import facts_for
from cloudsearch.actions.tables import table
from cloudsearch.actions.templates import Place, Template
from cloudsearch.where import fits

Resource = tuple[str, str | None, str | None]
"""An entry of an event's ``resources``: its ARN, its type and the account it is of."""

Listed = tuple[str, Pattern]
"""An ARN that the event lists, as a policy writes it, and the pattern it is of."""


@dataclass(frozen=True, slots=True)
class Call:
    """What of an event tells the resources. ``account`` is the principal's, ``region`` where the call was made.

    ``request`` and ``response`` are ``requestParameters`` and ``responseElements`` where these are objects.
    """

    event_source: str
    event_name: str
    region: str = ""
    account: str = ""
    recipient_account: str | None = None
    partition: str = "aws"
    request: Mapping[str, object] | None = None
    response: Mapping[str, object] | None = None
    resources: tuple[Resource, ...] = ()
    invoked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """An action that a call used, and on what.

    ``arns`` are as a policy writes them, and empty where the action takes none or none can be known;
    ``takes_resources`` is whether it has resource types at all (else a statement for it needs ``*``); ``conditions``
    are what narrows it, ``("iam:PassedToService", "ec2.amazonaws.com")``; ``unknown`` says in a sentence why ARNs are
    missing, all or some of them, and is empty where none is.
    """

    action: str
    arns: tuple[str, ...]
    takes_resources: bool
    is_inferred: bool
    conditions: tuple[tuple[str, str], ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How an action's resources are found in one kind of call."""

    action: str
    takes_resources: bool
    patterns: tuple[Pattern, ...]
    rivals: tuple[Pattern, ...]
    templates: tuple[Template, ...]
    owner: str | None


def uses_of(call: Call) -> tuple[Use, ...]:
    """The actions that a call used, sure ones first, then inferred ones, each with its resources.

    Pure, and ready for anything JSON can hold. A call that needs no permission, or whose action is not known, has none.
    """
    source, name = call.event_source, call.event_name
    sure, can_infer = _sure(source, name)
    inferred: tuple[str, ...] = ()
    if can_infer and isinstance(call.request, dict) and may_tell(source, name, tuple(call.request)):
        inferred = inferred_for(source, name, call.request)
        if inferred:
            instead = {action for one in inferred for action in displaced(source, name, one)}
            sure = tuple(action for action in sure if action not in instead)
    if not sure and not inferred:
        return ()
    place = Place(Given(call.request, name), Given(call.response, name), call.partition, call.region, call.account)
    uses = [_use(action, call, place, is_inferred=False) for action in sure]
    for action in inferred:
        if action == PASS_ROLE:
            uses.extend(_passed(call))
        elif action not in sure:
            uses.append(_use(action, call, place, is_inferred=True))
    return tuple(uses)


@lru_cache(maxsize=16384)
def _sure(source: str, name: str) -> tuple[tuple[str, ...], bool]:
    return tuple(dict.fromkeys(actions_for(source, name).actions)), infers(source, name)


def _use(action: str, call: Call, place: Place, *, is_inferred: bool) -> Use:
    plan = _plan(action, call.event_source, call.event_name)
    conditions = via_service(action, call.invoked_by, call.region)
    if is_inferred:
        conditions += create_action(action, call.event_name)
    if not plan.takes_resources:
        return Use(action, (), takes_resources=False, is_inferred=is_inferred, conditions=conditions)
    arns, unknown = _arns(plan, call, place)
    return Use(action, arns, takes_resources=True, is_inferred=is_inferred, conditions=conditions, unknown=unknown)


@lru_cache(maxsize=16384)
def _plan(action: str, source: str, name: str) -> _Plan:
    found = catalogue.find(action)
    types = found.resource_types if found else ()
    patterns = patterns_of(action)
    rivals = tuple(one for one in patterns_in(found.service) if one not in patterns) if found else ()
    templates = facts_for(action, source, name, patterns, types[0] if len(types) == 1 else "")
    owner = _owners().get(action.partition(":")[0])
    return _Plan(action, bool(types), patterns, rivals, templates, owner)


@lru_cache(maxsize=1)
def _owners() -> dict[str, str]:
    """Service prefix -> the parameter, by its plain name, that names the account of the resource."""
    return {service: plain(parameter) for service, parameter, _ in table("resources_owner.tsv", 3)}


def _of_owner(plan: _Plan, place: Place) -> Place:
    """The place, in the account that the call names where it names one."""
    owner = place.request.fields.get(plan.owner) if plan.owner else None
    return replace(place, account=owner) if isinstance(owner, str) and is_account(owner) else place


def _arns(plan: _Plan, call: Call, place: Place) -> tuple[tuple[str, ...], str]:
    """The ARNs, and why some are missing."""
    listed = (as_written(arn) for arn, _, _ in call.resources if is_arn(arn))
    fitting = [(arn, own) for arn in listed if (own := _own(plan, arn))]
    place = _of_owner(plan, place) if plan.owner else place
    arns: dict[str, Pattern] = {}
    troubles: dict[str, None] = {}
    for template in plan.templates:
        if template.is_fallback and any(one is template.pattern for one in arns.values()):
            continue
        found = template.fill(place)
        if found.trouble:
            troubles[found.trouble] = None
        for arn in found.arns:
            arns[_as_listed(arn, fitting) if found.made and fitting else arn] = template.pattern
    if not any(one.is_specific for one in plan.templates):
        arns |= _of_other_types(fitting, arns)
    if arns:
        return _narrowest(arns), "; ".join(troubles)
    return (), "; ".join(troubles) or _why(call, plan)


def _of_other_types(listed: list[Listed], arns: dict[str, Pattern]) -> dict[str, Pattern]:
    """The event's own resources that are of a type of which the parameters named none."""
    told = list(arns.values())
    return {arn: own for arn, own in listed if not any(one.fits(arn) for one in told)}


def _narrowest(arns: dict[str, Pattern]) -> tuple[str, ...]:
    """Without those that are only named as part of another: a table's where an index of it was used."""
    if len(arns) == 1:
        return tuple(arns)
    inner = [(arn, one) for arn, one in arns.items() if len(one.words) > 1]
    return tuple(
        arn
        for arn, one in arns.items()
        if not any(it is not one and other.startswith(f"{arn}/") for other, it in inner)
    )


def _own(plan: _Plan, arn: str) -> Pattern | None:
    """The action's pattern that an ARN is of; None where it is of another type of the service."""
    own = max((one for one in plan.patterns if one.fits(arn)), key=lambda one: len(one.words), default=None)
    if own is None or any(len(one.words) > len(own.words) and one.fits(arn) for one in plan.rivals):
        return None
    return own


def _as_listed(arn: str, listed: list[Listed]) -> str:
    """The listed ARN of the same name, which may know more of it; else the ARN itself."""
    found = [one for one, _ in listed]
    if arn in found:
        return arn
    if arn.endswith("??????"):
        return next((one for one in found if fits(arn, one)), arn)
    tail = arn.rpartition("/")[2].rpartition(":")[2]
    same = [one for one in found if one.endswith((f"/{tail}", f":{tail}"))]
    return same[0] if len(same) == 1 else arn


def _why(call: Call, plan: _Plan) -> str:
    if not call.request:
        return "the event has no parameters that could name the resource"
    kinds = " or ".join(dict.fromkeys(one.resource for one in plan.patterns[:3])) or "resource"
    return f"no parameter of {call.event_name} in the event names a resource of the form {kinds}"


def _passed(call: Call) -> list[Use]:
    """The roles that the call handed on, a use for each service they were handed to."""
    by_service: dict[str | None, list[PassedRole]] = {}
    for passed in passed_roles(call.event_source, call.event_name, call.request):
        by_service.setdefault(passed.service, []).append(passed)
    return [_pass_role(call, service, roles) for service, roles in by_service.items()]


def _pass_role(call: Call, service: str | None, roles: list[PassedRole]) -> Use:
    found = {passed.role: _role(call, passed) for passed in roles}
    arns = tuple(dict.fromkeys(arn for arn in found.values() if arn))
    missing = [role for role, arn in found.items() if arn is None]
    unknown = f"{call.event_name} names {missing[0]}, which does not tell the role's ARN" if missing else ""
    conditions = (("iam:PassedToService", service),) if service else ()
    return Use(PASS_ROLE, arns, takes_resources=True, is_inferred=True, conditions=conditions, unknown=unknown)


def _role(call: Call, passed: PassedRole) -> str | None:
    """The ARN of the role that was passed; None for an instance profile, which does not tell the role in it."""
    role = passed.role
    if role.startswith("arn:"):
        return as_written(role) if is_arn(role) and ":role/" in role else None
    if "profile" in plain(passed.parameter) or not is_account(call.account):
        return None
    return f"arn:{call.partition}:iam::{call.account}:role/{role.removeprefix('/')}"
