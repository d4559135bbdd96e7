"""From a call's parameters to an ARN: a pattern of the catalogue whose stars are filled from places in the call.

A template is written as the resource part of its pattern: ``table/{tableName}/index/{indexName}``. In a slot stands
the path of a parameter, or with ``<`` before it of a part of the answer; ``|`` parts alternatives, of which the first
that says something counts; ``:HOW`` says how a value becomes a name (``readers``), ``=TEXT`` what stands there where
no parameter says anything. A star outside a slot is a wildcard: what is not there before the call has no id yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from cloudsearch.actions.arns import Pattern, as_written, is_arn
from cloudsearch.actions.given import Given, Steps, steps
from cloudsearch.actions.readers import READERS, Reader

_SLOT = re.compile(r"\{([^}]*)\}")
_MOST = 1000
"""ARNs that one call was used on, at most; a call names no more."""
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@dataclass(frozen=True, slots=True)
class Place:
    """What of a call tells its resources: parameters and answer, and whose and where it was."""

    request: Given
    response: Given
    partition: str
    region: str
    account: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One star of a pattern: where its value may stand, and how it is read."""

    paths: tuple[tuple[bool, Steps], ...]
    read: Reader
    default: str | None = None
    arn_paths: tuple[Steps, ...] = ()

    def values(self, place: Place) -> list[str]:
        """The texts at the first path that holds any, or ARNs where only an ARN would tell."""
        for in_answer, path in self.paths:
            given = place.response if in_answer else place.request
            if given.fields and (found := given.texts(path)):
                return found
        for path in self.arn_paths:
            if found := [text for text in place.request.texts(path) if text.startswith("arn:")]:
                return found
        return []


@dataclass(frozen=True, slots=True)
class Found:
    """ARNs, which of them were put together from names, and whether a value was there that could not be read."""

    arns: tuple[str, ...] = ()
    made: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A pattern and how its stars are filled. ``pieces`` are texts and slots in turn."""

    pattern: Pattern
    pieces: tuple[str | Slot, ...]
    is_specific: bool = False

    def fill(self, place: Place) -> Found:
        """The ARNs that the call names."""
        head = self.pattern.begin(place.partition, place.region, place.account)
        whole: list[str] = []
        columns: list[tuple[str, ...]] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                columns.append((piece,))
                continue
            names: list[str] = []
            for value in piece.values(place):
                if value.startswith("arn:"):
                    arn = as_written(value)
                    if is_arn(value) and self.pattern.fits(arn):
                        whole.append(arn)
                        continue
                if name := _name(piece, value, place):
                    names.append(as_written(name))
            if not names and piece.default is not None and not whole:
                names.append(piece.default)
            columns.append(tuple(names))
        if whole or not all(columns):
            return Found(tuple(dict.fromkeys(whole)))
        if head is None:
            return Found((), made=False, trouble="the event tells no account or region to complete the ARN with")
        arns = dict.fromkeys(head + "".join(parts) for parts in islice(product(*columns), _MOST))
        return Found(tuple(arn for arn in arns if self.pattern.fits(arn)), made=True)


def _name(slot: Slot, value: str, place: Place) -> str | None:
    if not value or value == _HIDDEN:
        return None
    return slot.read(value, place.partition, place.region, place.account)


@lru_cache(maxsize=16384)
def shape(template: str) -> str:
    """The template with a star for each slot: the resource part of the pattern that it is for."""
    return _SLOT.sub("*", template)


def template(pattern: Pattern, written: str, *, is_specific: bool = False) -> Template:
    """A template as a data file writes it."""
    return Template(pattern, tuple(_pieces(written)), is_specific)


def _pieces(written: str) -> Iterator[str | Slot]:
    for at, piece in enumerate(_SLOT.split(written)):
        if at % 2:
            yield _slot(piece)
        elif piece:
            yield piece


def _slot(written: str) -> Slot:
    before, has_default, default = written.partition("=")
    paths, _, how = before.partition(":")
    return Slot(
        tuple((path.startswith("<"), steps(path.removeprefix("<").replace("/", "|"))) for path in paths.split("|")),
        READERS[how or "name"],
        default if has_default else None,
    )
