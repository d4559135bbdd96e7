"""Rows as documents, and back: the record as AWS wrote it, our fields spliced in at its end.

``{...the record..., "cloudsearch": {...derived...}, "aws": {"cloudtrail": {"flattened": {...copies...}}}}``

Because nothing before the splice is touched, and ``raw_length`` is kept, the record comes back byte for byte. A
record that a mapping may refuse (a guard says so beforehand, or the engine afterwards) is kept in the fallback form
instead: its bytes as one JSON string that is not indexed, beside what of it is surely harmless. Nothing is refused.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from cloudsearch.errors import StoreError
from cloudsearch.event import RAW, TEXT_LIMIT, Field, FieldType, Row, Value
from cloudsearch.java_map import java_map
from cloudsearch.names import FLATTENED
from cloudsearch.record import NOTHING, Parts, Record, parts_of
from cloudsearch.store import EVENTS, Operation, Table
from cloudsearch.stores.mappings import ENGINES_TEXTS, RECORD_KEYWORDS, constants, index_name
from cloudsearch.stores.structs import struct_of

LONGEST_ID = 512  # bytes; a longer one makes an engine refuse the whole request
LONGEST_RECORD = 32_000  # bytes; whatever it holds is then shorter than Lucene's longest term, 32,766 bytes
MOST_NESTED = 400  # brackets; OpenSearch's write thread dies of 700 levels

# A fallback copy's longest term is path and value: 4 bytes a character keeps it under 32,766 bytes.
COPY_PATH, COPY_TEXT, COPY_DEPTH = 2_000, 5_000, 20
LARGEST_NUMBER = 10**300

_OBJECT, _LIST, _OBJECT_END, _QUOTE, _NEWLINE, _BACKSLASH = b'{[}"\n\\'
_Bytes = bytes | memoryview
_SURROGATE = re.compile("[\ud800-\udfff]")
_ENCODER = msgspec.json.Encoder()


_COPIED = ("requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "insightDetails")
_CONSTANT = json.dumps(constants(), separators=(",", ":")).encode()
_AWS = b',"aws":{"cloudtrail":{"constant":' + _CONSTANT
_FIRST_COPY, _NEXT_COPY, _LAST_COPY = b',"flattened":{', b",", b"}"
_TEXTS = (*(f',"{name.rpartition(".")[2]}":"'.encode() for name in ENGINES_TEXTS), None, None)
_COPIES = tuple((f'"{FLATTENED[path]}":'.encode(), text) for path, text in zip(_COPIED, _TEXTS, strict=True))
_END_OF_TEXT, _END = b'"', b"}}}"
LONGEST_TEXT = 32_766  # bytes of a term
_NULL = b"null"

_OF_THE_FALLBACK = [(name, str | None | UnsetType, UNSET) for name in ("raw", "raw_base64", "refused")]


class Documents:
    """Encodes and decodes the rows of one table for the indices of one prefix."""

    def __init__(self, prefix: str, table: Table) -> None:
        self._prefix, self._table = prefix, table
        #: The object under ``cloudsearch``: derived fields, and in the fallback form the record.
        derived = struct_of(table, _OF_THE_FALLBACK)
        ours = ("cloudsearch", derived, msgspec.field(default_factory=derived))
        source = msgspec.defstruct("Source", [ours], gc=False)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(source)
        self._whole = Reader((*table.fields, RAW) if table.has_raw else table.fields)
        self._heads: dict[tuple[int, int] | None, tuple[str | None, bytes]] = {}

    def encode(self, row: Row) -> Operation:
        """A row as the two lines of a bulk request; ``ValueError`` when its id cannot be one."""
        month, head = self._head(row)
        document = self._spliced(row) if self._table is EVENTS else None
        if document is None:
            document = (self._fallback(row, "guard"),)
        return Operation(str(row["id"]), month, b"".join((head, _id(row["id"]), b"}}\n", *document, b"\n")))

    def decode(self, operation: Operation) -> Row:
        """The row an operation was made from; fields without a value are None."""
        return self.row(operation.body.split(b"\n", 1)[1], self._whole)

    def fallback(self, operation: Operation, reason: str) -> Operation | None:
        """The same row in the form that no mapping refuses; None where it already was in it."""
        if self._table is not EVENTS or b',"refused":"' in operation.body[-64:]:
            return None
        row = self.decode(operation)
        _, head = self._head(row)
        body = b"".join((head, _id(operation.id), b"}}\n", self._fallback(row, reason), b"\n"))
        return Operation(operation.id, operation.month, body)

    def _head(self, row: Row) -> tuple[str | None, bytes]:
        """The month, and the action line as far as the id."""
        time = row.get("time")
        key = (time.year, time.month) if isinstance(time, datetime) else None
        found = self._heads.get(key)
        if found is None:
            month = self._table.month(row)
            index = index_name(self._prefix, self._table, month).encode()
            found = self._heads[key] = (month, b'{"create":{"_index":"' + index + b'","_id":')
        return found

    def _spliced(self, row: Row) -> tuple[_Bytes, ...] | None:
        """The record with our fields at its end, in pieces; None where the guard advises against it."""
        raw = row.get("raw")
        if not isinstance(raw, bytes) or row.get("raw_length") != len(raw) or not _is_plain(raw):
            return None
        try:
            parts = parts_of(raw)
            ours = _encoded(row)
        except (msgspec.DecodeError, RecursionError, UnicodeError, TypeError):
            return None
        if parts.cloudsearch is not NOTHING or parts.aws is not NOTHING:
            return None
        copies = _copies(parts)
        return None if copies is None else (memoryview(raw)[:-1], b',"cloudsearch":', ours, *copies)

    def _fallback(self, row: Row, reason: str) -> bytes:
        """A document that no mapping refuses. Its last member is why it is in this form."""
        raw = row.get("raw")
        ours: dict[str, Any] = {
            field.name: _kept(value) for field in self._table.fields if (value := row.get(field.name)) not in (None, ())
        }
        document: dict[str, Any] = {}
        if isinstance(raw, bytes):
            ours |= _whole(raw)
            document = dict(_harmless(raw)) if self._table is EVENTS else {}
        elif self._table is EVENTS:
            ours["raw"] = None
        if self._table is EVENTS:
            ours["refused"] = reason
        document["cloudsearch"] = ours
        return json.dumps(document, separators=(",", ":"), default=_iso).encode()

    def row(self, source: bytes | msgspec.Raw | UnsetType, wanted: Reader) -> Row:
        """The row of a document, from the bytes it came in; one that shows none of the fields is a row of None."""
        if source is UNSET:
            source = b"{}"
        try:
            derived = self._decoder.decode(source).cloudsearch
        except (msgspec.DecodeError, RecursionError) as error:
            raise StoreError(f"A document of {self._table.name} was not written by cloudsearch: {error}") from error
        return wanted.row(derived, source)


class Reader:
    """Picks fields from a decoded document."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.names = [field.name for field in fields if field.type is not FieldType.BLOB]
        self.raw = len(self.names) < len(fields)
        self._lists = [field.name for field in fields if field.type is FieldType.KEYWORDS]
        self._order = [field.name for field in fields] if self.raw else None

    @property
    def source(self) -> Any:  # noqa: ANN401 (what a search request takes)
        """What a search has to send back: the whole document where the record is asked for."""
        return True if self.raw else [f"cloudsearch.{name}" for name in self.names] or False

    def row(self, derived: object, source: bytes | msgspec.Raw) -> Row:
        """The row."""
        row: dict[str, Value] = {name: getattr(derived, name, None) for name in self.names}
        for name in self._lists:
            row[name] = row[name] or None
        if self._order is None:
            return row
        row["raw"] = _record_of(derived, bytes(source))
        return {name: row[name] for name in self._order}


def _encoded(row: Row) -> bytes:
    """The row without its record: taken out of a dict for as long as that takes, for a copy takes as long again."""
    fields = row if isinstance(row, dict) else dict(row)
    raw = fields.pop("raw")
    try:
        return _ENCODER.encode(fields)
    finally:
        fields["raw"] = raw


def _is_plain(raw: bytes) -> bool:
    """Whether a record may be sent as it is: cheap tests for what engines refuse, or die of.

    A number is looked for in bytes in a third of the time that ``find`` takes.
    """
    return (
        2 < len(raw) < LONGEST_RECORD
        and raw[0] == _OBJECT
        and raw[-1] == _OBJECT_END
        and _QUOTE in raw  # behind a member, ours needs a comma; behind none, it may have none
        and _NEWLINE not in raw
        and (_BACKSLASH not in raw or raw.find(b"\\u0000") < 0)
        and (len(raw) < 2 * MOST_NESTED or _is_shallow(raw))
        and (raw.isascii() or _is_utf8(raw))
    )


def _is_utf8(raw: bytes) -> bool:
    """Whether a record is text at all: OpenSearch takes some that is not, and no answer that holds it can be read."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_shallow(raw: bytes) -> bool:
    """Whether less than ``MOST_NESTED`` brackets can be open at once.

    A list takes two bytes and an object five at least, so of most records it is enough to know how far the lists
    lie apart; to count their brackets takes three times as long, and to count all brackets ten times.
    """
    objects = len(raw) // 5
    first = raw.find(b"[")
    return (
        raw.rfind(b"[") - first + objects < MOST_NESTED
        or raw.count(b"[") + objects < MOST_NESTED
        or len(raw) - len(raw.translate(None, b"{[")) < MOST_NESTED
    )


def _copies(parts: Record | Parts) -> Sequence[_Bytes] | None:
    """The flattened copies, the texts that rules match, and the document's end; None where a part cannot be copied."""
    copies: list[_Bytes] = []
    texts: list[_Bytes] = [_AWS]
    free_form = (parts.request, parts.response, parts.additional, parts.service_details, parts.insight)
    for part, (name, text) in zip(free_form, _COPIES, strict=True):
        if part is NOTHING or (data := bytes(part)) == _NULL:
            continue
        if data[0] == _OBJECT:
            copies += (_NEXT_COPY if copies else _FIRST_COPY, name, data)
            if text is not None:
                written = java_map(data)
                if len(written) > LONGEST_TEXT:
                    return None
                texts += (text, written, _END_OF_TEXT)
        elif data[0] == _LIST:  # objects in it have sub-keys too, but a flattened field takes no list of scalars
            return None
    if copies:
        copies.append(_LAST_COPY)
    return (*texts, *copies, _END)


def _whole(raw: bytes) -> dict[str, str]:
    """A record as one text; as base64 where it is not UTF-8."""
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(raw).decode()}


def _record_of(derived: Any, source: bytes) -> bytes | None:  # noqa: ANN401 (a table's own struct)
    if isinstance(derived.raw, str):
        return derived.raw.encode()
    if isinstance(derived.raw_base64, str):
        return base64.b64decode(derived.raw_base64)
    length = getattr(derived, "raw_length", None)
    return source[: length - 1] + b"}" if derived.raw is UNSET and length else None


def _id(value: object) -> bytes:
    text = _ENCODER.encode(value)
    if not isinstance(value, str) or not value or len(text) > LONGEST_ID:
        raise ValueError(f"an id is a text of 1 to {LONGEST_ID - 2} bytes, not {text[:80]!r}")
    return text


def _kept(value: Value) -> Any:  # noqa: ANN401 (as JSON takes it)
    """A derived value, cut to what a term can hold."""
    if isinstance(value, tuple):
        return [_text(element) for element in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    return _SURROGATE.sub("\ufffd", value[:TEXT_LIMIT])


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no value of a field")


def _harmless(raw: bytes) -> Iterator[tuple[str, Any]]:
    """What of a record can be indexed without a risk: texts under mapped names, and cleaned flattened copies."""
    try:
        record = json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return
    if not isinstance(record, dict):
        return
    yield from _texts(record, "")
    identity = record.get("userIdentity")
    if isinstance(identity, dict):
        yield "userIdentity", dict(_texts(identity, "userIdentity."))
    copies = {
        name: cleaned
        for path, name in FLATTENED.items()
        if isinstance(record.get(path), dict) and isinstance(cleaned := _cleaned(record[path], 0, 0), dict)
    }
    yield "aws", {"cloudtrail": {"constant": constants(), **({"flattened": copies} if copies else {})}}


def _texts(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if path + name in RECORD_KEYWORDS and isinstance(value, str):
            yield name, _text(value)


def _cleaned(node: Any, depth: int, length: int) -> Any:  # noqa: ANN401 (what JSON can hold)
    """A copy without what a flattened field refuses; None in the place of what was left out."""
    if isinstance(node, dict | list) and depth >= COPY_DEPTH:
        return None
    if isinstance(node, list):
        return [_cleaned(element, depth + 1, length) for element in node]
    if isinstance(node, dict):
        return {
            _SURROGATE.sub("\ufffd", key): _cleaned(child, depth + 1, length + len(key) + 1)
            for key, child in node.items()
            if "\0" not in key and length + len(key) < COPY_PATH
        }
    if isinstance(node, str):
        return _text(node[:COPY_TEXT])
    fits = not isinstance(node, int | float) or -LARGEST_NUMBER < node < LARGEST_NUMBER
    return node if fits else None
