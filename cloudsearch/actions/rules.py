"""Guesses by the structure of a call's name. Each is believed only when its result is an action of the service.

They come last: after the facts and after the action of the same name. A rule that gives several different actions
of the catalogue gives none, because wrong is worse than unknown. That Describe, List and Get stand for one another, or
a noun in the plural for one in the singular, is no rule: of three hundred such pairs in the catalogue nearly all are
two permissions, so it would mislead wherever the catalogue does not know a new action yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cloudsearch import catalogue

VERSION = re.compile(r"(20\d\d)_?(\d\d)_?(\d\d)(v\d+)?$")
"""The API version that Lambda and CloudFront write behind a call's name; any other digit belongs to the name."""

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


def _modify(name: str) -> Iterator[str]:
    if name.startswith("Modify"):
        yield "Update" + name[6:]


def _singulars(name: str) -> Iterator[str]:
    if name.endswith("ies"):
        yield name[:-3] + "y"
    elif name.endswith("s") and not name.endswith("ss"):
        yield name[:-1]


_RULES: tuple[tuple[str, Callable[[str], Iterator[str]]], ...] = (
    ("without V2", _without_v2),
    ("without tail", _without_tail),
    ("one of a batch", _unbatched),
    ("Modify is Update", _modify),
)
