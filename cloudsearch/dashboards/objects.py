"""The specification as saved objects: one JSON object a line, which either product imports.

``python -m cloudsearch.dashboards.objects`` rewrites the files in ``kibana/``; a test holds them to the specification.
Each object is of the oldest level that both products still migrate, so that every version of them takes it. Its id is
made of the prefix of the indices and its name: importing again replaces, and each prefix has dashboards of its own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

from cloudsearch.dashboards.flavours import FLAVOURS, INDEX_PATTERN, Controlled, Flavour, Object, Reference
from cloudsearch.dashboards.layout import COLUMNS, Place, placed
from cloudsearch.dashboards.lucene import field_name, lucene
from cloudsearch.dashboards.model import Dashboard, Panel, SavedSearch, Terms
from cloudsearch.dashboards.spec import DASHBOARDS, SEARCHES
from cloudsearch.dashboards.states import State, markdown, vis_state
from cloudsearch.store import EVENTS, REPORT_ROWS, Table
from cloudsearch.stores.engine import checked_prefix
from cloudsearch.stores.mappings import DEFAULT_PREFIX, name_of, read_name
from cloudsearch.where import Where

LEVELS = {INDEX_PATTERN: "7.6.0", "search": "7.9.3", "visualization": "7.10.0", "dashboard": "7.9.3"}
"""The newest level of each kind of object that both products migrate."""

DATA_VIEWS = (EVENTS, REPORT_ROWS)

_SPACE = UUID("a7c7a1a6-4f0f-5b63-9f0f-2d1f3b8c9e10")
_NAVIGATION_HEIGHT = 3
_CONTROLS_HEIGHT = 5
_SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


def saved_objects(flavour: Flavour, prefix: str = DEFAULT_PREFIX) -> list[Object]:
    """Every object, each after those that it refers to."""
    names = _Names(checked_prefix(prefix))
    objects = [names.data_view(table) for table in DATA_VIEWS]
    objects += [names.search(search) for search in SEARCHES]
    for dashboard in DASHBOARDS:
        objects += names.dashboard(dashboard, flavour)
    return objects


def ndjson(flavour: Flavour, prefix: str = DEFAULT_PREFIX) -> str:
    """The file to import."""
    return "".join(f"{json.dumps(one, sort_keys=True)}\n" for one in saved_objects(flavour, prefix))


def panel_id(prefix: str, dashboard: Dashboard, panel: Panel) -> str:
    """The id of a panel's visualization."""
    return _Names(prefix).id("visualization", dashboard.title, panel.title)


@dataclass(frozen=True, slots=True)
class _View:
    """What stands at a place of a dashboard, under a title that need not say whose it is."""

    title: str
    object: Object
    place: Place


class _Names:
    """Objects for a prefix, which know one another's ids."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def id(self, *names: str) -> str:
        return str(uuid5(_SPACE, "/".join((self._prefix, *names))))

    def title(self, name: str) -> str:
        """What lists show: whose it is comes first."""
        return f"CloudTrail{'' if self._prefix == DEFAULT_PREFIX else f' {self._prefix}'}: {name}"

    def data_view(self, table: Table) -> Object:
        attributes = {"title": read_name(self._prefix, table), "timeFieldName": name_of(table.by_name["time"])}
        return _object(INDEX_PATTERN, self.id(INDEX_PATTERN, table.name), attributes, ())

    def search(self, search: SavedSearch) -> Object:
        attributes = {
            "title": self.title(search.title),
            "description": search.look_for,
            "hits": 0,
            "columns": [field_name(subject) for subject in search.columns],
            "sort": [[name_of(search.table.by_name["time"]), "desc"]],
            "version": 1,
            "kibanaSavedObjectMeta": _source(search.where, of_table=True),
        }
        return _object("search", self.id("search", search.title), attributes, (self._data_view(search.table),))

    def dashboard(self, dashboard: Dashboard, flavour: Flavour) -> Iterator[Object]:
        """The visualizations of a dashboard, and itself."""
        views = [_View("Dashboards", self._navigation(dashboard), Place(0, 0, COLUMNS, _NAVIGATION_HEIGHT))]
        controlled = self._controlled(dashboard, flavour)
        if controlled.panel:
            state, references = controlled.panel
            name, text = "Narrow down", "Values to choose from; every panel below follows."
            control = self._visualization(dashboard, name, text, {"title": name, **state}, references=references)
            views.append(_View(name, control, Place(0, _NAVIGATION_HEIGHT, COLUMNS, _CONTROLS_HEIGHT)))
        for panel, place in placed(dashboard.bands, below=sum(view.place.h for view in views)):
            views.append(_View(panel.title, self._view(dashboard, panel), place))
        yield from (view.object for view in views if view.object["type"] == "visualization")
        yield self._dashboard(dashboard, views, controlled)

    def _view(self, dashboard: Dashboard, panel: Panel | SavedSearch) -> Object:
        if isinstance(panel, SavedSearch):
            return self.search(panel)
        references = (self._data_view(panel.table),)
        text = f"{panel.look_for}{_limits(panel)}"
        return self._visualization(dashboard, panel.title, text, vis_state(panel), panel.where, references)

    def _visualization(  # noqa: PLR0913, PLR0917 (an attribute, a parameter)
        self,
        dashboard: Dashboard,
        name: str,
        look_for: str,
        state: State,
        where: Where | None = None,
        references: tuple[Reference, ...] = (),
    ) -> Object:
        attributes = {
            "title": self.title(f"{dashboard.title}: {name}"),
            "description": look_for,
            "visState": json.dumps(state, sort_keys=True),
            "uiStateJSON": "{}",
            "version": 1,
            "kibanaSavedObjectMeta": _source(where, of_table=where is not None),
        }
        return _object("visualization", self.id("visualization", dashboard.title, name), attributes, references)

    def _navigation(self, dashboard: Dashboard) -> Object:
        """Links between the dashboards: the same page with another id, in whatever space or tenant it is."""
        links = [
            f"**{other.title}**"
            if other is dashboard
            else f"[{other.title}](#/view/{self.id('dashboard', other.title)})"
            for other in DASHBOARDS
        ]
        text = f"{' | '.join(links)}\n\n{dashboard.look_for}"
        return self._visualization(dashboard, "Dashboards", dashboard.look_for, markdown("Dashboards", text))

    def _controlled(self, dashboard: Dashboard, flavour: Flavour) -> Controlled:
        controls = [(self.id("control", dashboard.title, one.label), one) for one in dashboard.controls]
        return flavour.controlled(controls, self.id(INDEX_PATTERN, dashboard.table.name))

    def _dashboard(self, dashboard: Dashboard, views: list[_View], controlled: Controlled) -> Object:
        panels = [_panel(number, view) for number, view in enumerate(views)]
        shown = tuple(
            {"name": f"panel_{number}", "type": view.object["type"], "id": view.object["id"]}
            for number, view in enumerate(views)
        )
        attributes = {
            "title": self.title(dashboard.title),
            "description": dashboard.look_for,
            "hits": 0,
            "panelsJSON": json.dumps(panels, sort_keys=True),
            "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
            "timeRestore": True,
            "timeFrom": dashboard.since,
            "timeTo": "now",
            "refreshInterval": {"pause": True, "value": 0},
            "version": 1,
            "kibanaSavedObjectMeta": _source(None, of_table=False),
            **controlled.attributes,
        }
        references = (*shown, *controlled.references)
        return _object("dashboard", self.id("dashboard", dashboard.title), attributes, references)

    def _data_view(self, table: Table) -> Reference:
        return {"name": _SOURCE, "type": INDEX_PATTERN, "id": self.id(INDEX_PATTERN, table.name)}


def _limits(panel: Panel) -> str:
    """What a panel leaves out, which nothing in it shows: values beyond so many."""
    sizes = [f"{one.size:,} of {one.label}" for one in panel.buckets if isinstance(one, Terms) and one.size > 1]
    return f" Shows at most {', '.join(sizes)}." if sizes else ""


def _panel(number: int, view: _View) -> State:
    index, place = str(number + 1), view.place
    return {
        "panelIndex": index,
        "gridData": {"x": place.x, "y": place.y, "w": place.w, "h": place.h, "i": index},
        "version": LEVELS["dashboard"],
        "embeddableConfig": {},
        "title": view.title,
        "panelRefName": f"panel_{number}",
    }


def _source(where: Where | None, *, of_table: bool) -> State:
    query = {"query": lucene(where) if where else "", "language": "lucene"}
    source = {"query": query, "filter": []} | ({"indexRefName": _SOURCE} if of_table else {})
    return {"searchSourceJSON": json.dumps(source, sort_keys=True)}


def _object(type_: str, id_: str, attributes: State, references: tuple[Reference, ...]) -> Object:
    return {
        "type": type_,
        "id": id_,
        "attributes": attributes,
        "references": list(references),
        "migrationVersion": {type_: LEVELS[type_]},
    }


def write(folder: Path) -> None:
    """Rewrite the files."""
    for flavour in FLAVOURS:
        (folder / flavour.file).write_text(ndjson(flavour), "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "kibana"))
