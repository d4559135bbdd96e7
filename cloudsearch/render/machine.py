"""Rows for programs, one JSON array, JSON lines or CSV, and as documents. Keys keep their order; values their types."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from cloudsearch.render.formats import Format
from cloudsearch.render.markdown import markdown
from cloudsearch.render.page import Page
from cloudsearch.render.text import cell, clean, iso

_FORMULA = re.compile(r"(?m)^[\s\u00a0\u200b-\u200f\ufeff]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def render(
    rows: Iterable[Mapping[str, object]], fields: Sequence[str], how: Format, page: Page | None = None
) -> Iterator[str]:
    """Rows as lines of text, streamed; each holds ``fields`` in that order. ``page`` is for documents."""
    match how:
        case Format.JSON:
            yield from _array(rows)
        case Format.JSONL:
            yield from map(_json, rows)
        case Format.MARKDOWN:
            yield from markdown(rows, fields, page or Page())
        case Format.HTML:
            from cloudsearch.render.html import html  # with charts: no other format should pay for them

            yield from html(rows, fields, page or Page())
        case _:
            yield from _csv(rows, fields)


def _array(rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """One array, a row a line; each line but the last ends in a comma, so the next row is known when one is written."""
    last = None
    yield "["
    for row in rows:
        if last is not None:
            yield f"{last},"
        last = _json(row)
    if last is not None:
        yield last
    yield "]"


def _json(row: Mapping[str, object]) -> str:
    """A row; what moves a terminal's cursor stands as JSON's own escape, so that reading it gives the same text."""
    return clean(msgspec.json.encode({key: _plain(value) for key, value in row.items()}).decode("utf-8"))


def _plain(value: object) -> object:
    return iso(value) if isinstance(value, datetime) else value


def _csv(rows: Iterable[Mapping[str, object]], fields: Sequence[str]) -> Iterator[str]:
    yield _line(fields)
    for row in rows:
        yield _line([_cell(row[field]) for field in fields])


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)  # quotes a cell that holds one of its line ends, \r or \n
    return text.getvalue().removesuffix("\r\n")


def _cell(value: object) -> str:
    return clean(_harmless(value) if isinstance(value, str) else cell(value))


def _harmless(text: str) -> str:
    """A text no spreadsheet takes for a formula; a lone marker is none."""
    return f"'{text}" if len(text) > 1 and _FORMULA.search(text) else text
