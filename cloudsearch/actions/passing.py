"""Roles that a call hands to a service: ``iam:PassRole`` used, beside the action of the call's own name.

``data/pass_role.tsv`` lists the calls that can pass a role, the parameters that carry it and the service that gets it.
A parameter counts when its value is the ARN of a role or instance profile or, where the call takes names, a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cloudsearch.actions.parameters import DEEPEST, plain
from cloudsearch.actions.tables import table, text

PASS_ROLE = "iam:PassRole"  # noqa: S105 (an action)

_ARN = re.compile(r"arn:aws[^:]*:iam::\d+:(?:role|instance-profile)/.+", re.DOTALL)
_SERVICE_ROLE = re.compile(r"arn:[^:]*:iam::\d+:role/aws-service-role/")
_NAME = re.compile(r"[\w+=,.@/-]{1,640}")
_INNER = frozenset({"name", "arn", "staticvalue", "values"})
"""Below a parameter of these names the parameter's own name holds: ``iamInstanceProfile: {"name": ...}``."""


@dataclass(frozen=True, slots=True)
class PassedRole:
    """A role or instance profile that a call handed to a service, as the call named it.

    ``service`` is the service principal, ``ec2.amazonaws.com``; None where no AWS page tells which of several it is.
    """

    role: str
    parameter: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """A parameter that carries a role; ``parent`` is the plain name it must stand under, if any."""

    parent: str | None
    by_name: bool
    service: str | None


Carriers = Mapping[str, tuple[Carrier, ...]]
"""Plain name of a parameter -> what it carries."""


@lru_cache(maxsize=1)
def passing_calls() -> dict[tuple[str, str], Carriers]:
    """Calls that can pass a role: (service prefix, call in lower case) -> the parameters that carry one."""
    calls: dict[tuple[str, str], dict[str, tuple[Carrier, ...]]] = {}
    for service, events, parameters, principal, _ in table("pass_role.tsv", 5):
        for event in events.split(","):
            kept = calls.setdefault((service, event.lower()), {})
            for parameter in parameters.split(","):
                parent, _, name = parameter.removesuffix("=").rpartition(".")
                carrier = Carrier(
                    plain(parent) or None, parameter.endswith("="), None if principal == "-" else principal
                )
                kept[plain(name)] = (*kept.get(plain(name), ()), carrier)
    return dict(calls)


def roles_in(parameters: object, carriers: Carriers) -> Iterator[PassedRole]:
    """Every role the parameters carry, in their order; a service-linked role is nobody's to pass."""
    for value, parent, name in _texts(parameters):
        for carrier in carriers.get(plain(name), ()):
            if carrier.parent in (None, parent) and _is_role(value, by_name=carrier.by_name):
                yield PassedRole(value, name, carrier.service)
                break


def _is_role(value: str, *, by_name: bool) -> bool:
    if _SERVICE_ROLE.match(value):
        return False
    return bool(_ARN.fullmatch(value)) or (by_name and bool(_NAME.fullmatch(value)))


def _texts(parameters: object) -> Iterator[tuple[str, str, str]]:
    """Every text with the plain name of its parent and its own name; what lies absurdly deep is not looked at.

    Maps whose keys the caller makes up are passed over: a tag named Role is no parameter.
    """
    stack: list[tuple[object, str, str, int]] = [(parameters, "", "", 0)]
    while stack:
        node, parent, name, depth = stack.pop()
        if isinstance(node, str):
            yield node, parent, name
        elif depth < DEEPEST and isinstance(node, list):
            stack.extend((child, parent, name, depth + 1) for child in reversed(node))
        elif depth < DEEPEST and isinstance(node, dict):
            for key, child in reversed(node.items()):
                own = plain(str(key))
                if own in _INNER and name:
                    stack.append((child, parent, name, depth + 1))
                elif own not in _made_up():
                    stack.append((child, plain(name), str(key), depth + 1))


@lru_cache(maxsize=1)
def _made_up() -> frozenset[str]:
    lines = text("made_up_keys.txt").splitlines()
    return frozenset(plain(line) for line in lines if line and not line.startswith("#"))
