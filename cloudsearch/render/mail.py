"""The mail about refused calls: subject, text and HTML. What logs hold is escaped: whoever calls AWS writes there.

The HTML is small and needs nothing from elsewhere: no image, no script, no link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from cloudsearch.render.denied import Section, advice_of, foot, headline, period, reasons, sections, short, weekly, when
from cloudsearch.render.text import clean
from cloudsearch.reports.denied import Denied, DeniedRow

_STYLE = "padding:4px 8px;border-bottom:1px solid #ddd;text-align:left;vertical-align:top"
_HEAD = ("Calls", "Action", "Region", "Who", "Why, and what would help")


def subject(found: Denied) -> str:
    """What it is about in a line that holds numbers and days alone."""
    new = sum(row.new is True for row in found.rows)
    told = f", {new:,} new kinds" if new else ""
    return f"cloudsearch: {found.calls:,} refused calls{told}, {period(found.window)}"


def text(found: Denied) -> str:
    """The mail's text."""
    return "\n".join([*weekly(found), ""])


def html(found: Denied) -> str:
    """The mail's HTML: the same, with a table for each section."""
    return "\n".join(_lines(found))


def _lines(found: Denied) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"></head>'
    yield '<body style="font-family:sans-serif;font-size:14px">'
    yield f"<p><b>{_safe(headline(found))}</b></p>"
    if found.rows:
        yield f"<p>Reasons: {_safe(reasons(found.rows))}</p>"
    for section in sections(found.rows):
        yield from _table(section)
    yield from (f"<p>{_safe(line)}</p>" for line in foot(found))
    yield "</body></html>"


def _table(section: Section) -> Iterator[str]:
    yield f"<h3>{_safe(section.title)}</h3>"
    yield '<table style="border-collapse:collapse">'
    yield _line("th", _HEAD)
    for row in section.rows:
        yield _line("td", _cells(row))
    yield "</table>"
    if section.more:
        yield f"<p>and {section.more:,} more: cloudsearch denied lists them</p>"


def _line(tag: str, cells: Iterable[str]) -> str:
    """A row of a table; the cells are HTML already."""
    return "<tr>" + "".join(f'<{tag} style="{_STYLE}">{cell}</{tag}>' for cell in cells) + "</tr>"


def _cells(row: DeniedRow) -> Iterator[str]:
    yield f"{row.calls:,}"
    flags = f"<br>{_safe('; '.join(row.flags))}" if row.flags else ""
    yield f"<b>{_safe(short(row.action))}</b>{flags}"
    yield _safe(short(row.region))
    yield f"{_safe(short(row.principal))}<br>{_safe(short(row.account))}"
    yield f"<b>{_safe(row.reason)}</b>, {_safe(when(row))}<br>{_safe(advice_of(row))}"


def _safe(value: str) -> str:
    return escape(clean(value))
