"""The facts reports stand on: tab-separated files in ``data``, one fact a line; ``#`` begins a remark."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

_DATA = resources.files("cloudsearch.reports") / "data"


def table(name: str, columns: int) -> Iterator[tuple[str, ...]]:
    """The rows of a data file, each of exactly so many columns; ValueError names a line that has not."""
    for number, line in enumerate((_DATA / name).read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        row = tuple(line.split("\t"))
        if len(row) != columns:
            raise ValueError(f"{name}, line {number}: {len(row)} columns instead of {columns}")
        yield row
