"""Rows as one HTML file that needs no other: a table that sorts, charts, and a policy that lets nothing else in.

The policy names each style sheet and the one script by their hashes; nothing is fetched, run or sent.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cloudsearch.render.charts import draw
from cloudsearch.render.page import Page
from cloudsearch.render.text import cell, clean


def html(rows: Iterable[Mapping[str, object]], fields: Sequence[str], page: Page) -> Iterator[str]:
    """The document; rows are streamed into it."""
    drawings = [draw(chart, number) for number, chart in enumerate(page.charts, 1)]
    style, script = _file("page.css"), _file("sort.js")
    styles = [style, *(sheet for drawing in drawings for sheet in drawing.styles)]
    stream = (
        _environment()
        .get_template("page.html")
        .stream(
            title=clean(page.title),
            notes=[clean(note) for note in page.notes],
            policy=_policy(styles, [script]),
            style=Markup(style),  # noqa: S704 (files of ours)
            script=Markup(script),  # noqa: S704
            drawings=[Markup(drawing.svg) for drawing in drawings],  # noqa: S704 (an XML library wrote it)
            fields=fields,
            rows=([_cell(row[field]) for field in fields] for row in rows),
        )
    )
    stream.enable_buffering(500)
    rest = ""
    for part in stream:
        *whole, rest = f"{rest}{part}".split("\n")
        yield from whole
    if rest:
        yield rest


def _policy(styles: Iterable[str], scripts: Iterable[str]) -> str:
    return (
        f"default-src 'none'; style-src {' '.join(map(_hash, styles))}; script-src {' '.join(map(_hash, scripts))}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _cell(value: object) -> tuple[str, bool]:
    """A cell's text, and whether it is a number."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return clean(cell(value)), number


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cloudsearch.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=2)
def _file(name: str) -> str:
    """A file of ours, as it will stand between its tags."""
    return (resources.files("cloudsearch.render") / "templates" / name).read_text(encoding="utf-8")
