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

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cloudsearch.actions.hosts import prefixes
from cloudsearch.actions.observability import Observability, ObservabilityClass, recorded_with
from cloudsearch.actions.selecting import Answer, Category, Events, Starting, Values, recorded
from cloudsearch.actions.tables import table
from cloudsearch.actions.trails import Told, Trail, described, moment, plain, selecting, status, together, trail_arn
from cloudsearch.errors import SourceError

_DECODER = json.JSONDecoder()
_GLOBAL = frozenset({"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com"})
"""Services whose events IncludeGlobalServiceEvents decides about (CloudTrail user guide, cloudtrail-concepts.html)."""
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
    """The trails given. ``members`` are accounts known to belong to the organisation of every organisation trail given;
    an account whose own list of trails shows such a trail needs no mention."""  # noqa: D209, D205

    trails: tuple[Trail, ...] = ()
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
        ``readOnly`` of those events, None if not sure: IAM's access level is another thing, and where AWS documents
        that they differ (AssumeRole, Encrypt and SendEmail are read-only events) the documented value counts.
        ``principal`` is the ARN of a user or role, for selectors that filter by identity.
        """
        if not regions:
            return Seen(Answer.UNKNOWN, "no region to consider")
        asked = _asked(action, observability, event_names, is_read, principal)
        if isinstance(asked, Seen):
            return asked
        found = [
            self._in_region(account, region, what, self._with_sources(action, events))
            for what, events in asked
            for region in dict.fromkeys(regions)
        ]
        return _partly(_combined(found), observability)

    def records(self, account: str, region: str, events: Events) -> Seen:
        """How much of these events the trails record: of one account, in one region."""
        return self._in_region(account, region, "these events", events)

    def _in_region(self, account: str, region: str, what: str, events: Events) -> Seen:
        concerned = [(trail, self._covers(trail, account)) for trail in self.trails]
        sure = [trail for trail, covers in concerned if covers]
        if not sure:
            return _no_trail(account, [trail for trail, covers in concerned if covers is None])
        here = [(trail, _reaches(trail, region, events)) for trail in sure if trail.logging is not False]
        records = [trail for trail, reaches in here if reaches and trail.selectors is not None]
        answer = _together(records, events)
        where = f"{what} in {region}"
        if answer is Answer.ALL:
            return _all(records, where, events)
        maybe = [trail for trail, reaches in here if trail not in records and reaches is not False]
        maybe += [trail for trail, covers in concerned if covers is None and trail.logging is not False]
        doubt = [trail for trail in maybe if trail.selectors is None or _together([trail], events) > Answer.NONE]
        if answer is Answer.SOME:
            return Seen(answer, f"{where}: {_filters(records, events)}")
        if doubt:
            return Seen(Answer.SOME, f"{where}: {_doubt(doubt[0])}")
        stopped = "; ".join(f"trail {trail.name} is not logging" for trail in sure if trail.logging is False)
        return Seen(Answer.NONE, f"no trail given records {where}{'; ' * bool(stopped)}{stopped}")

    def _covers(self, trail: Trail, account: str) -> bool | None:
        """Whether the trail records the account's events; None where it may be one of its organisation's."""
        if account == trail.account or account in trail.accounts:
            return True
        if trail.organization is False:
            return False
        return True if trail.organization and account in self.members else None

    def _with_sources(self, action: str, events: Events) -> Events:
        """The events, with the event sources that the trails' selectors name and the action's service may have."""
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
        return {**events, "eventSource": (f"{service}.amazonaws.com", *likely)}


def read_selectors(paths: Iterable[Path | str], *, members: Iterable[str] = ()) -> Selectors:
    """The trails that the files tell of. ``SourceError`` names the file and the element that is not understood."""
    told = [one for path in map(Path, paths) for one in _file(path)]
    return Selectors(together(told), frozenset(members))


def _asked(
    action: str, seen: Observability, event_names: Collection[str], is_read: bool | None, principal: str | None
) -> Seen | list[tuple[str, Events]]:
    """The kinds of events that would show the action, each to be recorded; or the answer, where none would."""
    if seen.observability in (ObservabilityClass.NEVER, ObservabilityClass.NO_OPERATION):
        return Seen(Answer.NONE, seen.reason)
    about: dict[str, Values] = {"eventType": ("AwsApiCall",)}
    read = _documented_reads().get(action.lower(), is_read)
    about["readOnly"] = ("true", "false") if read is None else (str(read).lower(),)
    if event_names:
        about["eventName"] = tuple(dict.fromkeys(event_names))
    if principal:
        about["userIdentity.arn"] = _identity(principal)
    if seen.observability is not ObservabilityClass.DATA:
        return [("management events", {**about, "eventCategory": (Category.MANAGEMENT.value,)})]
    if not seen.resource_types:
        return Seen(Answer.UNKNOWN, f"{seen.reason}; of which resource type is not documented")
    return [(f"data events of {kind}", {**about, **_of_type(kind)}) for kind in seen.resource_types]


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


def _all(trails: list[Trail], where: str, events: Events) -> Seen:
    alone = [trail for trail in trails if _together([trail], events) is Answer.ALL]
    relied = alone[:1] or trails
    started = [trail.started for trail in relied if trail.started]
    taken = [trail.taken_at for trail in relied if trail.taken_at]
    names = ", ".join(trail.name for trail in relied)
    unsure = "" if all(trail.logging for trail in relied) else " (whether it logs was not given)"
    reason = f"trail {names} records all {where}{unsure}"
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
        return Seen(Answer.ALL, worst.reason, max(started, default=None), min(taken, default=None))
    if worst.answer is Answer.NONE and any(seen.answer > Answer.NONE for seen in found):
        return Seen(Answer.SOME, worst.reason)
    return worst


def _partly(seen: Seen, observability: Observability) -> Seen:
    """The answer, where some uses of the action leave no event of the types known."""
    if seen.answer is Answer.ALL and not observability.complete:
        return Seen(Answer.SOME, observability.reason, seen.since, seen.taken_at)
    return seen


def _documented_reads() -> Mapping[str, bool]:
    return {action.lower(): read_only == "true" for action, read_only, _ in table("read_only.tsv", 3)}


def _file(path: Path) -> Iterator[Told]:
    values = list(_values(path))
    told = [one for where, value in values if "islogging" not in value for one in _value(where, value)]
    yield from told
    arns = {one.trail.arn for one in told}
    for where, value in values:
        if "islogging" in value:
            if len(arns) != 1:
                raise SourceError(f"{where}: a trail's status names no trail; put it in a file with that trail alone")
            yield status(where, next(iter(arns)), value)


def _values(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value of the file, made ``plain``, with where it stands."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    number = 0
    for value in _decoded(path, text):
        for item in value if isinstance(value, list) else [value]:
            number += 1
            where = f"{path}: value {number}"
            if not isinstance(item, dict):
                raise SourceError(f"{where}: is no answer of CloudTrail")
            yield where, plain(item)


def _decoded(path: Path, text: str) -> Iterator[object]:
    at = 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SourceError(f"{path}: is not JSON: {error}") from error
        yield value


def _value(where: str, value: dict[str, Any]) -> Iterator[Told]:
    """What one value tells, by the members it has."""
    for member, read in _KINDS.items():
        if member in value:
            yield from read(where, value)
            return
    raise SourceError(
        f"{where}: is neither selectors nor trails; save it with `aws cloudtrail get-event-selectors --trail-name NAME`"
    )


def _snapshot_or_list(where: str, value: dict[str, Any]) -> Iterator[Told]:
    account = value.get("account")
    taken_at = moment(f"{where}: taken_at", value.get("takenat"))
    for number, entry in enumerate(_entries(where, value, "trails")):
        at = f"{where}: trails[{number}]"
        trail = entry.get("trail", entry)
        if not isinstance(trail, dict):
            raise SourceError(f"{at}: trail is not an object")
        yield described(at, trail, account=str(account) if account else None, taken_at=taken_at)
        arn = trail_arn(at, trail)
        basic, advanced = entry.get("eventselectors"), entry.get("advancedeventselectors")
        yield selecting(at, arn, basic, advanced, taken_at=taken_at)
        if isinstance(entry.get("status"), dict):
            yield status(f"{at}: status", arn, entry["status"], taken_at=taken_at)


def _described(where: str, value: dict[str, Any]) -> Iterator[Told]:
    for number, entry in enumerate(_entries(where, value, "traillist")):
        yield described(f"{where}: trailList[{number}]", entry)


def _got(where: str, value: dict[str, Any]) -> Iterator[Told]:
    trail = value["trail"]
    if not isinstance(trail, dict):
        raise SourceError(f"{where}: Trail is not an object")
    yield described(where, trail)


def _selected(where: str, value: dict[str, Any]) -> Iterator[Told]:
    """Selectors of a trail, or its description, or both in one."""
    yield described(where, value)
    yield selecting(where, trail_arn(where, value), value.get("eventselectors"), value.get("advancedeventselectors"))


def _entries(where: str, value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = value[name]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{where}: {name} is not a list of objects")
    return entries


_KINDS: dict[str, Callable[[str, dict[str, Any]], Iterator[Told]]] = {
    "trails": _snapshot_or_list,
    "traillist": _described,
    "trail": _got,
    "trailarn": _selected,
    "eventselectors": _selected,
    "advancedeventselectors": _selected,
}
