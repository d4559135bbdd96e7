"""Questions about rows: a frozen tree whose one meaning is ``matches``.

A store compiles a tree into its own language. Where that cannot say exactly what is meant it compiles a
superset, and ``Store.rows`` filters by ``matches``; ``exact`` on the compiled side says which.

Subjects are derived fields (``Field``) or raw paths (``Path``). Values of a raw path compare as text (numbers as
JSON writes them, true / false), in a ``Range`` with a number as numbers. A list matches when any element does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from cloudsearch.event import Field, Row, Value

Scalar = str | int | float | bool | datetime

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Path:
    """A path into the record, as AWS writes it: ``requestParameters.bucketName``. Keys may contain dots."""

    path: str


Subject = Field | Path


@dataclass(frozen=True, slots=True)
class Everything:
    """Every row."""

    def matches(self, row: Row) -> bool:  # noqa: ARG002 (the signature all share)
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; with none, every row."""

    parts: tuple[Where, ...]

    def matches(self, row: Row) -> bool:
        """Whether every part matches."""
        return all(part.matches(row) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts; with none, no row."""

    parts: tuple[Where, ...]

    def matches(self, row: Row) -> bool:
        """Whether a part matches."""
        return any(part.matches(row) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not match, rows without a value included."""

    part: Where

    def matches(self, row: Row) -> bool:
        """Whether the part does not match."""
        return not self.part.matches(row)


@dataclass(frozen=True, slots=True)
class In:
    """One of the values; None among them means a row without a value."""

    subject: Subject
    values: tuple[Scalar | None, ...]

    def matches(self, row: Row) -> bool:
        """Whether a value of the subject is among the values."""
        found = tuple(values_of(self.subject, row))
        if not found:
            return None in self.values
        wanted = self.values if isinstance(self.subject, Field) else tuple(map(_as_text, self.values))
        return any(value in wanted for value in found)


@dataclass(frozen=True, slots=True)
class Range:
    """From ``start`` up to but without ``end``; None leaves a side open. Texts compare by code point."""

    subject: Subject
    start: str | int | float | datetime | None = None
    end: str | int | float | datetime | None = None

    def matches(self, row: Row) -> bool:
        """Whether a value of the subject lies in the range; a value that cannot be compared does not."""
        return any(self._holds(value) for value in values_of(self.subject, row))

    def _holds(self, value: Any) -> bool:  # noqa: ANN401 (a value of any field type)
        numeric = isinstance(self.start, int | float) or isinstance(self.end, int | float)
        try:
            number: Any = float(value) if numeric and isinstance(self.subject, Path) else value
            above = self.start is None or number >= self.start
            below = self.end is None or number < self.end
        except (TypeError, ValueError):
            return False
        return above and below


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text in which ``*`` is any run of characters and ``?`` exactly one; everything else is itself.

    ``ignore_case`` folds the letters A-Z alone: what IAM's names are made of, and what every store can do alike.
    """

    subject: Subject
    pattern: str
    ignore_case: bool = False

    def matches(self, row: Row) -> bool:
        """Whether a text value of the subject fits the pattern."""
        pattern = fold(self.pattern) if self.ignore_case else self.pattern
        texts = (value for value in values_of(self.subject, row) if isinstance(value, str))
        return any(fits(pattern, fold(text) if self.ignore_case else text) for text in texts)


@dataclass(frozen=True, slots=True)
class Exists:
    """The subject has a value; null and empty lists are none."""

    subject: Subject

    def matches(self, row: Row) -> bool:
        """Whether there is a value."""
        return next(values_of(self.subject, row), None) is not None


@dataclass(frozen=True, slots=True)
class Text:
    """A case-insensitive substring of the record."""

    text: str

    def matches(self, row: Row) -> bool:
        """Whether the record's text contains it."""
        raw = row.get("raw")
        return isinstance(raw, bytes) and self.text.lower() in raw.decode("utf-8", "replace").lower()


Where = Everything | And | Or | Not | In | Range | Pattern | Exists | Text


def subjects(where: Where) -> Iterator[Subject | Text]:
    """Every subject the tree asks about; a ``Text`` stands for the record itself."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from subjects(part)
        case Not(part):
            yield from subjects(part)
        case In(subject) | Range(subject) | Pattern(subject) | Exists(subject):
            yield subject
        case Text():
            yield where
        case Everything():
            return


def values_of(subject: Subject, row: Row) -> Iterator[Value]:
    """The subject's values in a row: none, one, or a list's elements; of a raw path, as text."""
    if isinstance(subject, Path):
        yield from map(_as_text, _walk(_record(row), subject.path))
        return
    value = row.get(subject.name)
    if isinstance(value, tuple):
        yield from value
    elif value is not None:
        yield value


def fold(text: str) -> str:
    """Lower the letters A-Z and no others."""
    return text.translate(_ASCII_LOWER)


def fits(pattern: str, text: str) -> bool:
    """Whether ``*`` and ``?`` in the pattern can be filled to give the text.

    Only the last star is ever widened, so it takes at most ``len(pattern) * len(text)`` steps; a regular
    expression with eight stars could hang.
    """
    at = star = i = 0
    resume = -1  # the first character that the last star has not swallowed
    while i < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star = at = at + 1
            resume = i
        elif at < len(pattern) and pattern[at] in ("?", text[i]):
            at += 1
            i += 1
        elif resume >= 0:
            resume += 1
            at, i = star, resume
        else:
            return False
    return not pattern[at:].strip("*")


def _record(row: Row) -> object:
    raw = row.get("raw")
    if not isinstance(raw, bytes):
        return None
    try:
        return json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None


def _walk(node: object, path: str) -> Iterator[Any]:
    """Scalars under a path; a key may itself contain dots, and lists are looked through."""
    if isinstance(node, list):
        for element in node:
            yield from _walk(element, path)
    elif isinstance(node, dict):
        for key, child in node.items():
            if key == path:
                yield from _scalars(child)
            elif path.startswith(f"{key}."):
                yield from _walk(child, path[len(key) + 1 :])


def _scalars(node: object) -> Iterator[Any]:
    if isinstance(node, list):
        for element in node:
            yield from _scalars(element)
    elif node is not None and not isinstance(node, dict):
        yield node


def _as_text(value: Any) -> Any:  # noqa: ANN401 (what JSON can hold)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)
