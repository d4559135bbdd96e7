"""Where the events of some global services are logged: in one region of a partition, wherever their callers are.

A log of other regions alone says nothing of them. ``data/home_regions.tsv`` has those of which an AWS page says so.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from cloudsearch.actions.tables import table

_STARTS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


def home_region(service: str, partition: str) -> str | None:
    """The only region that logs a service's calls, by its prefix; None where any may, or where no page tells."""
    return _homes().get((service.lower(), partition))


def logged_elsewhere(regions: Collection[str]) -> dict[str, list[str]]:
    """The services of which a log of these regions shows nothing, by the only region that logs them.

    The partition is that of the regions, whose names tell it.
    """
    partition = next((name for start, name in _STARTS.items() if any(one.startswith(start) for one in regions)), "aws")
    found: dict[str, list[str]] = {}
    for (service, of), home in sorted(_homes().items()):
        if of == partition and home not in regions:
            found.setdefault(home, []).append(service)
    return found


@lru_cache(maxsize=1)
def home_regions() -> frozenset[str]:
    """All regions that some service logs in alone, of every partition."""
    return frozenset(_homes().values())


@lru_cache(maxsize=1)
def _homes() -> dict[tuple[str, str], str]:
    return {(service, partition): region for service, partition, region, _ in table("home_regions.tsv", 4)}
