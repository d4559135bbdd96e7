"""What a panel should show, counted in plain Python from rows: nested buckets and metrics, no search engine.

Written from the specification, not from the saved objects made of it: what both say must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from cloudsearch.dashboards.model import Bucket, Choices, Measure, Metric, Panel, Terms, Time
from cloudsearch.event import Row
from cloudsearch.where import values_of

Cells = tuple[Any, ...]
Start = Callable[[datetime], datetime]


def shown(panel: Panel, rows: Sequence[Row], start: Start) -> list[Cells]:
    """A line for each innermost bucket: the keys from the outside in, then the metrics.

    ``start`` says when the column of a moment begins.
    """
    return list(_lines([row for row in rows if panel.where.matches(row)], panel.buckets, panel.metrics, start, ()))


def day_of(moment: datetime) -> datetime:
    """The start of a column a day long."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(moment: datetime) -> datetime:
    """The start of a column a month long."""
    return day_of(moment).replace(day=1)


def _lines(
    rows: Sequence[Row], buckets: Sequence[Bucket], metrics: Sequence[Metric], start: Start, keys: Cells
) -> Iterator[Cells]:
    if not buckets:
        yield (*keys, *(_measured(metric, rows) for metric in metrics))
        return
    first, *rest = buckets
    for key, inside in _split(first, rows, metrics, start):
        yield from _lines(inside, rest, metrics, start, (*keys, key))


def _split(
    bucket: Bucket, rows: Sequence[Row], metrics: Sequence[Metric], start: Start
) -> Sequence[tuple[Any, Sequence[Row]]]:
    if isinstance(bucket, Choices):
        # An engine gives them by label, and both products leave them so.
        return [
            (label, [row for row in rows if where.matches(row)])
            for label, where in sorted(bucket.choices, key=itemgetter(0))
        ]
    found: dict[Any, list[Row]] = {}
    missing = "__missing__" if isinstance(bucket, Terms) and bucket.missing else None
    for row in rows:
        values = set(values_of(bucket.subject, row)) or ({missing} if missing else set())
        for value in values:
            key = start(value) if isinstance(bucket, Time) and isinstance(value, datetime) else value
            found.setdefault(_key(key), []).append(row)
    if isinstance(bucket, Time):
        return sorted(found.items())
    return _ranked(bucket, found, metrics)[: bucket.size]


def _ranked(
    bucket: Terms, found: dict[Any, list[Row]], metrics: Sequence[Metric]
) -> Sequence[tuple[Any, Sequence[Row]]]:
    """By the value, or by a metric and among equals by the value."""
    by_value = sorted(found.items())
    if bucket.by is None:
        return by_value if bucket.least else by_value[::-1]
    metric = metrics[bucket.by]
    sign = 1 if bucket.least else -1
    nothing = float("inf")  # engines put what has no value last, whatever the order
    return sorted(by_value, key=lambda item: nothing if (n := _measured(metric, item[1])) is None else sign * n)


def _measured(metric: Metric, rows: Sequence[Row]) -> Any:  # noqa: ANN401 (a number, or none)
    if metric.measure is Measure.COUNT:
        return len(rows)
    assert metric.subject is not None
    values = [value for row in rows for value in values_of(metric.subject, row)]
    match metric.measure:
        case Measure.UNIQUE:
            return len(set(values))
        case Measure.SUM:
            return sum(value for value in values if isinstance(value, int))
        case Measure.FIRST | Measure.LAST:
            moments = [_key(value) for value in values]
            return (min if metric.measure is Measure.FIRST else max)(moments, default=None)
    raise AssertionError(metric.measure)


def _key(value: object) -> Any:  # noqa: ANN401 (as an engine writes it)
    return round(value.astimezone(UTC).timestamp() * 1000) if isinstance(value, datetime) else value
