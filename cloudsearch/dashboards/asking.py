"""A saved object turned into the search that its panel sends, and the answer into a table of what the panel shows.

It reads visState and search source as both products document and do it, knowing nothing of the specification: buckets
nest in the order they are listed in, metrics lie in the innermost, a query in Lucene's words goes to the engine as
``query_string``, and the chosen span of time decides how long an automatic interval is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cloudsearch.dashboards.states import MISSING

Body = dict[str, Any]
Cells = tuple[Any, ...]

_BUCKETS = {"terms", "date_histogram", "filters"}
_METRICS = {"count", "cardinality", "sum", "min", "max"}

BARS = 50
"""How many columns an automatic interval aims at: the default of the setting histogram:barTarget."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_INTERVALS: tuple[tuple[timedelta, str, str], ...] = (
    (timedelta(milliseconds=500), "fixed_interval", "100ms"),
    (timedelta(seconds=5), "fixed_interval", "1s"),
    (timedelta(seconds=7.5), "fixed_interval", "5s"),
    (timedelta(seconds=15), "fixed_interval", "10s"),
    (timedelta(seconds=45), "fixed_interval", "30s"),
    (timedelta(minutes=3), "fixed_interval", "1m"),
    (timedelta(minutes=9), "fixed_interval", "5m"),
    (timedelta(minutes=20), "fixed_interval", "10m"),
    (timedelta(minutes=45), "fixed_interval", "30m"),
    (2 * _HOUR, "fixed_interval", "1h"),
    (6 * _HOUR, "fixed_interval", "3h"),
    (24 * _HOUR, "fixed_interval", "12h"),
    (7 * _DAY, "calendar_interval", "1d"),
    (21 * _DAY, "calendar_interval", "1w"),
    (365 * _DAY, "calendar_interval", "1M"),
    (timedelta.max, "calendar_interval", "1y"),
)
"""A column's length must be less than the first for the second to be taken."""


@dataclass(frozen=True, slots=True)
class Span:
    """The chosen time: from ``start`` to ``end``, both included."""

    start: datetime
    end: datetime


def body(visualization: Mapping[str, Any], time_field: str, span: Span) -> Body:
    """The search of a visualization's attributes; ``ValueError`` for a kind of aggregation that is not known here."""
    state = json.loads(visualization["visState"])
    aggs = [agg for agg in state["aggs"] if agg["enabled"]]
    inner = _metrics(aggs)
    for agg in reversed([agg for agg in aggs if agg["type"] in _BUCKETS]):
        inner = {agg["id"]: _bucket(agg, aggs, inner, span)}
    found = {"size": 0, "track_total_hits": True, "query": query(visualization, time_field, span)}
    return found | ({"aggs": inner} if inner else {})


def query(saved: Mapping[str, Any], time_field: str, span: Span) -> Body:
    """The query of a visualization's or a saved search's attributes, within the chosen time."""
    source = json.loads(saved["kibanaSavedObjectMeta"]["searchSourceJSON"])
    within = {"gte": _text(span.start), "lte": _text(span.end), "format": "strict_date_optional_time"}
    return {"bool": {"filter": [_words(source["query"]), {"range": {time_field: within}}]}}


def table(visualization: Mapping[str, Any], answer: Mapping[str, Any]) -> list[Cells]:
    """What the panel shows: a line for each innermost bucket, the keys from the outside in and then the metrics."""
    aggs = [agg for agg in json.loads(visualization["visState"])["aggs"] if agg["enabled"]]
    whole = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    buckets = [agg for agg in aggs if agg["type"] in _BUCKETS]
    return list(_lines(whole, buckets, [agg for agg in aggs if agg["type"] in _METRICS], ()))


def _words(asked: Mapping[str, str]) -> Body:
    if asked["language"] != "lucene":
        raise ValueError(f"A query in {asked['language']} cannot be read here")
    if not asked["query"]:
        return {"match_all": {}}
    return {"query_string": {"query": asked["query"], "analyze_wildcard": True, "time_zone": "UTC"}}


def _metrics(aggs: Sequence[Mapping[str, Any]]) -> Body:
    return {agg["id"]: _metric(agg) for agg in aggs if agg["type"] in _METRICS and agg["type"] != "count"}


def _metric(agg: Mapping[str, Any]) -> Body:
    return {agg["type"]: {"field": agg["params"]["field"]}}


def _bucket(agg: Mapping[str, Any], aggs: Sequence[Mapping[str, Any]], inner: Body, span: Span) -> Body:
    params = agg["params"]
    if agg["type"] == "filters":
        choices = {choice["label"]: _words(choice["input"]) for choice in params["filters"]}
        return {"filters": {"filters": choices}} | _inside(inner)
    if agg["type"] == "date_histogram":
        name, length = _interval(span)
        columns = {"field": params["field"], name: length, "time_zone": "UTC", "min_doc_count": params["min_doc_count"]}
        return {"date_histogram": columns} | _inside(inner)
    by, needed = _order(params, aggs)
    terms = {"field": params["field"], "size": params["size"], "order": {by: params["order"]}}
    terms |= {"missing": MISSING} if params["missingBucket"] else {}
    return {"terms": terms | json.loads(params.get("json") or "{}")} | _inside(inner | needed)


def _order(params: Mapping[str, Any], aggs: Sequence[Mapping[str, Any]]) -> tuple[str, Body]:
    """What a terms bucket is ordered by, and the metric it needs for it."""
    by = params["orderBy"]
    if by == "_key":
        return by, {}
    metric = next(agg for agg in aggs if agg["id"] == by)
    return ("_count", {}) if metric["type"] == "count" else (by, {by: _metric(metric)})


def _inside(inner: Body) -> Body:
    return {"aggs": inner} if inner else {}


def _interval(span: Span) -> tuple[str, str]:
    each = (span.end - span.start) / BARS
    return next((name, length) for bound, name, length in _INTERVALS if each < bound)


def _lines(
    node: Mapping[str, Any], buckets: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]], keys: Cells
) -> Iterator[Cells]:
    if not buckets:
        yield (*keys, *(_number(node, metric) for metric in metrics))
        return
    first, *rest = buckets
    found = node[first["id"]]["buckets"]
    if isinstance(found, dict):
        found = [{"key": key, **bucket} for key, bucket in found.items()]
    for bucket in found:
        yield from _lines(bucket, rest, metrics, (*keys, bucket["key"]))


def _number(node: Mapping[str, Any], metric: Mapping[str, Any]) -> Any:  # noqa: ANN401 (a number, or none)
    return node["doc_count"] if metric["type"] == "count" else node[metric["id"]]["value"]


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
