"""Where the events of some global services are logged: in one region of a partition, wherever their callers are.

A log of other regions alone says nothing of them. ``data/home_regions.tsv`` has those of which an AWS page says so.
"""

from __future__ import annotations

from functools import lru_cache

from cloudsearch.actions.tables import table


def home_region(service: str, partition: str) -> str | None:
    """The only region that logs a service's calls, by its prefix; None where any may, or where no page tells."""
    return _homes().get((service.lower(), partition))


@lru_cache(maxsize=1)
def home_regions() -> frozenset[str]:
    """All regions that some service logs in alone, of every partition."""
    return frozenset(_homes().values())


@lru_cache(maxsize=1)
def _homes() -> dict[tuple[str, str], str]:
    return {(service, partition): region for service, partition, region, _ in table("home_regions.tsv", 4)}
