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
    """A last star that is enough for its group: where it stands, what it makes needless, and what tells the group."""

    star: int
    needless: int
    instead: int


class _Search:
    """All patterns as one row of places; a state is the set of places that a text so far may have led to.

    A set of places is a whole number, a bit a place: a step is a few operations, however many patterns there are.
    """

    def __init__(self, kind: Kind, patterns: Sequence[str], groups: Iterable[Group]) -> None:
        self.found: set[frozenset[str]] = set()
        every = [kind.arn, kind.but, *(aligned(one, kind) for one in patterns)]
        self._names = dict(enumerate(patterns, 2))
        shared = len(commonprefix([literal_start(loosened(one)) for one in every if one]))  # noqa: RUF071 (characters are meant)
        self._length = 0
        self._begins: list[int] = []
        self._ends: list[int] = []
        self._before: dict[int, int] = {}
        places: dict[str, int] = {}
        for one in every:
            self._lay(one[shared:], places)
        self._stars, self._parts, self._any, self._one = (places.pop(token, 0) for token in ("*", PART, "?", ONE))
        self._literals = tuple(places.items())
        self._start = self._joined(0, sum(begin for begin, one in zip(self._begins, every, strict=True) if one))
        self._ones = self._placed(group for group in groups if group.is_one)
        self._groups = self._placed(group for group in groups if not group.is_one)

    def _lay(self, pattern: str, places: dict[str, int]) -> None:
        """Append a pattern, each run of stars as one, and a place for its end; note where each token stands."""
        for star in ("*", PART):
            while star * 2 in pattern:
                pattern = pattern.replace(star * 2, star)
        begin = 1 << self._length
        self._begins.append(begin)
        for token in pattern:
            place = 1 << self._length
            places[token] = places.get(token, 0) | place
            if token == "*":  # noqa: S105 (a wildcard)
                self._before[place] = ~(place - begin)
            self._length += 1
        self._ends.append(1 << self._length)
        self._length += 1

    def _span(self, owner: int) -> int:
        """All places of a pattern."""
        return (self._ends[owner] << 1) - self._begins[owner]

    def _placed(self, groups: Iterable[Group]) -> list[_Placed]:
        """For every last star that is enough, in their order."""
        owners = {name: owner for owner, name in self._names.items()}
        placed: dict[int, _Placed] = {}
        for group in groups:
            members = sum(self._span(owners[one]) for one in group.members & owners.keys())
            enough = sorted(owners[one] for one in group.enough & owners.keys())
            stars = {owner: star for owner in enough if (star := self._last_star(owner))}
            for owner, star in stars.items():
                first = min(stars.values())
                if group.is_one:
                    placed[star] = _Placed(star, members, first | first << 1)
                else:
                    placed[star] = _Placed(star, members & ~self._span(owner), 0)
        return [placed[star] for star in sorted(placed)]

    def _last_star(self, owner: int) -> int:
        """The star that a pattern ends with, 0 where it does not."""
        return self._ends[owner] >> 1 & self._span(owner) & self._stars

    def run(self, limit: int, *, grouped: bool) -> bool:
        """Fill ``found``; False where the limit ended it."""
        groups = [*self._ones, *(self._groups if grouped else ())]
        of_kind, ended = self._span(_KIND), set[int]()
        seen, waiting = {self._start}, [self._start]
        while waiting and len(seen) <= limit + self._length:
            state = waiting.pop()
            if state & self._ends[_KIND] and not state & self._ends[_BUT]:
                ended.add(state)
            for reached in self._after(state, of_kind):
                for star, needless, instead in groups:
                    if reached & star:
                        reached = reached & ~needless | instead  # noqa: PLW2901 (the same state, said shorter)
                if reached not in seen:
                    seen.add(reached)
                    waiting.append(reached)
        self.found = {self._fitted(state) for state in ended}
        return not waiting

    def _fitted(self, state: int) -> frozenset[str]:
        """The patterns that end where a state is."""
        return frozenset(name for owner, name in self._names.items() if state & self._ends[owner])

    def _after(self, state: int, of_kind: int) -> Iterator[int]:
        """The states of the kind after one more character: one that no pattern waits for, and each that one does."""
        colon = self._joined(state & self._stars, (state & self._any) << 1)
        anyway = self._joined(colon | state & self._parts, (state & (self._parts | self._one)) << 1)
        takes_any = anyway & of_kind
        if takes_any:
            yield anyway
        for character, places in self._literals:
            waited = state & places
            if waited and (takes_any or waited & of_kind):
                reached = self._joined(colon if character == ":" else anyway, waited << 1)
                if reached & of_kind:
                    yield reached

    def _joined(self, state: int, places: int) -> int:
        """With these places and those past a star that stands for nothing, without what a later star makes needless."""
        joined = state | places
        joined |= (joined & (self._stars | self._parts)) << 1
        fresh = places & self._stars
        while fresh:
            star = fresh & -fresh
            joined &= self._before[star]
            fresh ^= star
        return joined
