"""Archives of client-side monitoring into the store, by the same ledger as log files; and lines as they are received.

One line is one row. A line that is no call is kept as a reject, with its reason, and counts among the dead letters of
the receipt; one that a recording has rejected already is an ordinary line of its archive.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from cloudsearch.csm.datagrams import Kind
from cloudsearch.csm.reading import Reading
from cloudsearch.errors import SourceError, StoreRejected
from cloudsearch.event import Row
from cloudsearch.load.ledger import Pending, entry, look_up
from cloudsearch.load.pipeline import Watch
from cloudsearch.load.receipt import Receipt
from cloudsearch.load.sending import MAX_WAIT_SECONDS, Sender, Sent, patiently
from cloudsearch.load.sizing import Sizing
from cloudsearch.logs import Digest, Found, Source
from cloudsearch.logs.opening import Broken, opened
from cloudsearch.store import CSM_CALLS, LOG_FILES, LogFile, Operation, Store, StoreInfo
from cloudsearch.where import In

CSM = "csm"
"""What the ledger calls these files."""

LONGEST_LINE = 1 << 20
_BLOCK = 1 << 20
_COMMIT_ROWS = 100_000


@dataclass(slots=True)
class _Chunk:
    operations: list[Operation] = field(default_factory=list)
    size: int = 0
    sent: int = 0

    def add(self, operation: Operation) -> int:
        """The size with it."""
        self.operations.append(operation)
        self.size += operation.size
        return self.size

    def taken(self) -> list[Operation]:
        """What is in it, which it then is no more."""
        operations, self.operations, self.size = self.operations, [], 0
        self.sent += len(operations)
        return operations


class ArchiveLoad:
    """A load of archives into a prepared store; ``receipt`` is true at any moment."""

    def __init__(self, store: Store, info: StoreInfo, watch: Watch, *, max_wait: float = MAX_WAIT_SECONDS) -> None:
        self.receipt = Receipt()
        self._store, self._watch, self._max_wait = store, watch, max_wait
        self._sizing = Sizing(info.chunk)
        self._sender = Sender(store, CSM_CALLS, self._sizing, watch.note, max_wait)
        self._done: list[LogFile] = []
        self._since_commit = 0

    def run(self, sources: Iterable[Found]) -> Receipt:
        """Load what is not loaded yet; raises ``StoreError`` when the store stops taking anything."""
        started = time.monotonic()
        try:
            for pending in look_up(self._readable(sources), self._entries_of, CSM):
                if pending.is_loaded:
                    self.receipt.already_loaded += 1
                else:
                    self._take(pending)
                if self._since_commit >= _COMMIT_ROWS:
                    self._commit()
                self._watch.progress(self.receipt)
            self._commit()
        finally:
            self.receipt.seconds = time.monotonic() - started
        return self.receipt

    def _readable(self, sources: Iterable[Found]) -> Iterator[Source]:
        for source in sources:
            if isinstance(source, Source):
                yield source
            elif not isinstance(source, Digest):
                self._refuse(source.name, source.reason)

    def _entries_of(self, ids: Sequence[str]) -> Sequence[Row]:
        asked = In(LOG_FILES.by_name["id"], tuple(ids))
        return patiently(lambda: list(self._store.rows(LOG_FILES, asked)), self._watch.note, self._max_wait)

    def _take(self, pending: Pending) -> None:
        source = pending.source
        try:
            with source.open() as stored:
                sha256 = _sha256(stored)
                if pending.loaded_as(sha256):
                    self.receipt.already_loaded += 1
                    self._done.append(pending.touched())
                    return
                stored.seek(0)
                read, rejected = self._rows(source, stored)
        except (SourceError, OSError) as error:
            self._refuse(source.name, str(error))
            return
        self._done.append(entry(source, sha256, records=read, dead_lettered=rejected, kind=CSM))
        self.receipt.loaded += 1

    def _rows(self, source: Source, stored: BinaryIO) -> tuple[int, int]:
        """Send all rows of a file; says how many there were, and how many of them are rejects of this load."""
        reading, rows, rejects = Reading(), _Chunk(), _Chunk()
        read = 0
        try:
            for line in _lines(stored):
                read += 1
                row = reading.row(line)
                is_reject = row["kind"] == Kind.REJECT and not reading.is_own(line)
                if is_reject:
                    self._watch.problem(source.name, f"line {read} is kept as a reject: {row['reason']!s}")
                chunk = rejects if is_reject else rows
                if chunk.add(self._store.encode(CSM_CALLS, row)) >= self._sizing.size:
                    self._send(rows, rejects)
        finally:
            self.receipt.read += read
            self._send(rows, rejects)
        return read, rejects.sent

    def _send(self, rows: _Chunk, rejects: _Chunk) -> None:
        self._since_commit += len(rows.operations) + len(rejects.operations)
        sent = self._sent(rows)
        self.receipt.created += sent.created
        self.receipt.existing += sent.existing
        self.receipt.dead_lettered += len(rejects.operations)
        self._sent(rejects)

    def _sent(self, chunk: _Chunk) -> Sent:
        sent = self._sender.send(chunk.taken())
        if sent.dead:
            raise StoreRejected(f"The store will not have a call: {sent.dead[0].reason}")
        return sent

    def _refuse(self, name: str, reason: str) -> None:
        self.receipt.refused += 1
        self._watch.problem(name, f"refused: {reason}")

    def _commit(self) -> None:
        done, self._done = self._done, []
        patiently(lambda: self._store.commit(done), self._watch.note, self._max_wait)
        self._since_commit = 0


def _lines(stored: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, however it is compressed, without empty ones; raises ``SourceError`` at a break."""
    rest = b""
    try:
        for block in opened(stored):
            *whole, rest = (rest + block).split(b"\n")
            yield from (line for line in whole if line.strip())
            if len(rest) > LONGEST_LINE:
                raise SourceError(f"a line of it is longer than {LONGEST_LINE:,} bytes: it is no archive")
    except Broken as error:
        raise SourceError(str(error)) from error
    if rest.strip():
        yield rest


def _sha256(stored: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stored.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
