"""Results as documents: whatever a log holds stays text in them, and HTML needs and runs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Chart, Kind, Page
from cloudsearch.render.text import clean

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "a|b\\|c",
    "`code` ``more``",
    "[link](https://example.org)",
    "https://example.org www.example.org @everyone #1",
    "**bold** _it_ ~~no~~ <b>",
    "line\nbreak\r| --- |",
    "\x1b[31mred\x1b[0m \u202egnihtemos",
    "&lt;&amp;",
)
CHART = Chart("<b>Calls</b>", ("2026-08-01", "<script>"), (("</style><script>", (1, None)), ("&", (3, 1_000_000))))


class Reader(HTMLParser):
    """What a browser would find: elements, attributes, and the texts of cells, style sheets and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        """An element ends; those without an end tag of their own end with it."""
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._open:  # within a drawing a style sheet is XML, which this parser does not know
            self.texts[self._open[-1]][-1] += unescape(data) if "svg" in self._open else data


def page_of(rows: list[dict[str, Any]], page: Page) -> Reader:
    """The HTML of some rows, read."""
    return Reader("\n".join(render(rows, list(rows[0]), Format.HTML, page)))


@pytest.mark.parametrize("kind", Kind)
def test_a_page_allows_its_own_styles_and_script_and_nothing_else(kind: Kind) -> None:
    """Each is named by its hash; there are no handlers, styles of single elements, or addresses to fetch."""
    chart = Chart(CHART.title, CHART.labels, CHART.series, kind)
    read = page_of([{"name": text, "calls": 1} for text in HOSTILE], Page(HOSTILE[0], HOSTILE, (chart, chart)))
    policy = next(about["content"] for tag, about in read.elements if "http-equiv" in about) or ""
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert "unsafe" not in policy
    assert set(map(hashed, read.texts["style"])) == set(directives["style-src"].split())
    assert set(map(hashed, read.texts["script"])) == set(directives["script-src"].split())
    assert len(read.texts["script"]) == 1
    for tag, about in read.elements:
        assert tag not in ("img", "iframe", "link", "object", "embed", "base", "form", "foreignobject"), tag
        assert not [name for name in about if name.startswith("on") or name in ("style", "src", "href", "xlink:href")]


def test_html_shows_what_is_there() -> None:
    """Every cell's text, numbers as such, made safe for the eye as everywhere."""
    rows: list[dict[str, Any]] = [{"name": text, "calls": number} for number, text in enumerate(HOSTILE)]
    read = page_of(rows, Page("Title", HOSTILE))
    assert read.texts["td"] == [part for row in rows for part in (clean(row["name"]), str(row["calls"]))]
    assert read.texts["pre"] == ["\n".join(map(clean, HOSTILE))]
    numbers = [about for tag, about in read.elements if tag == "td" and about.get("class") == "number"]
    assert len(numbers) == len(rows)


def test_a_page_without_rows_and_charts_is_one() -> None:
    """An empty result is a document too."""
    text = "\n".join(render([], ["name"], Format.HTML, Page("Nothing")))
    assert Reader(text).texts["h1"] == ["Nothing"]
    assert "<svg" not in text


def test_the_same_rows_are_the_same_page() -> None:
    """So that two reports can be compared."""
    pages = ["\n".join(render([{"a": 1}], ["a"], Format.HTML, Page("T", (), (CHART,)))) for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_keeps_a_text_a_text(text: str) -> None:
    """One line, one cell, and anything but plain words as code, where no link, mention or tag is made of it."""
    lines = list(render([{"name": text, "more": "x"}], ["name", "more"], Format.MARKDOWN, Page("Title", (text,))))
    row = lines[-1]
    cells = re.split(r"(?<!\\)\|", row.removeprefix("| ").removesuffix(" |"))
    assert len(cells) == 2, row
    assert code(cells[0].strip()) == clean(text)
    assert not any("\n" in line or "\r" in line for line in lines)


@given(st.text(max_size=40))
def test_any_text_is_one_cell_of_markdown(text: str) -> None:
    """Whatever it is made of."""
    row = list(render([{"name": text, "more": "x"}], ["name", "more"], Format.MARKDOWN))[-1]
    assert len(re.split(r"(?<!\\)\|", row.removeprefix("| ").removesuffix(" |"))) == 2
    assert "\n" not in row


def test_markdown_notes_cannot_leave_their_block() -> None:
    """The fence is longer than any run of back-ticks in them."""
    lines = list(render([], ["a"], Format.MARKDOWN, Page("T", ("```", "````"))))
    assert lines.count("`````") == 2


def code(cell: str) -> str:
    """The text of a code span, or of plain words, as GitHub reads a cell."""
    fence = re.match("`*", cell)
    size = fence.end() if fence else 0
    inner = cell[size : len(cell) - size].replace("\\|", "|")
    return inner[1:-1] if size and inner.startswith(" ") and inner.endswith(" ") else inner


def hashed(text: str) -> str:
    """As a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
