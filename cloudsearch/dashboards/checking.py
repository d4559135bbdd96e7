"""Every panel asked of a store, before somebody looks at an empty one and takes it for an answer.

What is asked is what the saved object says, as a browser would have it; where it shows nothing, the specification says
what to ask next to know why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cloudsearch.dashboards.asking import Span, body, table
from cloudsearch.dashboards.flavours import KIBANA, Object
from cloudsearch.dashboards.lucene import ALL, field_name, lucene
from cloudsearch.dashboards.model import Dashboard, Panel
from cloudsearch.dashboards.objects import panel_id, saved_objects
from cloudsearch.dashboards.spec import DASHBOARDS
from cloudsearch.reports.window import Window
from cloudsearch.store import EVENTS, Table
from cloudsearch.stores.mappings import name_of
from cloudsearch.where import And, Everything, Subject, Where

_EVER = Span(datetime(2006, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""From before AWS to after anybody who reads this."""

_NOTHING_THERE = {
    "events": "no event is loaded for that time",
    "reports": "no report was saved in that time: cloudsearch report --all --save",
}


class Searched(Protocol):
    """A store that answers searches in an engine's own words."""

    def search(self, table: Table, body: object) -> bytes | None:
        """The answer's body; None for a table that is not there."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """A panel, how many events or rows it is of, and why it shows nothing; None where it shows something."""

    dashboard: str
    panel: str
    rows: int
    why: str | None


def check(store: Searched, prefix: str, window: Window) -> Iterator[Checked]:
    """Ask every panel of every dashboard, within a window."""
    span = _span(window)
    shapes: dict[str, Object] = {one["id"]: one["attributes"] for one in saved_objects(KIBANA, prefix)}
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            yield _checked(store, span, dashboard, panel, shapes[panel_id(prefix, dashboard, panel)])


def shows(lines: list[tuple[Any, ...]], panel: Panel) -> bool:
    """Whether there is anything to see but zeros."""
    at = len(panel.buckets)
    return any(number not in {0, None} for line in lines for number in line[at:])


def _checked(store: Searched, span: Span, dashboard: Dashboard, panel: Panel, shape: Object) -> Checked:
    found = store.search(panel.table, body(shape, name_of(panel.table.by_name["time"]), span))
    if found is None:
        return Checked(dashboard.title, panel.title, 0, _NOTHING_THERE[panel.table.name])
    answer = json.loads(found)
    rows = answer["hits"]["total"]["value"]
    why = None if shows(table(shape, answer), panel) else _why(_Asked(store, panel.table, span), panel, rows)
    return Checked(dashboard.title, panel.title, rows, why)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A table within the chosen time."""

    store: Searched
    table: Table
    span: Span

    def count(self, where: Where, text: str = "") -> int:
        """How many rows match a question, and a query in Lucene's words besides."""
        asked = " AND ".join(filter(None, (lucene(where), text)))
        source = {"query": {"query": asked, "language": "lucene"}}
        shape = {"visState": '{"aggs": []}', "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)}}
        found = self.store.search(self.table, body(shape, name_of(self.table.by_name["time"]), self.span))
        return int(json.loads(found)["hits"]["total"]["value"]) if found else 0


def _why(asked: _Asked, panel: Panel, rows: int) -> str:
    """What is missing: rows at all, rows that match, or what they are counted by."""
    if not asked.count(Everything()):
        return _NOTHING_THERE[asked.table.name]
    what = "events" if asked.table is EVENTS else "rows"
    if not rows:
        return f"no {what} match {_culprit(asked, panel.where)}"
    subjects = [
        subject for subject in _counted_by(panel) if not asked.count(panel.where, f"_exists_:{field_name(subject)}")
    ]
    if subjects:
        return f"none of {rows:,} {what} has {', '.join(map(field_name, subjects))}"
    return f"none of {rows:,} {what} is of any of its kinds"


def _culprit(asked: _Asked, where: Where) -> str:
    """The first part of a question that nothing matches by itself; all of it, where there is none."""
    for part in where.parts if isinstance(where, And) else ():
        if not asked.count(part):
            return _culprit(asked, part)
    return lucene(where) or ALL


def _counted_by(panel: Panel) -> Iterator[Subject]:
    for one in (*panel.buckets, *panel.metrics):
        subject = getattr(one, "subject", None)
        if subject is not None:
            yield subject


def _span(window: Window) -> Span:
    until = window.until - timedelta(milliseconds=1) if window.until else _EVER.end
    return Span(window.since or _EVER.start, until)
