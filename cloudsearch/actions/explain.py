"""What ``cloudsearch actions CALL|ACTION`` tells: which actions a call needs, and whether their use can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from cloudsearch import catalogue
from cloudsearch.actions.mapping import Mapping, actions_for, curated_calls
from cloudsearch.actions.observability import Observability, observability, operations
from cloudsearch.actions.tables import table

_SEPARATOR = re.compile(r"[\s:]+")


@dataclass(frozen=True, slots=True)
class ExplainedCall:
    """A call and the actions it needs."""

    event_source: str
    event_name: str
    mapping: Mapping


@dataclass(frozen=True, slots=True)
class ExplainedAction:
    """An action, whether its use can be seen, and calls known to need it (``prefix:Call``; not every one there is)."""

    action: catalogue.Action
    observability: Observability
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All a text may mean: calls with their mappings, every action concerned. Both empty: it means nothing to us."""

    text: str
    calls: tuple[ExplainedCall, ...]
    actions: tuple[ExplainedAction, ...]


def explain(text: str) -> Explanation:
    """Explain ``s3:GetObject``, ``s3:Get*``, ``s3.amazonaws.com:GetObject`` (or with a blank), or ``GetObject``.

    A text that names an action is explained as one; anything else with a service is a call of it, and a bare name is
    that call of every service which has it. Never raises.
    """
    host, name = _parts(text)
    actions = catalogue.expand(f"{host}:{name}") if host and "." not in host else ()
    calls = () if actions else tuple(_calls(host, name))
    needed = (action for call in calls for action in call.mapping.actions)
    concerned = actions or tuple(found for action in dict.fromkeys(needed) if (found := catalogue.find(action)))
    return Explanation(text, calls, tuple(map(explain_action, concerned)))


def explain_action(action: catalogue.Action) -> ExplainedAction:
    """One action of the catalogue."""
    name = action.name
    calls = set(_calls_of().get(name.lower(), ()))
    if action.short_name.lower() in operations().get(action.service, ()) and _needs(name):
        calls.add(name)
    return ExplainedAction(action, observability(name), tuple(sorted(calls)))


def _parts(text: str) -> tuple[str, str]:
    """Host or prefix, and name; an empty host for a bare name."""
    parts = _SEPARATOR.split(text.strip(), maxsplit=1)
    return (parts[0], parts[1].strip()) if len(parts) == 2 else ("", parts[0])


def _calls(host: str, name: str) -> Iterator[ExplainedCall]:
    hosts: Iterable[str] = (host,) if host else sorted(_services_of(name.lower()))
    for one in hosts:
        source = one if "." in one else f"{one}.amazonaws.com"
        if name:
            yield ExplainedCall(source, name, actions_for(source, name))


def _services_of(name: str) -> set[str]:
    """Services with an action or a curated call of the name."""
    same = {action.service for action in catalogue.everything() if action.short_name.lower() == name}
    return same | {service for service, event in curated_calls() if event == name}


def _needs(action: str) -> bool:
    """Whether the call of the action's own name needs it."""
    service, _, name = action.partition(":")
    return action in actions_for(f"{service}.amazonaws.com", name).actions


@lru_cache(maxsize=1)
def _calls_of() -> dict[str, list[str]]:
    """Action in lower case -> the calls of ``facts.tsv`` that need it, as AWS writes them."""
    found: dict[str, list[str]] = {}
    for service, event, actions, _ in table("facts.tsv", 4):
        for action in actions.lower().split(","):
            found.setdefault(action, []).append(f"{service}:{event}")
    return found
