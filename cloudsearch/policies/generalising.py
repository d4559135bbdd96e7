"""``--generalise N``: where an action was used on N or more siblings, all that lies where they do.

Siblings are resources whose ARNs differ in the last part alone: objects under one prefix, streams of one log group,
tables of one account and region. A bucket has no siblings, since its name is told without an account. Identities and
their policies are never made all of their kind: a role to pass may be any then, an administrator's among them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from cloudsearch import catalogue
from cloudsearch.actions.arns import has_wildcard
from cloudsearch.policies.names import cut, depth, split, swallows


class Generalised(NamedTuple):
    """Resources with siblings made one, and for each such one how many it stands for."""

    resources: tuple[str, ...]
    made: tuple[tuple[str, int], ...]


def generalised(action: str, resources: Iterable[str], least: int) -> Generalised:
    """Make ``least`` or more siblings one; the others stay."""
    children: dict[str, list[str]] = defaultdict(list)
    kept = set()
    for resource in resources:
        parent = None if has_wildcard(resource) else parent_of(action, resource)
        if parent is None:
            kept.add(resource)
        else:
            children[parent].append(resource)
    made = [(f"{parent}*", len(found)) for parent, found in children.items() if len(found) >= least]
    kept.update(child for found in children.values() if len(found) < least for child in found)
    return Generalised(tuple(sorted(fewest({*kept, *(pattern for pattern, _ in made)}))), tuple(sorted(made)))


def parent_of(action: str, resource: str) -> str | None:
    """What the resource's ARN is without its last part; None where that has no parent to speak of."""
    deep = depth(resource)
    parent = cut(resource, deep - 1)[:-1]
    head, rest = split(parent)
    if deep < 2 or not head or "${" in parent:
        return None
    return None if _is_kind(action, parent) and rest and head.split(":")[2] in _IDENTITIES else parent


_IDENTITIES = frozenset({"iam", "sts", "sso", "identitystore", "organizations"})
"""Services whose resources are principals, their policies, or accounts."""


def _is_kind(action: str, parent: str) -> bool:
    """Whether it is what every resource of a kind begins with: ``role/``."""
    lead = split(parent)[1]
    return any(split(pattern)[1].partition("*")[0] == lead for pattern in catalogue.arn_patterns(action))


def fewest(resources: Iterable[str]) -> frozenset[str]:
    """The resources without those that another of them covers."""
    found = frozenset(resources)
    wild = [one for one in found if has_wildcard(one)]
    if "*" in wild:
        return frozenset({"*"})
    return frozenset(one for one in found if not any(pattern != one and swallows(pattern, one) for pattern in wild))
