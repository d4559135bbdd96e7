"""A panel as the visState of an aggregation-based visualization: metrics and buckets with ids, and how it looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloudsearch.dashboards.lucene import field_name, lucene
from cloudsearch.dashboards.model import Bucket, Choices, Kind, Panel, Terms, Time

State = dict[str, Any]

SHARD_SIZE = 1_000
"""Values that each shard names, so that the most frequent of all are not guessed from a few."""

MISSING = "__missing__"
"""What both products write for a value that is not there."""

_AXES = (Kind.COLUMNS, Kind.LINE, Kind.AREA, Kind.BARS)
_FIRST_SCHEMA = {Kind.TABLE: "bucket", Kind.METRIC: "group"}
_OTHER_SCHEMA = {Kind.TABLE: "bucket", Kind.PIE: "segment"}


def vis_state(panel: Panel) -> State:
    """The state; metrics have the ids 1, 2 ..., buckets those that follow."""
    return {
        "title": panel.title,
        "type": panel.kind.value,
        "aggs": [*_metrics(panel), *_buckets(panel)],
        "params": _params(panel) | _apart(panel),
    }


def markdown(title: str, text: str) -> State:
    """The state of a panel of text."""
    params = {"fontSize": 12, "openLinksInNewTab": False, "markdown": text}
    return {"title": title, "type": "markdown", "aggs": [], "params": params}


def _metrics(panel: Panel) -> Iterator[State]:
    for number, metric in enumerate(panel.metrics, 1):
        field = {"field": field_name(metric.subject)} if metric.subject else {}
        params = {**field, "customLabel": metric.label}
        yield _agg(number, metric.measure.value, "metric", params)


def _buckets(panel: Panel) -> Iterator[State]:
    first = True
    for number, bucket in enumerate(panel.buckets, len(panel.metrics) + 1):
        if isinstance(bucket, Terms) and bucket.apart:
            schema = "split"
        else:
            schema = _FIRST_SCHEMA.get(panel.kind, "segment") if first else _OTHER_SCHEMA.get(panel.kind, "group")
            first = False
        yield _agg(number, _type(bucket), schema, _bucket(bucket))


def _agg(number: int, type_: str, schema: str, params: State) -> State:
    return {"id": str(number), "enabled": True, "type": type_, "params": params, "schema": schema}


def _type(bucket: Bucket) -> str:
    return {Terms: "terms", Time: "date_histogram", Choices: "filters"}[type(bucket)]


def _bucket(bucket: Bucket) -> State:
    match bucket:
        case Terms():
            return _terms(bucket)
        case Time():
            return {
                "field": field_name(bucket.subject),
                "useNormalizedOpenSearchInterval": True,
                "useNormalizedEsInterval": True,
                "scaleMetricValues": False,
                "interval": "auto",
                "drop_partials": False,
                "min_doc_count": 1,
                "extended_bounds": {},
                "customLabel": bucket.label,
            }
        case Choices():
            filters = [
                {"input": {"query": lucene(where), "language": "lucene"}, "label": label}
                for label, where in bucket.choices
            ]
            return {"filters": filters, "customLabel": bucket.label}


def _terms(bucket: Terms) -> State:
    order_by = "_key" if bucket.by is None else str(bucket.by + 1)
    return {
        "field": field_name(bucket.subject),
        "orderBy": order_by,
        "order": "asc" if bucket.least else "desc",
        "size": bucket.size,
        "otherBucket": False,
        "otherBucketLabel": "Other",
        "missingBucket": bucket.missing is not None,
        "missingBucketLabel": bucket.missing or "Missing",
        "json": json.dumps({"shard_size": max(SHARD_SIZE, 2 * bucket.size)}),
        "customLabel": bucket.label,
    }


def _apart(panel: Panel) -> State:
    """Charts for each value of a bucket stand one below the other."""
    return {"row": True} if any(isinstance(one, Terms) and one.apart for one in panel.buckets) else {}


def _params(panel: Panel) -> State:
    if panel.kind in _AXES:
        return _axes(panel)
    legend = {"addTooltip": True, "addLegend": True, "legendPosition": "right"}
    match panel.kind:
        case Kind.METRIC:
            return {"addTooltip": True, "addLegend": False, "type": "metric", "metric": _figure()}
        case Kind.PIE:
            labels = {"show": False, "values": True, "last_level": True, "truncate": 100}
            return {"type": "pie", **legend, "isDonut": True, "labels": labels}
        case Kind.HEATMAP:
            return {"type": "heatmap", **legend, **_heat()}
        case Kind.TAG_CLOUD:
            return {"scale": "log", "orientation": "single", "minFontSize": 12, "maxFontSize": 48, "showLabel": False}
    return {
        "perPage": 10,
        "showPartialRows": False,
        "showMetricsAtAllLevels": False,
        "sort": {"columnIndex": None, "direction": None},
        "showTotal": False,
        "totalFunc": "sum",
        "percentageCol": "",
    }


def _figure() -> State:
    return {
        "percentageMode": False,
        "useRanges": False,
        "colorSchema": "Green to Red",
        "metricColorMode": "None",
        "colorsRange": [{"from": 0, "to": 10000}],
        "labels": {"show": True},
        "invertColors": False,
        "style": {"bgFill": "#000", "bgColor": False, "labelColor": False, "subText": "", "fontSize": 36},
    }


def _heat() -> State:
    axis = {"show": False, "id": "ValueAxis-1", "type": "value", "scale": {"type": "linear", "defaultYExtents": False}}
    return {
        "enableHover": False,
        "times": [],
        "colorsNumber": 5,
        "colorSchema": "Blues",
        "setColorRange": False,
        "colorsRange": [],
        "invertColors": False,
        "percentageMode": False,
        "valueAxes": [axis | {"labels": {"show": True, "rotate": 0, "overwriteColor": False, "color": "#555"}}],
    }


def _axes(panel: Panel) -> State:
    """One axis of values for all metrics; bars lie on their side."""
    lies = panel.kind is Kind.BARS
    type_ = "histogram" if lies else panel.kind.value
    label = panel.metrics[0].label
    series = {
        "show": True,
        "type": type_,
        "mode": "normal" if panel.kind is Kind.LINE else "stacked",
        "valueAxis": "ValueAxis-1",
        "drawLinesBetweenPoints": True,
        "lineWidth": 2,
        "showCircles": True,
    }
    return {
        "type": type_,
        "grid": {"categoryLines": False},
        "categoryAxes": [_category_axis(lies=lies)],
        "valueAxes": [_value_axis(label, lies=lies)],
        "seriesParams": [
            series | {"data": {"id": str(number), "label": metric.label}}
            for number, metric in enumerate(panel.metrics, 1)
        ],
        "addTooltip": True,
        "addLegend": len(panel.buckets) > 1,
        "legendPosition": "right",
        "times": [],
        "addTimeMarker": False,
        "labels": {"show": False},
        "thresholdLine": {"show": False, "value": 10, "width": 1, "style": "full", "color": "#E7664C"},
    }


def _category_axis(*, lies: bool) -> State:
    return {
        "id": "CategoryAxis-1",
        "type": "category",
        "position": "left" if lies else "bottom",
        "show": True,
        "style": {},
        "scale": {"type": "linear"},
        "labels": {"show": True, "filter": not lies, "truncate": 200 if lies else 100},
        "title": {},
    }


def _value_axis(label: str, *, lies: bool) -> State:
    return {
        "id": "ValueAxis-1",
        "name": "BottomAxis-1" if lies else "LeftAxis-1",
        "type": "value",
        "position": "bottom" if lies else "left",
        "show": True,
        "style": {},
        "scale": {"type": "linear", "mode": "normal"},
        "labels": {"show": True, "rotate": 0, "filter": lies, "truncate": 100},
        "title": {"text": label},
    }
