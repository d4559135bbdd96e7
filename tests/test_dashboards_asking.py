"""A saved object as the search its panel sends, held against what both products are documented and known to send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luqum.parser import parser
from luqum.tree import Phrase, Word

from cloudsearch.dashboards.asking import Span, body, table
from cloudsearch.dashboards.lucene import lucene
from cloudsearch.dashboards.model import Choices, Kind, Measure, Metric, Panel, Terms, Time
from cloudsearch.dashboards.states import vis_state
from cloudsearch.store import EVENTS
from cloudsearch.where import Everything, In, Pattern, Where, fits

_F = EVENTS.by_name
END = datetime(2026, 10, 1, tzinfo=UTC)
COUNT = Metric(Measure.COUNT, "calls")
LAST = Metric(Measure.LAST, "last", _F["time"])


def saved(panel: Panel) -> dict[str, Any]:
    """A visualization's attributes."""
    source = {"query": {"query": lucene(panel.where), "language": "lucene"}}
    return {
        "visState": json.dumps(vis_state(panel)),
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }


def asked(*buckets: Terms | Time | Choices, where: Where | None = None, days: float = 60) -> Any:  # noqa: ANN401 (what JSON holds)
    """The search of a table of counts and last times."""
    panel = Panel("x", "Look.", Kind.TABLE, (COUNT, LAST), buckets, where or Everything())
    return body(saved(panel), "cloudsearch.time", Span(END - timedelta(days=days), END))


@pytest.mark.parametrize(
    ("days", "name", "length"),
    [
        (15 / 1440, "fixed_interval", "30s"),
        (1 / 24, "fixed_interval", "1m"),
        (1, "fixed_interval", "30m"),
        (7, "fixed_interval", "3h"),
        (30, "fixed_interval", "12h"),
        (90, "calendar_interval", "1d"),
        (365, "calendar_interval", "1w"),
        (5 * 365, "calendar_interval", "1M"),
        (60 * 365, "calendar_interval", "1y"),
    ],
)
def test_columns_are_as_long_as_people_see_them(days: float, name: str, length: str) -> None:
    """The last 15 minutes in columns of 30 seconds, a day in half hours, a year in weeks."""
    found = asked(Time(_F["time"]), days=days)["aggs"]["3"]["date_histogram"]
    assert found == {"field": "cloudsearch.time", name: length, "time_zone": "UTC", "min_doc_count": 1}


def test_time_and_query_are_filters() -> None:
    """The query in Lucene's words, and the chosen time with both ends."""
    found = asked(where=In(_F["outcome"], ("denied",)))
    assert found["query"]["bool"]["filter"] == [
        {"query_string": {"query": 'cloudsearch.outcome:"denied"', "analyze_wildcard": True, "time_zone": "UTC"}},
        {
            "range": {
                "cloudsearch.time": {
                    "gte": "2026-08-02T00:00:00.000Z",
                    "lte": "2026-10-01T00:00:00.000Z",
                    "format": "strict_date_optional_time",
                }
            }
        },
    ]
    assert (found["size"], found["track_total_hits"]) == (0, True)


def test_buckets_nest_and_metrics_lie_innermost() -> None:
    """A metric that a bucket is ordered by is there as well; a count is no aggregation."""
    outer = Terms(_F["principal"], "principal", 7, by=1, missing="(none)")
    inner = Terms(_F["event_name"], "call", 3)
    aggs = asked(outer, inner)["aggs"]
    last = {"2": {"max": {"field": "cloudsearch.time"}}}
    assert aggs["3"]["terms"] == {
        "field": "cloudsearch.principal",
        "size": 7,
        "order": {"2": "desc"},
        "missing": "__missing__",
        "shard_size": 1000,
    }
    assert aggs["3"]["aggs"].keys() == {"4", "2"}
    assert aggs["3"]["aggs"]["2"] == last["2"]
    assert aggs["3"]["aggs"]["4"]["terms"]["order"] == {"_count": "desc"}
    assert "missing" not in aggs["3"]["aggs"]["4"]["terms"]
    assert aggs["3"]["aggs"]["4"]["aggs"] == last


def test_values_in_their_own_order() -> None:
    """The latest report, by its time."""
    terms = asked(Terms(_F["time"], "report", 1, by=None, apart=True))["aggs"]["3"]["terms"]
    assert (terms["order"], terms["size"]) == ({"_key": "desc"}, 1)


def test_an_answer_is_read_as_the_table_it_makes() -> None:
    """A line for each innermost bucket; of named buckets too, in the answer's order."""
    panel = Panel(
        "x", "Look.", Kind.TABLE, (COUNT, LAST), (Terms(_F["region"], "region"), Choices("c", (("a", Everything()),)))
    )
    inner = {"buckets": {"a": {"doc_count": 2, "2": {"value": None}}}}
    answer = {
        "hits": {"total": {"value": 5}},
        "aggregations": {"3": {"buckets": [{"key": "eu", "doc_count": 5, "4": inner}]}},
    }
    assert table(saved(panel), answer) == [("eu", "a", 2, None)]
    figure = Panel("x", "Look.", Kind.METRIC, (COUNT,))
    assert table(saved(figure), {"hits": {"total": {"value": 5}}}) == [(5,)]


def test_a_query_in_other_words_is_refused() -> None:
    """Nobody guesses what it may mean."""
    found = saved(Panel("x", "Look.", Kind.METRIC, (COUNT,)))
    found["kibanaSavedObjectMeta"]["searchSourceJSON"] = json.dumps({"query": {"query": "a: b", "language": "kuery"}})
    with pytest.raises(ValueError, match="kuery"):
        body(found, "cloudsearch.time", Span(END, END))


texts = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), min_size=1)


@given(texts)
def test_a_value_is_one_phrase_and_itself(value: str) -> None:
    """Whatever characters of the language are in it."""
    (phrase,) = parser.parse(lucene(In(_F["principal"], (value,)))).children
    assert isinstance(phrase, Phrase)
    assert unescaped(phrase.value[1:-1]) == value


@given(texts)
def test_a_pattern_is_one_word_with_the_same_wildcards(pattern: str) -> None:
    """Only stars and question marks mean anything."""
    text = lucene(Pattern(_F["principal"], pattern)).removeprefix("cloudsearch.principal:")
    (word,) = parser.parse(f"x:{text}").children
    assert isinstance(word, Word)
    assert fits(pattern, unescaped(word.value)) == fits(pattern, pattern)
    assert unescaped(word.value) == pattern


def unescaped(text: str) -> str:
    """Without the backslashes that take characters' meaning."""
    characters = iter(text)
    return "".join(next(characters) if one == "\\" else one for one in characters)
