"""From a call's parameters to an ARN: a pattern of the catalogue whose stars are filled from places in the call.

A template is written as the resource part of its pattern: ``table/{tableName}/index/{indexName}``. In a slot stands
the path of a parameter, or with ``<`` before it of a part of the answer; ``|`` parts alternatives, of which the first
that says something counts, ``/`` the names one step may have; ``:HOW`` says how a value becomes a name (``readers``).
``=TEXT`` is what stands there where no parameter says anything: ``=*`` where the call is then for all of them, ``=?``
where it is for one that the event does not tell. A star outside a slot is a wildcard: what is made by the call has no
id yet. ``[CONDITION]`` behind it must hold (``parameters.condition``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from cloudsearch.actions.arns import Pattern, as_written, is_arn
from cloudsearch.actions.given import Given, Steps, steps
from cloudsearch.actions.parameters import Condition, condition, plain
from cloudsearch.actions.readers import Reader, Whole, reader

_SLOT = re.compile(r"\{([^}]*)\}")
_STARS = re.compile(r"\*+")
_MOST = 1000
"""ARNs that one call was used on, at most; a call names no more."""
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
WHOLE = frozenset({"resourcearn", "resourcearns", "resource", "resources", "resourceid", "resourceids", "arn", "arns"})
"""Parameters that hold an ARN of whatever type the call is for."""
_WHOLE_OF_FACTS = WHOLE | {"resourcename", "resourceidentifier", "resourcearnlist"}


@dataclass(frozen=True, slots=True)
class Place:
    """What of a call tells its resources: parameters and answer, and whose and where it was."""

    request: Given
    response: Given
    partition: str
    region: str
    account: str


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value may stand and how it is read; ``arn_only`` where nothing but a whole ARN counts."""

    steps: Steps
    read: Reader
    in_answer: bool = False
    arn_only: bool = False

    def values(self, place: Place) -> list[str]:
        """The texts there."""
        given = place.response if self.in_answer else place.request
        found = given.texts(self.steps) if given.fields else []
        return [text for text in found if text.startswith("arn:")] if found and self.arn_only else found


@dataclass(frozen=True, slots=True)
class Slot:
    """One star of a pattern: places in order, and what stands there where none of them says anything."""

    paths: tuple[Path, ...]
    default: str | None = None

    def names(self) -> Iterator[str]:
        """The plain names of the parameters it looks at."""
        for path in self.paths:
            yield from () if path.in_answer else path.steps[0]

    def fill(self, place: Place, whole: list[str], pattern: Pattern) -> tuple[str, ...]:
        """The texts that can stand in the slot; an ARN that is one by itself goes to ``whole``."""
        names: list[str] = []
        for path in self.paths:
            values = path.values(place)
            for value in values:
                if value == _HIDDEN:
                    continue
                name = None if path.arn_only else path.read(value, place.partition, place.region, place.account)
                if isinstance(name, Whole):
                    whole.append(name)
                elif name is not None:
                    names.append(as_written(name))
                elif is_arn(value) and pattern.fits(arn := as_written(value)):
                    whole.append(arn)
            if names or whole or values:
                break
        if not names and not whole and self.default is not None:
            return ("*" if self.default == "?" else self.default,)
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Found:
    """ARNs, whether they were put together from names, and what could not be told."""

    arns: tuple[str, ...] = ()
    made: bool = False
    trouble: str = ""


_NONE = Found()


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern and how its stars are filled: ``pieces`` are texts and slots, ``conditions`` must all hold.

    ``needs`` are the parameters of which one must be there for it to tell anything; None where none must. A fallback
    counts where no other template of its pattern tells anything.
    """

    pattern: Pattern
    pieces: tuple[str | Slot, ...]
    is_specific: bool = False
    conditions: tuple[Condition, ...] = ()
    needs: frozenset[str] | None = None
    is_fallback: bool = False

    def fill(self, place: Place) -> Found:
        """The ARNs that the call names."""
        if self.needs is not None and self.needs.isdisjoint(place.request.fields):
            return _NONE
        if self.conditions and not all(one.holds((place.request.fields,)) for one in self.conditions):
            return _NONE
        whole: list[str] = []
        columns: list[tuple[str, ...]] = []
        for piece in self.pieces:
            column = (piece,) if isinstance(piece, str) else piece.fill(place, whole, self.pattern)
            if not column and not whole:
                return _NONE
            columns.append(column)
        if whole:
            tail = columns[-1][0] if columns[-1] and isinstance(self.pieces[-1], Slot) else ""
            ends = tail if self.pieces[-1:] and tail.startswith(":") else ""
            found = (arn if arn.endswith(ends) else arn + ends for arn in whole)
            return Found(tuple(dict.fromkeys(filter(self.pattern.fits, found))))
        return self._made(place, columns)

    def _made(self, place: Place, columns: list[tuple[str, ...]]) -> Found:
        head = self.pattern.begin(place.partition, place.region, place.account)
        if head is None:
            return Found(trouble="the event does not tell the account and region that the ARN takes")
        arns = dict.fromkeys(head + "".join(parts) for parts in islice(product(*columns), _MOST))
        return Found(tuple(filter(self.pattern.fits, arns)), made=True, trouble=self._untold(columns))

    def _untold(self, columns: list[tuple[str, ...]]) -> str:
        """Which slot holds a star because the event does not tell what belongs there."""
        for piece, column in zip(self.pieces, columns, strict=True):
            if isinstance(piece, Slot) and piece.default == "?" and column == ("*",):
                return f"the event does not tell the {self.pattern.resource.partition('/')[0].partition(':')[0]}"
        return ""


@lru_cache(maxsize=16384)
def shape(written: str) -> str:
    """The template with a star for each slot: the resource part of the pattern that it is for."""
    return _STARS.sub("*", _SLOT.sub("*", written.partition("[")[0]))


def template(pattern: Pattern, written: str, *, is_specific: bool = False) -> Template:
    """A template as a data file writes it."""
    text, _, tests = written.partition("[")
    conditions = tuple(condition(one) for one in tests.removesuffix("]").split("&") if one)
    words = (plain(word) for word in pattern.words)
    own: Steps = (_WHOLE_OF_FACTS | {f"{word}{end}" for word in words for end in ("arn", "arns")},)
    return prepared(pattern, tuple(_pieces(text, own)), is_specific=is_specific, conditions=conditions)


def prepared(
    pattern: Pattern,
    pieces: tuple[str | Slot, ...],
    *,
    is_specific: bool = False,
    conditions: tuple[Condition, ...] = (),
) -> Template:
    """A template of these pieces, and what it needs."""
    slots = [piece for piece in pieces if isinstance(piece, Slot) and piece.default is None]
    needs = None
    if slots and not any(path.in_answer for path in slots[0].paths):
        needs = frozenset(name for piece in pieces if isinstance(piece, Slot) for name in piece.names())
    return Template(pattern, pieces, is_specific, conditions, needs)


def _pieces(written: str, whole: Steps) -> Iterator[str | Slot]:
    for at, piece in enumerate(_SLOT.split(written)):
        if at % 2:
            yield _slot(piece, whole)
        elif piece:
            yield piece


def _slot(written: str, whole: Steps) -> Slot:
    before, has_default, default = written.partition("=")
    paths = tuple(_path(text) for text in before.split("|"))
    return Slot((*paths, Path(whole, reader("name"), arn_only=True)), default if has_default else None)


def _path(written: str) -> Path:
    text, _, how = written.partition(":")
    return Path(steps(text.removeprefix("<").replace("/", "|")), reader(how or "name"), text.startswith("<"))
