"""Guesses by the structure of a call's name. Each is believed only when its result is an action of the service.

They come last: after the facts and after the action of the same name. A rule that gives several different actions
of the catalogue gives none, because wrong is worse than unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cloudsearch import catalogue

VERSION = re.compile(r"(20\d\d)_?(\d\d)_?(\d\d)(v\d+)?$")
"""The API version that Lambda and CloudFront write behind a call's name; any other digit belongs to the name."""

_READERS = ("Describe", "List", "Get")
_TAILS = ("WithResponseStream", "WithBidirectionalStream", "Stream", "WithTags")


class Guess(NamedTuple):
    """An action that a rule leads to."""

    action: str
    rule: str


def guess(service: str, event_name: str) -> Guess | None:
    """The action a rule of structure leads to, None where none does."""
    for rule, names in _RULES:
        found = {action.name for name in names(event_name) if (action := catalogue.find(f"{service}:{name}"))}
        if len(found) == 1:
            return Guess(found.pop(), rule)
    return None


def _without_v2(name: str) -> Iterator[str]:
    if name.endswith("V2"):
        yield name[:-2]


def _without_tail(name: str) -> Iterator[str]:
    for tail in _TAILS:
        if name.endswith(tail):
            yield name.removesuffix(tail)


def _unbatched(name: str) -> Iterator[str]:
    """``BatchGetPolicy`` is GetPolicy for many, ``DeleteMessageBatch`` is DeleteMessage for many."""
    if name.startswith("Batch"):
        yield name[5:]
        yield from _singulars(name[5:])
    elif name.endswith("Batch"):
        yield name[:-5]


def _other_reader(name: str) -> Iterator[str]:
    """Describe, List and Get stand for one another, with the noun in one or many."""
    verb = next((verb for verb in _READERS if name.startswith(verb)), None)
    if verb is None:
        return
    noun = name.removeprefix(verb)
    for other in _READERS:
        if other != verb:
            yield other + noun


def _modify(name: str) -> Iterator[str]:
    if name.startswith("Modify"):
        yield "Update" + name[6:]


def _number(name: str) -> Iterator[str]:
    """The noun in one or many, for calls that change nothing: a singular write is another permission."""
    if name.startswith(_READERS):
        yield from _singulars(name)
        yield from _plurals(name)


def _singulars(name: str) -> Iterator[str]:
    if name.endswith("ies"):
        yield name[:-3] + "y"
    elif name.endswith("s") and not name.endswith("ss"):
        yield name[:-1]


def _plurals(name: str) -> Iterator[str]:
    if name.endswith("y"):
        yield name[:-1] + "ies"
    elif not name.endswith("s"):
        yield name + "s"


_RULES: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("without V2", _without_v2),
    ("without tail", _without_tail),
    ("one of a batch", _unbatched),
    ("Modify is Update", _modify),
    ("Describe, List, Get", _other_reader),
    ("one or many", _number),
)
