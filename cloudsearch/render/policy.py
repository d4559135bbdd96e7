"""What is said beside generated policies: what was used, how much of it has real ARNs, what is to be looked at.

The policies themselves are ``policies.forms``; evidence is JSON, an object for each action and resource.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cloudsearch.policies.figures import Figure
from cloudsearch.policies.generate import Generated, Line
from cloudsearch.policies.usage import Usage
from cloudsearch.render.text import day, folded, iso

_NAMED = 20


def summary(who: str, usage: Usage, found: Generated, *, width: int | None) -> Iterator[str]:
    """The lines for people: the figure, the services and their actions, then the notes."""
    for line in (*_head(who, usage, found), *_services(found.figure), *_notes(found.notes)):
        yield from folded(line, width)


def _head(who: str, usage: Usage, found: Generated) -> Iterator[str]:
    statements = sum(len(policy.statements) for policy in found.policies)
    yield (
        f"{who}: {usage.events:,} calls, {_many(len(found.policies), 'policy', 'policies')}, "
        f"{_many(statements, 'statement', 'statements')}"
    )
    yield figure(found.figure)
    if found.figure.untold:
        yield f"without: {', '.join(found.figure.untold)}"


def figure(found: Figure) -> str:
    """The command's own figure."""
    every = len(found.told) + len(found.untold)
    if not every:
        return "no action that was used takes a resource"
    return f"{len(found.told)} of {every} actions that take resources have real ARNs ({found.share:.0%})"


def _services(found: Figure) -> Iterator[str]:
    yield f"services used: {', '.join(one.service for one in found.services) or 'none'}"
    for one in found.services:
        counts = ", ".join(f"{action.partition(':')[2]} x {count}" for action, count in one.actions)
        yield f"  {one.service}, last {day(one.last_used) or 'at an unknown time'}: {counts}"


def _notes(notes: Sequence[str]) -> Iterator[str]:
    yield from (f"note: {note}" for note in notes)


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def evidence(found: Iterable[tuple[str, Sequence[str], Sequence[Line]]]) -> Iterator[str]:
    """A JSON list, line by line: whose, its policies' names, and what each of their statements rests on."""
    rows = (row for who, names, lines in found for row in _rows(who, names, lines))
    before = "["
    for row in rows:
        yield f"{before}{json.dumps(row)}"
        before = ","
    yield "[]" if before == "[" else "]"


def _rows(who: str, names: Sequence[str], lines: Iterable[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {
            "principal": who,
            "policy": names[line.policy],
            "sid": line.sid,
            "action": line.action,
            "resource": line.resource,
            "conditions": [{"test": one.operator, "key": one.key, "values": one.values} for one in line.conditions],
            "known": line.known.value,
            "count": line.tally.count,
            "inferred": line.tally.inferred,
            "first_used": iso(line.tally.first) if line.tally.first else None,
            "last_used": iso(line.tally.last) if line.tally.last else None,
            "events": line.tally.samples,
        }
