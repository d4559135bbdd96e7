"""Can an action's use be seen in a log at all? The answer errs to the side that yields ``?``, never ``-``.

``data/observability.tsv`` holds what AWS's pages say, its first fitting line counts; ``data/operations.txt``
(written by ``tools/operations.py``) holds the actions that some public API operation needs. One that none needs cannot
be observed; one that no page speaks of is assumed to be a management event, and is called so.
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

    ``resource_type`` is that of the data events which show it; None where it is no data action, or not certain.
    """

    observability: ObservabilityClass
    reason: str
    source: str
    resource_type: str | None = None


class _Line(NamedTuple):
    pattern: str
    kind: str
    resource_type: str | None
    reason: str
    page: str


_REASONS = {
    "data": "a data event: logged only by a trail that asks for it",
    "confirmed": "a management event, as AWS states",
}
_OPERATIONS = "the operations of the public SDK models"
_UNKNOWN = Observability(ObservabilityClass.NO_OPERATION, "IAM has no action of that name", "the catalogue")
_NO_OPERATION = Observability(
    ObservabilityClass.NO_OPERATION, "no public API operation needs it: a call cannot show its use", _OPERATIONS
)
_ASSUMED = Observability(
    ObservabilityClass.MANAGEMENT_ASSUMED, "an API operation needs it and no page calls it a data event", _OPERATIONS
)


@lru_cache(maxsize=65536)
def observability(action: str) -> Observability:
    """Whether the action's use can be seen; takes the name in any case and never raises."""
    service, _, name = action.lower().partition(":")
    if catalogue.find(action) is None:
        return _UNKNOWN
    line = next((line for line in _lines().get(service, ()) if fits(line.pattern, name)), None)
    if line is not None and line.kind != "confirmed":
        return _told(line)
    if name not in operations().get(service, frozenset()):
        return _NO_OPERATION
    return _ASSUMED if line is None else _told(line)


@lru_cache(maxsize=1)
def operations() -> dict[str, frozenset[str]]:
    """Service prefix -> the names, in lower case, of its actions that some API operation needs."""
    rows = (line.partition("\t") for line in text("operations.txt").splitlines() if not line.startswith("#"))
    return {service: frozenset(names.lower().split(" ")) for service, _, names in rows}


def _told(line: _Line) -> Observability:
    kind = ObservabilityClass.MANAGEMENT_CONFIRMED if line.kind == "confirmed" else ObservabilityClass(line.kind)
    return Observability(kind, line.reason, line.page, line.resource_type)


@lru_cache(maxsize=1)
def _lines() -> dict[str, list[_Line]]:
    """The data file's lines by service; no pattern's service has a wildcard."""
    lines: dict[str, list[_Line]] = {}
    for pattern, kind, resource_type, reason, page in table("observability.tsv", 5):
        service, _, name = pattern.lower().partition(":")
        told = _REASONS[kind] if reason == "-" else reason
        lines.setdefault(service, []).append(
            _Line(name, kind, None if resource_type == "-" else resource_type, told, page)
        )
    return lines
