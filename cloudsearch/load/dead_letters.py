"""What could not be kept, kept all the same: whole, with its reason, and where it came from."""

from __future__ import annotations

import hashlib

from cloudsearch.event import TEXT_LIMIT, Row, Value
from cloudsearch.load.ledger import now
from cloudsearch.logs import Source, Unreadable


def of_record(source: Source, position: int, raw: bytes, reason: str) -> Row:
    """A record that cannot be kept."""
    return _letter(source.name, position, len(raw), reason) | {
        "raw": raw,
        "account": source.account,
        "region": source.region,
        "day": source.day,
    }


def of_file(source: Source | Unreadable, reason: str) -> Row:
    """A file that is broken: its path, size and reason."""
    place: dict[str, Value] = {}
    if isinstance(source, Source):
        place = {"account": source.account, "region": source.region, "day": source.day}
    return _letter(source.name, None, source.size, reason) | place


def _letter(name: str, position: int | None, size: int | None, reason: str) -> dict[str, Value]:
    identity = hashlib.sha256(f"{name}\n{position}\n{reason}".encode("utf-8", "backslashreplace")).hexdigest()
    return {
        "id": identity,
        "time": now(),
        "name": name,
        "position": position,
        "size": size,
        "reason": reason[:TEXT_LIMIT],
    }
