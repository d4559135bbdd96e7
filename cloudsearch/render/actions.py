"""Explanations of calls and actions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cloudsearch.actions import Explanation
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.text import clean, columns

FIELDS = (
    "asked",
    "call",
    "actions",
    "how",
    "action",
    "observability",
    "resource_type",
    "reason",
    "access_level",
    "source",
)


def explanations(found: Sequence[Explanation], how: Format, *, width: int | None) -> Iterator[str]:
    """A paragraph for each call and action, or a row for programs."""
    if how is not Format.TABLE:
        yield from render(_rows(found), FIELDS, how)
        return
    for explanation in found:
        yield from _calls(explanation, width)
        yield from _actions(explanation, width)


def _calls(explanation: Explanation, width: int | None) -> Iterator[str]:
    for call in explanation.calls:
        mapping = call.mapping
        needs = ", ".join(mapping.actions) or mapping.how
        yield clean(f"call    {call.event_source} {call.event_name}")
        yield columns([("  needs", needs), ("  known by", mapping.how), ("  source", mapping.source)], width=width)


def _actions(explanation: Explanation, width: int | None) -> Iterator[str]:
    for explained in explanation.actions:
        seen = explained.observability
        rows = [
            ("  in a log", seen.observability.value),
            ("  because", seen.reason),
            ("  source", seen.source),
            ("  access level", explained.action.access_level),
        ]
        if seen.resource_type:
            rows.insert(1, ("  recorded for", seen.resource_type))
        if explained.calls:
            rows.append(("  needed by", ", ".join(explained.calls)))
        yield clean(f"action  {explained.action.name}")
        yield columns(rows, width=width)


def _rows(found: Iterable[Explanation]) -> Iterator[dict[str, object]]:
    for explanation in found:
        for call in explanation.calls:
            mapping = call.mapping
            yield dict.fromkeys(FIELDS) | {
                "asked": explanation.text,
                "call": f"{call.event_source}:{call.event_name}",
                "actions": mapping.actions,
                "how": mapping.how,
                "source": mapping.source,
            }
        for explained in explanation.actions:
            seen = explained.observability
            yield dict.fromkeys(FIELDS) | {
                "asked": explanation.text,
                "action": explained.action.name,
                "observability": seen.observability.value,
                "resource_type": seen.resource_type,
                "reason": seen.reason,
                "access_level": explained.action.access_level,
                "source": seen.source,
            }
