"""What a reader of a dashboard relies on: layout, titles, descriptions, honest figures, and data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from cloudsearch.cli import main
from cloudsearch.dashboards.checking import shows
from cloudsearch.dashboards.flavours import FLAVOURS, KIBANA, OPENSEARCH_DASHBOARDS, Flavour
from cloudsearch.dashboards.layout import COLUMNS
from cloudsearch.dashboards.objects import DATA_VIEWS, saved_objects
from cloudsearch.dashboards.spec import DASHBOARDS, SEARCHES
from cloudsearch.dashboards.spec.words import IS_CALL
from cloudsearch.errors import UsageError
from cloudsearch.stores.duckdb import DuckDBStore
from cloudsearch.stores.mappings import name_of
from cloudsearch.where import And, Everything, Subject, Where
from tests.counting import day_of, shown
from tests.saved import flavours, of_type

EXAMPLES = Path(__file__).parent.parent / "examples"

EMPTY = {"Through VPC endpoints", "TLS versions", "Security groups, routes, gateways, VPCs"}
"""What the example's trail does not have."""


@flavours
def test_no_panel_stands_over_another_nor_over_the_edge(flavour: Flavour) -> None:
    """Within 48 columns, every row full, no gap in between."""
    for one in of_type(saved_objects(flavour), "dashboard"):
        cells: Counter[tuple[int, int]] = Counter()
        for panel in json.loads(one["attributes"]["panelsJSON"]):
            grid = panel["gridData"]
            assert grid["i"] == panel["panelIndex"]
            assert grid["w"] >= 8
            cells.update(
                (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
            )
        assert set(cells.values()) == {1}
        rows = {y for _, y in cells}
        assert {x for x, _ in cells} == set(range(COLUMNS))
        assert len(cells) == COLUMNS * len(rows) == COLUMNS * (max(rows) + 1)


def test_there_is_enough_to_look_at() -> None:
    """Six dashboards, by their names, with panels and saved searches each."""
    assert [dashboard.title for dashboard in DASHBOARDS] == [
        "Overview",
        "Identity",
        "Denied",
        "Network",
        "Change and CIS",
        "Least privilege",
    ]
    assert sum(len(dashboard.panels) for dashboard in DASHBOARDS) >= 45
    assert len(SEARCHES) >= 8
    assert all(dashboard.searches for dashboard in DASHBOARDS)
    assert {search.title for dashboard in DASHBOARDS for search in dashboard.searches} <= {
        one.title for one in SEARCHES
    }


def test_every_panel_says_what_to_look_for() -> None:
    """A sentence of its own, in every panel, search and dashboard; panels of links and controls too."""
    for flavour in FLAVOURS:
        assert all(one["attributes"].get("description", "-") for one in saved_objects(flavour))
    texts = [dashboard.look_for for dashboard in DASHBOARDS]
    texts += [panel.look_for for dashboard in DASHBOARDS for panel in dashboard.panels]
    texts += [search.look_for for search in SEARCHES]
    assert all(len(text) > 20 and text.endswith(".") for text in texts)
    assert len(set(texts)) == len(texts)


def test_what_a_panel_leaves_out_it_says() -> None:
    """Values beyond its size are not shown, and nothing else in the panel would tell."""
    descriptions = {one["attributes"]["title"]: one["attributes"].get("description") for one in saved_objects(KIBANA)}
    text = descriptions["CloudTrail: Identity: Principals"]
    assert text.endswith("Shows at most 50 of principal, 3 of kind.")
    assert "at most" not in descriptions["CloudTrail: Overview: Events loaded"]


def test_nearly_every_panel_shows_data_of_the_example(tmp_path: Path) -> None:
    """Those that do not are of what the example's log does not tell."""
    store = str(tmp_path / "x.duckdb")
    iam = [f"--iam={EXAMPLES / 'iam' / account}.json" for account in ("111122223333", "444455556666")]
    assert main(["load", str(EXAMPLES / "AWSLogs"), "--store", store]) == 0
    reporting = ["report", "--all", *iam, "--iam-as-of", "2026-10-01", "--save", "--format", "json"]
    assert main([*reporting, "--output", str(tmp_path / "report.json"), "--store", store]) == 0
    with closing(DuckDBStore(Path(store))) as opened:
        opened.prepare()
        rows = {table.name: list(opened.rows(table, Everything())) for table in DATA_VIEWS}
    panels = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]
    empty = [panel.title for panel in panels if not shows(shown(panel, rows[panel.table.name], day_of), panel)]
    assert set(empty) <= EMPTY
    assert len(empty) <= 0.05 * len(panels)


@flavours
def test_panels_bear_their_own_titles(flavour: Flavour) -> None:
    """On a dashboard, which says itself whose they are, without its name."""
    dashboards = {one["attributes"]["title"]: one for one in of_type(saved_objects(flavour), "dashboard")}
    for dashboard in DASHBOARDS:
        shown_panels = json.loads(dashboards[f"CloudTrail: {dashboard.title}"]["attributes"]["panelsJSON"])
        expected = [panel.title for band in dashboard.bands for panel in band.panels]
        assert [panel["title"] for panel in shown_panels][-len(expected) :] == expected


def test_titles_tell_panels_apart() -> None:
    """Within a dashboard, no two of one name: their ids are made of it."""
    for dashboard in DASHBOARDS:
        titles = [panel.title for band in dashboard.bands for panel in band.panels]
        assert len(set(titles)) == len(titles)


def test_every_dashboard_leads_to_every_other() -> None:
    """By links that hold in any space or tenant: the same page with another id."""
    objects = saved_objects(KIBANA)
    ids = {one["id"] for one in of_type(objects, "dashboard")}
    texts = [
        json.loads(one["attributes"]["visState"])["params"].get("markdown") for one in of_type(objects, "visualization")
    ]
    for text in filter(None, texts):
        assert sum(f"](#/view/{id_})" in text for id_ in ids) == len(DASHBOARDS) - 1


def test_no_figure_of_reports_adds_up_several() -> None:
    """What was unused in an old report may be used by now: each panel of reports tells them apart by their time."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            if panel.table.name == "reports":
                subjects: list[Subject | None] = [getattr(bucket, "subject", None) for bucket in panel.buckets]
                assert panel.table.by_name["time"] in subjects, panel.title


def test_calls_are_counted_once() -> None:
    """A metric that is called so is of callers' copies alone, which no other account's copy adds to."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            if panel.table.name == "events" and any(metric.label == "calls" for metric in panel.metrics):
                assert IS_CALL in parts(panel.where), panel.title


def parts(where: Where) -> Iterator[Where]:
    """A question, and all that must hold for it to."""
    yield where
    for part in where.parts if isinstance(where, And) else ():
        yield from parts(part)


def test_another_prefix_reads_its_own_indices() -> None:
    """And says so in its titles."""
    objects = saved_objects(OPENSEARCH_DASHBOARDS, "team-a")
    views = [one["attributes"]["title"] for one in of_type(objects, "index-pattern")]
    assert views == ["team-a.events", "team-a.reports"]
    assert all(one["attributes"]["title"].startswith("CloudTrail team-a: ") for one in of_type(objects, "dashboard"))
    with pytest.raises(UsageError):
        saved_objects(KIBANA, "a.b")


def test_times_are_the_tables_own() -> None:
    """Both tables are shown by the time that their rows bear."""
    assert [name_of(table.by_name["time"]) for table in DATA_VIEWS] == ["cloudsearch.time"] * 2
    assert all(one != other for one, other in pairwise(DATA_VIEWS))
    assert not [1 for one, other in combinations(DASHBOARDS, 2) if one.title == other.title]
