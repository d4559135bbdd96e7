"""Reading a call's parameters: what stands where, in whichever of its spellings a log writes it.

CloudTrail's ``roleArn``, the API's ``RoleArn`` and a header's ``x-amz-acl`` compare without case, ``-`` and ``_``.
Lists are looked through, and so are the frames that CloudTrail puts around a call's parameters and a list's elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

DEEPEST = 64
"""Levels of a call's parameters that are looked at."""

_FRAMES = frozenset({"items", "item", "member", "entry"})
_EMPTY_WHEN_BLANK = _FRAMES | {"tag", "tags", "tagset", "taglist", "key", "value"}
_OPERATORS = ("!=", "^=", "*=", "=")

Layers = tuple[dict[str, object], ...]
"""The parameters by plain name, then those inside the frame that is named after the request."""


def plain(name: str) -> str:
    """The name as names are compared."""
    return _plain_short(name) if len(name) <= _SHORT else _plain(name)


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


# Parameters have few names; what is longer may be anything, and is not kept.
_SHORT = 48
_plain_short = lru_cache(maxsize=4096)(_plain)


def layers(parameters: object, event_name: str) -> Layers:
    """A call's parameters by plain name: ``{"CreateFlowLogsRequest": {...}}`` is looked through."""
    if not isinstance(parameters, dict):
        return ()
    top = {plain(str(key)): value for key, value in parameters.items()}
    framed = top.get(frame_of(event_name))
    return (top, {plain(str(key)): value for key, value in framed.items()}) if isinstance(framed, dict) else (top,)


def frame_of(event_name: str) -> str:
    """The plain name of the frame that some services put around all parameters."""
    return f"{event_name.lower()}request"


@dataclass(frozen=True, slots=True)
class Condition:
    """What a parameter must be. ``steps`` is the path to it, each step every plain name it may have.

    ``operator`` is empty where the parameter need only say something; then ``!=``, ``^=`` (the first word), ``*=``
    (somewhere in the text) or ``=``; texts compare without case.
    """

    steps: tuple[frozenset[str], ...]
    operator: str
    value: str

    def holds(self, where: Layers) -> bool:
        """Whether a value at the path fits."""
        return any(self._fits(value) for value in _at(where, self.steps))

    def reads(self, path: tuple[str, ...]) -> bool:
        """Whether it looks at the path, of plain names, at something above it or below it."""
        return all(name in step for name, step in zip(path, self.steps, strict=False))

    def _fits(self, value: object) -> bool:
        if not self.operator:
            return says_something(value)
        found = _as_text(value).strip().lower()
        match self.operator:
            case "=":
                return found == self.value
            case "!=":
                return found not in ("", self.value)
            case "*=":
                return self.value in found
            case _:
                return found[: len(self.value)] == self.value and not found[len(self.value) :][:1].isalnum()


def condition(text: str) -> Condition:
    """A condition as in the data file: ``Tags``, ``TagSpecification|TagSpecificationSet.Tag``, ``ACL!=private``."""
    for operator in _OPERATORS:
        path, found, value = text.partition(operator)
        if found:
            return Condition(_steps(path), operator, value.lower())
    return Condition(_steps(text), "", "")


def _steps(path: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(plain, step.split("|"))) for step in path.split("."))


def says_something(value: object) -> bool:
    """Whether a parameter is more than null, blank, false, a number or an empty list.

    Numbers say nothing because XML that became JSON counts its elements (``"tag": 1``). A tag may have an empty
    value, and a text that AWS has hidden shows that there was one.
    """
    stack: list[tuple[object, int]] = [(value, 0)]
    while stack:
        node, depth = stack.pop()
        if node is True or (isinstance(node, str) and node.strip()):
            return True
        if depth < DEEPEST and isinstance(node, list):
            stack.extend((child, depth + 1) for child in node)
        elif depth < DEEPEST and isinstance(node, dict):
            for key, child in node.items():
                name = plain(str(key))
                if child == "" and name not in _EMPTY_WHEN_BLANK:
                    return True
                if name != "xmlns":
                    stack.append((child, depth + 1))
    return False


def _at(where: Layers, steps: tuple[frozenset[str], ...]) -> Iterator[object]:
    """Every value at the path, lists and frames looked through."""
    for layer in where:
        found = [layer[name] for name in steps[0] if name in layer]
        for step in steps[1:]:
            found = list(_below(found, step))
        yield from _elements(found)


def _below(nodes: list[object], step: frozenset[str]) -> Iterator[object]:
    for node in _elements(nodes):
        if isinstance(node, dict):
            yield from (child for key, child in node.items() if plain(str(key)) in step)


def _elements(nodes: list[object]) -> Iterator[object]:
    """The nodes, and what stands in their lists and frames."""
    stack = [(node, 0) for node in reversed(nodes)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, list):
            children: list[object] = node
        else:
            yield node
            fields = node.items() if isinstance(node, dict) else ()
            children = [child for key, child in fields if plain(str(key)) in _FRAMES]
        if depth < DEEPEST:
            stack.extend((child, depth + 1) for child in reversed(children))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""
