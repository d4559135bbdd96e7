"""The flow: find a file, read it, split it, derive and encode its records, send them in chunks, mark it loaded.

One thread reads and derives, others send. A semaphore with one place more than there are senders is the whole
back-pressure. Commits come at growing distances, early ones so that a load stopped at once has not worked for nothing.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Semaphore
from typing import BinaryIO, Protocol

from cloudsearch.derive import derive
from cloudsearch.errors import RecordError, SourceError, StoreRejected
from cloudsearch.event import Row
from cloudsearch.load import dead_letters
from cloudsearch.load.ledger import Pending, entry, look_up
from cloudsearch.load.receipt import Receipt
from cloudsearch.load.sending import Sender, Sent
from cloudsearch.load.sizing import Sizing
from cloudsearch.logs import BadPiece, Contents, Kind, Source, Unreadable, split
from cloudsearch.store import DEAD_LETTERS, EVENTS, LogFile, Operation, Store, StoreInfo

SENDERS = 2
FIRST_COMMIT = 5_000
LONGEST_COMMIT = 100_000
COMMIT_SECONDS = 10.0
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


class Watch(Protocol):
    """Who is told how a load goes."""

    def problem(self, name: str, reason: str) -> None:
        """A file or record could not be kept, or a file is not a log file."""
        ...

    def note(self, text: str) -> None:
        """Something worth knowing; from any thread."""
        ...

    def progress(self, receipt: Receipt) -> None:
        """A file is done."""
        ...


@dataclass(frozen=True, slots=True)
class _Item:
    operation: Operation
    source: Source
    position: int


@dataclass(slots=True)
class _File:
    """A file on its way: its hash, and what is known of its records so far."""

    source: Source
    sha256: str
    records: int = 0
    dead: int = 0


@dataclass(slots=True)
class _Chunk:
    items: list[_Item] = field(default_factory=list)
    size: int = 0

    def add(self, item: _Item) -> None:
        self.items.append(item)
        self.size += item.operation.size


class Load:
    """A load of log files into a prepared store; ``receipt`` is true at any moment, also after an interruption."""

    def __init__(self, store: Store, info: StoreInfo, watch: Watch, *, senders: int = SENDERS) -> None:
        self.receipt = Receipt()
        self._store = store
        self._watch = watch
        self._sizing = Sizing(info.chunk)
        self._sender = Sender(store, EVENTS, self._sizing, watch.note)
        self._pool = ThreadPoolExecutor(senders, thread_name_prefix="sender")
        self._places = Semaphore(senders + 1)
        self._flying: list[tuple[Future[Sent], _Chunk]] = []
        self._chunk = _Chunk()
        self._letters: list[Row] = []
        self._finished: list[_File] = []
        self._touched: list[LogFile] = []
        self._next_commit = FIRST_COMMIT
        self._committed_at = time.monotonic()

    def run(self, sources: Iterable[Source | Unreadable]) -> Receipt:
        """Load what is not loaded yet.

        Raises ``StoreError`` when the store stops taking anything; what was committed before stays.
        """
        started = time.monotonic()
        try:
            for pending in look_up(self._readable(sources), self._store):
                self._take(pending)
                self._watch.progress(self.receipt)
                if self._commit_is_due():
                    self._commit()
            self._commit()
        except KeyboardInterrupt:
            self.receipt.forget_unanswered()
            raise
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self.receipt.seconds = time.monotonic() - started
        return self.receipt

    def _readable(self, sources: Iterable[Source | Unreadable]) -> Iterator[Source]:
        for source in sources:
            if isinstance(source, Source):
                yield source
            else:
                self._refuse(source, source.reason)

    def _take(self, pending: Pending) -> None:
        """One file, from its bytes to the chunk."""
        if pending.is_loaded:
            self.receipt.already_loaded += 1
            return
        try:
            with pending.source.open() as stored:
                self._read(pending, stored)
        except SourceError as error:
            self._refuse(pending.source, str(error))
        except OSError as error:
            self._refuse(pending.source, f"it could not be read: {error.strerror or error}")

    def _read(self, pending: Pending, stored: BinaryIO) -> None:
        source = pending.source
        sha256 = _sha256(stored)
        changed = stored.tell() != source.size
        if pending.loaded_as(sha256):
            self.receipt.already_loaded += 1
            self._touched.append(pending.touched())
            return
        stored.seek(0)
        contents = split(stored)
        if contents.kind is Kind.LOG:
            self._records(_File(source, sha256), contents, changed=changed)
        else:
            self._skip(source, contents.kind)

    def _skip(self, source: Source, kind: Kind) -> None:
        if kind is Kind.DIGEST:
            self.receipt.digests += 1
            return
        self.receipt.not_log_files += 1
        self._watch.problem(source.name, "skipped: not a CloudTrail log file")

    def _records(self, file: _File, contents: Contents, *, changed: bool) -> None:
        for piece in contents.records:
            file.records += 1
            self.receipt.read += 1
            if isinstance(piece, BadPiece):
                self._dead(file, piece.position, piece.raw, piece.reason)
                continue
            try:
                row = derive(piece.raw)
            except RecordError as error:
                self._dead(file, piece.position, piece.raw, str(error))
                continue
            self._chunk.add(_Item(self._store.encode(EVENTS, row), file.source, piece.position))
            if self._chunk.size >= self._sizing.size:
                self._flush()
        _log.info("%s: %d records", file.source.name, file.records)
        problem = contents.problem or ("it changed while it was read; load it again" if changed else None)
        if problem:
            self._refuse(file.source, problem)
        else:
            self._finished.append(file)

    def _dead(self, file: _File, position: int, raw: bytes, reason: str) -> None:
        file.dead += 1
        self._letter(file.source, position, raw, reason)

    def _letter(self, source: Source, position: int, raw: bytes, reason: str) -> None:
        self.receipt.dead_lettered += 1
        self._letters.append(dead_letters.of_record(source, position, raw, reason))
        self._watch.problem(source.name, f"record {position} went to the dead letters: {reason}")

    def _refuse(self, source: Source | Unreadable, reason: str) -> None:
        self.receipt.refused += 1
        self._letters.append(dead_letters.of_file(source, reason))
        self._watch.problem(source.name, f"refused: {reason}")

    def _flush(self) -> None:
        """Hand the chunk to a sender, waiting while all of them and the place before them are taken."""
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.items:
            return
        self._land(wait=False)
        self._places.acquire()
        future = self._pool.submit(self._sender.send, [item.operation for item in chunk.items])
        future.add_done_callback(lambda _: self._places.release())
        self._flying.append((future, chunk))

    def _land(self, *, wait: bool) -> None:
        """Count the chunks that were answered; raises what their sender raised."""
        flying = []
        for future, chunk in self._flying:
            if not wait and not future.done():
                flying.append((future, chunk))
                continue
            sent = future.result()
            self.receipt.created += sent.created
            self.receipt.existing += sent.existing
            items = {id(item.operation): item for item in chunk.items} if sent.dead else {}
            for refused in sent.dead:
                item = items[id(refused.operation)]
                raw = refused.operation.row.get("raw")
                self._letter(item.source, item.position, raw if isinstance(raw, bytes) else b"", refused.reason)
        self._flying = flying

    def _keep_letters(self) -> None:
        """Write the dead letters; of one the store will not have, all but the record's own bytes.

        Raises ``StoreRejected`` when not even that is kept: then nothing is marked loaded.
        """
        sender = Sender(self._store, DEAD_LETTERS, self._sizing, self._watch.note)
        refused = sender.send([self._store.encode(DEAD_LETTERS, letter) for letter in self._letters]).dead
        for item in refused:
            self._watch.problem(str(item.operation.row["name"]), f"its dead letter is kept without it: {item.reason}")
        bare = [{**item.operation.row, "raw": None} for item in refused]
        if lost := sender.send([self._store.encode(DEAD_LETTERS, letter) for letter in bare]).dead:
            raise StoreRejected(f"A dead letter could not be kept: {lost[0].reason}. Nothing was marked loaded")

    def _commit_is_due(self) -> bool:
        return self.receipt.read >= self._next_commit or time.monotonic() - self._committed_at > COMMIT_SECONDS

    def _commit(self) -> None:
        """All records of the finished files are acknowledged; then, and only then, they are marked."""
        self._flush()
        self._land(wait=True)
        self._keep_letters()
        entries = [
            entry(file.source, file.sha256, records=file.records, dead_lettered=file.dead) for file in self._finished
        ]
        self._store.commit([*entries, *self._touched])
        _log.info("committed %d files; chunks of %d bytes", len(entries), self._sizing.size)
        self.receipt.loaded += len(self._finished)
        self._letters, self._finished, self._touched = [], [], []
        self._next_commit = self.receipt.read + min(FIRST_COMMIT + self.receipt.read // 2, LONGEST_COMMIT)
        self._committed_at = time.monotonic()


def _sha256(stored: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stored.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
