"""Stored bytes -> the text in them, block by block: plain, gzip, bzip2, UTF-16.

What a file is, its first bytes decide; its name is never asked. Whatever came before a break is handed
out first, then ``Broken`` says what the break is, so that no record in front of it is lost.
"""

from __future__ import annotations

import bz2
import codecs
import zlib
from collections.abc import Generator, Iterator
from itertools import chain
from typing import BinaryIO, Protocol, cast

from isal import igzip_lib

STORED_BLOCK = 1 << 20
"""Bytes read at a time from what is stored."""

TEXT_BLOCK = 4 << 20
"""Bytes of decompressed text handed out at a time: one splitting step works within a processor's cache."""

TEXT_LIMIT = 2 << 30
"""Bytes a compressed file may grow to. CloudTrail's own files stay under 1 % of it; a zip bomb does not."""

_GZIP = b"\x1f\x8b"
_BZIP2 = b"BZh"
_FOREIGN = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz", b"\x04\x22\x4d\x18": "lz4"}
_UTF8_MARK = b"\xef\xbb\xbf"
_SALVAGE_BLOCK = 4096
_ISAL_ERROR = cast("type[Exception]", igzip_lib.error)  # its stub declares an instance


class Broken(Exception):
    """The stored bytes could not be read to their end; the message says why."""


class _Decompressor(Protocol):
    """What ``bz2`` and ``igzip_lib`` share."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """At most ``max_length`` bytes more."""
        ...


def opened(stored: BinaryIO) -> Iterator[bytes]:
    """The text in blocks, as UTF-8 without a byte order mark; raises ``Broken`` after the last readable byte.

    ``stored`` must be seekable and stand at its start. Bytes that are not valid UTF-8 pass as they are.
    """
    yield from _as_utf8(_decompressed(stored))


def is_compressed(stored: BinaryIO) -> bool:
    """Whether the first bytes are a compressed format's; ``stored`` stands at its start again."""
    head = _head(stored)
    return _is_gzip(head) or head.startswith((_BZIP2, *_FOREIGN))


def _head(stored: BinaryIO) -> bytes:
    head = stored.read(8)
    stored.seek(0)
    return head


def _is_gzip(head: bytes) -> bool:
    """Whether the file is gzip, be there but the first byte left of it, which no text begins with."""
    return head.startswith(_GZIP) or head == _GZIP[:1]


def _decompressed(stored: BinaryIO) -> Iterator[bytes]:
    head = _head(stored)
    if not head:
        raise Broken("the file is empty")
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise Broken(f"the file is compressed with {name}: decompress it, or store it as gzip")
    if _is_gzip(head):
        return _capped(_gzip_members(stored))
    if head.startswith(_BZIP2):
        return _capped(_bzip2_members(stored))
    return _stored_blocks(stored)


def _stored_blocks(stored: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stored.read(STORED_BLOCK), b"")


def _capped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks as long as they stay under ``TEXT_LIMIT`` together."""
    size = 0
    for block in blocks:
        size += len(block)
        if size > TEXT_LIMIT:
            raise Broken(f"the file decompresses to more than {TEXT_LIMIT:,} bytes")
        if block:
            yield block
    if not size:
        raise Broken("the file is empty once decompressed")


def _gzip_members(stored: BinaryIO) -> Iterator[bytes]:
    """Every member's text; where isal gives up, zlib goes over the member again up to the very break."""
    start: int | None = 0
    while start is not None:
        member = _Member(stored, start, igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP))
        try:
            yield from member.blocks()
            end = member.end
        except (_ISAL_ERROR, EOFError):
            end = yield from _salvaged(stored, start, member.size)
        start = _next_member(stored, end, _GZIP)


def _bzip2_members(stored: BinaryIO) -> Iterator[bytes]:
    start: int | None = 0
    while start is not None:
        member = _Member(stored, start, bz2.BZ2Decompressor())
        try:
            yield from member.blocks()
        except OSError as error:
            raise Broken(f"the bzip2 data is damaged: {error}") from error
        except EOFError as error:
            raise Broken("the bzip2 data breaks off") from error
        start = _next_member(stored, member.end, _BZIP2)


class _Member:
    """One compressed stream within the stored bytes; ``end`` is where the next one may begin."""

    def __init__(self, stored: BinaryIO, start: int, decompressor: _Decompressor) -> None:
        self._stored = stored
        self._decompressor = decompressor
        self.size = 0
        self.end = start

    def blocks(self) -> Iterator[bytes]:
        """The member's text; raises EOFError when the stored bytes end before the member does."""
        self._stored.seek(self.end)
        while not self._decompressor.eof:
            compressed = self._stored.read(STORED_BLOCK) if self._decompressor.needs_input else b""
            self.end += len(compressed)
            if self._decompressor.needs_input and not compressed:
                raise EOFError
            text = self._decompressor.decompress(compressed, TEXT_BLOCK)
            self.size += len(text)
            yield text
        self.end -= len(self._decompressor.unused_data)


def _salvaged(stored: BinaryIO, start: int, known: int) -> Generator[bytes, None, int]:
    """A damaged gzip member's text after its first ``known`` bytes; raises ``Broken`` at the break.

    The block that holds the break is taken byte by byte: what zlib can tell of it is handed out whole.
    """
    stored.seek(start)
    state = zlib.decompressobj(wbits=31)
    for compressed in iter(lambda: stored.read(_SALVAGE_BLOCK), b""):
        before = state.copy()
        try:
            text = state.decompress(compressed)
        except zlib.error as error:
            yield from _up_to_the_break(before, compressed, known)
            raise Broken(f"the gzip data is damaged: {error}") from error
        yield text[known:]
        known = max(0, known - len(text))
        if state.eof:
            return stored.tell() - len(state.unused_data)
    raise Broken("the gzip data breaks off")


def _up_to_the_break(state: zlib._Decompress, compressed: bytes, known: int) -> Iterator[bytes]:
    for at in range(len(compressed)):
        try:
            text = state.decompress(compressed[at : at + 1])
        except zlib.error:
            return
        yield text[known:]
        known = max(0, known - len(text))


def _next_member(stored: BinaryIO, end: int, magic: bytes) -> int | None:
    """Where the next member begins, if there is one. Padding and foreign bytes after the last are passed over.

    gzip itself passes over them with a warning. Text that looks like more log is not passed over in silence.
    """
    stored.seek(end)
    for tail in iter(lambda: stored.read(STORED_BLOCK), b""):
        padding = len(tail) - len(tail.lstrip(b"\0"))
        if padding == len(tail):
            end += padding
            continue
        if tail.startswith(magic, padding):
            return end + padding
        if tail[padding:].lstrip().startswith((b"{", b"[")):
            raise Broken("uncompressed text follows the compressed data and was not read")
        return None
    return None


def _as_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks without a byte order mark, UTF-16 turned into UTF-8."""
    first = b""
    try:
        while len(first) < 4 and (block := next(blocks, b"")):
            first += block
    except Broken:
        yield first.removeprefix(_UTF8_MARK)
        raise
    if encoding := _utf16(first):
        yield from _transcoded(chain((first,), blocks), encoding)
    else:
        yield first.removeprefix(_UTF8_MARK)
        yield from blocks


def _utf16(head: bytes) -> str | None:
    """The UTF-16 encoding the first bytes betray, by their byte order mark or by a bracket's zero half."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head[:1] in (b"{", b"[") and head[1:2] == b"\0":
        return "utf-16-le"
    if head[:1] == b"\0" and head[1:2] in (b"{", b"["):
        return "utf-16-be"
    return None


def _transcoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block).encode(errors="surrogatepass")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Broken("the UTF-16 text breaks off in the middle of a character") from error
