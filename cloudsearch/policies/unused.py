"""Today's policies minus what is provably unused: the careful way, which keeps everything that is not proved.

What goes is what the report calls ``-``: granted, never used, and the logs would have shown it for long enough. Actions
of which that is only assumed stay unless they are asked for, and so do all actions of a service of which a call was
seen that nobody can name. Sids, order, Denies, Conditions and resources stay as they are, the policies of groups too,
since they are others' as well. The result allows nothing that was not allowed before.

A policy that would outgrow what AWS takes keeps what there is no room to leave out. History is replayed by the result:
an action that it proves to be needed is put back, whatever the report said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cloudsearch.actions import prefixes
from cloudsearch.errors import CloudsearchError, GateTripped
from cloudsearch.iam import Document, Policy, Principal, Statement
from cloudsearch.policies.facts import Limit, limits
from cloudsearch.policies.parts import text
from cloudsearch.policies.replay import Replayed
from cloudsearch.policies.splitting import shortened, without
from cloudsearch.reports.report import Report
from cloudsearch.reports.verdicts import Marker

_GROUP = "group "
_ROUNDS = 5

Replaying = Callable[[Sequence[Policy]], Replayed]
"""Replays the principal's calls by policies in place of its own; today's grants are known."""


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The policies as they would be, the replay that proves them, and what is to be said.

    ``gone`` are the actions left out wherever that was possible, ``put_back`` those that the replay needed.
    """

    policies: tuple[Policy, ...]
    replayed: Replayed
    gone: tuple[str, ...]
    put_back: tuple[str, ...]
    notes: tuple[str, ...]


def trimmed(report: Report, replaying: Replaying) -> Trimmed:
    """Leave out what the report proves to be unused; ``GateTripped`` where it can conclude nothing.

    With ``strict`` in the report's options what is only assumed to be logged is no proof.
    """
    if report.verdict:
        raise GateTripped(f"{report.verdict}; nothing is removed")
    principal, gone, notes = report.principal, *provable(report)
    put_back: set[str] = set()
    for _ in range(_ROUNDS):
        policies, lines = _policies(principal, gone - put_back)
        found = replaying(policies)
        needed = {row.action for row in found.rows if row.today in ("granted", "conditional")} & (gone - put_back)
        if not needed:
            _check(found)
            back = (f"the replay needs {', '.join(sorted(put_back))}: put back",) if put_back else ()
            left = tuple(sorted(gone - put_back, key=str.lower))
            return Trimmed(policies, found, left, tuple(sorted(put_back)), (*notes, *lines, *back))
        put_back |= needed
    raise CloudsearchError(f"{principal.arn}: the replay goes on to need more, last {', '.join(sorted(needed))}")


def provable(report: Report) -> tuple[frozenset[str], tuple[str, ...]]:
    """The actions that are provably unused, and why others that seem so are not."""
    unused = {row.action for row in report.rows if row.marker is Marker.UNUSED}
    strange = {
        (service, row.action)
        for row in report.rows
        if row.marker is Marker.UNKNOWN and row.tried and ".amazonaws.com" in row.action
        for service in prefixes(row.action.rpartition(":")[0])
    }
    services = {service for service, _ in strange}
    notes = tuple(
        f"{service}: nothing is removed, for no IAM action is known for {call.rpartition(':')[2]}, which was called"
        for service, call in sorted(strange)
    )
    return frozenset(one for one in unused if one.partition(":")[0] not in services), notes


def _check(found: Replayed) -> None:
    if found.lost_actions:
        names = ", ".join(sorted(found.lost_actions))
        raise CloudsearchError(f"The replay would break {names}, of which nothing was removed; nothing is written")


def _policies(principal: Principal, gone: frozenset[str]) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The principal's policies without the actions, those of groups as they are; and what is to be said of them."""
    own = [policy for policy in principal.policies if not policy.attached.startswith(_GROUP)]
    inline = [policy for policy in own if policy.attached == "inline"]
    limit = limits()[f"inline-{principal.kind}"]
    room = limit.characters - sum(len(text(policy.document)) for policy in inline)
    found, notes = [], []
    for policy in principal.policies:
        if policy.attached.startswith(_GROUP):
            notes += [f"{policy.name}: a policy of {policy.attached}, stays as it is"]
            found.append(policy)
            continue
        free = room if policy.attached == "inline" else _room(policy.document, limits()["managed"])
        document, said = trim(policy.document, gone, free)
        room -= len(text(document)) - len(text(policy.document)) if policy.attached == "inline" else 0
        notes += [f"{policy.name}: {line}" for line in (*said, *_about(policy, document))]
        found += [replace(policy, document=document)] if document.statements else []
    return tuple(found), tuple(notes)


def _room(document: Document, limit: Limit) -> int:
    return limit.characters - len(text(document))


def _about(policy: Policy, after: Document) -> Iterator[str]:
    if not after.statements:
        yield "nothing is left of it: detach it, or delete it where it is inline"
    elif after != policy.document and policy.arn:
        whose = "AWS's" if ":iam::aws:" in policy.arn else "perhaps attached to others"
        yield f"is {whose}: make a policy of your own of it and attach that instead of {policy.arn}"


def trim(document: Document, gone: Collection[str], room: int) -> tuple[Document, tuple[str, ...]]:
    """A document without the actions, larger by ``room`` characters at most; and what there was no room to leave out.

    Statements that get shorter are changed first, so that they make room for the others.
    """
    statements: list[Statement | None] = list(document.statements)
    notes = []
    changes = [(at, one, without(one, gone)) for at, one in enumerate(document.statements)]
    for at, before, after in sorted(changes, key=lambda change: _growth(change[1], change[2])):
        fitting = after if _growth(before, after) <= max(room, 0) else _partly(before, gone, room)
        if fitting is not after:
            notes.append(f"{before.sid or f'statement {at}'} keeps some of what is unused: AWS takes no larger policy")
        statements[at] = fitting
        room -= _growth(before, fitting)
    kept = tuple(one for one in statements if one is not None)
    if kept == document.statements:
        return document, tuple(notes)
    return replace(document, statements=tuple(replace(one, index=at) for at, one in enumerate(kept))), tuple(notes)


def _partly(statement: Statement, gone: Collection[str], room: int) -> Statement:
    """As much of it as there is room for, the services of which most goes first; in the end as it is."""
    by_service: dict[str, list[str]] = {}
    for action in gone:
        by_service.setdefault(action.partition(":")[0], []).append(action)
    found, leaving = statement, list[str]()
    for actions in sorted(by_service.values(), key=_cost):
        tried = without(statement, [*leaving, *actions])
        if tried is not None and _growth(statement, tried) <= room:
            found, leaving = tried, [*leaving, *actions]
    return found


def _cost(actions: Sequence[str]) -> tuple[float, str]:
    """Characters that an action takes as patterns, least first."""
    return sum(map(len, shortened(actions))) / len(actions), min(actions)


def _growth(before: Statement, after: Statement | None) -> int:
    return _size([after] if after else []) - _size([before])


def _size(statements: Iterable[Statement]) -> int:
    return len(text(Document("2012-10-17", tuple(statements))))
