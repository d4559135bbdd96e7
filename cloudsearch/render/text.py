"""Text that is safe to show: names in logs are written by whoever made the call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tabulate import tabulate

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """The text with control, bidirectional and invisible characters written as escapes."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def day(moment: datetime | None) -> str:
    """The UTC day, or nothing."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}" if moment else ""


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with ``Z``; fractions only where there are any."""
    moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def columns(rows: Iterable[Sequence[object]], headers: Sequence[str] = (), *, width: int | None = None) -> str:
    """Rows under each other in aligned columns; the last one is wrapped to fit ``width``, if given."""
    cells: list[Sequence[str]] = [[clean(str(cell)) for cell in row] for row in rows]
    if not cells:
        return ""
    if width:
        cells = [line for row in cells for line in _wrapped(row, _room(cells, headers, width))]
    table = tabulate(cells, headers=headers, tablefmt="plain", disable_numparse=True, preserve_whitespace=True)
    return "\n".join(line.rstrip() for line in table.splitlines())


def _room(cells: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> int:
    """What is left for the last column."""
    lines = [*cells, headers] if headers else cells
    taken = sum(2 + max(len(line[n]) for line in lines) for n in range(len(cells[0]) - 1))
    return max(24, width - taken)


def _wrapped(row: Sequence[str], room: int) -> Iterable[Sequence[str]]:
    *first, last = row
    parts = _fold(last, room)
    yield [*first, parts[0]]
    yield from ([*([""] * len(first)), part] for part in parts[1:])


def _fold(text: str, room: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines
