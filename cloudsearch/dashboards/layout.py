"""Where panels stand on the grid that both products share: 48 columns, as many rows as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cloudsearch.dashboards.model import Band, Panel, SavedSearch

COLUMNS = 48


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner and the size."""

    x: int
    y: int
    w: int
    h: int


def placed(bands: tuple[Band, ...], *, below: int = 0) -> Iterator[tuple[Panel | SavedSearch, Place]]:
    """Each panel and its place, from ``below`` so many rows on; a band's panels fill its width."""
    y = below
    for band in bands:
        x = 0
        for panel, width in zip(band.panels, _widths(band), strict=True):
            yield panel, Place(x, y, width, band.height)
            x += width
        y += band.height


def _widths(band: Band) -> list[int]:
    """Panels without a width share what the others leave; the last of them takes the rest."""
    wanted = [panel.width if isinstance(panel, Panel) else None for panel in band.panels]
    left, sharing = COLUMNS - sum(filter(None, wanted)), wanted.count(None)
    widths = []
    for width in wanted:
        taken = width or left // sharing
        if width is None:
            left, sharing = left - taken, sharing - 1
        widths.append(taken)
    return widths
