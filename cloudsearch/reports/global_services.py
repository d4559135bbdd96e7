"""Services whose calls are logged in one region, whatever region the caller works in."""

from __future__ import annotations

from functools import cache

from cloudsearch.actions import prefixes
from cloudsearch.reports.facts import table

_PARTITION = "arn:aws:"
_SEVERAL = "-"


@cache
def sources() -> frozenset[str]:
    """Their event sources: an event's region tells nothing of where the caller works."""
    return frozenset(source for source, _, _ in table("global_services.tsv", 3))


def home_region(service: str, principal: str) -> str | None:
    """The one region in which calls of a service (``iam``) by a principal (its ARN) are logged; None if not known."""
    return _homes().get(service) if principal.startswith(_PARTITION) else None


@cache
def _homes() -> dict[str, str]:
    rows = table("global_services.tsv", 3)
    return {prefix: region for source, region, _ in rows if region != _SEVERAL for prefix in prefixes(source)}
