"""What the trails of some accounts record: whether a log could have shown the use of an action.

``read_selectors`` reads what CloudTrail says of its trails, from any files that together hold

- ``aws cloudtrail get-event-selectors`` (what a trail records; basic or advanced selectors),
- ``aws cloudtrail describe-trails``, ``get-trail``, ``list-trails`` (its regions, whether it is an organisation's),
- ``aws cloudtrail get-trail-status`` (whether it logs; names no trail, so it stands in a file with one trail alone),
- a snapshot's ``trails.json``, which holds all of it, for one account:
  ``{"taken_at": "2026-10-01T12:00:00Z", "account": "111122223333", "trails": [{"trail": <entry of describe-trails>,
  "status": <answer of get-trail-status or null>, "event_selectors": [...] or null,
  "advanced_event_selectors": [...] or null}]}``; both null: the selectors could not be read.

A file holds one value, several one after another, or a list of them. Selectors are today's and the log is history: a
trail that was made or changed lately cannot speak for the time before, and ``Seen`` carries the dates that were told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cloudsearch.actions.hosts import prefixes
from cloudsearch.actions.observability import Observability, ObservabilityClass, recorded_with
from cloudsearch.actions.selecting import Answer, Category, Events, Starting, Values, recorded
from cloudsearch.actions.tables import table
from cloudsearch.actions.trail_files import read
from cloudsearch.actions.trails import Trail, together
from cloudsearch.where import fits

_GLOBAL = frozenset({"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com"})
"""Services whose events IncludeGlobalServiceEvents decides about (CloudTrail user guide, cloudtrail-concepts.html)."""
_KINDS = frozenset({"eventCategory", "resources.type"})
_WHOLE = {"AWS::S3::Object": "s3:::", "AWS::Lambda::Function": "lambda:", "AWS::DynamoDB::Table": "dynamodb:"}
"""How the ARNs of a type's resources go on after the partition, where a selector may name them all by it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How much of an action's use the trails record, and why.

    ALL: every event. SOME: not shown to record every event; the reason names the filters. NONE: no trail given records
    one. UNKNOWN: no trail of that account was given, or AWS does not say which events show the action. ``since`` is the
    latest time at which a trail relied on last began to log, ``taken_at`` the oldest date of their descriptions; None
    where the files do not tell.
    """

    answer: Answer
    reason: str
    since: datetime | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Selectors:
    """The trails given.

    ``listed`` are the accounts whose whole list of trails was given. ``members`` are accounts known to belong to the
    organisation of every organisation trail given; one whose own list shows such a trail needs no mention.
    """

    trails: tuple[Trail, ...] = ()
    listed: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    def seen(  # noqa: PLR0913 (each narrows the events)
        self,
        *,
        account: str,
        regions: Collection[str],
        action: str,
        observability: Observability,
        event_names: Collection[str] = (),
        is_read: bool | None = None,
        principal: str | None = None,
    ) -> Seen:
        """How much of the action's use by the account's principals the trails record in all of these regions.

        ``event_names`` are the names of every call that exercises it (any, if empty). ``is_read`` is CloudTrail's own
        ``readOnly`` of those events, None if not sure: IAM's access level is another thing. Where AWS documents it
        (``data/event_fields.tsv``: Encrypt is a read-only event, though IAM calls it a write) the document counts.
        ``principal`` is the ARN of a user or role, for selectors that filter by identity.
        """
        if not regions:
            return Seen(Answer.UNKNOWN, "no region to consider")
        about = _uses(action, event_names, is_read=is_read, principal=principal)
        asked = _asked(observability, about)
        if isinstance(asked, Seen):
            return asked
        found = [
            self._in_region(account, region, f"{what} in {named}", self._with_sources(action, events))
            for what, events in asked
            for region, named in self._different(regions)
        ]
        return _partly(_combined(found), observability)

    def records(self, account: str, region: str, events: Events) -> Seen:
        """How much of these events the trails record: of one account, in one region."""
        return self._in_region(account, region, f"these events in {region}", events)

    def _in_region(self, account: str, region: str, what: str, events: Events) -> Seen:
        concerned = [(trail, self._covers(trail, account)) for trail in self.trails]
        sure = [trail for trail, covers in concerned if covers]
        if not sure and account not in self.listed:
            return _no_trail(account, [trail for trail, covers in concerned if covers is None])
        here = [(trail, _reaches(trail, region, events)) for trail in sure if trail.logging is not False]
        records = [trail for trail, reaches in here if reaches and trail.selectors is not None]
        answer = _together(records, events)
        if answer is Answer.ALL:
            return _all(records, what, events)
        maybe = [trail for trail, reaches in here if trail not in records and reaches is not False]
        maybe += [trail for trail, covers in concerned if covers is None and trail.logging is not False]
        doubt = [trail for trail in maybe if trail.selectors is None or _together([trail], events) > Answer.NONE]
        if answer is Answer.SOME:
            return Seen(answer, f"{what}: {_filters(records, events)}")
        if doubt:
            return Seen(Answer.SOME, f"{what}: {_doubt(doubt[0])}")
        told = f"no trail given records {what}" if sure else f"account {account} has no trail"
        stopped = [f"trail {trail.name} is not logging" for trail in sure if trail.logging is False]
        return Seen(Answer.NONE, "; ".join([told, *stopped, *_left_out(records, events)]))

    def _different(self, regions: Collection[str]) -> Iterator[tuple[str, str]]:
        """One region for each way in which the trails reach regions, and what to call all that have its answer."""
        alike: dict[tuple[bool, ...], list[str]] = {}
        for region in dict.fromkeys(regions):
            alike.setdefault(tuple(region == trail.region for trail in self.trails), []).append(region)
        for first, *others in alike.values():
            yield first, f"{first} and {len(others)} more" if others else first

    def _covers(self, trail: Trail, account: str) -> bool | None:
        """Whether the trail records the account's events; None where it may be one of its organisation's."""
        if account == trail.account or account in trail.accounts:
            return True
        if trail.organization is False or account in self.listed:
            return False
        return True if trail.organization and account in self.members else None

    def _with_sources(self, action: str, events: Events) -> Events:
        """The events, with the sources they may have: that of the action's service, those that selectors name and may
        be the service's as well, and of data events one that nobody names, since AWS gives no list of all.
        """  # noqa: D205
        service = action.partition(":")[0].lower()
        named = {
            value
            for trail in self.trails
            for selector in trail.selectors or ()
            for condition in selector.conditions
            if condition.field == "eventSource"
            for _, values in condition.tests
            for value in values
        }
        likely = sorted(value for value in named if service in (prefixes(value) or (service,)))
        other = (f"\0.{service}.amazonaws.com",) if "resources.type" in events else ()
        return {**events, "eventSource": (f"{service}.amazonaws.com", *other, *likely)}


def read_selectors(paths: Iterable[Path | str], *, members: Iterable[str] = ()) -> Selectors:
    """The trails that the files tell of. ``SourceError`` names the file and the element that is not understood."""
    told, listed = read(map(Path, paths))
    return Selectors(together(told), listed, frozenset(members))


def _uses(action: str, event_names: Collection[str], *, is_read: bool | None, principal: str | None) -> Events:
    """What is known of the events of an action's use, whatever their category."""
    reads = ("true", "false") if is_read is None else (str(is_read).lower(),)
    about: dict[str, Values] = {"eventType": ("AwsApiCall",), "readOnly": reads, **_documented(action)}
    if event_names:
        about["eventName"] = tuple(dict.fromkeys(event_names))
    if principal:
        about["userIdentity.arn"] = _identity(principal)
    return about


def _asked(seen: Observability, about: Events) -> Seen | list[tuple[str, Events]]:
    """The kinds of events that would show the action, each to be recorded; or the answer, where none would."""
    if seen.observability in (ObservabilityClass.NEVER, ObservabilityClass.NO_OPERATION):
        return Seen(Answer.NONE, seen.reason)
    is_data = seen.observability is ObservabilityClass.DATA
    if is_data and not seen.resource_types:
        return Seen(Answer.UNKNOWN, f"{seen.reason}; of which resource type is not documented")
    asked: list[tuple[str, Events]] = []
    if not is_data:
        asked.append(("management events", {**about, "eventCategory": (Category.MANAGEMENT.value,)}))
    asked += [(f"data events of {kind}", {**about, **_of_type(kind)}) for kind in seen.resource_types]
    return asked


def _of_type(kind: str) -> Events:
    return {"eventCategory": (Category.DATA.value,), "resources.type": frozenset({kind, *recorded_with(kind)})}


def _identity(principal: str) -> Values:
    """The ``userIdentity.arn`` of a user's calls, or how that of a role's sessions begins: it lacks the role's path."""
    partition, _, resource = principal.removeprefix("arn:").partition(":iam::")
    account, _, path = resource.partition(":")
    kind, _, name = path.rpartition("/")
    if kind.split("/")[0] != "role":
        return (principal,)
    return Starting(f"arn:{partition}:sts::{account}:assumed-role/{name}/")


def _together(trails: Iterable[Trail], events: Events) -> Answer:
    found = [
        (selector, trail.partition) for trail in trails if trail.selectors is not None for selector in trail.selectors
    ]
    partition = found[0][1] if found else "aws"
    return recorded([selector for selector, _ in found], _with_arns(events, partition))


def _with_arns(events: Events, partition: str) -> Events:
    """The events, with how their resources' ARNs begin."""
    kinds = events.get("resources.type")
    if "resources.ARN" in events or not isinstance(kinds, frozenset):
        return events
    known = next((_WHOLE[kind] for kind in kinds if kind in _WHOLE), "")
    return {**events, "resources.ARN": Starting(f"arn:{partition}:{known}")}


def _reaches(trail: Trail, region: str, events: Events) -> bool | None:
    """Whether the trail records what happens in the region; None where its description does not tell."""
    sources = events.get("eventSource")
    if trail.global_services is False and isinstance(sources, tuple) and not _GLOBAL.isdisjoint(sources):
        return None
    return True if region == trail.region else trail.multi_region


def _all(trails: list[Trail], what: str, events: Events) -> Seen:
    alone = [trail for trail in trails if _together([trail], events) is Answer.ALL]
    relied = alone[:1] or trails
    started = [trail.started for trail in relied if trail.started]
    taken = [trail.taken_at for trail in relied if trail.taken_at]
    names = ", ".join(trail.name for trail in relied)
    unsure = "" if all(trail.logging for trail in relied) else " (whether it logs was not given)"
    reason = f"trail {names} records all {what}{unsure}"
    return Seen(Answer.ALL, reason, max(started, default=None), min(taken, default=None))


def _filters(trails: list[Trail], events: Events) -> str:
    """Which fields of which trails leave some of the events out."""
    parts = []
    for trail in trails:
        told = _with_arns(events, trail.partition)
        chosen = [one for one in trail.selectors or () if one.answer(told) > Answer.NONE]
        fields = dict.fromkeys(field for selector in chosen for field in selector.filters(told))
        if fields:
            parts.append(f"trail {trail.name} filters by {', '.join(fields)}")
    return "; ".join(parts)


def _left_out(trails: list[Trail], events: Events) -> Iterator[str]:
    """Which fields of which trails leave such events out, where the trail records others of their kind."""
    for trail in trails:
        told = _with_arns(events, trail.partition)
        filters = [set(selector.filters(told)) for selector in trail.selectors or ()]
        fields = sorted(set().union(*(found for found in filters if found.isdisjoint(_KINDS))))
        if fields:
            yield f"trail {trail.name} filters by {', '.join(fields)}"


def _doubt(trail: Trail) -> str:
    if trail.selectors is None:
        return f"what trail {trail.name} records was not given: add its get-event-selectors"
    return f"whether trail {trail.name} covers it was not given: add describe-trails"


def _no_trail(account: str, maybe: list[Trail]) -> Seen:
    hint = f"; trail {maybe[0].name} would do if it is an organisation trail and {account} a member" if maybe else ""
    return Seen(Answer.UNKNOWN, f"no trail of account {account} was given{hint}")


def _combined(found: list[Seen]) -> Seen:
    """One answer for several regions or kinds of events, all of which are needed."""
    worst = min(found, key=lambda seen: seen.answer)
    if worst.answer is Answer.ALL:
        started = [seen.since for seen in found if seen.since]
        taken = [seen.taken_at for seen in found if seen.taken_at]
        reasons = "; ".join(dict.fromkeys(seen.reason for seen in found))
        return Seen(Answer.ALL, reasons, max(started, default=None), min(taken, default=None))
    if worst.answer is Answer.NONE and any(seen.answer > Answer.NONE for seen in found):
        return Seen(Answer.SOME, worst.reason)
    return worst


def _partly(seen: Seen, observability: Observability) -> Seen:
    """The answer, where some uses of the action leave no event of the types known."""
    if seen.answer is Answer.ALL and not observability.complete:
        return Seen(Answer.SOME, observability.reason, seen.since, seen.taken_at)
    return seen


def _documented(action: str) -> Events:
    """The values that AWS documents for fields of the action's events, where one would expect others."""
    service, _, name = action.lower().partition(":")
    found: dict[str, Values] = {}
    for pattern, field, values, _ in _event_fields().get(service, ()):
        if field not in found and fits(pattern, name):
            found[field] = tuple(values.split(","))
    return found


@lru_cache(maxsize=1)
def _event_fields() -> dict[str, list[tuple[str, ...]]]:
    fields: dict[str, list[tuple[str, ...]]] = {}
    for pattern, *rest in table("event_fields.tsv", 4):
        service, _, name = pattern.lower().partition(":")
        fields.setdefault(service, []).append((name, *rest))
    return fields
