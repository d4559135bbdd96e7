"""History judged by policies: what they would have refused of the calls that were let in.

A call that was refused needs nothing, and one whose error does not prove that the caller was let in proves no need;
``history`` leaves both out. Every use of the others, inferred ones and those by services included, is judged with its
action, its resources and what its event tells of the context (``context``). A use of which nobody knows the resource
is judged over all that it may have been. An event is as bad as the worst of its uses.

===========  ======================================================================================================
would break  surely refused: a Deny holds, or nothing allows it and no policy of the resource could
cannot tell  it hangs on what no event tells; or nothing allows it, and a policy of the resource may have let it in
fine         surely allowed; or it hangs on the very statements on which it hangs today, and it was let in
===========  ======================================================================================================

When may a resource's policy have let it in? Within an account an Allow of either side is enough, so a call that the
identity's policies do not allow went through by the resource's, if its service has such policies
(``data/resource_policies.tsv`` of ``actions``) and the resource is not of another account, where both sides must
allow. What was let in by today's grants, though, is taken to need them: where these are given and allow the call, or
may, it ``would break`` without; where they do not, something else let it in, and would again: ``cannot tell``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from cloudsearch.actions import NO_PERMISSION, UNKNOWN, actions_for, may_need
from cloudsearch.actions.resources import Use
from cloudsearch.actions.tables import table
from cloudsearch.iam import StatementRef
from cloudsearch.iam.conditions import Truth
from cloudsearch.iam.judge import Context, Judge, Judged
from cloudsearch.policies.context import Event, context_of
from cloudsearch.policies.history import Used
from cloudsearch.where import fits

SAMPLES = 3
"""Event ids that a row names."""

RESOURCES = 1_000
"""Resources that rows of one action, answer and reason name; the calls on further ones make one row."""

_REMEMBERED = 200_000


class Answer(StrEnum):
    """What would have become of a call."""

    BROKEN = "would break"
    UNTOLD = "cannot tell"
    FINE = "fine"


_ORDER = {answer: at for at, answer in enumerate(Answer)}


class Verdict(NamedTuple):
    """What would have become of one use, and why; ``today`` is what today's grants say of it, where they are given."""

    answer: Answer
    reason: str = ""
    statements: tuple[StatementRef, ...] = ()
    today: str | None = None


_FINE = Verdict(Answer.FINE)
_TODAY = {Truth.YES: "granted", Truth.PERHAPS: "conditional", Truth.NO: "not granted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """Calls that used an action on a resource and would not surely have been let in, for one reason.

    ``resource`` is an ARN as a policy writes it, empty where it is not known, the action takes none, or the resources
    are too many to name. ``events`` are some of the calls' event ids.
    """

    account: str
    principal: str
    action: str
    resource: str
    answer: Answer
    reason: str
    statements: tuple[StatementRef, ...]
    calls: int
    first_seen: datetime | None
    last_seen: datetime | None
    events: tuple[str, ...]
    inferred: bool
    today: str | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: events by answer, and the rows of those that would not surely have been let in."""

    events: Counter[Answer]
    rows: tuple[ReplayRow, ...]

    @property
    def total(self) -> int:
        """How many events were judged."""
        return self.events.total()

    @property
    def breaks(self) -> bool:
        """Whether some call would have been refused."""
        return self.events[Answer.BROKEN] > 0

    @property
    def broken_actions(self) -> frozenset[str]:
        """The actions that would be missed."""
        return frozenset(row.action for row in self.rows if row.answer is Answer.BROKEN)

    @property
    def lost_actions(self) -> frozenset[str]:
        """Those of them that are granted today, or may be."""
        return frozenset(
            row.action for row in self.rows if row.answer is Answer.BROKEN and row.today != _TODAY[Truth.NO]
        )


class _Key(NamedTuple):
    action: str
    resource: str
    verdict: Verdict
    inferred: bool


@dataclass(slots=True)
class _Tally:
    """The calls of one row."""

    calls: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    events: list[str] = field(default_factory=list)

    def add(self, used: Used) -> None:
        self.calls += 1
        if len(self.events) < SAMPLES:
            self.events.append(used.event_id)
        if (time := used.time) is not None:
            self.first_seen = time if self.first_seen is None else min(self.first_seen, time)
            self.last_seen = time if self.last_seen is None else max(self.last_seen, time)


def replay(calls: Iterable[Used], proposed: Judge, today: Judge | None = None) -> Replayed:
    """Judge a principal's calls by the proposed policies; ``today`` judges by its grants as they are, if known."""
    run = Replay(proposed, today)
    for used in calls:
        run.add(used)
    return run.result()


class Replay:
    """One principal's calls, judged one after the other; memory does not grow with their number."""

    def __init__(self, proposed: Judge, today: Judge | None = None) -> None:
        self._proposed = proposed
        self._today = today
        self._keys = proposed.keys | (today.keys if today else frozenset())
        self._verdicts: dict[tuple[object, ...], Verdict] = {}
        self._possible: dict[tuple[str, str], tuple[tuple[str, Verdict], ...]] = {}
        self._events: Counter[Answer] = Counter()
        self._tallies: dict[_Key, _Tally] = {}
        self._named: Counter[_Key] = Counter()
        self._whose = ("", "")

    def add(self, used: Used) -> Answer:
        """Judge a call; the answer is that of the worst of its uses."""
        found = [key for key in self._found(used) if key.verdict.answer is not Answer.FINE]
        for tally in {id(tally): tally for tally in map(self._tally, found)}.values():
            tally.add(used)
        worst = min((key.verdict.answer for key in found), key=_ORDER.__getitem__, default=Answer.FINE)
        self._events[worst] += 1
        self._whose = (str(used.row.get("account") or ""), used.principal)
        return worst

    def result(self) -> Replayed:
        """What it came to; what would break first, by action and resource."""
        account, principal = self._whose
        rows = [
            ReplayRow(
                account=account,
                principal=principal,
                action=key.action,
                resource=key.resource,
                answer=key.verdict.answer,
                reason=key.verdict.reason,
                statements=key.verdict.statements,
                calls=tally.calls,
                first_seen=tally.first_seen,
                last_seen=tally.last_seen,
                events=tuple(tally.events),
                inferred=key.inferred,
                today=key.verdict.today,
            )
            for key, tally in self._tallies.items()
        ]
        rows.sort(key=lambda row: (_ORDER[row.answer], row.action.lower(), row.resource, row.reason))
        return Replayed(Counter(self._events), tuple(rows))

    def _found(self, used: Used) -> list[_Key]:
        """What would have become of each use of the call, each resource and verdict once."""
        if not used.uses:
            return self._unmapped(used)
        event = Event(used)
        found: dict[_Key, None] = {}
        for use in used.uses:
            context = context_of(event, use, self._keys)
            for arn in _resources(use):
                verdict = self._verdict(use, arn, context, used)
                found[_Key(use.action, arn or "", verdict, use.is_inferred)] = None
        surely = {use.action for use in used.uses}
        for action, verdict in self._perhaps(used) if self._today else ():
            if action not in surely:
                found[_Key(action, "", verdict, True)] = None
        return list(found)

    def _unmapped(self, used: Used) -> list[_Key]:
        """A call that shows no action: it needs none, or nobody knows which."""
        source, name = _call(used)
        mapping = actions_for(source, name)
        if mapping.how == NO_PERMISSION or mapping.how != UNKNOWN:
            return []
        verdict = Verdict(Answer.UNTOLD, f"no IAM action is known for this call: {mapping.source}")
        return [_Key(f"{source}:{name}", "", verdict, False)]

    def _verdict(self, use: Use, arn: str | None, context: Context, used: Used) -> Verdict:
        is_foreign = _is_foreign(arn, used)
        key = (use.action, arn, use.unknown, is_foreign, tuple(context.items()))
        found = self._verdicts.get(key)
        if found is None:
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()  # memory is to stay flat, whatever the number of resources
            found = self._verdicts[key] = self._weighed(use, arn, context, is_foreign=is_foreign)
        return found

    def _weighed(self, use: Use, arn: str | None, context: Context, *, is_foreign: bool) -> Verdict:
        judged = self._proposed.judge(use.action, arn, context)
        if judged.state is Truth.YES:
            return _FINE
        now = self._today.judge(use.action, arn, context) if self._today else None
        today = _TODAY[now.state] if now else None
        why = f"{judged.reason}; {use.unknown}" if use.unknown and arn is None else judged.reason
        if judged.state is Truth.PERHAPS:
            if now and self._today and self._proposed.lets_in_as(self._today, judged, now):
                return _FINE
            return Verdict(Answer.UNTOLD, why, judged.statements, today)
        if not _may_be_let_in(judged, now, use, is_foreign=is_foreign):
            return Verdict(Answer.BROKEN, why, judged.statements, today)
        return Verdict(Answer.UNTOLD, f"{why}; a policy of the resource may allow it", judged.statements, today)

    def _perhaps(self, used: Used) -> tuple[tuple[str, Verdict], ...]:
        """The actions that such a call needs in some cases, which are granted today and would be no more."""
        call = _call(used)
        found = self._possible.get(call)
        if found is None:
            lost = ((action, case) for action, case in may_need(*call).items() if self._would_lose(action))
            found = tuple(
                (action, Verdict(Answer.UNTOLD, f"{call[1]} needs it {case}, which no event tells", (), "granted"))
                for action, case in lost
            )
            self._possible[call] = found
        return found

    def _would_lose(self, action: str) -> bool:
        now = self._today.judge(action, None, {}) if self._today else None
        if now is None or now.state is Truth.NO:
            return False
        return self._proposed.judge(action, None, {}).state is Truth.NO

    def _tally(self, key: _Key) -> _Tally:
        tally = self._tallies.get(key)
        if tally is not None:
            return tally
        unnamed = key._replace(resource="")
        if key.resource and self._named[unnamed] >= RESOURCES:
            reason = f"{key.verdict.reason}; resources past the first {RESOURCES:,} are not named"
            key = unnamed._replace(verdict=key.verdict._replace(reason=reason))
        else:
            self._named[unnamed] += 1
        return self._tallies.setdefault(key, _Tally())


def _resources(use: Use) -> tuple[str | None, ...]:
    """The resources that have to be allowed; None for one that is not known, or where the action takes none."""
    return (*use.arns, None) if use.unknown or not use.arns else use.arns


def _may_be_let_in(judged: Judged, now: Judged | None, use: Use, *, is_foreign: bool) -> bool:
    """Whether a policy of the resource may have let in what the identity's policies do not allow."""
    if judged.is_final or is_foreign or not use.takes_resources or not has_resource_policies(use.action):
        return False
    return now is None or now.state is Truth.NO


def _is_foreign(arn: str | None, used: Used) -> bool:
    """Whether the resource is of another account than the principal, as far as its ARN tells."""
    own = used.row.get("account")
    account = arn.split(":", 5)[4] if arn is not None and arn.count(":") > 4 else ""
    return bool(own) and account.isdecimal() and account != own


def _call(used: Used) -> tuple[str, str]:
    return str(used.row.get("event_source") or ""), str(used.row.get("event_name") or "")


@lru_cache(maxsize=16384)
def has_resource_policies(action: str) -> bool:
    """Whether a policy attached to its resource may allow the action; what is being made has none yet."""
    return any(
        fits(pattern.lower(), action.lower()) and action.lower() != but.lower()
        for pattern, but, _, _ in table("resource_policies.tsv", 4)
    )
