"""What a call's parameters or its answer hold, looked up by plain names; lists and frames are looked through.

``requestItems.@`` are the keys of a map; ``a|b`` is either of two names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from cloudsearch.actions.parameters import DEEPEST, frame_of, plain

_FRAMES = frozenset({"items", "item", "member", "entry", "content"})
"""What stands around the elements of a list, and around a text that XML counted: ``{"tag": 1, "content": "rtb-1"}``."""
_MOST = 1000
"""Values of one parameter that are looked at."""
_LARGEST = 10**18
KEYS = "@"

Steps = tuple[frozenset[str], ...]
"""A path: each step every plain name it may have."""


@lru_cache(maxsize=8192)
def steps(path: str) -> Steps:
    """A path as a data file writes it."""
    return tuple(frozenset(map(plain, step.split("|"))) for step in path.split("."))


class Given:
    """One object of a call: its parameters, or its answer. Whatever JSON holds is taken; what is no object is empty."""

    __slots__ = ("_event_name", "_fields", "_value")

    def __init__(self, value: object, event_name: str) -> None:
        self._value = value
        self._event_name = event_name
        self._fields: dict[str, object] | None = None

    @property
    def fields(self) -> dict[str, object]:
        """The object's members by plain name, those of the frame that is named after the request among them."""
        if self._fields is None:
            self._fields = _members(self._value, self._event_name)
        return self._fields

    def texts(self, path: Steps) -> list[str]:
        """Every text at the path, in order."""
        first = path[0]
        fields = self.fields
        if len(path) == 1 and len(first) == 1:
            value = fields.get(next(iter(first)))
            if value is None:
                return []
            if isinstance(value, str):
                return [value] if value else []
        nodes: list[object] = [fields[name] for name in first if name in fields]
        for step in path[1:]:
            nodes = list(_below(nodes, step))
        return [text for node in elements(nodes) if (text := _text(node))]


def _text(node: object) -> str:
    """A text as it is, a number in its digits; nothing else is one."""
    if isinstance(node, str):
        return node
    return str(node) if isinstance(node, int) and not isinstance(node, bool) and abs(node) < _LARGEST else ""


def _members(value: object, event_name: str) -> dict[str, object]:
    if not isinstance(value, Mapping) or not value:
        return {}
    fields: dict[str, object] = {plain(str(key)): child for key, child in value.items()}
    framed = fields.get(frame_of(event_name))
    if isinstance(framed, Mapping):
        fields |= {plain(str(key)): child for key, child in framed.items()}
    return fields


def _below(nodes: list[object], step: frozenset[str]) -> Iterator[object]:
    for node in elements(nodes):
        if isinstance(node, Mapping):
            if KEYS in step:
                yield from map(str, node)
            yield from (child for key, child in node.items() if plain(str(key)) in step)


def elements(nodes: list[object]) -> Iterator[object]:
    """The nodes, and what stands in their lists and frames; no more than a thousand."""
    stack = [(node, 0) for node in reversed(nodes)]
    count = 0
    while stack and count < _MOST:
        node, depth = stack.pop()
        children: list[object] = []
        if isinstance(node, list | tuple):
            children = list(node[:_MOST])
        else:
            count += 1
            yield node
            if isinstance(node, Mapping):
                children = [child for key, child in node.items() if plain(str(key)) in _FRAMES]
        if depth < DEEPEST:
            stack.extend((child, depth + 1) for child in reversed(children))
