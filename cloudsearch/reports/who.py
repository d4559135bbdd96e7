"""Who may do it and who did: every principal that is granted an action or used it, by the law of the report.

Each row of a principal that IAM told of is the row of its report, made from policies brought into focus and from the
events that bear on the actions; all principals share the reads. Others that acted are told as well: they left, or no
IAM file is of their account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cloudsearch.actions import actions_for, may_need
from cloudsearch.catalogue import find
from cloudsearch.iam import Principal, State, facts_of, granted
from cloudsearch.iam.focus import Focus, acts_on
from cloudsearch.iam.resources import kinds_of
from cloudsearch.reports.coverage import coverage
from cloudsearch.reports.evidence import Subject, Use, evidence_of_all
from cloudsearch.reports.narrowed import Narrowed
from cloudsearch.reports.principals import account_of, arns_of
from cloudsearch.reports.report import Options, reports
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
    asking = _Asking(store, window, asked)
    wanted = [one for one in known or () if asked.has(one.account)]
    rows = [*asking.rows(wanted, options_for), *asking.strangers(known)]
    rows.sort(key=lambda one: (one.row.action.lower(), one.row.account, one.row.principal))
    lacking = tuple(sorted(one.arn for one in wanted if one.missing))
    return Who(asking.covered.window, tuple(rows), lacking)


class _Asking:
    """One question: the events that bear on it, and who is in them."""

    def __init__(self, store: Store, window: Window, asked: Asked) -> None:
        self._store, self._window, self._asked = store, window, asked
        self.covered = coverage(store, window)
        time = window.where(_F["time"])
        self._narrow = And((_concerning(store, window, asked.actions), time))
        names = (_F["principal"], _F["principal_id"])
        self._active = {name for group in store.group(EVENTS, names, time) for name in group.key}
        by = (*names, _F["principal_type"], _F["account"])
        self._actors = [group.key for group in store.group(EVENTS, by, self._narrow)]
        self._acting = {name for key in self._actors for name in key[:2]}

    def rows(self, principals: Iterable[Principal], options_for: OptionsFor) -> Iterator[WhoRow]:
        """The rows of those that IAM told of."""
        concerned = [pair for one in principals if (pair := self._in_focus(one, options_for(one)))]
        found = list(reports(Narrowed(self._store, self._narrow), self._window, concerned))
        subjects = [self._subject(one.principal.arn, one.principal) for one in found]
        own = [[row for row in one.rows if row.action in self._asked.actions] for one in found]
        kinds = [one.principal.kind for one in found]
        yield from (row for row in self._told(own, kinds, subjects) if _is_concerned(row))

    def _in_focus(self, principal: Principal, options: Options) -> tuple[Principal, Options] | None:
        """What is asked about of a principal and its bounds; None where it is granted nothing of it and did nothing.

        IAM's own word of its last use says nothing new where the logs have any event of it.
        """
        facts = facts_of(principal, options.organization)
        focus = Focus(self._asked.actions, self._asked.resource)
        further = tuple(focus.layer(layer, facts) for layer in options.further)
        seen = focus.principal(principal, facts)
        names = {*arns_of(principal), principal.id} - {None}
        states = {one.state for one in granted(seen, self._asked.actions, further, facts)}
        if states == {State.NOT_GRANTED} and self._acting.isdisjoint(names):
            return None
        if not self._active.isdisjoint(names):
            seen = replace(seen, role_last_used=None, credential_uses=())
        return seen, replace(options, further=further)

    def strangers(self, known: Collection[Principal] | None) -> Iterator[WhoRow]:
        """Rows of those that acted and that IAM did not tell of; AWS's services are none of them."""
        told = {name for one in known or () for name in (*arns_of(one), one.id) if name}
        accounts = {one.account for one in known or ()}
        seen: dict[str, tuple[str, str]] = {}
        for arn, principal_id, kind, account in self._actors:
            if arn and kind != "AWSService" and told.isdisjoint((arn, principal_id)):
                seen.setdefault(str(arn), (str(kind or ""), str(account or account_of(str(arn)))))
        wanted = {arn: about for arn, about in seen.items() if self._asked.has(about[1])}
        subjects = [self._subject(arn) for arn in wanted]
        uses = self._uses(self._narrow, subjects)
        own = [
            list(self._unjudged(arn, about, one, is_told=about[1] in accounts))
            for (arn, about), one in zip(wanted.items(), uses, strict=True)
        ]
        yield from self._told(own, [_KINDS.get(kind, "other") for kind, _ in wanted.values()], subjects)

    def _unjudged(
        self, arn: str, about: tuple[str, str], uses: Mapping[str, Use], *, is_told: bool
    ) -> Iterator[ReportRow]:
        marker, granted_, reason = _unknown_to_iam(arn, about[0], is_told=is_told)
        for action, use in uses.items():
            if action in self._asked.actions and use.calls:
                yield _row(arn, about[1], action, use, marker=marker, granted=granted_, reason=reason)

    def _told(
        self, rows: Sequence[Sequence[ReportRow]], kinds: Sequence[str], subjects: Sequence[Subject]
    ) -> Iterator[WhoRow]:
        """The rows of each subject, with a resource as far as they are of it."""
        if self._asked.resource is None:
            yield from (WhoRow(row, kind) for own, kind in zip(rows, kinds, strict=True) for row in own)
            return
        on_it, untold = (self._uses(And((self._narrow, part)), subjects) for part in _by_resource(self._asked))
        for own, kind, of_it, of_nobody_knows in zip(rows, kinds, on_it, untold, strict=True):
            for row in own:
                yield _on(row, kind, of_it.get(row.action, Use()), of_nobody_knows.get(row.action, Use()))

    def _uses(self, narrow: Where, subjects: Sequence[Subject]) -> list[Mapping[str, Use]]:
        return [one.uses for one in evidence_of_all(Narrowed(self._store, narrow), self._window, subjects)]

    def _subject(self, arn: str, principal: Principal | None = None) -> Subject:
        account = principal.account if principal else account_of(arn)
        arns = arns_of(principal) if principal else (arn,)
        return Subject(arns, principal.id if principal else None, bool(self.covered.of(account).days))


def _on(row: ReportRow, kind: str, on_it: Use, untold: Use) -> WhoRow:
    """The row with the calls of the resource alone; where there is none on it, whether it was used is not known."""
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
