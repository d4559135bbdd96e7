"""A record's bytes, decoded: fast where the record is well formed, tolerantly where it is not.

The fast way reads the texts the row needs and leaves every object as its own bytes until somebody asks for it. The
tolerant way gives the same ``Record`` from what the fast way refuses: bytes that are not UTF-8, lone surrogates,
NaN, control characters, any depth, and fields of a type that AWS never writes.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from cloudsearch.derive.values import text
from cloudsearch.errors import RecordError
from cloudsearch.record import NAMES, Record, decode

DEPTH_LIMIT = 60
"""What lies deeper is read as null (and kept in the record): no field is derived from there."""

Part = Any
"""A part of a record: still its bytes (``msgspec.Raw``), or any JSON value; ``opened`` gives the value."""

_EXACT = ("event_id", "event_time")  # a number there is no identity and no time
_FLAGS = ("read_only", "from_console")
_PARTS = ("identity", "request", "response", "additional", "service_details", "insight", "resources", "tls")
_TEXTS = tuple(name for name in NAMES if name not in (*_EXACT, *_FLAGS, *_PARTS))

_decode = msgspec.json.Decoder().decode
_decode_names = msgspec.json.Decoder(dict[str, msgspec.Raw] | None).decode


def read(raw: bytes) -> tuple[Record, bool]:
    """The record in these bytes, and whether its parts are still bytes (the record was well formed).

    ``RecordError`` when the bytes hold no JSON object in any reading.
    """
    try:
        return decode(raw), True
    except (ValueError, RecursionError):
        return read_tolerantly(raw), False


def read_tolerantly(raw: bytes) -> Record:
    """The same record by the way that forgives."""
    try:
        value = _tolerant(raw)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"The record is not JSON: {_where(error)}") from error
    if not isinstance(value, dict):
        raise RecordError("The record is JSON, but not an object")
    return _from_object(value)


def opened(part: Part) -> object:
    """A part's JSON value; None for one that cannot be read at all."""
    if not isinstance(part, msgspec.Raw):
        return part
    try:
        return _decode(part)
    except (ValueError, RecursionError):
        pass
    try:
        return _tolerant(bytes(part))
    except (ValueError, RecursionError):
        return None


def fields_of(part: Part) -> dict[str, Any]:
    """A part's members; none where it is not an object."""
    value = opened(part)
    return value if isinstance(value, dict) else {}


def names_in(part: Part) -> tuple[str, ...]:
    """The names of a part's members; none where it is not an object."""
    if isinstance(part, msgspec.Raw):
        try:
            return tuple(_decode_names(part) or ())
        except (ValueError, RecursionError):
            pass
    return tuple(fields_of(part))


def present(part: Part) -> bool:
    """Whether a part is there and more than null or empty."""
    if isinstance(part, msgspec.Raw):
        return len(part) > 4 or bytes(part) != b"null"
    return part is not None


def _from_object(value: dict[str, Any]) -> Record:
    found: dict[str, Any] = {name: text(value.get(NAMES[name])) for name in _TEXTS}
    for name in _EXACT:
        exact = value.get(NAMES[name])
        found[name] = exact if isinstance(exact, str) else None
    for name in _FLAGS:
        flag = value.get(NAMES[name])
        found[name] = flag if isinstance(flag, bool | str) else None
    for name in _PARTS:
        found[name] = value.get(NAMES[name])
    return Record(**found)


def _tolerant(raw: bytes) -> object:
    chars = raw.decode("utf-8", "replace")
    try:
        return _loads(chars)
    except RecursionError:
        return _loads(_shallow(chars))


def _loads(chars: str) -> object:
    return json.loads(chars, strict=False, parse_int=_integer)


def _integer(digits: str) -> int | str:
    """A whole number; one that no field could hold stays text, for Python refuses to read thousands of digits."""
    return int(digits) if len(digits) < 19 else digits


_STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]', re.DOTALL)


def _shallow(chars: str) -> str:
    """The same JSON with null in place of everything below ``DEPTH_LIMIT``."""
    kept: list[str] = []
    depth = start = 0
    for match in _STRUCTURE.finditer(chars):
        mark = match[0]
        if mark in ("{", "["):
            depth += 1
            if depth == DEPTH_LIMIT:
                kept.append(chars[start : match.start()])
        elif mark in ("}", "]"):
            if depth == DEPTH_LIMIT:
                kept.append("null")
                start = match.end()
            depth -= 1
    return "".join((*kept, chars[start:])) if depth == 0 else chars[:0]


def _where(error: Exception) -> str:
    """The reason without the record's own text, which may hold anything."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return type(error).__name__
