"""ARNs as texts of a policy: their parts, what they lie in, what covers them."""

from __future__ import annotations

import re

from cloudsearch.actions.arns import has_wildcard

_PARTS = 6
_SEGMENT = re.compile(r"[^/:]*[/:]?")


def split(arn: str) -> tuple[str, str]:
    """What comes before the resource, its colon included, and the resource; a text that is no ARN is all resource."""
    parts = arn.split(":", _PARTS - 1)
    return (arn[: -len(parts[-1])] if parts[-1] else arn, parts[-1]) if len(parts) == _PARTS else ("", arn)


def segments(resource: str) -> list[str]:
    """The resource in parts, each with the slash or colon that ends it."""
    return [part for part in _SEGMENT.findall(resource) if part]


def depth(arn: str) -> int:
    """How many parts the resource has."""
    return len(segments(split(arn)[1]))


def cut(arn: str, deepest: int) -> str:
    """The ARN, or where its resource has more parts than that, everything in the first of them; ``*`` for -1."""
    if deepest < 0:
        return "*"
    head, resource = split(arn)
    parts = segments(resource)
    return arn if len(parts) <= deepest else f"{head}{''.join(parts[:deepest])}*"


def swallows(pattern: str, arn: str) -> bool:
    """Whether a pattern, which is a beginning and a star, surely covers another text of a policy."""
    return (
        pattern.endswith("*")
        and not has_wildcard(pattern[:-1])
        and "${" not in pattern
        and arn.startswith(pattern[:-1])
    )
