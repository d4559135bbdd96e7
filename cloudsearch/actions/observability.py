"""Can an action's use be seen in a log at all? The answer errs to the side that yields ``?``, never ``-``.

``data/observability.tsv`` holds what AWS's pages say, its first fitting line counts; ``data/resource_types.tsv`` the
resource types of data events; ``data/operations.txt`` (written by ``tools/operations.py``) the actions that some public
API operation surely needs. One that none does cannot be observed; one that no page speaks of is assumed to be a
management event, and is called so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cloudsearch import catalogue
from cloudsearch.actions.tables import table, text
from cloudsearch.where import fits


class ObservabilityClass(StrEnum):
    """What it takes for a use of the action to be in the log."""

    MANAGEMENT_CONFIRMED = "management, confirmed"
    MANAGEMENT_ASSUMED = "management, assumed"
    EXCLUDABLE = "excludable"
    DATA = "data"
    NEVER = "never"
    NO_OPERATION = "no operation"


@dataclass(frozen=True, slots=True)
class Observability:
    """Whether the use of an action can be seen, why, and the AWS page (or our data) that says so.

    ``resource_types`` are those of the data events that show it: a use leaves an event of any one of them, so every one
    must be recorded for a log to show that there was none. They are empty where it is no data action, or where AWS does
    not say which; those of a management action show the uses that are data events. ``complete`` is False where some
    uses leave no event of a documented type, or one that names no principal: then no log shows that there was none.
    """

    observability: ObservabilityClass
    reason: str
    source: str
    resource_types: tuple[str, ...] = ()
    complete: bool = True

    @property
    def resource_type(self) -> str | None:
        """The chief resource type of a data action; None where it is none, or where AWS does not say."""
        is_data = self.observability is ObservabilityClass.DATA
        return self.resource_types[0] if is_data and self.resource_types else None


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A type of resource whose data events a trail can be asked for; ``calls`` are those a service's page lists."""

    name: str
    console: str
    service: str | None
    calls: tuple[str, ...]
    beside: tuple[str, ...]
    source: str


class _Line(NamedTuple):
    pattern: str
    kind: str
    resource_types: tuple[str, ...]
    complete: bool
    reason: str
    page: str


_REASONS = {
    "data": "a data event: logged only by a trail that asks for it",
    "confirmed": "a management event, as AWS states",
}
_UNTOLD = "?"
_OPERATIONS = "the operations of the public SDK models"
_UNKNOWN = Observability(ObservabilityClass.NO_OPERATION, "IAM has no action of that name", "the catalogue")
_NO_OPERATION = Observability(
    ObservabilityClass.NO_OPERATION,
    "no public API operation needs it for certain: calls cannot show whether it was used",
    _OPERATIONS,
)
_ASSUMED = Observability(
    ObservabilityClass.MANAGEMENT_ASSUMED, "an API operation needs it and no page calls it a data event", _OPERATIONS
)
_TRACKED = Observability(
    ObservabilityClass.MANAGEMENT_CONFIRMED,
    "IAM's last-accessed information covers it, and no page calls it a data event",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-action-last-accessed.html",
)


@lru_cache(maxsize=65536)
def observability(action: str) -> Observability:
    """Whether the action's use can be seen; takes the name in any case and never raises."""
    service, _, name = action.lower().partition(":")
    if catalogue.find(action) is None:
        return _UNKNOWN
    line = next((line for line in _lines().get(service, ()) if fits(line.pattern, name)), None)
    if line is not None and (line.kind != "confirmed" or line.pattern == name):
        return _told(line)
    if name not in operations().get(service, frozenset()) and name not in _fetched(service):
        return _NO_OPERATION
    if line is not None:
        return _told(line)
    return _TRACKED if catalogue.last_accessed(action) else _ASSUMED


@lru_cache(maxsize=1)
def operations() -> dict[str, frozenset[str]]:
    """Service prefix -> the names, in lower case, of its actions that some API operation surely needs."""
    rows = (line.partition("\t") for line in text("operations.txt").splitlines() if not line.startswith("#"))
    return {service: frozenset(names.lower().split(" ")) for service, _, names in rows}


@lru_cache(maxsize=512)
def _fetched(service: str) -> frozenset[str]:
    """As ``operations``, of one service, where AWS's Service Reference was fetched."""
    needed = (action.lower() for actions in catalogue.operations(service).values() for action in actions)
    return frozenset(action.partition(":")[2] for action in needed if action.startswith(f"{service}:"))


@lru_cache(maxsize=1)
def resource_types() -> dict[str, ResourceType]:
    """Every ``resources.type`` of CloudTrail's user guide, by name."""
    rows = table("resource_types.tsv", 6)
    return {
        name: ResourceType(name, console, None if service == "-" else service, _names(calls), _names(beside), page)
        for name, console, service, calls, beside, page in rows
    }


def recorded_with(resource_type: str) -> tuple[str, ...]:
    """The other types that AWS says stand in every event of this one: a selector for any of them records it."""
    known = resource_types().get(resource_type)
    return known.beside if known else ()


def _told(line: _Line) -> Observability:
    kind = ObservabilityClass.MANAGEMENT_CONFIRMED if line.kind == "confirmed" else ObservabilityClass(line.kind)
    return Observability(kind, line.reason, line.page, line.resource_types, line.complete)


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[_Line]]:
    """The data file's lines by service; no pattern's service has a wildcard."""
    lines: dict[str, list[_Line]] = {}
    for pattern, kind, types, reason, page in table("observability.tsv", 5):
        service, _, name = pattern.lower().partition(":")
        told = _REASONS[kind] if reason == "-" else reason
        named = _names(types)
        known = tuple(one for one in named if one != _UNTOLD)
        lines.setdefault(service, []).append(_Line(name, kind, known, _UNTOLD not in named, told, page))
    return lines


def _names(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(cell.split(","))
