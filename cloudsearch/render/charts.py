"""Charts as SVG that needs nothing but itself: no script, no font or picture from elsewhere, colours by the page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import pygal
from pygal.style import Style

from cloudsearch.render.page import Chart, Kind
from cloudsearch.render.text import clean

# pygal leaves a finder for plug-ins of its own behind, of a kind that Python 3.12 dropped and 3.11 warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

T = TypeVar("T")

MOST_LABELS = 9
"""Labels on the axis of a chart over days: the others have no room."""

_MOST_TICKS = 5

_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground="var(--ink)",
    foreground_strong="var(--ink)",
    foreground_subtle="var(--faint)",
    guide_stroke_color="var(--line)",
    major_guide_stroke_color="var(--line)",
    guide_stroke_dasharray="1,0",
    major_guide_stroke_dasharray="1,0",
    opacity="1",
    opacity_hover="1",
    font_family="system-ui, sans-serif",
    colors=("var(--first)", "var(--second)", "var(--third)", "var(--fourth)"),
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=13,
    title_font_size=16,
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart as SVG, and the text of each style sheet in it, as a policy has to allow them."""

    svg: str
    styles: tuple[str, ...]


def draw(chart: Chart, number: int) -> Drawing:
    """Draw it, as the page's chart of that number: the same chart is always the same text."""
    styles: list[str] = []
    drawing = _DRAWINGS[chart.kind](chart)
    drawing.uuid = str(number)
    drawing.x_labels = [clean(label) for label in _in_order(chart, chart.labels)]
    drawing.y_labels = _ticks(max((value or 0 for _, values in chart.series for value in values), default=0))
    drawing.add_xml_filter(lambda root: _bare(root, styles))
    for name, values in chart.series:
        drawing.add(clean(name), _in_order(chart, values))
    return Drawing(drawing.render(is_unicode=True), tuple(styles))


def _compared(chart: Chart) -> Any:  # noqa: ANN401 (pygal has no types)
    height = 110 + 24 * len(chart.labels) * len(chart.series)
    return pygal.HorizontalBar(**_settings(chart), height=height)


def _daily(chart: Chart) -> Any:  # noqa: ANN401
    shown = chart.labels[:: -(-len(chart.labels) // MOST_LABELS)]
    return pygal.Bar(**_settings(chart), height=260, show_minor_x_labels=False, x_labels_major=list(shown))


_DRAWINGS = {Kind.COMPARED: _compared, Kind.DAILY: _daily}


def _settings(chart: Chart) -> dict[str, Any]:
    return {
        "style": _STYLE,
        "js": [],
        "disable_xml_declaration": True,
        "width": 900,
        "margin": 10,
        "title": chart.title,
        "show_legend": len(chart.series) > 1,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": len(chart.series),
        "truncate_label": -1,
        "truncate_legend": -1,
        "value_formatter": lambda value: f"{value:,.0f}",
    }


def _in_order(chart: Chart, values: Sequence[T]) -> Sequence[T]:
    """Bars that lie are drawn from the bottom up."""
    return values[::-1] if chart.kind is Kind.COMPARED else values


def _ticks(most: int) -> list[int]:
    """Whole numbers from 0 to at least ``most``, at most six or so of them."""
    steps = (digit * 10**power for power in count() for digit in (1, 2, 5))
    step = next(step for step in steps if _MOST_TICKS * step >= most)
    return list(range(0, most + step, step))


def _bare(root: Any, styles: list[str]) -> Any:  # noqa: ANN401 (an element of whichever ElementTree pygal uses)
    """The drawing without scripts, remarks and styles of single elements; what style sheets it has is noted."""
    for parent in list(root.iter()):
        parent.attrib.pop("style", None)
        for child in list(parent):
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if name in ("", "script"):
                parent.remove(child)
            elif name == "style":
                styles.append(child.text or "")
    return root
