"""What stands around a table where a result is a document of its own: a title, what it rests on, charts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a chart's labels are: days that follow each other, or things to compare."""

    DAILY = "daily"
    COMPARED = "compared"


@dataclass(frozen=True, slots=True)
class Chart:
    """Series of whole numbers over the same labels, days or names; None is where no number is known."""

    title: str
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[int | None, ...]], ...]
    kind: Kind = Kind.DAILY


@dataclass(frozen=True, slots=True)
class Page:
    """A document's title, the lines that say what it rests on (aligned text), and its charts."""

    title: str = "cloudsearch"
    notes: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
