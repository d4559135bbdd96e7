"""A stored file -> the records in it, each as the bytes it was written with, out of any wrapper AWS puts around them.

Decided here: reading is lazy and holds one window of text, so that memory does not grow with the file; whether a file
is a log is known as soon as one record of it is; what is wrong with it only when its last record was handed out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from io import BytesIO
from itertools import chain
from typing import BinaryIO

import msgspec

from cloudsearch.logs.opening import is_compressed, opened
from cloudsearch.logs.records import (
    CONTROL_MESSAGE,
    LIST_KEYS,
    carried_by,
    is_digest,
    is_record,
    is_usual_record,
    keep_wanted,
    members_of,
    name_of,
)
from cloudsearch.logs.window import (
    COMMA,
    END,
    OPEN_LIST,
    OPEN_OBJECT,
    Malformed,
    Window,
    end_of_value,
)

HELD_LIMIT = 64 << 20
"""Bytes of other things a file may begin with before it is no log, if no record came among them."""

_DEPTH_LIMIT = 4
"""Wrappers within wrappers: a file in a list, its record as a text, an EventBridge event in that."""

_HEAD = 1 << 20
_STAMP = re.compile(rb"\d{4}-\d\d-\d\d[T ][\d:.,+Z-]+[ \t]+(?:[^\s{]+[ \t]+)?(?=\{)")
_RECORD_SEPARATOR = 0x1E
_OPENINGS = (b'{"Records":[', b'{"eventVersion":', b'{"Events":[', b'{"CloudTrailEvent":', b'{"digestStartTime":')
_LOG_WORDS = (b"eventVersion", b"eventTime", b"eventSource", b"eventName", b"eventID", b"userIdentity", b"digestS3")
_VALUE = msgspec.json.Decoder(msgspec.Raw)


class Kind(StrEnum):
    """What a file is, decided by its content."""

    LOG = "log"
    DIGEST = "digest"
    NOT_A_LOG = "not a log"


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A CloudTrail record: which of the file's it is, from 0, and its own bytes, a JSON object without blanks around.

    Where the wrapper holds it as a text, these are the bytes of that text.
    """

    position: int
    raw: bytes


class BadPiece(msgspec.Struct, frozen=True, gc=False):
    """Something that stands where a record should: its bytes as they are in the file, and why it is none."""

    position: int
    raw: bytes
    reason: str


class _Bad(msgspec.Struct, frozen=True, gc=False):
    raw: bytes
    reason: str


_Found = bytes | _Bad | list[bytes]
"""A record, something bad, or many records at once: the usual file is nothing else, and need not go one by one."""


class Contents:
    """What is in a file. ``records`` can be gone through once; good and bad count positions together, from 0.

    A file that breaks off still gives every record before the break. ``problem`` says what is wrong with the file, a
    sentence without its name, and is final once ``records`` is exhausted: a file with a problem is refused, though its
    records are loaded. A digest and a file that is no log have neither records nor a problem.
    """

    def __init__(self, kind: Kind, records: Iterator[Piece | BadPiece], reading: _Reading) -> None:
        self.kind = kind
        self.records = records
        self._reading = reading

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, as far as it was read."""
        return self._reading.problem

    def __repr__(self) -> str:
        return f"Contents({self.kind.value!r}, problem={self.problem!r})"


def split(stored: bytes | BinaryIO) -> Contents:
    """Open a file's stored bytes and split them into records. Never raises for what is in them.

    A file object must be seekable, stand at its start, and stay open until ``records`` is exhausted.

    - Compressed data that is damaged, breaks off or has no end, and a file of no bytes, have a problem.
    - Text that begins as a log and breaks off, or stops being JSON, has a problem.
    - Text that is readable as something else is not a log.
    - A list of which no element is a CloudTrail record is not a log; ``{"Records": []}`` is one without records.
    """
    file = BytesIO(stored) if isinstance(stored, bytes) else stored
    compressed = is_compressed(file)
    reading = _Reading(Window(opened(file)))
    held: list[Piece | BadPiece] = []
    size = 0
    found = reading.pieces()
    for piece in found:
        held.append(piece)
        if isinstance(piece, Piece):
            return Contents(Kind.LOG, chain(held, found), reading)
        size += len(piece.raw)
        if size > HELD_LIMIT:
            break
    if compressed:
        reading.drain()
    return _without_records(held, reading)


def _without_records(held: list[Piece | BadPiece], reading: _Reading) -> Contents:
    if reading.problem:
        return Contents(Kind.LOG, iter(held), reading)
    if reading.saw_digest and not held:
        return Contents(Kind.DIGEST, iter(()), reading)
    if reading.saw_list and not held:
        return Contents(Kind.LOG, iter(()), reading)
    return Contents(Kind.NOT_A_LOG, iter(()), reading)


class _Reading:
    """One pass over a file: what was found, and what was wrong."""

    def __init__(self, window: Window) -> None:
        self.problem: str | None = None
        self.saw_digest = False
        self.saw_list = False
        self._window = window
        self._broken_line = b""
        self._saw_record = False
        self._saw_other = False

    def pieces(self) -> Iterator[Piece | BadPiece]:
        """What the file holds, numbered."""
        position = 0
        for found in self._all():
            if isinstance(found, _Bad):
                self._saw_other = True
                yield BadPiece(position, found.raw, found.reason)
                position += 1
                continue
            self._saw_record = True
            for raw in found if isinstance(found, list) else (found,):
                yield Piece(position, raw)
                position += 1

    def drain(self) -> None:
        """Read the text to its end: only then is it known whether it could be."""
        window = self._window
        window.hold = None
        window.position = len(window.data)
        while window.fill():
            window.position = len(window.data)
        self.problem = window.problem or self.problem

    def _all(self) -> Iterator[_Found]:
        window = self._window
        try:
            yield from self._lines() if _is_lines(window) else self._values(window, 0)
        except Malformed as error:
            if self._saw_record or self._began_as_log():
                self.problem = f"{error}, at byte {window.offset:,}"
        self.problem = window.problem or self.problem

    def _began_as_log(self) -> bool:
        """Whether what could not be read is a log's beginning, no record having been read."""
        if self.saw_list and not self._saw_other:
            return True
        start = self._window.unread_from
        fragment = self._broken_line or self._window.data[start : start + _HEAD]
        squeezed = b"".join(fragment[:4096].split())
        if not squeezed.startswith((b"{", b"[")):
            return False
        if any(opening.startswith(squeezed) or squeezed.startswith(opening) for opening in _OPENINGS):
            return b'"aws:' not in squeezed
        return sum(word in fragment for word in _LOG_WORDS) >= 2

    def _lines(self) -> Iterator[_Found]:
        """Line by line: a broken line costs no other. The last one, if it has no end, broke off with the file."""
        window = self._window
        while (line := window.line()) is not None:
            text = line.strip()
            if stamp := _STAMP.match(text):
                text = text[stamp.end() :]
            if text.startswith(b"{") and _is_strict_value(text):
                yield from self._element(text, 0)
            else:
                yield from self._line(line, text)

    def _line(self, line: bytes, text: bytes) -> Iterator[_Found]:
        window = Window.over(text)
        try:
            yield from self._values(window, 0)
        except Malformed as error:
            if not self._window.ended_line:
                self._broken_line = text
                raise
            start = window.unread_from
            yield _Bad(text[start:] if start else line, f"the line is not JSON: {error}")

    def _values(self, window: Window, depth: int) -> Iterator[_Found]:
        """One value after another, with anything between them that people put there."""
        while (byte := window.peek()) != END:
            if byte == OPEN_OBJECT:
                yield from self._object(window, depth)
            elif byte == OPEN_LIST:
                yield from self._elements(window, depth)
            elif byte in (COMMA, _RECORD_SEPARATOR):
                window.position += 1
            else:
                raise Malformed(f"{chr(byte)!r} where an object or a list should begin")

    def _object(self, window: Window, depth: int) -> Iterator[_Found]:
        """An object at the top: its list of records is gone through, not held."""
        window.hold = window.position
        members: dict[str, bytes] = {}
        streamed = False
        for key in window.member_keys():
            name = name_of(key)
            if name in LIST_KEYS and window.peek() == OPEN_LIST:
                window.hold = None
                streamed = True
                self.saw_list = self.saw_list or name == "Records"
                yield from self._elements(window, depth)
            else:
                keep_wanted(members, name, window.take())
        if not streamed:
            start = window.hold or 0
            window.hold = None
            yield from self._whole(window.data[start : window.position], members, depth)

    def _elements(self, window: Window, depth: int) -> Iterator[_Found]:
        """What the list that begins here holds."""
        for batch in window.elements():
            if all(map(is_usual_record, batch)):
                yield batch
            else:
                for raw in batch:
                    yield from self._element(raw, depth)

    def _element(self, raw: bytes, depth: int) -> Iterator[_Found]:
        """One value where a record should be."""
        if is_usual_record(raw):
            yield raw
        elif raw.startswith(b"{"):
            try:
                members = members_of(raw)
            except Malformed as error:
                yield _Bad(raw, f"not JSON: {error}")
            else:
                yield from self._whole(raw, members, depth)
        elif raw.startswith(b"["):
            yield from self._row(raw, depth)
        else:
            yield _Bad(raw, f"{_sort(raw)}, not a record")

    def _row(self, raw: bytes, depth: int) -> Iterator[_Found]:
        """A row of a Lake query: a list of objects of one column each, the record being the ``eventJson`` column."""
        try:
            cells = [cell for batch in Window.over(raw).elements() for cell in batch if cell.startswith(b"{")]
            columns = [members_of(cell) for cell in cells]
        except Malformed:
            columns = []
        carrier = next((column for column in columns if "eventJson" in column), None)
        record = carried_by(carrier) if carrier else None
        yield from self._carried(raw, record, depth) if record else (_Bad(raw, "a list, not a record"),)

    def _whole(self, raw: bytes, members: dict[str, bytes], depth: int) -> Iterator[_Found]:
        """An object of which all is here."""
        if is_record(members):
            yield raw
        elif is_digest(members):
            self.saw_digest = True
        elif depth < _DEPTH_LIMIT and any(members.get(key, b"").startswith(b"[") for key in LIST_KEYS):
            yield from self._nested(raw, depth + 1)
        elif record := carried_by(members):
            yield from self._carried(raw, record, depth)
        else:
            yield _Bad(raw, "an object, but not a CloudTrail record")

    def _nested(self, raw: bytes, depth: int) -> Iterator[_Found]:
        window = Window.over(raw)
        try:
            yield from self._values(window, depth)
        except Malformed as error:
            yield _Bad(raw[window.unread_from :], f"not JSON: {error}")

    def _carried(self, raw: bytes, record: bytes, depth: int) -> Iterator[_Found]:
        """A record out of its carrier ``raw``; the carrier is what is bad, if the record is."""
        if record.startswith(CONTROL_MESSAGE):
            return
        if depth >= _DEPTH_LIMIT or not _is_one_object(record):
            yield _Bad(raw, "what it carries is not a record")
            return
        found = list(self._element(record, depth + 1))
        if not any(isinstance(one, _Bad) for one in found):
            yield from found
        else:
            yield _Bad(raw, "what it carries is not a CloudTrail record")


def _is_lines(window: Window) -> bool:
    """Whether the text is one document per line, as far as its first two lines tell."""
    window.peek()
    head = window.data[window.position : window.position + _HEAD]
    first, _, rest = head.partition(b"\n")
    if _STAMP.match(first):
        return True
    second = rest.lstrip().partition(b"\n")[0]
    if not second or first.rstrip().endswith((b"{", b"[", b",", b":")):
        return False
    return _is_one_object(first) or _is_one_object(second)


def _is_one_object(line: bytes) -> bool:
    """Whether the text is an object, or begins with one after which another begins."""
    if not line.startswith(b"{"):
        return False
    if _is_strict_value(line):
        return True
    try:
        end = end_of_value(line, 0)
    except Malformed:
        return False
    return end is not None and line[end:].strip()[:1] in (b"", b"{", b",")


def _is_strict_value(text: bytes) -> bool:
    try:
        _VALUE.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _sort(raw: bytes) -> str:
    """What a scalar is, in a word."""
    return {b'"': "a text", b"n": "null", b"t": "a boolean", b"f": "a boolean"}.get(raw[:1], "a number")
