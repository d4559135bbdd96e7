"""Statements within AWS's limits: in several policies first, in exact wildcards second, and never by widening.

Where neither suffices the error says how much there is, what takes the most of it, and what could be done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cloudsearch.errors import CloudsearchError
from cloudsearch.iam.documents import Document
from cloudsearch.policies.exact import exact
from cloudsearch.policies.facts import Limit
from cloudsearch.policies.parts import Part, document, grouped, size, with_sids

_LONGEST_SID = "x" * 70
_EMPTY = size([])

Named = tuple[str, Part]
"""A part and its Sid."""


class TooLarge(CloudsearchError):
    """The statements fit no policies that AWS would take."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Policies within the limits; ``wildcards`` are the patterns that stand for several actions each."""

    policies: tuple[tuple[Named, ...], ...]
    wildcards: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """The policies."""
        return tuple(document(named) for named in self.policies)


def fit(parts: Sequence[Part], limit: Limit) -> Fitted:
    """Put statements into policies; ``TooLarge`` where there is no way. Deterministic."""
    if not parts:
        return Fitted(())
    if (policies := _packed(parts, limit)) is not None:
        return Fitted(policies)
    shorter = grouped(replace(part, actions=exact(part.actions)) for part in parts)
    wildcards = tuple(sorted({name for part in shorter for name in part.actions if name.endswith("*")}))
    if (policies := _packed(shorter, limit)) is not None:
        return Fitted(policies, wildcards)
    raise _too_large(shorter, limit)


def _packed(parts: Sequence[Part], limit: Limit) -> tuple[tuple[Named, ...], ...] | None:
    """The fewest changes of order first: one after the other, else the largest first; None where neither fits."""
    if limit.together:
        named = tuple(with_sids(parts))
        return (named,) if size(named) <= limit.characters else None
    pieces = with_sids(piece for part in parts for piece in _pieces(part, limit))
    for packed in (_in_order(pieces, limit), _largest_first(pieces, limit)):
        if len(packed) <= limit.policies:
            return packed
    return None


def _pieces(part: Part, limit: Limit) -> Iterator[Part]:
    """The part, with its resources or actions parted where it fits no policy of its own: as few as can be of each."""
    if size([(_LONGEST_SID, part)]) <= limit.characters:
        yield part
        return
    by_resource = _length(part.resources) > _length(part.actions)
    texts, others = (part.resources, part.actions) if by_resource else (part.actions, part.resources)
    if len(texts) == 1 and len(others) == 1:
        raise TooLarge(f"The statement of {part.actions[0]} alone is larger than a policy may be: {part.resources[0]}")
    if len(texts) == 1:
        texts, by_resource = others, not by_resource
    single = size([(_LONGEST_SID, _with(part, texts[:1], by_resource=by_resource))])
    for chunk in _chunks(texts, limit.characters - single):
        yield from _pieces(_with(part, chunk, by_resource=by_resource), limit)


def _with(part: Part, texts: tuple[str, ...], *, by_resource: bool) -> Part:
    return replace(part, resources=texts) if by_resource else replace(part, actions=texts)


def _chunks(texts: Sequence[str], room: int) -> Iterator[tuple[str, ...]]:
    """The texts in order, in runs of which each takes no more characters than that beside its first."""
    run: list[str] = []
    left = room
    for one in texts:
        needed = _length((one,))
        if run and needed + 2 > left:  # a list has brackets, a single text has none
            yield tuple(run)
            run, left = [], room
        if run:
            left -= needed
        run.append(one)
    yield tuple(run)


def _length(texts: Sequence[str]) -> int:
    """Characters that texts take in a list, each with its comma."""
    return sum(len(json.dumps(one)) + 1 for one in texts)


def _in_order(pieces: Iterable[Named], limit: Limit) -> tuple[tuple[Named, ...], ...]:
    policies: list[list[Named]] = [[]]
    room = limit.characters - _EMPTY
    for piece in pieces:
        needed = _needed(piece)
        if needed > room and policies[-1]:
            policies.append([])
            room = limit.characters - _EMPTY
        policies[-1].append(piece)
        room -= needed
    return tuple(map(tuple, policies))


def _largest_first(pieces: Sequence[Named], limit: Limit) -> tuple[tuple[Named, ...], ...]:
    """Each into the first policy with room; within a policy the order is that of the pieces."""
    policies: list[tuple[int, list[Named]]] = []
    for piece in sorted(pieces, key=_needed, reverse=True):
        needed = _needed(piece)
        at = next((at for at, (room, _) in enumerate(policies) if needed <= room), None)
        if at is None:
            policies.append((limit.characters - _EMPTY - needed, [piece]))
        else:
            room, held = policies[at]
            policies[at] = room - needed, [*held, piece]
    order = {sid: at for at, (sid, _) in enumerate(pieces)}
    return tuple(tuple(sorted(held, key=lambda one: order[one[0]])) for _, held in policies)


def _needed(piece: Named) -> int:
    """Characters that a statement takes, and the comma before it."""
    return size([piece]) - _EMPTY + 1


def _too_large(parts: Sequence[Part], limit: Limit) -> TooLarge:
    whole = size(with_sids(parts))
    most = max(parts, key=lambda part: (size([("", part)]), part.actions))
    names = f"{most.actions[0]}{f' and {len(most.actions) - 1} more' if len(most.actions) > 1 else ''}"
    room = f"{limit.characters:,} characters" + (f" in each of {limit.policies}" if limit.policies > 1 else "")
    error = TooLarge(f"The statements take {whole:,} characters and AWS allows {room} ({limit.name})")
    error.add_note(f"Most of it: {names} on {len(most.resources):,} resources, named one by one")
    error.add_note("Make siblings one with --generalise N (the notes name each), or shorten the window with --since")
    if limit.together:
        error.add_note("Or write managed policies, which have more room: --as managed")
    return error
