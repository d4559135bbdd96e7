"""The facts of AWS that this room stands on: tab-separated files in ``data``, each fact with the page it is from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

_DATA = resources.files("cloudsearch.policies") / "data"


@dataclass(frozen=True, slots=True)
class Limit:
    """How large policies may be: ``characters`` of each, or ``together`` of all, and how many there may be."""

    name: str
    characters: int
    policies: int
    together: bool
    counts_blanks: bool


@lru_cache(maxsize=1)
def limits() -> dict[str, Limit]:
    """AWS's limits, by name: ``managed``, ``inline-role`` ..."""
    return {
        name: Limit(name, int(characters), int(policies), sums == "together", blanks == "yes")
        for name, characters, policies, sums, blanks, _ in table("limits.tsv", 6)
    }


@lru_cache(maxsize=1)
def without_region() -> frozenset[str]:
    """Prefixes of the services whose events do not tell the region that was asked for."""
    return frozenset(service for service, _, _ in table("regions_not_told.tsv", 3))


@lru_cache(maxsize=1)
def global_services() -> frozenset[str]:
    """Prefixes of the services that no limit of regions may touch."""
    return without_region() | {service for service, _ in table("global_services.tsv", 2)}


def table(name: str, columns: int) -> Iterator[tuple[str, ...]]:
    """The rows of a data file, each of exactly so many columns; ValueError names a line that has not."""
    text = (_DATA / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        row = tuple(line.split("\t"))
        if len(row) != columns:
            raise ValueError(f"{name}, line {number}: {len(row)} columns instead of {columns}")
        yield row
