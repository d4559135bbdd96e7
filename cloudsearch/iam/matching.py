"""IAM's wildcards: ``*`` any run of characters, slashes and colons included, ``?`` exactly one, all else is itself.

Actions compare without case, resources with it. Nothing here is a regular expression, since those can hang.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cloudsearch.where import fits

_WILD = frozenset("*?")
_NOTHING_OR_MUCH, _CHARACTER, _ANY = "\x00", "\x01", "\x05"


def matches_action(pattern: str, action: str) -> bool:
    """Whether a policy's action pattern covers an action, in any case."""
    return fits(pattern.lower(), action.lower())


def matches_resource(pattern: str, resource: str) -> bool:
    """Whether a policy's resource pattern, without variables, covers an ARN."""
    return fits(pattern, resource)


class ActionMatcher:
    """Many action patterns at once; it takes no longer for a policy that lists a thousand names."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._everything = False
        self._names: dict[str, set[str]] = {}
        self._by_service: dict[str, list[str]] = {}
        self._anywhere: list[str] = []
        self._covered: dict[str, frozenset[str]] = {}
        for pattern in patterns:
            self._add(pattern.lower())

    def _add(self, pattern: str) -> None:
        service, _, name = pattern.partition(":")
        if not pattern.strip("*") or pattern == "*:*":
            self._everything = True
        elif not _WILD.isdisjoint(service):
            self._anywhere.append(pattern)
        elif _WILD.isdisjoint(name):
            self._names.setdefault(service, set()).add(name)
        else:
            self._by_service.setdefault(service, []).append(name)

    def matches(self, service: str, name: str) -> bool:
        """Whether a pattern covers the action; both parts in lower case."""
        return (
            self._everything
            or name in self._names.get(service, ())
            or any(fits(pattern, name) for pattern in self._by_service.get(service, ()))
            or any(fits(pattern, f"{service}:{name}") for pattern in self._anywhere)
        )

    def covered(self, service: str, names: tuple[str, ...]) -> frozenset[str]:
        """Those of the service's action names, in lower case, that a pattern covers; remembered by service."""
        found = self._covered.get(service)
        if found is None:
            found = frozenset(name for name in names if self.matches(service, name))
            self._covered[service] = found
        return found

    def touches(self, service: str) -> bool:
        """Whether any of the service's actions might be covered."""
        return bool(self._everything or self._anywhere) or service in self._names or service in self._by_service


def is_everything(pattern: str) -> bool:
    """Whether a resource pattern is ``*`` and nothing else."""
    return not pattern.strip("*") and bool(pattern)


@lru_cache(maxsize=65536)
def covers(pattern: str, other: str) -> bool:
    """Whether every text that fits ``other`` surely fits ``pattern``.

    The other pattern is matched as a text in which its ``*``, which may be nothing or much, is a mark that only a
    ``*`` swallows. Every character gets a mark of its own before it, so that a ``?`` cannot take that one.
    """
    text = "".join(_NOTHING_OR_MUCH if c == "*" else _CHARACTER + (_ANY if c == "?" else c) for c in other)
    return fits("".join(c if c == "*" else _CHARACTER + c for c in pattern), text)


@lru_cache(maxsize=65536)
def overlaps(one: str, other: str) -> bool:
    """Whether some text fits both patterns; takes ``len(one) * len(other)`` steps at most."""
    start, begin = literal_start(one), literal_start(other)
    if not (start.startswith(begin) or begin.startswith(start)):
        return False
    reachable = _skipped({0}, other)
    for character in one:
        reachable = _after(character, reachable, other)
        if not reachable:
            return False
    return len(other) in reachable


def literal_start(pattern: str) -> str:
    """What every fitting text begins with."""
    for at, character in enumerate(pattern):
        if character in _WILD:
            return pattern[:at]
    return pattern


def _after(character: str, reachable: set[int], other: str) -> set[int]:
    """Positions in ``other`` that can be reached once one more character of the first pattern is used up."""
    if character == "*":
        return set(range(min(reachable), len(other) + 1))
    moved = set()
    for at in reachable:
        if at == len(other):
            continue
        if other[at] == "*":
            moved.add(at)
        elif character == "?" or other[at] in ("?", character):
            moved.add(at + 1)
    return _skipped(moved, other)


def _skipped(reachable: set[int], other: str) -> set[int]:
    """And those past stars that stand for nothing."""
    found = set(reachable)
    for at in reachable:
        at_star = at
        while at_star < len(other) and other[at_star] == "*":
            at_star += 1
            found.add(at_star)
    return found
