"""What was called, and which IAM actions it took: of one command, or of whatever calls there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cloudsearch.actions import Case, may_need
from cloudsearch.actions.sdk import event_source_of, sdk_actions
from cloudsearch.csm.pairing import Call
from cloudsearch.event import Outcome


@dataclass(slots=True)
class Called:
    """One operation: how often, and how often refused, failed otherwise, or never answered.

    ``undetermined`` are the failures of which nobody can say whether the call had been let in.
    """

    service: str
    api: str
    actions: tuple[str, ...]
    known: bool
    count: int = 0
    denied: int = 0
    errors: int = 0
    undetermined: int = 0
    unanswered: int = 0

    @property
    def let_in(self) -> int:
        """Calls that surely had the permission they needed."""
        return self.count - self.denied - self.undetermined - self.unanswered


@dataclass(frozen=True, slots=True)
class Summary:
    """``actions`` are those that calls which AWS answered need; those of calls that never reached it are ``not_tried``.

    ``refused`` are those that refusals name. ``perhaps`` are actions that some call needs in a case which nothing that
    SDKs tell can show. ``unknown`` are calls whose action nobody can name.
    """

    calls: tuple[Called, ...]
    actions: tuple[str, ...]
    refused: tuple[str, ...]
    not_tried: tuple[str, ...]
    perhaps: dict[str, Case] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def summary(calls: Iterable[Call]) -> Summary:
    """Put calls together by operation, the most frequent first."""
    found: dict[tuple[str, str], Called] = {}
    refused: set[str] = set()
    for call in calls:
        service, api = str(call.about.get("service_id")), str(call.about.get("api"))
        if (service, api) not in found:
            mapping = sdk_actions(service, api)
            found[service, api] = Called(service, api, mapping.actions, mapping.is_known)
        _count(found[service, api], call.outcome)
        rows = (*((call.row,) if call.row else ()), *call.attempts)
        refused |= {str(row["denied_action"]) for row in rows if row.get("denied_action")}
    listed = sorted(found.values(), key=lambda one: (-one.count, one.service, one.api))
    tried = [one for one in listed if one.count > one.unanswered]
    needed = {action for one in tried for action in one.actions} | refused
    perhaps: dict[str, Case] = {}
    for one in tried:
        perhaps |= may_need(event_source_of(one.service) or "", one.api)
    return Summary(
        tuple(listed),
        tuple(sorted(needed)),
        tuple(sorted(refused)),
        tuple(sorted({action for one in listed for action in one.actions} - needed)),
        {action: perhaps[action] for action in sorted(perhaps.keys() - needed)},
        tuple(f"{one.service} {one.api}" for one in listed if not one.known),
    )


def _count(one: Called, outcome: Outcome | None) -> None:
    one.count += 1
    one.denied += outcome is Outcome.DENIED
    one.errors += outcome in (Outcome.ERROR, Outcome.UNDETERMINED)
    one.undetermined += outcome is Outcome.UNDETERMINED
    one.unanswered += outcome is None
