"""Reads what CloudTrail says of trails: the CLI's answers, or a snapshot's ``trails.json``; see ``selectors``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cloudsearch.actions.trails import Told, described, moment, plain, selecting, status, trail_arn
from cloudsearch.errors import SourceError

_DECODER = json.JSONDecoder()


def read(paths: Iterable[Path]) -> tuple[list[Told], frozenset[str]]:
    """What the files tell of trails, and the accounts whose whole list of trails is among it.

    ``SourceError`` names the file and the element that is not understood.
    """
    told: list[Told] = []
    listed: set[str] = set()
    for path in paths:
        values = list(_values(path))
        told += _told(values)
        listed |= {str(value["account"]) for _, value in values if "trails" in value and value.get("account")}
    return told, frozenset(listed)


def _told(values: list[tuple[str, dict[str, Any]]]) -> Iterator[Told]:
    told = [one for where, value in values if "islogging" not in value for one in _value(where, value)]
    yield from told
    arns = {one.trail.arn for one in told}
    for where, value in values:
        if "islogging" in value:
            if len(arns) != 1:
                raise SourceError(f"{where}: a trail's status names no trail; put it in a file with that trail alone")
            yield status(where, next(iter(arns)), value)


def _values(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each value of the file, made ``plain``, with where it stands."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read: {error}") from error
    number = 0
    for value in _decoded(path, text):
        for item in value if isinstance(value, list) else [value]:
            number += 1
            where = f"{path}: value {number}"
            if not isinstance(item, dict):
                raise SourceError(f"{where}: is no answer of CloudTrail")
            yield where, plain(item)


def _decoded(path: Path, text: str) -> Iterator[object]:
    at = 0
    while rest := text[at:].lstrip():
        at = len(text) - len(rest)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            raise SourceError(f"{path}: is not JSON: {error}") from error
        yield value


def _value(where: str, value: dict[str, Any]) -> Iterator[Told]:
    """What one value tells, by the members it has."""
    for member, read in _KINDS.items():
        if member in value:
            yield from read(where, value)
            return
    raise SourceError(
        f"{where}: is neither selectors nor trails; save it with `aws cloudtrail get-event-selectors --trail-name NAME`"
    )


def _snapshot_or_list(where: str, value: dict[str, Any]) -> Iterator[Told]:
    account = value.get("account")
    taken_at = moment(f"{where}: taken_at", value.get("takenat"))
    for number, entry in enumerate(_entries(where, value, "trails")):
        at = f"{where}: trails[{number}]"
        trail = entry.get("trail", entry)
        if not isinstance(trail, dict):
            raise SourceError(f"{at}: trail is not an object")
        yield described(at, trail, account=str(account) if account else None, taken_at=taken_at)
        arn = trail_arn(at, trail)
        basic, advanced = entry.get("eventselectors"), entry.get("advancedeventselectors")
        yield selecting(at, arn, basic, advanced, taken_at=taken_at)
        if isinstance(entry.get("status"), dict):
            yield status(f"{at}: status", arn, entry["status"], taken_at=taken_at)


def _described(where: str, value: dict[str, Any]) -> Iterator[Told]:
    for number, entry in enumerate(_entries(where, value, "traillist")):
        yield described(f"{where}: trailList[{number}]", entry)


def _got(where: str, value: dict[str, Any]) -> Iterator[Told]:
    trail = value["trail"]
    if not isinstance(trail, dict):
        raise SourceError(f"{where}: Trail is not an object")
    yield described(where, trail)


def _selected(where: str, value: dict[str, Any]) -> Iterator[Told]:
    """Selectors of a trail, or its description, or both in one."""
    yield described(where, value)
    yield selecting(where, trail_arn(where, value), value.get("eventselectors"), value.get("advancedeventselectors"))


def _entries(where: str, value: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = value[name]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{where}: {name} is not a list of objects")
    return entries


_KINDS: dict[str, Callable[[str, dict[str, Any]], Iterator[Told]]] = {
    "trails": _snapshot_or_list,
    "traillist": _described,
    "trail": _got,
    "trailarn": _selected,
    "eventselectors": _selected,
    "advancedeventselectors": _selected,
}
