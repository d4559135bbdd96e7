"""Which sets of patterns share a text: the resources of an action, sorted by the patterns that they fit.

Two Denies that close a resource only together, an Allow minus a Deny of exactly the same: comparing patterns two by
two cannot see them. So all patterns are followed at once, character by character, through every text of a resource
type; texts that the patterns cannot tell apart are one. What is left at the ends is exact. Only the characters that
some pattern waits for are tried, and one that stands for all others; of a pattern's stars the last one reached is
enough, and of a statement's patterns one that fits whatever follows. Where that is too long (a dozen patterns that
begin with stars) a second search leaves out what can no longer change the answer; where that is too long as well, it
ends and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from os.path import commonprefix
from typing import NamedTuple

from cloudsearch.iam.matching import literal_start, matches_resource, overlaps
from cloudsearch.iam.resources import ONE, PART, Kind, aligned, loosened

FIRST_LIMIT, LAST_LIMIT = 2_000, 8_000  # states, past what patterns without stars in front have
_OTHER = "\x00"
_KIND, _BUT = 0, 1  # the owners of the first places: the kind's two patterns


class Group(NamedTuple):
    """Patterns that do one thing: when a text fits one of ``enough``, whatever follows, the other members are needless.

    With ``is_one`` it is of no account which of them it fits, as of one statement's; else it is told.
    """

    enough: frozenset[str]
    members: frozenset[str]
    is_one: bool


class Regions(NamedTuple):
    """The patterns that each sort of resource fits; ``is_whole`` where no sort is lacking.

    Of a group a sort may tell fewer than it fits, but then one that is enough.
    """

    fitting: tuple[frozenset[str], ...]
    is_whole: bool


def regions(kinds: Iterable[Kind], patterns: frozenset[str], groups: frozenset[Group] = frozenset()) -> Regions:
    """Sort the texts of the kinds by the patterns they fit; without a kind there is one text, which fits none."""
    each = [
        _regions(kind, frozenset(one for one in patterns if overlaps(one, kind.loose)), groups) for kind in kinds
    ] or [Regions((frozenset(),), is_whole=True)]
    fitting = dict.fromkeys(one for told in each for one in told.fitting)
    return Regions(tuple(fitting), all(told.is_whole for told in each))


@lru_cache(maxsize=4096)
def _regions(kind: Kind, patterns: frozenset[str], groups: frozenset[Group]) -> Regions:
    """Kind by kind, for texts that might be of several, as no resource is, would have more combinations."""
    if not patterns:
        return Regions((frozenset(),), is_whole=True)
    search = _Search(kind, sorted(patterns), groups)
    is_whole = search.run(FIRST_LIMIT, grouped=False) or search.run(LAST_LIMIT, grouped=True)
    if not is_whole:
        search.found.update(_samples(kind, sorted(patterns)))
    return Regions(tuple(sorted(search.found, key=sorted)), is_whole)


def forget() -> None:
    """Forget what was sorted before, to measure how long it takes."""
    _regions.cache_clear()


def _samples(kind: Kind, patterns: Sequence[str]) -> Iterator[frozenset[str]]:
    """What a few texts fit, for when there are too many to try."""
    for pattern in (*patterns, kind.loose):
        for text in (pattern.replace("*", "").replace("?", _OTHER), pattern.replace("*", _OTHER).replace("?", _OTHER)):
            if kind.takes(text):
                yield frozenset(one for one in patterns if matches_resource(one, text))


class _Placed(NamedTuple):
    """A group in a search: the first of its last stars, and the owners of its places."""

    first: int
    members: frozenset[int]


class _Search:
    """All patterns as one row of tokens; a state is the set of places that a text so far may have led to."""

    def __init__(self, kind: Kind, patterns: Sequence[str], groups: Iterable[Group]) -> None:
        self.found: set[frozenset[str]] = set()
        self._tokens: list[str] = []
        self._owners: list[int] = []
        self._begins: list[int] = []
        every = [kind.arn, kind.but, *(aligned(one, kind) for one in patterns)]
        self._names = dict(enumerate(patterns, 2))
        shared = len(commonprefix([literal_start(loosened(one)) for one in every if one]))  # noqa: RUF071 (characters are meant)
        for owner, one in enumerate(every):
            self._lay(owner, one[shared:])
        self._start = self._joined(frozenset(), [begin for begin, one in zip(self._begins, every, strict=True) if one])
        self._ones = self._placed(group for group in groups if group.is_one)
        self._groups = self._placed(group for group in groups if not group.is_one)

    def _lay(self, owner: int, pattern: str) -> None:
        """Append a pattern, each run of stars as one; an empty token is its end."""
        for star in ("*", PART):
            while star * 2 in pattern:
                pattern = pattern.replace(star * 2, star)
        self._begins.append(len(self._tokens))
        self._tokens += [*pattern, ""]
        self._owners += [owner] * (len(pattern) + 1)

    def _placed(self, groups: Iterable[Group]) -> dict[int, _Placed]:
        """By the last stars that are enough, where the group begins to be told and whose places it makes needless."""
        owners = {name: owner for owner, name in self._names.items()}
        placed: dict[int, _Placed] = {}
        for group in groups:
            members = frozenset(owners[one] for one in group.members & owners.keys())
            last = (self._last_star(owners[one]) for one in group.enough & owners.keys())
            stars = [star for star in last if star is not None]
            placed |= {star: _Placed(min(stars), members) for star in stars}
        return placed

    def _last_star(self, owner: int) -> int | None:
        """The star that a pattern ends with."""
        place = (self._begins[owner + 1] if owner + 1 < len(self._begins) else len(self._tokens)) - 2
        return place if place >= self._begins[owner] and self._tokens[place] == "*" else None

    def run(self, limit: int, *, grouped: bool) -> bool:
        """Fill ``found``; False where the limit ended it."""
        self.found.clear()
        seen, waiting = {self._start}, [self._start]
        while waiting:
            if len(seen) > limit + len(self._tokens):
                return False
            state = waiting.pop()
            self._take(state)
            for after in self._after(state):
                reached = self._needed(after, grouped=grouped)
                if reached not in seen and any(self._owners[place] == _KIND for place in reached):
                    seen.add(reached)
                    waiting.append(reached)
        return True

    def _take(self, state: frozenset[int]) -> None:
        """Where a text may end here and is of the kind, note what it fits."""
        owners = {self._owners[place] for place in state if not self._tokens[place]}
        if _KIND in owners and _BUT not in owners:
            self.found.add(frozenset(self._names[owner] for owner in owners if owner in self._names))

    def _after(self, state: frozenset[int]) -> Iterator[frozenset[int]]:
        """The states after one more character: one that no pattern waits for, and each that one does."""
        always: list[int] = []
        parts: list[int] = []
        waited: dict[str, list[int]] = {}
        for place in state:
            token = self._tokens[place]
            if token == "*":  # noqa: S105 (a wildcard)
                always.append(place)
            elif token == "?":  # noqa: S105
                always.append(place + 1)
            elif token == PART:
                parts.append(place)
            elif token == ONE:
                parts.append(place + 1)
            elif token:
                waited.setdefault(token, []).append(place + 1)
        colon = self._joined(frozenset(), always)
        anyway = self._joined(colon, parts)
        yield anyway
        for character, places in waited.items():
            yield self._joined(colon if character == ":" else anyway, places)

    def _joined(self, state: frozenset[int], places: Iterable[int]) -> frozenset[int]:
        """With these places and those past a star that stands for nothing, without what a later star makes needless."""
        joined = set(state)
        for place in sorted(places):
            joined.add(place)
            if self._tokens[place] == PART:
                joined.add(place + 1)
            elif self._tokens[place] == "*":
                joined.add(place + 1)
                joined.difference_update(range(self._begins[self._owners[place]], place))
        return frozenset(joined)

    def _needed(self, state: frozenset[int], *, grouped: bool) -> frozenset[int]:
        """Without what can no longer change the answer."""
        for place in [place for place in state if place in self._ones]:
            first, members = self._ones[place]
            if place in state:
                state = frozenset({*(one for one in state if self._owners[one] not in members), first, first + 1})
        for place in sorted(place for place in state if place in self._groups) if grouped else ():
            needless = self._groups[place].members - {self._owners[place]}
            if place in state:
                state = frozenset(one for one in state if self._owners[one] not in needless)
        return state
