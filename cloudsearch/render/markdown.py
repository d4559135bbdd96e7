"""Rows as a Markdown table (GitHub's kind): whatever a name holds, it stays text.

A text that is more than plain words stands as code: there it makes no link, mentions nobody and ends no cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cloudsearch.render.page import Page
from cloudsearch.render.text import cell, clean

_PLAIN = re.compile(r"[A-Za-z0-9 ,.;:()/%+?'-]*")
_LINK = re.compile(r"://|www\.", re.IGNORECASE)
_TICKS = re.compile("`+")


def markdown(rows: Iterable[Mapping[str, object]], fields: Sequence[str], page: Page) -> Iterator[str]:
    """A heading, the notes as they are aligned, the table; streamed."""
    yield f"# {_text(page.title)}"
    yield ""
    if page.notes:
        fence = "`" * max(3, 1 + max((len(run) for note in page.notes for run in _TICKS.findall(note)), default=0))
        yield fence
        yield from map(clean, page.notes)
        yield fence
        yield ""
    yield _line(fields)
    yield _line(["---"] * len(fields))
    for row in rows:
        yield _line([_text(cell(row[field])) for field in fields])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    text = clean(text)
    if _PLAIN.fullmatch(text) and not _LINK.search(text):
        return text
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(text)), default=0))
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
