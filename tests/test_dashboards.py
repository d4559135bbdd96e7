"""The saved objects as files: what importers rely on and do not check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from luqum.parser import parser
from luqum.tree import SearchField
from luqum.visitor import TreeVisitor

from cloudsearch.dashboards.asking import Span, body
from cloudsearch.dashboards.flavours import FLAVOURS, KIBANA, OPENSEARCH_DASHBOARDS, Flavour, Object
from cloudsearch.dashboards.lucene import field_name, lucene
from cloudsearch.dashboards.model import Bucket, Choices, Kind, Panel, SavedSearch, Terms
from cloudsearch.dashboards.objects import DATA_VIEWS, ndjson, saved_objects
from cloudsearch.dashboards.spec import DASHBOARDS, SEARCHES
from cloudsearch.stores.dialect import ELASTICSEARCH, OPENSEARCH
from cloudsearch.stores.mappings import generated, read_name
from cloudsearch.where import And, Everything, In, Or, Text
from cloudsearch.where import Path as RecordPath
from tests.saved import flavours, of_type

ROOT = Path(__file__).parent.parent
MOST_BUCKETS = 65_535
COLUMNS_OF_TIME = 366  # the most that an automatic interval makes, with room

SPAN = Span(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))

CEILINGS = {"index-pattern": (7, 6, 0), "search": (7, 9, 3), "visualization": (7, 10, 0), "dashboard": (7, 9, 3)}
"""The newest migrations that both products have."""

_COMMON = {"title", "description", "version", "kibanaSavedObjectMeta"}
ATTRIBUTES = {
    "index-pattern": {"title", "timeFieldName"},
    "search": _COMMON | {"hits", "columns", "sort"},
    "visualization": _COMMON | {"visState", "uiStateJSON"},
    "dashboard": _COMMON
    | {"hits", "panelsJSON", "optionsJSON", "timeRestore", "timeFrom", "timeTo", "refreshInterval"},
}
"""What each kind of object has in both products' own mappings; Kibana refuses others."""

VIS_TYPES = {kind.value for kind in Kind} | {"markdown"}
_OF_AXES = {"metric", "segment", "group", "split"}
ROLES = {
    "metric": {"metric", "group"},
    "table": {"metric", "bucket", "split"},
    "pie": {"metric", "segment", "split"},
    "tagcloud": {"metric", "segment"},
    "heatmap": _OF_AXES,
    **dict.fromkeys(("histogram", "horizontal_bar", "line", "area"), _OF_AXES),
}
"""What a visualization calls its metrics and buckets."""

FIELDS_OF = {
    "terms": {"keyword", "boolean", "date", "ip", "long"},
    "cardinality": {"keyword", "boolean", "date", "ip", "long"},
    "date_histogram": {"date"},
    "min": {"date", "long"},
    "max": {"date", "long"},
    "sum": {"long"},
}
"""What types of fields an aggregation of both engines takes."""


def strings(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in an object, and where it lies."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, path)
    elif isinstance(node, str):
        yield path, node


def named_inside(one: Object) -> Iterator[str]:
    """The names of references that an object uses."""
    attributes = one["attributes"]
    source = json.loads(attributes.get("kibanaSavedObjectMeta", {}).get("searchSourceJSON", "{}"))
    if name := source.get("indexRefName"):
        yield name
    for panel in json.loads(attributes.get("panelsJSON", "[]")):
        yield panel["panelRefName"]
    state = json.loads(attributes.get("visState", "{}"))
    for control in state.get("params", {}).get("controls", ()):
        yield control["indexPatternRefName"]
    group = attributes.get("controlGroupInput", {})
    for id_ in json.loads(group.get("panelsJSON", "{}")):
        yield f"controlGroup_{id_}:optionsListDataView"


def mapped(table_name: str) -> dict[str, str]:
    """The fields of a table that both engines map alike, and their types."""
    (table,) = (one for one in DATA_VIEWS if one.name == table_name)
    both = [dict(leaves(generated(table, dialect)["template"]["mappings"])) for dialect in (ELASTICSEARCH, OPENSEARCH)]
    return {name: type_ for name, type_ in both[0].items() if both[1].get(name) == type_}


def leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a mapping that can be searched."""
    for name, child in (node.get("properties") or {}).items():
        full = f"{path}{name}"
        if "type" in child and child.get("index", True):
            yield full, child["type"]
        yield from leaves(child, f"{full}.")


class _Names(TreeVisitor):  # type: ignore[misc] # luqum has no types
    """The fields that a query names."""

    def visit_search_field(self, node: SearchField, context: dict[str, Any]) -> Iterator[str]:
        yield str(node.expr).strip().strip('"') if node.name == "_exists_" else node.name
        yield from self.generic_visit(node, context)


def fields_of(query: str) -> set[str]:
    """The fields a query names; parsing it raises where it is no query."""
    return set(_Names().visit(parser.parse(query))) - {"*"} if query else set()


# The files


@flavours
def test_the_files_are_what_the_specification_says(flavour: Flavour) -> None:
    """Nobody edits them: python -m cloudsearch.dashboards.objects writes them again."""
    assert (ROOT / "kibana" / flavour.file).read_text("utf-8") == ndjson(flavour)


@flavours
def test_every_line_and_every_json_inside_parses(flavour: Flavour) -> None:
    """Texts that importers take as they are, and that fail when somebody opens the panel."""
    lines = ndjson(flavour).splitlines()
    assert len(lines) > 60
    for line in lines:
        for path, text in strings(json.loads(line)):
            if path.endswith(("JSON", "visState")):
                assert isinstance(json.loads(text), dict | list)


@flavours
def test_ids_are_unique_and_their_own(flavour: Flavour) -> None:
    """The same with each rendering, and no one's twice; another prefix has others throughout."""
    ids = [one["id"] for one in saved_objects(flavour)]
    assert ids == [one["id"] for one in saved_objects(flavour)]
    assert len(set(ids)) == len(ids)
    assert all(UUID(id_).version == 5 for id_ in ids)
    assert not set(ids) & {one["id"] for one in saved_objects(flavour, "team-a")}


@flavours
def test_references_resolve_both_ways(flavour: Flavour) -> None:
    """Each reference is of an object in the file and is used; each name that is used is a reference."""
    objects = saved_objects(flavour)
    kept = {(one["type"], one["id"]) for one in objects}
    meant = set()
    for one in objects:
        names = [reference["name"] for reference in one["references"]]
        assert sorted(names) == sorted(named_inside(one)), one["attributes"]["title"]
        meant |= {(reference["type"], reference["id"]) for reference in one["references"]}
    assert meant <= kept
    unused = {id_ for type_, id_ in kept - meant if type_ in {"visualization", "index-pattern"}}
    assert not unused


@flavours
def test_objects_stand_behind_what_they_refer_to(flavour: Flavour) -> None:
    """So that an import that is cut off leaves nothing dangling."""
    seen: set[str] = set()
    for one in saved_objects(flavour):
        assert {reference["id"] for reference in one["references"]} <= seen
        seen.add(one["id"])


@flavours
def test_attributes_are_known(flavour: Flavour) -> None:
    """Those of both products, and of Kibana's dashboards the group of controls."""
    for one in saved_objects(flavour):
        allowed = ATTRIBUTES[one["type"]]
        if flavour is KIBANA and one["type"] == "dashboard":
            allowed = allowed | {"controlGroupInput"}
        assert set(one["attributes"]) <= allowed
        assert set(one) == {"type", "id", "attributes", "references", "migrationVersion"}


@flavours
def test_no_object_is_newer_than_either_product_takes(flavour: Flavour) -> None:
    """OpenSearch Dashboards refuses newer levels; Kibana brings older ones up to date."""
    for one in saved_objects(flavour):
        ((type_, version),) = one["migrationVersion"].items()
        assert type_ == one["type"]
        assert tuple(map(int, version.split("."))) <= CEILINGS[type_]


@flavours
def test_only_kinds_that_both_products_have(flavour: Flavour) -> None:
    """OpenSearch Dashboards has besides the panel of controls."""
    extra = {"input_control_vis"} if flavour is OPENSEARCH_DASHBOARDS else set()
    kinds = Counter(
        json.loads(one["attributes"]["visState"])["type"] for one in of_type(saved_objects(flavour), "visualization")
    )
    assert set(kinds) <= VIS_TYPES | extra
    assert kinds["markdown"] == len(DASHBOARDS)
    assert kinds["input_control_vis"] == (len(DASHBOARDS) if extra else 0)


@flavours
def test_metrics_and_buckets_have_roles_that_their_kind_has(flavour: Flavour) -> None:
    """A role that a visualization does not know is dropped in silence. Charts apart are set for the whole of it."""
    for one in of_type(saved_objects(flavour), "visualization"):
        state = json.loads(one["attributes"]["visState"])
        roles = [agg["schema"] for agg in state["aggs"]]
        assert set(roles) <= ROLES.get(state["type"], set()), one["attributes"]["title"]
        assert roles.count("split") <= 1
        assert ("split" in roles) == state["params"].get("row", False)
        if state["type"] in {"heatmap", "histogram", "line", "area", "horizontal_bar", "tagcloud"}:
            assert roles.count("segment") == 1
            assert roles.count("group") <= 1


def test_both_files_are_of_one_specification() -> None:
    """They differ in the controls, and in what these push down."""
    ours, other = (
        {one["id"]: one for one in saved_objects(flavour) if one["type"] != "dashboard"} for flavour in FLAVOURS
    )
    assert {id_: other[id_] for id_ in ours} == ours
    assert len(other) - len(ours) == len(DASHBOARDS)


# Fields and queries


@flavours
def test_every_field_is_mapped_with_a_type_that_the_aggregation_takes(flavour: Flavour) -> None:
    """In both engines' templates; a field that is not there makes an empty panel, and nobody says so."""
    titles = {read_name("cloudtrail", table): table.name for table in DATA_VIEWS}
    objects = saved_objects(flavour)
    views = {one["id"]: mapped(titles[one["attributes"]["title"]]) for one in of_type(objects, "index-pattern")}
    for one in objects:
        for agg in json.loads(one["attributes"].get("visState", "{}")).get("aggs", ()):
            if field := agg["params"].get("field"):
                assert views[one["references"][0]["id"]][field] in FIELDS_OF[agg["type"]], (one, field)
        for column in one["attributes"].get("columns", ()):
            assert column in views[one["references"][0]["id"]]
        if one["type"] == "index-pattern":
            assert views[one["id"]][one["attributes"]["timeFieldName"]] == "date"


@flavours
def test_every_control_is_of_a_field_that_can_be_listed(flavour: Flavour) -> None:
    """Each dashboard has its controls, in the product's own way."""
    dashboards = of_type(saved_objects(flavour), "dashboard")
    found = controls_of(saved_objects(flavour))
    assert len(dashboards) == len(DASHBOARDS)
    for dashboard in DASHBOARDS:
        names = found[f"CloudTrail: {dashboard.title}"]
        assert names == [field_name(control.subject) for control in dashboard.controls]
        assert {mapped(dashboard.table.name)[name] for name in names} == {"keyword"}


def controls_of(objects: list[Object]) -> dict[str, list[str]]:
    """The fields that each dashboard is narrowed by, in order."""
    by_id = {one["id"]: one for one in objects}
    found = {}
    for one in of_type(objects, "dashboard"):
        group = json.loads(one["attributes"].get("controlGroupInput", {}).get("panelsJSON", "{}"))
        panels = sorted(group.values(), key=lambda panel: panel["order"])
        names = [panel["explicitInput"]["fieldName"] for panel in panels]
        for reference in one["references"]:
            state = json.loads(by_id[reference["id"]]["attributes"].get("visState", "{}"))
            names += [control["fieldName"] for control in state.get("params", {}).get("controls", ())]
        found[one["attributes"]["title"]] = names
    return found


def test_every_query_parses_and_names_fields_that_are_there() -> None:
    """A query with a name that is not mapped finds nothing, and says nothing."""
    names: dict[str, set[str]] = {table.name: set() for table in DATA_VIEWS}
    for dashboard in DASHBOARDS:
        shown: tuple[Panel | SavedSearch, ...] = (*dashboard.panels, *SEARCHES)
        for panel in shown:
            names[panel.table.name] |= fields_of(lucene(panel.where))
            for bucket in panel.buckets if isinstance(panel, Panel) else ():
                for _, where in getattr(bucket, "choices", ()):
                    names[panel.table.name] |= fields_of(lucene(where))
    for table, used in names.items():
        assert used
        assert used <= set(mapped(table))


@pytest.mark.parametrize(
    "where", [Text("x"), Or(()), And((Everything(), Text("x"))), In(RecordPath("requestParameters.a"), ("x",))]
)
def test_what_cannot_be_said_is_refused(where: Any) -> None:  # noqa: ANN401 (any question)
    """When the specification is rendered, not when somebody opens it."""
    with pytest.raises(ValueError, match=r"\w"):
        lucene(where)


def test_every_panel_can_be_asked() -> None:
    """No aggregation that the translation does not know."""
    for one in of_type(saved_objects(KIBANA), "visualization"):
        kind = json.loads(one["attributes"]["visState"])
        assert body(one["attributes"], "cloudsearch.time", SPAN)["size"] == 0
        assert kind["type"] == "markdown" or kind["aggs"]


def test_no_panel_can_ask_for_more_buckets_than_an_engine_gives() -> None:
    """Whatever is in the store: 65,535 in OpenSearch and 65,536 in Elasticsearch, or the panel is an error."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            level, buckets = 1, 0
            for bucket in panel.buckets:
                level *= sizes(bucket)
                buckets += level
            assert buckets <= MOST_BUCKETS, panel.title


def sizes(bucket: Bucket) -> int:
    """The most buckets of one."""
    match bucket:
        case Terms(size=size):
            return size
        case Choices(choices=choices):
            return len(choices)
    return COLUMNS_OF_TIME
