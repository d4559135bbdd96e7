"""Panels and whether they show anything; those that do not, in the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudsearch.dashboards.checking import Checked
from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import columns

FIELDS = ("dashboard", "panel", "rows", "shows", "why")


def checked(found: Sequence[Checked], how: Format, *, width: int | None) -> Iterator[str]:
    """Every panel in the format asked for; in the table those without data, and why."""
    if how is not Format.TABLE:
        records = (
            {"dashboard": one.dashboard, "panel": one.panel, "rows": one.rows, "shows": one.why is None, "why": one.why}
            for one in found
        )
        yield from render(records, FIELDS, how, Page("The panels of the dashboards", tuple(foot(found))))
        return
    empty = [(one.dashboard, one.panel, one.why) for one in found if one.why is not None]
    if empty:
        yield columns(empty, ("dashboard", "panel without data", "why"), width=width)


def foot(found: Sequence[Checked]) -> Iterator[str]:
    """How many show something."""
    yield f"{sum(one.why is None for one in found)} of {len(found)} panels show data"
