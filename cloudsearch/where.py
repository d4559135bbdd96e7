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
from functools import cache, lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import msgspec

from cloudsearch.event import Field, Row, Value
from cloudsearch.java_map import java_map
from cloudsearch.record import parts_of

Scalar = str | int | float | bool | datetime

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True, slots=True)
class Path:
    """A path into the record, as AWS writes it: ``requestParameters.bucketName``. Keys may contain dots."""

    path: str


@dataclass(frozen=True, slots=True)
class MapText:
    """One of the record's free-form objects as the text of a Java map; ``part`` is an attribute of ``record.Parts``."""

    part: str


Subject = Field | Path | MapText


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
    With ``escaped`` the character behind a backslash is itself, whatever it is.
    """

    subject: Subject
    pattern: str
    ignore_case: bool = False
    escaped: bool = False

    def matches(self, row: Row) -> bool:
        """Whether a text value of the subject fits the pattern."""
        texts = (value for value in values_of(self.subject, row) if isinstance(value, str))
        if self.escaped:
            return any(_fits(self.parts, fold(text) if self.ignore_case else text) for text in texts)
        pattern = fold(self.pattern) if self.ignore_case else self.pattern
        return any(fits(pattern, fold(text) if self.ignore_case else text) for text in texts)

    @property
    def parts(self) -> tuple[str, ...]:
        """Its characters, folded where case does not matter; ``ANY`` and ``ONE`` where a wildcard stands."""
        return _parts(fold(self.pattern) if self.ignore_case else self.pattern, self.escaped)


@dataclass(frozen=True, slots=True)
class Exists:
    """The subject has a value; null and empty lists are none."""

    subject: Subject

    def matches(self, row: Row) -> bool:
        """Whether there is a value."""
        return next(values_of(self.subject, row), None) is not None


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, of a network in CIDR notation if one is given; what is no address is of none."""

    subject: Field
    network: str | None = None

    def matches(self, row: Row) -> bool:
        """Whether a value of the subject is such an address."""
        return any(_is_address(value, self.network) for value in values_of(self.subject, row))


@dataclass(frozen=True, slots=True)
class Text:
    """A case-insensitive substring of the record."""

    text: str

    def matches(self, row: Row) -> bool:
        """Whether the record's text contains it."""
        raw = row.get("raw")
        return isinstance(raw, bytes) and self.text.lower() in raw.decode("utf-8", "replace").lower()


Where = Everything | And | Or | Not | In | Range | Pattern | Exists | Address | Text


def subjects(where: Where) -> Iterator[Subject | Text]:
    """Every subject the tree asks about; a ``Text`` stands for the record itself."""
    match where:
        case And(parts) | Or(parts):
            for part in parts:
                yield from subjects(part)
        case Not(part):
            yield from subjects(part)
        case In(subject) | Range(subject) | Pattern(subject) | Exists(subject) | Address(subject):
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
    if isinstance(subject, MapText):
        yield from _map_text(row, subject.part)
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


ANY, ONE = "any", "one"
"""Wildcards among the parts of a pattern; all else there is one character long."""

_WILD = {"*": ANY, "?": ONE}


@lru_cache(maxsize=1024)
def _parts(pattern: str, escaped: bool) -> tuple[str, ...]:  # noqa: FBT001 (a cache's key)
    if not escaped:
        return tuple(_WILD.get(char, char) for char in pattern)
    chars = iter(pattern)
    return tuple(next(chars, char) if char == "\\" else _WILD.get(char, char) for char in chars)


def _fits(pattern: tuple[str, ...], text: str) -> bool:
    """As ``fits``, for a pattern in parts; in the same number of steps."""
    at = star = i = 0
    resume = -1
    while i < len(text):
        if at < len(pattern) and pattern[at] == ANY:
            star = at = at + 1
            resume = i
        elif at < len(pattern) and pattern[at] in (ONE, text[i]):
            at += 1
            i += 1
        elif resume >= 0:
            resume += 1
            at, i = star, resume
        else:
            return False
    return all(part == ANY for part in pattern[at:])


def _is_address(value: Value, network: str | None) -> bool:
    if not isinstance(value, str) or "%" in value:
        return False
    try:
        address = ip_address(value)
    except ValueError:
        return False
    return network is None or address in _network(network)


@cache
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text, strict=False)


def _map_text(row: Row, part: str) -> Iterator[str]:
    raw = row.get("raw")
    if not isinstance(raw, bytes):
        return
    try:
        data = bytes(getattr(parts_of(raw), part))
        if data.startswith(b"{"):
            yield json.loads(b'"' + java_map(data) + b'"')
    except (ValueError, RecursionError, msgspec.DecodeError):
        return


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
