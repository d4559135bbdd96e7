"""The words of the specification: panels, dashboards, saved searches. All of it is data, and says nothing of a product.

What a panel counts is a ``Where``, whose ``matches`` is its meaning; metrics and buckets are what Python could count
from the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cloudsearch.store import EVENTS, Table
from cloudsearch.where import Everything, Subject, Where


class Kind(StrEnum):
    """How a panel shows its numbers; the names are those of both products."""

    METRIC = "metric"
    TABLE = "table"
    PIE = "pie"
    BARS = "horizontal_bar"
    COLUMNS = "histogram"
    LINE = "line"
    AREA = "area"
    HEATMAP = "heatmap"
    TAG_CLOUD = "tagcloud"


class Measure(StrEnum):
    """What a metric is of its subject's values; a count has no subject."""

    COUNT = "count"
    UNIQUE = "cardinality"
    SUM = "sum"
    FIRST = "min"
    LAST = "max"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number, and what it is called."""

    measure: Measure
    label: str
    subject: Subject | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """A bucket for each of the ``size`` values with the most of the panel's metric number ``by``; ``least``, the least.

    ``by`` None orders by the value itself. Rows without a value have a bucket of their own where ``missing`` names it.
    """

    subject: Subject
    label: str
    size: int = 20
    by: int | None = 0
    least: bool = False
    missing: str | None = None
    apart: bool = False  # a chart for each value, not a colour


@dataclass(frozen=True, slots=True)
class Time:
    """A bucket for each span of time in which there is something; how long a span is, is for the chosen time to say."""

    subject: Subject
    label: str = "time"


@dataclass(frozen=True, slots=True)
class Choices:
    """A bucket for each question, by label, whether or not there is anything; a row may be in several."""

    label: str
    choices: tuple[tuple[str, Where], ...]


Bucket = Terms | Time | Choices


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: what it counts of which rows, and in ``look_for`` what a reader should look for in it."""

    title: str
    look_for: str
    kind: Kind
    metrics: tuple[Metric, ...]
    buckets: tuple[Bucket, ...] = ()
    where: Where = field(default_factory=Everything)
    table: Table = EVENTS
    width: int | None = None  # of 48; without one, a fair share of what others leave


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """The rows themselves, newest first: what a click into a panel's dashboard narrows down to."""

    title: str
    look_for: str
    columns: tuple[Subject, ...]
    where: Where = field(default_factory=Everything)
    table: Table = EVENTS


@dataclass(frozen=True, slots=True)
class Control:
    """A list of a field's values to choose from, for a whole dashboard."""

    subject: Subject
    label: str


@dataclass(frozen=True, slots=True)
class Band:
    """Panels side by side, so many units of the grid high."""

    height: int
    panels: tuple[Panel | SavedSearch, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Panels in bands from the top, the controls that narrow them, and the span of time it opens with."""

    title: str
    look_for: str
    bands: tuple[Band, ...]
    controls: tuple[Control, ...]
    since: str = "now-90d"
    table: Table = EVENTS

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Its panels, saved searches apart."""
        return tuple(one for band in self.bands for one in band.panels if isinstance(one, Panel))

    @property
    def searches(self) -> tuple[SavedSearch, ...]:
        """The saved searches it shows."""
        return tuple(one for band in self.bands for one in band.panels if isinstance(one, SavedSearch))
