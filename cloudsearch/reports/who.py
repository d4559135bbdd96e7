"""Who may do it and who did: every principal that is granted an action or used it, by the law of the report.

Each row of a principal that IAM told of is the row of its report, made from policies brought into focus and from reads
that all principals share. Others that acted are told as well: they left, or no IAM file is of their account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from cloudsearch.actions import actions_for, may_need
from cloudsearch.catalogue import find
from cloudsearch.iam import Principal, State, facts_of, granted
from cloudsearch.iam.focus import Focus, acts_on
from cloudsearch.iam.resources import kinds_of
from cloudsearch.reports.coverage import Coverage, coverage
from cloudsearch.reports.evidence import Use, evidence
from cloudsearch.reports.principals import account_of, arns_of
from cloudsearch.reports.report import Options, report
from cloudsearch.reports.shared import Shared
from cloudsearch.reports.verdicts import Marker, ReportRow
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Store
from cloudsearch.where import And, Exists, In, Not, Or, Pattern, Where

_F = EVENTS.by_name


@dataclass(frozen=True, slots=True)
class Asked:
    """The actions, by their names as AWS writes them, the resource (an ARN) if any, the principals' accounts if any."""

    actions: Collection[str]
    resource: str | None = None
    accounts: Collection[str] = ()

    def has(self, account: str) -> bool:
        """Whether principals of the account are asked for."""
        return not self.accounts or account in self.accounts


@dataclass(frozen=True, slots=True)
class WhoRow:
    """A principal and an action; with a resource, ``row`` counts the calls that the events tell to be on it.

    ``other_calls`` are told to be on other resources, of ``untold_calls`` no event tells; None without a resource.
    """

    row: ReportRow
    kind: str
    other_calls: int | None = None
    untold_calls: int | None = None


@dataclass(frozen=True, slots=True)
class Who:
    """The answer, by action and principal, and the principals of which policies are missing: they may be granted it."""

    window: Window
    rows: tuple[WhoRow, ...]
    lacking: tuple[str, ...] = ()


OptionsFor = Callable[[Principal], Options]


def who(
    store: Store,
    window: Window,
    asked: Asked,
    known: Collection[Principal] | None,
    options_for: OptionsFor,
) -> Who:
    """Everybody who is granted the actions or used them; ``known`` are IAM's, if it was asked."""
    covered = coverage(store, window)
    asking = _Asking(store, window, asked, covered)
    wanted = [one for one in known or () if asked.has(one.account)]
    rows = [row for one in wanted for row in asking.rows(one, options_for(one))]
    rows += [row for row in asking.strangers(known) if asked.has(row.row.account)]
    rows.sort(key=lambda one: (one.row.action.lower(), one.row.account, one.row.principal))
    lacking = tuple(sorted(one.arn for one in wanted if one.missing))
    return Who(covered.window, tuple(rows), lacking)


@dataclass(slots=True)
class _Counted:
    """Uses of the actions that were read for one principal: all, on the resource, and on nobody knows what."""

    uses: dict[str, Use] = field(default_factory=dict)
    on_it: dict[str, Use] = field(default_factory=dict)
    untold: dict[str, Use] = field(default_factory=dict)

    def told(self, row: ReportRow, kind: str) -> WhoRow:
        """The row with the calls of the resource alone; where there is none on it, that is not known."""
        on_it, untold = self.on_it.get(row.action, Use()), self.untold.get(row.action, Use())
        others = row.calls - on_it.calls - untold.calls
        figures = replace(
            row,
            used=on_it.calls > 0,
            calls=on_it.calls,
            denied=on_it.denied,
            errors=on_it.errors,
            first_used=on_it.first_used,
            last_used=on_it.last_used,
        )
        if on_it.calls or not row.calls:
            return WhoRow(figures, kind, others, untold.calls)
        where = "resource not told" if untold.calls else "on other resources, as far as events tell"
        reason = f"used {row.calls} {'time' if row.calls == 1 else 'times'}, {where}"
        return WhoRow(replace(figures, marker=Marker.UNKNOWN, reason=reason), kind, others, untold.calls)


class _Asking:
    """What all principals share."""

    def __init__(self, store: Store, window: Window, asked: Asked, covered: Coverage) -> None:
        self._asked, self._window, self._covered = asked, window, covered
        narrow = And((_concerning(store, window, asked.actions), window.where(_F["time"])))
        self._shared = Shared(store, narrow)
        on_it, untold = (And((narrow, part)) for part in _by_resource(asked))
        self._on_it, self._untold = Shared(store, on_it), Shared(store, untold)
        by = (_F["principal"], _F["principal_id"])
        self._active = {name for group in store.group(EVENTS, by, window.where(_F["time"])) for name in group.key}
        kinds = (_F["principal"], _F["principal_id"], _F["principal_type"], _F["account"])
        self._actors = [group.key for group in store.group(EVENTS, kinds, And((narrow, Exists(_F["principal"]))))]
        self._acting = {name for group in store.group(EVENTS, by, narrow) for name in group.key}

    def rows(self, principal: Principal, options: Options) -> Iterator[WhoRow]:
        """The rows of one that IAM told of."""
        facts = facts_of(principal, options.organization)
        focus = Focus(self._asked.actions, self._asked.resource)
        further = tuple(focus.layer(layer, facts) for layer in options.further)
        seen = self._heard_of(focus.principal(principal, facts))
        names = {*arns_of(principal), principal.id} - {None}
        states = {one.state for one in granted(seen, self._asked.actions, further, facts)}
        if states == {State.NOT_GRANTED} and self._acting.isdisjoint(names):
            return
        found = report(self._shared, self._window, seen, replace(options, further=further)).rows
        own = [row for row in found if row.action in self._asked.actions]
        count = partial(self._counted, arns_of(principal), principal.id, principal.account)
        yield from (row for row in self._told(own, principal.kind, count) if _is_concerned(row))

    def strangers(self, known: Collection[Principal] | None) -> Iterator[WhoRow]:
        """Rows of those that acted and that IAM did not tell of; AWS's services are none of them."""
        arns = {arn for one in known or () for arn in arns_of(one)}
        ids = {one.id for one in known or () if one.id}
        accounts = {one.account for one in known or ()}
        seen = set()
        for arn, principal_id, kind, account in self._actors:
            if arn in arns or principal_id in ids or kind == "AWSService" or arn in seen:
                continue
            seen.add(arn)
            yield from self._stranger(str(arn), str(kind or ""), str(account or account_of(str(arn))), accounts)

    def _stranger(self, arn: str, kind: str, account: str, accounts: Collection[str]) -> Iterator[WhoRow]:
        marker, granted, reason = _unknown_to_iam(arn, kind, is_told=account in accounts)
        counted = self._counted((arn,), None, account)
        rows = [
            _row(arn, account, action, use, marker=marker, granted=granted, reason=reason)
            for action, use in counted.uses.items()
            if action in self._asked.actions and use.calls
        ]
        yield from self._told(rows, _KINDS.get(kind, "other"), lambda: counted)

    def _told(self, rows: Sequence[ReportRow], kind: str, count: Callable[[], _Counted]) -> Iterator[WhoRow]:
        if self._asked.resource is None or not rows:
            yield from (WhoRow(row, kind) for row in rows)
            return
        counted = count()
        yield from (counted.told(row, kind) for row in rows)

    def _counted(self, arns: Collection[str], principal_id: str | None, account: str) -> _Counted:
        loaded = bool(self._covered.of(account).days)
        read = partial(evidence, window=self._window, arns=arns, principal_id=principal_id, caller_loaded=loaded)
        uses = dict(read(self._shared).uses)
        if self._asked.resource is None:
            return _Counted(uses)
        return _Counted(uses, dict(read(self._on_it).uses), dict(read(self._untold).uses))

    def _heard_of(self, principal: Principal) -> Principal:
        """The principal; IAM's own word of its last use says nothing new where the logs have any event of it."""
        if self._active.isdisjoint({*arns_of(principal), principal.id} - {None}):
            return principal
        return replace(principal, role_last_used=None, credential_uses=())


_KINDS = {"IAMUser": "user", "AssumedRole": "role", "Role": "role", "Root": "root", "FederatedUser": "federated"}


def _is_concerned(one: WhoRow) -> bool:
    """Whether it is granted the action or used it; a refusal of what is not granted makes nobody one of these."""
    return one.row.granted in ("granted", "conditional") or one.row.used or bool(one.row.calls or one.untold_calls)


def _unknown_to_iam(arn: str, kind: str, *, is_told: bool) -> tuple[Marker, str | None, str]:
    if kind == "Root":
        return Marker.USED, None, "the root user: no policy of its account grants or denies"
    if not is_told:
        return Marker.UNKNOWN, None, f"what account {account_of(arn) or 'unknown'} grants is not known"
    if kind in ("IAMUser", "AssumedRole", "Role"):
        return Marker.UNGRANTED, "not granted", "exists no more, or is in none of the IAM files"
    return Marker.UNKNOWN, None, "what its sessions are granted is in no IAM file"


def _row(  # noqa: PLR0913 (a row has as many)
    arn: str, account: str, action: str, use: Use, *, marker: Marker, granted: str | None, reason: str
) -> ReportRow:
    known = find(action)
    return ReportRow(
        account=account,
        principal=arn,
        action=action,
        marker=marker,
        granted=granted,
        used=use.calls > 0,
        tried=True,
        calls=use.calls,
        denied=use.denied,
        errors=use.errors,
        first_used=use.first_used,
        last_used=use.last_used,
        reason=reason,
        statements=(),
        observed_from=None,
        observed_days=0,
        access_level=known.access_level if known else None,
    )


def _concerning(store: Store, window: Window, actions: Collection[str]) -> Where:
    """Events that may tell of the actions: of calls that need them or may, refused for them, or showing them else."""
    time = window.where(_F["time"])
    calls: dict[str, list[str]] = defaultdict(list)
    for group in store.group(EVENTS, (_F["event_source"], _F["event_name"]), time):
        source, name = (str(part or "") for part in group.key)
        if not actions_of_call(source, name).isdisjoint(actions):
            calls[source].append(name)
    refused = [
        denied
        for group in store.group(EVENTS, (_F["denied_action"],), And((time, Exists(_F["denied_action"]))))
        if (action := find(denied := str(group.key[0]))) and action.name in actions
    ]
    by_name = [
        And((In(_F["event_source"], (source,)), In(_F["event_name"], tuple(names)))) for source, names in calls.items()
    ]
    by_refusal = [In(_F["denied_action"], tuple(refused))] if refused else []
    return Or((*by_name, *by_refusal, In(_F["inferred_actions"], tuple(actions))))


def actions_of_call(event_source: str, event_name: str) -> frozenset[str]:
    """All actions that a call may tell of: those it needs or may need, and the one that bears its name."""
    same = find(f"{event_source.partition('.')[0]}:{event_name}")
    needed = actions_for(event_source, event_name).actions
    return frozenset((*needed, *may_need(event_source, event_name), *([same.name] if same else [])))


def _by_resource(asked: Asked) -> tuple[Where, Where]:
    """Events told to be on the resource, and those that name neither it nor any other of its type."""
    arn = asked.resource or ""
    partition = arn.split(":", 2)[1] if arn.count(":") > 1 else ""
    kinds = {kind.loose for action in asked.actions if acts_on(action, arn) for kind in kinds_of(action, partition)}
    on_it = In(_F["resources"], (arn,))
    of_its_type = Or(tuple(Pattern(_F["resources"], one) for one in sorted(kinds)))
    return on_it, Not(Or((on_it, of_its_type)))
