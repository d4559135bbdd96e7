"""Explanations of calls and actions, lists of actions, and the calls whose actions nobody knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from cloudsearch.actions import ExplainedAction, ExplainedCall, Explanation
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import clean, columns, folded

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
    "similar",
)
UNKNOWN_FIELDS = ("service", "operation", "reason")

Similar = Mapping[str, Sequence[str]]
"""A text that was asked for -> actions of a name like it, where its call is unknown."""


def explanations(found: Sequence[Explanation], how: Format, *, similar: Similar, width: int | None) -> Iterator[str]:
    """A paragraph for each call and action, a line for each action of a pattern; or a row each for programs."""
    if how is not Format.TABLE:
        yield from render(_rows(found, similar), FIELDS, how, Page("IAM actions"))
        return
    for explanation in found:
        yield from _calls(explanation, similar.get(explanation.text, ()), width)
        yield from (_listed if is_pattern(explanation.text) else _actions)(explanation, width)


def is_pattern(text: str) -> bool:
    """Whether a text asks for a list: it holds a wildcard."""
    return "*" in text or "?" in text


def unknown_calls(rows: Iterable[tuple[str, str, str]], how: Format, *, width: int | None) -> Iterator[str]:
    """Calls that map to no action: service or host, operation, and why; for people by reason, then by service."""
    if how is not Format.TABLE:
        named = (dict(zip(UNKNOWN_FIELDS, row, strict=True)) for row in rows)
        yield from render(named, UNKNOWN_FIELDS, how, Page("Calls whose actions are not known"))
        return
    reasons: dict[str, dict[str, list[str]]] = {}
    for service, operation, reason in rows:
        reasons.setdefault(reason, {}).setdefault(service, []).append(operation)
    for reason, services in reasons.items():
        yield from folded(reason, width)
        yield columns(((f"  {service}", ", ".join(names)) for service, names in services.items()), width=width)
        yield ""
    count = sum(len(names) for services in reasons.values() for names in services.values())
    yield f"{count:,} calls whose actions are not known"


def _calls(explanation: Explanation, similar: Sequence[str], width: int | None) -> Iterator[str]:
    for call in explanation.calls:
        mapping = call.mapping
        needs = ", ".join(mapping.actions) or mapping.how
        rows = [("  needs", needs), ("  known by", mapping.how), ("  source", mapping.source)]
        if similar and not mapping.is_known:
            rows.append(("  similar", ", ".join(similar)))
        yield clean(f"call    {call.event_source} {call.event_name}")
        yield columns(rows, width=width)


def _listed(explanation: Explanation, width: int | None) -> Iterator[str]:
    """Of an action only what fits a line; its class without the word that most of them share."""
    rows = [
        (
            explained.action.name,
            explained.observability.observability.value.removeprefix("management, "),
            explained.action.access_level,
        )
        for explained in explanation.actions
    ]
    if rows:
        yield columns(rows, ("action", "in a log", "access level"), width=width)


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


def _rows(found: Iterable[Explanation], similar: Similar) -> Iterator[dict[str, object]]:
    for explanation in found:
        for call in explanation.calls:
            close = () if call.mapping.is_known else similar.get(explanation.text, ())
            yield _row(explanation.text, _of_call(call) | {"similar": close})
        for explained in explanation.actions:
            yield _row(explanation.text, _of_action(explained))


def _row(asked: str, values: Mapping[str, object]) -> dict[str, object]:
    return dict.fromkeys(FIELDS) | {"asked": asked} | dict(values)


def _of_call(call: ExplainedCall) -> dict[str, object]:
    mapping = call.mapping
    return {
        "call": f"{call.event_source}:{call.event_name}",
        "actions": mapping.actions,
        "how": mapping.how,
        "source": mapping.source,
    }


def _of_action(explained: ExplainedAction) -> dict[str, object]:
    seen = explained.observability
    return {
        "action": explained.action.name,
        "observability": seen.observability.value,
        "resource_type": seen.resource_type,
        "reason": seen.reason,
        "access_level": explained.action.access_level,
        "source": seen.source,
    }
