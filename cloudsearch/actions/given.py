"""What a call's parameters or its answer hold, looked up by plain names; lists and frames are looked through.

``requestItems.@`` are the keys of a map; ``a|b`` is either of two names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from cloudsearch.actions.parameters import DEEPEST, frame_of, plain

_FRAMES = frozenset({"items", "item", "member", "entry"})
_MOST = 1000
"""Values of one parameter that are looked at."""
KEYS = "@"

Steps = tuple[frozenset[str], ...]
"""A path: each step every plain name it may have."""


@lru_cache(maxsize=8192)
def steps(path: str) -> Steps:
    """A path as a data file writes it."""
    return tuple(frozenset(map(plain, step.split("|"))) for step in path.split("."))


class Given:
    """One object of a call: its parameters, or its answer. Whatever JSON holds is taken; what is no object is empty."""

    __slots__ = ("fields",)

    def __init__(self, value: object, event_name: str) -> None:
        fields = {plain(key): child for key, child in value.items()} if isinstance(value, Mapping) else {}
        framed = fields.get(frame_of(event_name)) if fields else None
        if isinstance(framed, Mapping):
            fields |= {plain(str(key)): child for key, child in framed.items()}
        self.fields = fields

    def texts(self, path: Steps) -> list[str]:
        """Every text at the path, in order."""
        first = path[0]
        if len(path) == 1 and len(first) == 1:
            value = self.fields.get(next(iter(first)))
            if value is None:
                return []
            if isinstance(value, str):
                return [value]
        nodes: list[object] = [self.fields[name] for name in first if name in self.fields]
        for step in path[1:]:
            nodes = list(_below(nodes, step))
        return [node for node in elements(nodes) if isinstance(node, str)]


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
