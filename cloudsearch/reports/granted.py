"""Since when, and where, single actions are granted: what holds for them beside what holds for the principal.

Versions of managed policies tell what was not granted from the beginning; statements tell the regions outside which an
action is not granted at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cloudsearch.iam import (
    IDENTITY,
    Facts,
    Grant,
    Layer,
    Policy,
    Principal,
    State,
    Statement,
    granted,
    matches_resource,
)
from cloudsearch.reports.circumstances import Circumstances

_OPERATORS = frozenset({"stringequals", "stringequalsignorecase", "stringlike"})
_REGION = "aws:requestedregion"


def by_action(
    principal: Principal, given: Mapping[str, Grant], about: Circumstances, further: Sequence[Layer], facts: Facts
) -> dict[str, Circumstances]:
    """What holds for those of the granted actions for which something else holds than for the principal."""
    found = _lately(principal, given, about, further, facts)
    for name, regions in _elsewhere(principal, given, about).items():
        found[name] = replace(found.get(name, about), granted_in=regions)
    return found


def _lately(
    principal: Principal, given: Mapping[str, Grant], about: Circumstances, further: Sequence[Layer], facts: Facts
) -> dict[str, Circumstances]:
    """What holds for actions that only a newer version of a managed policy granted, by action.

    AWS changes its own policies without an event, and others' changes may not be loaded; versions say when.
    """
    start = about.observed_from
    policies = [*principal.policies, *([principal.boundary] if principal.boundary else ())]
    newer = [policy for policy in policies if start and policy.is_newer_than(start)]
    if start is None or not newer:
        return {}
    was = replace(
        principal,
        policies=tuple(policy for policy in (one.at(start) for one in principal.policies) if policy),
        boundary=principal.boundary and (principal.boundary.at(start) or principal.boundary),
        missing=(),
    )
    before = granted(was, given, further, facts)
    found: dict[tuple[str, ...], Circumstances] = {}
    lately = {}
    for name in (grant.action.name for grant in before if grant.state is State.NOT_GRANTED):
        through = {statement.policy for statement in given[name].statements}
        own = tuple(dict.fromkeys(policy.arn or "" for policy in newer if policy.name in through)) if through else ()
        if own not in found:
            found[own] = _since_version([one for one in newer if one.arn in own] or newer, about)
        lately[name] = found[own]
    return lately


def _since_version(policies: Sequence[Policy], about: Circumstances) -> Circumstances:
    """As of the last of these policies' versions."""
    last = max(policies, key=lambda policy: policy.versions[-1].created)
    version = last.versions[-1]
    return replace(
        about,
        observed_from=version.created,
        observed_days=about.coverage.days_since(version.created),
        granted_since=f"{last.name} {version.id} then",
    )


def _elsewhere(principal: Principal, given: Mapping[str, Grant], about: Circumstances) -> dict[str, tuple[str, ...]]:
    """The regions in which actions are granted, for those granted in none of which there are logs."""
    statements = {
        (policy.name, statement.index): statement
        for policy in principal.policies
        for statement in policy.document.statements
        if any(_named(statement))
    }
    found: dict[str, tuple[str, ...]] = {}
    for name, grant in given.items() if statements and about.coverage.regions else ():
        service = grant.action.service
        allows = [one for one in grant.allows if one.layer == IDENTITY]
        limits = [_limit(statements.get((one.policy, one.index)), service) for one in allows]
        regions = sorted({region for limit in limits for region in limit})
        if limits and all(limits) and not about.home(service) and not _seen(regions, about):
            found[name] = tuple(regions)
    return found


def _seen(regions: Sequence[str], about: Circumstances) -> bool:
    return any(matches_resource(pattern, region) for pattern in regions for region in about.coverage.regions)


def _named(statement: Statement) -> Iterator[str]:
    """What limits a statement to regions, if anything, whatever the service: conditions, or regions of ARNs."""
    for test in statement.conditions:
        if test.key.lower() == _REGION and test.operator.lower() in _OPERATORS:
            yield from test.values
    if statement.resources and not statement.resources.negated:
        yield from filter(None, (_region(arn, None) for arn in statement.resources.texts))


def _limit(statement: Statement | None, service: str) -> list[str]:
    """The regions, or patterns of them, in which alone a statement grants actions of a service; none if everywhere."""
    if statement is None:
        return []
    for test in statement.conditions:
        if test.key.lower() == _REGION and test.operator.lower() in _OPERATORS:
            return list(test.values)
    if statement.resources is None or statement.resources.negated:
        return []
    regions = [_region(arn, service) for arn in statement.resources.texts]
    return [region for region in regions if region] if all(region is not None for region in regions) else []


def _region(arn: str, service: str | None) -> str | None:
    """The region of an ARN; empty for one of another service, None where the ARN is of no region or of any."""
    pieces = arn.split(":", 5)
    if len(pieces) < 6 or (service is None and pieces[3] in ("", "*")):
        return None
    if service is not None and pieces[2] != service:
        return "" if "*" not in pieces[2] and "?" not in pieces[2] else None
    return pieces[3] if pieces[3] not in ("", "*") else None
