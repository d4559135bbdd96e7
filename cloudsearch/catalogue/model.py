"""What the catalogue holds, wherever it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_VARIABLE = re.compile(r"\$\{[^}]*\}")

ANY_ARN = "arn:*:*"
"""Stands for the ARNs of a resource type whose form nobody tells."""


@dataclass(frozen=True, slots=True)
class Action:
    """One IAM action. ``resource_types`` is empty where AWS lets it act on ``*`` alone."""

    name: str
    service: str
    access_level: str
    resource_types: tuple[str, ...]
    condition_keys: tuple[str, ...]

    @property
    def short_name(self) -> str:
        """The name without its service prefix: ``GetObject``."""
        return self.name.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Service:
    """A service's actions in its source's order, and its resource types' ARN patterns; all keys in lower case."""

    actions: Mapping[str, Action]
    arns: Mapping[str, tuple[str, ...]]


def arn_patterns(arns: Iterable[str]) -> Iterator[str]:
    """ARN formats with each ``${...}`` a ``*``; a text of two formats, joined by a comma, is two."""
    for text in arns:
        yield from (_VARIABLE.sub("*", one) for one in text.split(", ") if one)
