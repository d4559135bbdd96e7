"""What rules found: a line for each rule, its events below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cloudsearch.render.formats import Format
from cloudsearch.render.machine import render
from cloudsearch.render.page import Page
from cloudsearch.render.search import call
from cloudsearch.render.text import columns, day, folded
from cloudsearch.reports.detect import Detection, Status
from cloudsearch.reports.query import doubts

FIELDS = (
    "title",
    "id",
    "level",
    "status",
    "hits",
    "first_seen",
    "last_seen",
    "problem",
    "tags",
    "file",
    "events",
)


def detections(found: Sequence[Detection], how: Format, *, width: int | None) -> Iterator[str]:
    """Rules in the format asked for; in the table those with hits first, each with its newest events."""
    if how is not Format.TABLE:
        yield from render(map(_record, found), FIELDS, how, Page("Detections", tuple(foot(found))))
        return
    hit = [one for one in found if one.status is Status.HIT]
    headers = ("hits", "level", "first", "last", "rule")
    if hit:
        lines = (
            (one.hits, one.rule.level or "", day(one.first_seen), day(one.last_seen), one.rule.title) for one in hit
        )
        yield columns(lines, headers, width=width)
    for one in hit:
        yield ""
        yield from folded(
            f"{one.rule.title}{'' if one.hits == len(one.events) else f': the newest of {one.hits:,}'}", width
        )
        yield columns(map(call, one.events), width=width)


def foot(found: Sequence[Detection]) -> Iterator[str]:
    """How many rules found something, and why some could not look."""
    counts = {status: sum(one.status is status for one in found) for status in Status}
    rules = "rule" if len(found) == 1 else "rules"
    yield (
        f"{len(found):,} {rules}: {counts[Status.HIT]:,} with hits, {counts[Status.NO_HIT]:,} without, "
        f"{counts[Status.NOT_RUN]:,} not run"
    )
    yield from (f"not run: {one.rule.title} ({one.rule.file}): {one.rule.problem}" for one in found if one.rule.problem)
    for rule in (one.rule for one in found):
        for doubt in doubts(rule.where) if rule.where else ():
            yield f"note: {rule.title} ({rule.file}): {doubt}"


def _record(one: Detection) -> Mapping[str, object]:
    rule = one.rule
    return {
        "title": rule.title,
        "id": rule.id,
        "level": rule.level,
        "status": str(one.status),
        "hits": one.hits,
        "first_seen": one.first_seen,
        "last_seen": one.last_seen,
        "problem": rule.problem,
        "tags": list(rule.tags),
        "file": rule.file,
        "events": [dict(event) for event in one.events],
    }
