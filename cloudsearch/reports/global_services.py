"""Services whose calls are logged in one region, whatever region the caller works in."""

from __future__ import annotations

from functools import cache

from cloudsearch.reports.facts import table


@cache
def sources() -> frozenset[str]:
    """Their event sources: an event's region tells nothing of where the caller works."""
    return frozenset(source for source, _ in table("global_services.tsv", 2))
