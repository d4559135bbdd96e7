"""What each panel shows on a real engine is what plain Python counts from the same events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloudsearch.cli import main
from cloudsearch.dashboards.asking import Span, body, query, table
from cloudsearch.dashboards.flavours import KIBANA
from cloudsearch.dashboards.lucene import lucene
from cloudsearch.dashboards.objects import DATA_VIEWS, saved_objects
from cloudsearch.dashboards.spec import DASHBOARDS, SEARCHES
from cloudsearch.event import Row
from cloudsearch.store import EVENTS
from cloudsearch.stores.mappings import name_of, read_name
from cloudsearch.where import And, Everything, Exists, In, Not, Or, Pattern, Range, Where
from cloudsearch.where import Path as RecordPath
from tests.backends import Elasticsearch, OpenSearch
from tests.conftest import ENGINES
from tests.counting import day_of, month_of, shown

pytestmark = pytest.mark.engine

EXAMPLES = Path(__file__).parent.parent / "examples"
IAM = [f"--iam={EXAMPLES / 'iam' / account}.json" for account in ("111122223333", "444455556666")]

TWO_MONTHS = Span(datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
LONG = Span(datetime(2020, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC))
SPANS = ((TWO_MONTHS, day_of), (LONG, month_of))
"""Half a hundred columns of each: days of two months, months of nine years."""

_F = EVENTS.by_name
_NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
_QUESTIONS: tuple[Where, ...] = (
    Everything(),
    In(_F["outcome"], ("ok", "denied")),
    In(_F["mfa"], (True, None)),
    Not(In(_F["outcome"], ("ok",))),
    And((Not(In(_F["outcome"], ("ok",))), Not(Exists(_F["error_code"])))),
    Or((Not(Exists(_F["principal"])), In(_F["region"], ("us-east-1",)))),
    And((In(_F["copy"], ("caller",)), Not(Or((Exists(_F["invoked_by"]), In(_F["via"], ("console",))))))),
    Pattern(_F["principal"], "arn:aws:iam::*:role/*"),
    Pattern(_F["user_agent"], "aws-cli/2.2?.* md/awscrt#0* (*"),
    Pattern(_F["user_agent"], "Mozilla/5.0 (X11; Linux *"),
    In(_F["user_agent"], ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",)),
    In(RecordPath("errorMessage"), ("Failed authentication",)),
    Exists(RecordPath("errorMessage")),
    Range(_F["time"], _NOON, None),
    Range(_F["time"], None, _NOON),
)
"""Every form of question that the text says, with the characters that mean something in it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The example on an engine, with reports: one on a role, and then one on everybody."""

    engine: Elasticsearch
    rows: Mapping[str, Sequence[Row]]

    def ask(self, name: str, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 (what JSON holds)
        """An answer, which is whole."""
        table_ = next(one for one in DATA_VIEWS if one.name == name)
        answer = self.engine.ask("POST", f"/{read_name(self.engine.prefix, table_)}/_search", asked)
        assert answer.get("_shards", {}).get("failed") == 0, answer
        return answer

    def within(self, name: str, span: Span) -> list[Row]:
        """Rows of a table whose time lies in a span."""
        found = ((row, row["time"]) for row in self.rows[name])
        return [row for row, time in found if isinstance(time, datetime) and span.start <= time <= span.end]


@pytest.fixture(params=ENGINES, scope="module")
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """The example's trail and its reports, in a prefix of its own."""
    kind: type[Elasticsearch] = OpenSearch if request.param.startswith("opensearch") else Elasticsearch
    engine = kind(request.getfixturevalue(f"{request.param}_url"))
    store = [*engine.place.options]
    reporting = ["report", *IAM, "--iam-as-of", "2026-10-01", "--save", "--format", "json", *store]
    for command in (
        ["load", str(EXAMPLES / "AWSLogs"), *store],
        [*reporting, "--role", "deploy", "--until", "2026-08-20", "--output", "/dev/null"],
        [*reporting, "--all", "--output", "/dev/null"],
    ):
        assert main(command) == 0
    with closing(engine.open()) as opened:
        opened.prepare()
        yield Filled(engine, {table_.name: list(opened.rows(table_, Everything())) for table_ in DATA_VIEWS})
    engine.clean()


def test_panels_and_saved_searches_show_what_python_counts(filled: Filled) -> None:
    """Each panel, which is the same in both products, over two spans: every bucket, its order, every number."""
    saved = {one["id"]: one["attributes"] for one in saved_objects(KIBANA, filled.engine.prefix)}
    by_title = {attributes["title"]: attributes for attributes in saved.values()}
    for span, start in SPANS:
        for dashboard in DASHBOARDS:
            for panel in dashboard.panels:
                shape = by_title[f"CloudTrail {filled.engine.prefix}: {dashboard.title}: {panel.title}"]
                asked = body(shape, name_of(panel.table.by_name["time"]), span)
                found = table(shape, filled.ask(panel.table.name, asked))
                expected = shown(panel, filled.within(panel.table.name, span), start)
                assert found == expected, (dashboard.title, panel.title, asked)
        for search in SEARCHES:
            shape = by_title[f"CloudTrail {filled.engine.prefix}: {search.title}"]
            asked = {"query": query(shape, name_of(search.table.by_name["time"]), span), "track_total_hits": True}
            found_rows = filled.ask(search.table.name, asked)["hits"]["total"]["value"]
            assert found_rows == sum(map(search.where.matches, filled.within(search.table.name, span)))


def test_check_lists_what_would_be_empty_and_why(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    """What the example does not have, by name: a field, a kind of event."""
    command = ["dashboards", "check", *filled.engine.place.options]
    capsys.readouterr()
    assert main(command) == 0
    head, *lines, foot = capsys.readouterr().out.splitlines()
    panels = sum(len(dashboard.panels) for dashboard in DASHBOARDS)
    assert head.split() == ["dashboard", "panel", "without", "data", "why"]
    assert [line.split("  ", 1)[0] for line in lines if line[0] not in " -"] == ["Network", "Network", "Change and CIS"]
    assert "no events match _exists_:cloudsearch.vpc_endpoint" in lines[-3]
    assert "none of 519 events has tlsDetails.tlsVersion" in lines[-2]
    assert "none of 519 events is of any of its kinds" in lines[-1]
    assert foot == f"{panels - 3} of {panels} panels show data"


def test_check_in_a_time_without_events(filled: Filled, capsys: pytest.CaptureFixture[str]) -> None:
    """Every panel is listed, with the same reason for all of a table."""
    command = ["dashboards", "check", *filled.engine.place.options, "--until", "2020-01-01", "--format", "json"]
    capsys.readouterr()
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == sum(len(dashboard.panels) for dashboard in DASHBOARDS)
    assert all(row["rows"] == 0 and not row["shows"] for row in rows)
    assert {row["why"] for row in rows} == {
        "no event is loaded for that time",
        "no report was saved in that time: cloudsearch report --all --save",
    }


def test_a_question_as_text_finds_what_it_means(filled: Filled) -> None:
    """What Lucene's words find is what matches: negations alone and in groups, blanks, brackets, times, nothing."""
    for where in _QUESTIONS:
        saved = {
            "kibanaSavedObjectMeta": {
                "searchSourceJSON": json.dumps({"query": {"query": lucene(where), "language": "lucene"}})
            }
        }
        asked = {"query": query(saved, "cloudsearch.time", LONG), "size": 1000, "_source": False}
        hits = filled.ask(EVENTS.name, asked)["hits"]["hits"]
        expected = {row["id"] for row in filled.within(EVENTS.name, LONG) if where.matches(row)}
        assert {hit["_id"] for hit in hits} == expected, lucene(where)
