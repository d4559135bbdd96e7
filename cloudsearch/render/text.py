"""Text that is safe to show: names in logs are written by whoever made the call."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice, zip_longest

import msgspec
from tabulate import tabulate

_LEAST = 24
"""Columns in which text can still be read."""

_INDENT = "    "
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with control, bidirectional and invisible characters written as escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def wide(text: str) -> int:
    """The columns a text takes on a terminal: two for a character that East Asia writes wide, none for an accent."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def day(moment: datetime | None) -> str:
    """The UTC day, or nothing."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else ""


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z``; fractions only where there are any."""
    moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def cell(value: object) -> str:
    """A value as the text of a cell: nothing for None, ISO 8601 for a time, JSON for a list."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return iso(value)
    return msgspec.json.encode(value).decode("utf-8") if isinstance(value, list | tuple | dict) else str(value)


def columns(rows: Iterable[Sequence[object]], headers: Sequence[str] = (), *, width: int | None = None) -> str:
    """Rows under each other in aligned columns; the last one is wrapped to fit ``width``, if given.

    Where the others leave it no room to speak of, it stands below them.
    """
    cells: list[Sequence[str]] = [[clean(str(cell)) for cell in row] for row in rows]
    if not cells:
        return ""
    lines = [headers, *cells] if headers else cells
    room = _room(lines, width) if width else None
    if room is None or max(wide(line[-1]) for line in lines) <= room:
        return "\n".join(_aligned(lines))
    if width and room < _LEAST:
        return "\n".join(_below(lines, width))
    return "\n".join(_aligned([part for line in lines for part in _wrapped(line, room)]))


def folded(text: str, width: int | None) -> list[str]:
    """A line, made safe; what does not fit ``width``, if given, goes on in lines that are set in."""
    line = clean(text)
    if not width or wide(line) <= width:
        return [line]
    first, *rest = (part.strip() for part in _fold(line, width - len(_INDENT)))
    return [first, *(f"{_INDENT}{part}" for part in rest)]


def _aligned(lines: Iterable[Sequence[str]]) -> list[str]:
    lines = list(lines)
    if not all(one.isascii() for line in lines for one in line):  # tabulate takes every character for one column
        widths = [max(map(wide, column)) for column in zip(*lines, strict=True)]
        return ["  ".join(map(_padded, line, widths)).rstrip() for line in lines]
    table = tabulate(lines, tablefmt="plain", disable_numparse=True, preserve_whitespace=True)
    return [line.rstrip() for line in table.split("\n")]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - wide(text))


def _room(lines: Sequence[Sequence[str]], width: int) -> int:
    """What is left for the last column."""
    return width - sum(2 + max(wide(line[n]) for line in lines) for n in range(len(lines[0]) - 1))


def _wrapped(row: Sequence[str], room: int) -> Iterable[Sequence[str]]:
    *first, last = row
    parts = _fold(last, room)
    yield [*first, parts[0]]
    yield from ([*([""] * len(first)), part] for part in parts[1:])


def _below(lines: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The last column below the others; where these are too wide themselves, their longest cells are folded."""
    limits = _limits([max(wide(line[n]) for line in lines) for n in range(len(lines[0]) - 1)], width)
    blocks = [_cut(line[:-1], limits) for line in lines]
    first = iter(_aligned([part for block in blocks for part in block]))
    for block, line in zip(blocks, lines, strict=True):
        yield from islice(first, len(block))
        yield from (f"{_INDENT}{part}" for part in _fold(line[-1], width - len(_INDENT)) if part)


def _limits(widths: list[int], width: int) -> list[int]:
    """Widths of columns that together fit, with two blanks between them: the widest give way."""
    room = max(width - 2 * (len(widths) - 1), len(widths))
    limit = max(widths)
    while sum(min(one, limit) for one in widths) > room:
        limit -= 1
    return [min(one, limit) for one in widths]


def _cut(cells: Sequence[str], limits: Sequence[int]) -> list[tuple[str, ...]]:
    """A row, over several lines where a cell is longer than its column; what a cell is set in by stays."""
    parts = []
    for text, limit in zip(cells, limits, strict=True):
        bare = text.lstrip(" ")
        indent = text[: len(text) - len(bare)]
        room = max(limit - len(indent), 1)
        parts.append([f"{indent}{part}" for part in _fold(bare, room)] if wide(text) > limit else [text])
    return list(zip_longest(*parts, fillvalue=""))


def _fold(text: str, room: int) -> list[str]:
    """Lines of at most ``room`` columns, broken at blanks, and within what has none for longer."""
    lines = [""]
    words = (part for word in text.split(" ") for part in (_pieces(word, room) if wide(word) > room else (word,)))
    for word in words:
        if lines[-1] and wide(lines[-1]) + 1 + wide(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines


def _pieces(word: str, room: int) -> Iterator[str]:
    while wide(word) > room:
        end = min(room, len(word))
        while end > 1 and wide(word[:end]) > room:
            end -= 1
        yield word[:end]
        word = word[end:]
    if word:
        yield word
