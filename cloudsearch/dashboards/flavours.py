"""What Kibana and OpenSearch Dashboards do differently: the one place for it.

All else both take alike, as long as saved objects are of the oldest level that both still migrate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudsearch.dashboards.lucene import field_name
from cloudsearch.dashboards.model import Control

Object = dict[str, Any]
Reference = dict[str, str]

INDEX_PATTERN = "index-pattern"


@dataclass(frozen=True, slots=True)
class Controlled:
    """What a dashboard's controls come to: attributes of its own, or a panel's visState, and references."""

    attributes: Mapping[str, Any]
    references: tuple[Reference, ...]
    panel: tuple[Object, tuple[Reference, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Flavour:
    """A product: its name, its file, what its requests bear, and how its dashboards are narrowed.

    ``space`` is the path of one of its parts, ``tenant`` the header that names one, where it has such.
    """

    product: str
    file: str
    xsrf: str
    controlled: Callable[[Sequence[tuple[str, Control]], str], Controlled]
    takes_api_keys: bool
    tenant: str | None = None

    def __str__(self) -> str:
        return self.product


def _control_group(controls: Sequence[tuple[str, Control]], data_view: str) -> Controlled:
    """Kibana's own controls, 8.3 and later: an attribute of the dashboard, each control with a reference."""
    panels = {
        id_: {
            "order": order,
            "width": "medium",
            "grow": True,
            "type": "optionsListControl",
            "explicitInput": {
                "id": id_,
                "fieldName": field_name(control.subject),
                "title": control.label,
                "enhancements": {},
            },
        }
        for order, (id_, control) in enumerate(controls)
    }
    ignored = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
    group = {
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "ignoreParentSettingsJSON": json.dumps(ignored),
        "panelsJSON": json.dumps(panels),
    }
    references = tuple(_reference(f"controlGroup_{id_}:optionsListDataView", data_view) for id_ in panels)
    return Controlled({"controlGroupInput": group}, references)


def _control_panel(controls: Sequence[tuple[str, Control]], data_view: str) -> Controlled:
    """OpenSearch Dashboards' controls: a visualization of their own."""
    listed = [
        {
            "id": id_,
            "fieldName": field_name(control.subject),
            "parent": "",
            "label": control.label,
            "type": "list",
            "options": {"type": "terms", "multiselect": True, "dynamicOptions": True, "size": 10, "order": "desc"},
            "indexPatternRefName": f"control_{number}_index_pattern",
        }
        for number, (id_, control) in enumerate(controls)
    ]
    state = {
        "type": "input_control_vis",
        "aggs": [],
        "params": {"controls": listed, "updateFiltersOnChange": True, "useTimeFilter": True, "pinFilters": False},
    }
    references = tuple(_reference(f"control_{number}_index_pattern", data_view) for number in range(len(listed)))
    return Controlled({}, (), (state, references))


def _reference(name: str, data_view: str) -> Reference:
    return {"name": name, "type": INDEX_PATTERN, "id": data_view}


KIBANA = Flavour("Kibana", "kibana.ndjson", "kbn-xsrf", _control_group, takes_api_keys=True)
OPENSEARCH_DASHBOARDS = Flavour(
    "OpenSearch Dashboards",
    "opensearch-dashboards.ndjson",
    "osd-xsrf",
    _control_panel,
    takes_api_keys=False,
    tenant="securitytenant",
)
FLAVOURS = (KIBANA, OPENSEARCH_DASHBOARDS)
