"""Used against granted, resource by resource: where the statements grant an action, and which ARNs the events name.

An ARN is told only where the event names it under ``resources``; of all other calls the log does not tell what they
touched, so nothing is said of resources that are not named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from cloudsearch.catalogue import find
from cloudsearch.iam import Principal
from cloudsearch.iam.focus import acts_on
from cloudsearch.iam.reach import Reach, Reaches
from cloudsearch.iam.resources import Kind, kinds_of
from cloudsearch.reports.evidence import Evidence, Subject, Touch, Touched, acted, evidence_of_all, touched_by_all
from cloudsearch.reports.narrowed import Narrowed
from cloudsearch.reports.principals import arns_of
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import ReportRow
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, In, Or, Pattern, Where

_F = EVENTS.by_name
_MOST_NAMED = 1000
"""ARNs that a question to a store names one by one."""


@dataclass(frozen=True, slots=True)
class UsedOn:
    """A resource and the calls whose events name it."""

    resource: str
    calls: int
    first_used: datetime | None
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A row of a report with where it is granted and what it was used on, the most called first.

    ``not_told`` are calls of which no event names a resource that the action acts on; ``needs_all`` is whether the
    action acts on ``*`` alone, so that there is no resource to tell.
    """

    row: ReportRow
    reach: Reach
    used_on: tuple[UsedOn, ...]
    not_told: int
    needs_all: bool


@dataclass(frozen=True, slots=True)
class ResourceReport:
    """A report and its rows with their resources."""

    report: Report
    rows: tuple[ResourceRow, ...]


def by_resource(
    store: Store, window: Window, principals: Sequence[Principal], reports: Iterable[Report]
) -> Iterator[ResourceReport]:
    """The reports, in the order of their principals, with resources; the events are gone through once for all."""
    told = iter(reports)
    first = next(told, None)
    if first is None:
        return
    subjects = [_subject(principal, first) for principal in principals]
    touched = touched_by_all(store, window, subjects)
    naming = _Naming(store, window, subjects, touched)
    for at, report in enumerate(chain([first], told)):
        yield ResourceReport(report, tuple(_rows(report, touched[at], naming.calls_of(at))))


def _subject(principal: Principal, like: Report) -> Subject:
    is_loaded = bool(like.coverage.of(principal.account).days)
    return Subject(arns_of(principal), principal.id, is_loaded, like.options.same_name)


def _rows(report: Report, touched: Touched, naming: Mapping[str, int]) -> Iterator[ResourceRow]:
    reaches = Reaches(report.principal, report.options.further)
    for row in report.rows:
        where = reaches.of(row.action, row.statements)
        if not kinds_of(row.action, report.principal.partition):
            yield ResourceRow(row, where, (), 0, needs_all=True)
            continue
        touches = touched.get(row.action, {})
        used = [
            UsedOn(arn, touch.calls, touch.first_used, touch.last_used) for arn, touch in _fitting(row.action, touches)
        ]
        used.sort(key=lambda one: (-one.calls, one.resource))
        yield ResourceRow(row, where, tuple(used), row.calls - naming.get(row.action, 0), needs_all=False)


def _fitting(action: str, touches: Mapping[str | None, Touch]) -> Iterator[tuple[str, Touch]]:
    """The ARNs that the action acts on; an event may name others beside them, an object's bucket.

    Of a call whose action nobody knows it is any.
    """
    is_known = find(action) is not None
    for arn, touch in touches.items():
        if arn is not None and (not is_known or acts_on(action, arn)):
            yield arn, touch


class _Naming:
    """How many calls of an action have an event that names a resource of it.

    Where all ARNs that the events name are of the action's types these are the calls that name any; where some are and
    some are not the store is asked once more, once for all actions of the same types.
    """

    def __init__(self, store: Store, window: Window, subjects: Sequence[Subject], touched: Sequence[Touched]) -> None:
        self._calls: list[dict[str, int]] = [{} for _ in subjects]
        mixed: dict[tuple[Kind, ...], list[tuple[int, str]]] = defaultdict(list)
        arns: dict[tuple[Kind, ...], set[str]] = defaultdict(set)
        for at, own in enumerate(touched):
            for action, touches in own.items():
                fitting = {arn for arn, _ in _fitting(action, touches)}
                if len(fitting) == 1:
                    self._calls[at][action] = touches[next(iter(fitting))].calls
                elif fitting:
                    kinds = kinds_of(action, _partition(fitting))
                    mixed[kinds].append((at, action))
                    arns[kinds] |= fitting
        for kinds, places in mixed.items():
            narrow = Narrowed(store, And((acted(subjects), _any_of(kinds, arns[kinds]))))
            found = evidence_of_all(narrow, window, subjects)
            for at, action in places:
                self._calls[at][action] = _calls(found[at], action)

    def calls_of(self, at: int) -> Mapping[str, int]:
        """By action, of the subject at that place."""
        return self._calls[at]


def _calls(found: Evidence, action: str) -> int:
    source, _, name = action.partition(":")
    use = found.uses.get(action) or found.unknown_calls.get((source, name))
    return use.calls if use else 0


def _partition(arns: Iterable[str]) -> str:
    return min(arns).split(":", 2)[1]


def _any_of(kinds: Sequence[Kind], arns: Collection[str]) -> Where:
    """Events that name one of the ARNs; of very many, events that name one of their types."""
    if len(arns) <= _MOST_NAMED:
        return In(_F["resources"], tuple(sorted(arns)))
    return Or(tuple(Pattern(_F["resources"], kind.loose) for kind in kinds))
