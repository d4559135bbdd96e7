"""What a call's parameters show beside its name: a role that was passed to a service is ``iam:PassRole`` used.

``data/pass_role.tsv`` lists the calls that can pass a role and the parameters that carry it. A parameter counts
when its value is the ARN of a role or instance profile, or, where the call takes names, a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cloudsearch.actions import rules
from cloudsearch.actions.hosts import label, prefixes
from cloudsearch.actions.tables import table

PASS_ROLE = "iam:PassRole"  # noqa: S105 (an action)

_ARN = re.compile(r"arn:aws[^:]*:iam::\d+:(?:role|instance-profile)/.+", re.DOTALL)
_SERVICE_ROLE = re.compile(r"arn:[^:]*:iam::\d+:role/aws-service-role/")
_NAME = re.compile(r"[\w+=,.@/-]{1,640}")
_INNER = frozenset({"name", "arn"})
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class PassedRole:
    """A role or instance profile that a call handed to a service, as the call named it."""

    role: str
    parameter: str


def inferred_for(event_source: str, event_name: str, record: object) -> tuple[str, ...]:
    """The actions that a call's parameters show it used beside those of its name; ``record`` is requestParameters.

    Pure, and ready for anything JSON can hold. Only what the caller's own permission paid for is named.
    """
    return (PASS_ROLE,) if passed_roles(event_source, event_name, record) else ()


def passed_roles(event_source: str, event_name: str, record: object) -> tuple[PassedRole, ...]:
    """Every role the call passed, in the order of its parameters; a service-linked role is nobody's to pass."""
    wanted = _parameters(event_source, event_name)
    if not wanted:
        return ()
    found = (
        PassedRole(value, name)
        for name, value in _texts(record, "", 0)
        if (by_name := wanted.get(_plain(name))) is not None and _is_role(value, by_name=by_name)
    )
    return tuple(dict.fromkeys(found))


def _is_role(value: str, *, by_name: bool) -> bool:
    if _SERVICE_ROLE.match(value):
        return False
    return bool(_ARN.fullmatch(value)) or (by_name and bool(_NAME.fullmatch(value)))


@lru_cache(maxsize=4096)
def _parameters(event_source: str, event_name: str) -> dict[str, bool]:
    """Parameters of the call that carry a role -> whether a bare name will do."""
    name = rules.VERSION.sub("", event_name).lower()
    for service in (label(event_source), *prefixes(event_source)):
        if found := _table().get((service, name)):
            return found
    return {}


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, str], dict[str, bool]]:
    calls: dict[tuple[str, str], dict[str, bool]] = {}
    for service, events, parameters, _ in table("pass_role.tsv", 4):
        for event in events.split(","):
            kept = calls.setdefault((service, event.lower()), {})
            kept.update((_plain(parameter.rstrip("=")), parameter.endswith("=")) for parameter in parameters.split(","))
    return calls


def _texts(node: object, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """Every text under a node with the name it stands under; what lies absurdly deep is not looked at.

    ``iamInstanceProfile: {"name": ...}`` stands under iamInstanceProfile.
    """
    if isinstance(node, str):
        yield name, node
    elif depth < _DEEPEST and isinstance(node, dict):
        for key, child in node.items():
            yield from _texts(child, name if _plain(str(key)) in _INNER else str(key), depth + 1)
    elif depth < _DEEPEST and isinstance(node, list):
        for child in node:
            yield from _texts(child, name, depth + 1)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()
