"""The command's own figure: of the actions used that take resources, how many have real ARNs; the rest by name."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from cloudsearch.policies.usage import Usage


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """A service that was used: its actions by name with their uses, and when last."""

    service: str
    actions: tuple[tuple[str, int], ...]
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Figure:
    """What was used, and how much of it has real ARNs.

    ``told`` are the actions that take resources and have the ARN of each use; ``untold`` those of which some use lacks
    it. ``services`` are in alphabetical order.
    """

    told: tuple[str, ...]
    untold: tuple[str, ...]
    services: tuple[ServiceUse, ...]

    @property
    def share(self) -> float:
        """Of the actions that take resources, those with real ARNs; 1 where none takes any."""
        every = len(self.told) + len(self.untold)
        return len(self.told) / every if every else 1.0


def figure(usage: Usage) -> Figure:
    """Count a principal's use."""
    takes = {action for (action, _), use in usage.actions.items() if use.resources or use.unknown.count}
    untold = {action for (action, _), use in usage.actions.items() if use.unknown.count}
    return Figure(tuple(sorted(takes - untold)), tuple(sorted(untold)), tuple(_services(usage)))


def _services(usage: Usage) -> list[ServiceUse]:
    counts: dict[str, Counter[str]] = {}
    last: dict[str, list[datetime]] = {}
    for (action, _), use in usage.actions.items():
        service = action.partition(":")[0]
        counts.setdefault(service, Counter())[action] += use.uses
        tallies = (use.alone, use.unknown, *use.resources.values())
        last.setdefault(service, []).extend(tally.last for tally in tallies if tally.last)
    return [
        ServiceUse(service, tuple(sorted(found.items())), max(last[service], default=None))
        for service, found in sorted(counts.items())
    ]
