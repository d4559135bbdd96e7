"""How a refresh of the catalogue goes, and what it did."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cloudsearch.catalogue.refresh import Refreshed
from cloudsearch.render.formats import Format
from cloudsearch.render.live import LiveLine
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.text import clean, day, iso

FIELDS = ("source", "fetched_at", "file", "size", "seconds", "services", "actions", "operations", "left_out")


class Progress(LiveLine):
    """The ``Watch`` of a refresh: a line kept up to date on a terminal, nothing elsewhere."""

    def __call__(self, done: int, of: int) -> None:
        """A page is done."""
        if self.is_shown:
            self.show(f"{done:,} of {of:,} services")


def refreshed(done: Refreshed, how: Format) -> Iterator[str]:
    """What a refresh did: lines for people, one object or one row for all else."""
    if how is Format.TABLE:
        yield from _lines(done)
    elif how in (Format.JSON, Format.JSONL):
        yield msgspec.json.encode(_row(done)).decode()
    else:
        yield from render([_row(done)], FIELDS, how, Page("AWS's Service Reference"))


def _lines(done: Refreshed) -> Iterator[str]:
    yield f"{done.services:,} services, {done.actions:,} actions, {done.operations:,} operations with their actions"
    yield clean(f"fetched from {done.source} on {day(done.fetched_at)} in {done.seconds:.1f} s")
    yield clean(f"kept in {done.file}, {done.size:,} bytes")
    for one in done.left_out:
        yield clean(f"left out: {one.service}, {one.reason}; the bundled data stay for it")


def _row(done: Refreshed) -> dict[str, object]:
    return {
        "source": done.source,
        "fetched_at": iso(done.fetched_at),
        "file": str(done.file),
        "size": done.size,
        "seconds": round(done.seconds, 3),
        "services": done.services,
        "actions": done.actions,
        "operations": done.operations,
        "left_out": [{"service": one.service, "reason": one.reason} for one in done.left_out],
    }
