"""What a call touched, as far as the record names it."""

from __future__ import annotations

from typing import Any

import msgspec

from cloudsearch.derive.reading import Part, opened
from cloudsearch.derive.values import distinct, filled

Named = tuple[tuple[str, ...], tuple[str, ...]]
"""ARNs and types."""


_NAMES = {"upper_arn": "ARN", "upper_prefix": "ARNPrefix", "prefix": "arnPrefix"}


class _Resource(msgspec.Struct, rename=_NAMES, gc=False):
    upper_arn: str | None = None
    upper_prefix: str | None = None
    arn: str | None = None
    prefix: str | None = None
    type: str | None = None


_decode = msgspec.json.Decoder(list[_Resource]).decode


def resource_fields(part: Part) -> Named:
    """ARNs (or the prefix they share) and types of ``resources``; what is no resource is passed over."""
    if not isinstance(part, msgspec.Raw):
        return _named(part)
    try:
        resources = _decode(part)
    except (ValueError, RecursionError):
        return _named(opened(part))
    if len(resources) == 1:  # as nearly always, and mostly with nothing but an ARN and a type
        only = resources[0]
        if only.upper_arn and not (only.arn or only.upper_prefix or only.prefix):
            return (only.upper_arn,), (only.type,) if only.type else ()
    arns: list[str | None] = []
    types: list[str | None] = []
    for resource in resources:
        arns += (resource.upper_arn, resource.arn, resource.upper_prefix, resource.prefix)
        types.append(resource.type)
    return distinct(arns), distinct(types)


def _named(value: object) -> Named:
    """The same of a value of any shape; a resource that is not in a list stands for a list of one."""
    entries: list[Any] = value if isinstance(value, list) else [value]
    resources = [entry for entry in entries if isinstance(entry, dict)]
    names = ("ARN", "arn", "ARNPrefix", "arnPrefix")
    arns = (filled(resource.get(name)) for resource in resources for name in names)
    return distinct(arns), distinct(filled(resource.get("type")) for resource in resources)
