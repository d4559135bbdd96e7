"""A reader of JSON text that minds nothing but structure: strings, brackets, commas.

It hands out values as the exact bytes they are written with, whatever is inside: invalid UTF-8, ``NaN``, nesting
10,000 deep. It holds a window of the text, never the whole, and looks at each byte a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from cloudsearch.logs.opening import TEXT_BLOCK, Broken

VALUE_LIMIT = 128 << 20
"""Bytes one value may have: CloudTrail's records end at 256 KB, and memory is not the sender's to fill."""

DEPTH_LIMIT = 1_000_000
"""Brackets within brackets; each costs a look of its own, and nothing that means anything comes near."""

OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST, QUOTE, COMMA, COLON = b'{}[]",:'
END = -1
"""What ``Window.peek`` answers at the end of the text."""

_TOO_LARGE = f"a value of more than {VALUE_LIMIT:,} bytes"
_BLANK = re.compile(rb"[ \t\r\n]*")
# The possessive loops matter: a plain one keeps a way back for each step, 60 bytes for every byte of input.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_WHOLE_STRING = re.compile(_STRING, re.DOTALL)
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:%b[^"{}\[\]]*+)*+([{}\[\]])' % _STRING, re.DOTALL)
_SCALAR = re.compile(rb'[^\s,:"{}\[\]]+')
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]{1,64}"\s*:')
_BETWEEN = 256
"""Bytes of blanks around a comma within which a boundary between two elements is recognised."""
_REACH = (4096, 8 << 20)
"""Bytes a burst may span, at least and at most."""
_RAWS = msgspec.json.Decoder(list[msgspec.Raw])


class Malformed(Exception):
    """The text is not JSON from here on; the message says what stood where."""


class BreaksOff(Malformed):
    """The text ends inside a value."""


def end_of_value(data: bytes, start: int) -> int | None:
    """Where the value that begins at ``start`` ends; None when ``data`` may not hold all of it.

    Of a number or a word that reaches the end of ``data`` more may follow, so that is None too.
    """
    first = data[start]
    if first in (OPEN_OBJECT, OPEN_LIST):
        return _end_of_brackets(data, start)
    if first == QUOTE:
        string = _WHOLE_STRING.match(data, start)
        return string.end() if string else None
    scalar = _SCALAR.match(data, start)
    if scalar is None:
        raise Malformed(f"{data[start : start + 1]!r} where a value should begin")
    return scalar.end() if scalar.end() < len(data) else None


def _end_of_brackets(data: bytes, start: int) -> int | None:
    closers = bytearray()
    at = start
    while bracket := _TO_BRACKET.match(data, at):
        at = bracket.end()
        byte = data[at - 1]
        if byte in (OPEN_OBJECT, OPEN_LIST):
            if len(closers) == DEPTH_LIMIT:
                raise Malformed(f"more than {DEPTH_LIMIT:,} brackets within one another")
            closers.append(byte + 2)  # in ASCII a closing bracket is two after its opening one
        elif closers.pop() != byte:
            raise Malformed(f"{chr(byte)!r} closes what it did not open")
        if not closers:
            return at
    return None


def _strict_elements(data: bytes) -> list[bytes]:
    """The elements of what stands between a list's brackets; none if that is no strict JSON."""
    try:
        return [bytes(raw) for raw in _RAWS.decode(b"[%b]" % data)]
    except (msgspec.DecodeError, RecursionError):
        return []


class Window:
    """A place in a text that arrives in blocks.

    ``hold`` keeps the text from there on; otherwise what lies before ``position`` is forgotten as the window moves.
    ``ended_line`` is whether the last line had an end.
    ``problem`` is what the text broke off with, known once ``fill`` met it. ``scanned`` counts the bytes looked at.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.data = b""
        self.position = 0
        self.hold: int | None = None
        self.problem: str | None = None
        self.scanned = 0
        self.ended_line = True
        self._blocks = blocks
        self._offset = 0
        self._reach = _REACH[1]
        self._no_burst_before = 0

    @classmethod
    def over(cls, data: bytes) -> Window:
        """A window on a text that is all here."""
        window = cls(iter(()))
        window.data = data
        return window

    @property
    def offset(self) -> int:
        """How far into the text the position is, in bytes."""
        return self._offset + self.position

    @property
    def unread_from(self) -> int:
        """Where in ``data`` the value begins that is being read."""
        return self.position if self.hold is None else min(self.hold, self.position)

    def fill(self) -> bool:
        """Let more text in, at least as much as is kept, so that scanning again costs a constant factor.

        False at the end of the text. Raises ``Malformed`` when what is kept passes ``VALUE_LIMIT``.
        """
        start = self.unread_from
        kept = self.data[start:]
        if len(kept) > VALUE_LIMIT:
            raise Malformed(_TOO_LARGE)
        self.data = b""  # large values are held twice while they are put together, but not three times
        new = self._next_blocks(max(min(len(kept), VALUE_LIMIT + 1 - len(kept)), TEXT_BLOCK // 4))
        self.data = b"".join((kept, *new))
        self._offset += start
        self.position -= start
        self._no_burst_before = 0
        if self.hold is not None:
            self.hold = 0
        return bool(new)

    def _next_blocks(self, least: int) -> list[bytes]:
        blocks: list[bytes] = []
        size = 0
        try:
            while size < least and (block := next(self._blocks, None)) is not None:
                blocks.append(block)
                size += len(block)
        except Broken as broken:
            self.problem = str(broken)
        return [block for block in blocks if block]

    def peek(self) -> int:
        """The next byte that is not blank, or ``END``; the position is on it."""
        while True:
            start = self.position
            blank = _BLANK.match(self.data, start)
            self.position = blank.end() if blank else start
            self.scanned += self.position - start
            if self.position < len(self.data):
                return self.data[self.position]
            if not self.fill():
                return END

    def take(self) -> bytes:
        """The value that begins here; the position is after it. Raises ``BreaksOff`` if it has no end."""
        while True:
            end = end_of_value(self.data, self.position)
            self.scanned += (end or len(self.data)) - self.position
            if end is None and not self.fill():
                if self.data[self.position] in (OPEN_OBJECT, OPEN_LIST, QUOTE):
                    raise BreaksOff("the text breaks off inside a value")
                end = len(self.data)
            if end is not None and end - self.position > VALUE_LIMIT:
                raise Malformed(_TOO_LARGE)
            if end is not None:
                value = self.data[self.position : end]
                self.position = end
                return value

    def elements(self) -> Iterator[list[bytes]]:
        """The elements of the list that begins here, many at a time; the position is after it."""
        self.position += 1
        while (byte := self.peek()) != CLOSE_LIST:
            if byte == END:
                raise BreaksOff("the text breaks off inside a list")
            yield self._burst() or [self._element()]
            after = self.peek()
            if after == COMMA:
                self.position += 1
            elif after not in (CLOSE_LIST, END):
                raise Malformed(f"{chr(after)!r} where a list should go on")
        self.position += 1

    def member_keys(self) -> Iterator[bytes]:
        """The keys, as written, of the object that begins here; the position is after it.

        At each key the position is on its value, and whoever asked must move past it.
        """
        self.position += 1
        while (byte := self.peek()) != CLOSE_OBJECT:
            if byte == COMMA:
                self.position += 1
                continue
            self._expect(QUOTE)
            key = self.take()
            self._expect(COLON)
            self.position += 1
            if self.peek() == END:
                raise BreaksOff("the text breaks off inside an object")
            yield key
        self.position += 1

    def line(self) -> bytes | None:
        """The rest of the line, without its end; None at the end of the text."""
        searched = self.position
        while (end := self.data.find(b"\n", searched)) < 0:
            unsearched = len(self.data) - self.position
            if not self.fill():
                end = len(self.data)
                break
            searched = self.position + unsearched
        if self.position == len(self.data):
            return None
        line = self.data[self.position : end]
        self.ended_line = end < len(self.data)
        self.scanned += len(line)
        self.position = min(end + 1, len(self.data))
        return line

    def _expect(self, wanted: int) -> None:
        byte = self.peek()
        if byte == END:
            raise BreaksOff("the text breaks off inside an object")
        if byte != wanted:
            raise Malformed(f"{chr(byte)!r} where {chr(wanted)!r} should be")

    def _element(self) -> bytes:
        value = self.take()
        if value[0] not in (OPEN_OBJECT, OPEN_LIST, QUOTE) and self.peek() == END:
            raise BreaksOff("the text breaks off inside a value")
        return value

    def _burst(self) -> list[bytes]:
        """As many elements as the window holds, all at once; none where only ``take`` will do.

        What lies before a boundary between two objects that begin with one key is decoded as a list. If that
        succeeds the boundary was one between elements. If not (it was deeper, or there is a value that strict JSON
        has not) nothing has happened, and half as far is tried; a success doubles the reach again. What was searched
        in vain is not searched twice, so all bursts together cost a bounded number of passes.
        """
        key = _FIRST_KEY.match(self.data, self.position)
        while key and self.position >= self._no_burst_before:
            reach = min(self.position + self._reach, len(self.data))
            self.scanned += reach - self.position
            end = self._last_boundary(key, reach)
            if end is not None and (raws := _strict_elements(self.data[self.position : end])):
                self.position = end
                self._reach = min(self._reach * 2, _REACH[1])
                return raws
            if end is None or self._reach == _REACH[0]:
                self._no_burst_before = end or reach
            wanted = self._reach * 2 if end is None else (end - self.position) // 2
            self._reach = min(max(wanted, _REACH[0]), _REACH[1])
        return []

    def _last_boundary(self, key: re.Match[bytes], reach: int) -> int | None:
        """The end of the last object before ``reach`` after which another begins with the same key as the one here."""
        last = self.data.rfind(key.group(), key.end(), reach)
        before = self.data[max(last - _BETWEEN, key.end()) : max(last, 0)]
        ended = before.rstrip().removesuffix(b",").rstrip()
        if last < 0 or not ended.endswith(b"}") or b"," not in before[len(ended) :]:
            return None
        return last - len(before) + len(ended)
