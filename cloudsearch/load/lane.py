"""One process's way from log files to the store: read, split, derive, encode, send.

One thread reads and derives, others send. A semaphore with one place more than there are senders is the whole
back-pressure.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Semaphore
from typing import BinaryIO, Protocol

from cloudsearch.derive import derive
from cloudsearch.errors import RecordError, SourceError
from cloudsearch.event import Row
from cloudsearch.load import dead_letters
from cloudsearch.load.ahead import Ahead
from cloudsearch.load.ledger import Pending, entry
from cloudsearch.load.receipt import Receipt
from cloudsearch.load.sending import Sender, Sent
from cloudsearch.load.sizing import Sizing
from cloudsearch.load.terms import Terms
from cloudsearch.logs import BadPiece, Contents, Kind, Source, split
from cloudsearch.store import EVENTS, LogFile, Operation, Store

MOST_DEAD, MOST_DEAD_BYTES = 10_000, 64 << 20
"""Dead letters of one file, from which on it is taken for no log, or for one made to fill the memory and the store."""
_BLOCK = 1 << 20
_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told what happens on the way."""

    def problem(self, name: str, reason: str) -> None:
        """A file or record could not be kept, or a file is not a log file."""
        ...

    def note(self, text: str) -> None:
        """Something worth knowing; from any thread."""
        ...


@dataclass(slots=True)
class _File:
    """A file on its way: its hash, and what is known of its records so far."""

    source: Source
    sha256: str
    records: int = 0
    dead: int = 0
    dead_bytes: int = 0


@dataclass(slots=True)
class _Chunk:
    """Operations, and of each the file it is from and its place there."""

    operations: list[Operation] = field(default_factory=list)
    places: list[tuple[Source, int]] = field(default_factory=list)
    size: int = 0

    def add(self, operation: Operation, place: tuple[Source, int]) -> int:
        """The size with it."""
        self.operations.append(operation)
        self.places.append(place)
        self.size = size = self.size + len(operation.body)
        return size


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the files a lane took: every record of them was acknowledged, or is a dead letter.

    ``receipt`` counts them, but a file counts as loaded only when its entry is committed. ``touched`` are the entries
    of files that are loaded under another time.
    """

    receipt: Receipt
    entries: tuple[LogFile, ...]
    touched: tuple[LogFile, ...]
    letters: tuple[Row, ...]


class Lane:
    """Takes files one after another; ``receipt`` counts what happened since it was settled last."""

    def __init__(self, store: Store, terms: Terms, listener: Listener) -> None:
        self.receipt = Receipt()
        self.sizing = Sizing(terms.chunk)
        self._keep_secrets = terms.keep_secrets
        self._redact = terms.redact
        self._store = store
        self._listener = listener
        self._sender = Sender(store, EVENTS, self.sizing, listener.note, terms.max_wait)
        self._ahead = Ahead()
        self._pool = ThreadPoolExecutor(terms.senders, thread_name_prefix="sender")
        self._places = Semaphore(terms.senders + 1)
        self._flying: list[tuple[Future[Sent], _Chunk]] = []
        self._chunk = _Chunk()
        self._letters: list[Row] = []
        self._finished: list[_File] = []
        self._touched: list[LogFile] = []

    def take_all(self, pending: Iterable[Pending]) -> Iterator[None]:
        """File after file, what has to be fetched being fetched ahead; hands back control after each."""
        for one in self._ahead.fetched(pending):
            self.take(one)
            yield

    def take(self, pending: Pending) -> None:
        """One file, from its bytes to the chunk.

        Raises ``StoreError`` when the store stops taking anything, ``BadCredentials`` when no file can be had any more.
        """
        try:
            with pending.source.open() as stored:
                self._read(pending, stored)
        except SourceError as error:
            self._refuse(pending.source, str(error))
        except OSError as error:
            self._refuse(pending.source, f"it could not be read: {error.strerror or error}")

    def settle(self) -> Settled:
        """Wait until all that was taken is accounted for; raises what stopped it."""
        self._flush()
        self._land(wait=True)
        entries = tuple(
            entry(file.source, file.sha256, records=file.records, dead_lettered=file.dead) for file in self._finished
        )
        settled = Settled(self.receipt, entries, tuple(self._touched), tuple(self._letters))
        self.receipt = Receipt()
        self._letters, self._finished, self._touched = [], [], []
        return settled

    @property
    def letters(self) -> tuple[Row, ...]:
        """Dead letters that were not settled yet."""
        return tuple(self._letters)

    def close(self) -> None:
        """Send nothing more; what is on its way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._ahead.close()

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
        self._listener.problem(source.name, "skipped: not a CloudTrail log file")

    def _records(self, file: _File, contents: Contents, *, changed: bool) -> None:
        encode, source, sizing, keep_secrets = self._store.encode, file.source, self.sizing, self._keep_secrets
        redact = self._redact
        ingested = datetime.now(UTC).replace(microsecond=0)
        for piece in contents.records:
            file.records += 1
            self.receipt.read += 1
            if isinstance(piece, BadPiece):
                self._dead(file, piece.position, piece.raw, piece.reason)
                continue
            try:
                row = derive(piece.raw, keep_secrets=keep_secrets, redact=redact)
                row["ingested"] = ingested
            except RecordError as error:
                self._dead(file, piece.position, piece.raw, str(error))
                continue
            if self._chunk.add(encode(EVENTS, row), (source, piece.position)) >= sizing.size:
                self._flush()
        _log.info("%s: %d records", file.source.name, file.records)
        problem = contents.problem or ("it changed while it was read; load it again" if changed else None)
        if problem:
            self._refuse(file.source, problem)
        else:
            self._finished.append(file)

    def _dead(self, file: _File, position: int, raw: bytes, reason: str) -> None:
        if file.dead >= MOST_DEAD or file.dead_bytes >= MOST_DEAD_BYTES:
            self.receipt.read -= 1
            raise SourceError(f"{file.dead:,} of its records are none, and after these it was read no further")
        file.dead += 1
        file.dead_bytes += len(raw)
        self._letter(file.source, position, raw, reason)

    def _letter(self, source: Source, position: int, raw: bytes, reason: str, identity: str | None = None) -> None:
        self.receipt.dead_lettered += 1
        keep, redact = self._keep_secrets, self._redact
        self._letters.append(
            dead_letters.of_record(source, position, raw, reason, identity=identity, keep_secrets=keep, redact=redact)
        )
        self._listener.problem(source.name, f"record {position} went to the dead letters: {reason}")

    def _refuse(self, source: Source, reason: str) -> None:
        self.receipt.refused += 1
        self._letters.append(dead_letters.of_file(source, reason))
        self._listener.problem(source.name, f"refused: {reason}")

    def _flush(self) -> None:
        """Hand the chunk to a sender, waiting while all of them and the place before them are taken."""
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.operations:
            return
        self._land(wait=False)
        self._places.acquire()
        future = self._pool.submit(self._sender.send, chunk.operations)
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
            pairs = zip(chunk.operations, chunk.places, strict=True)
            places = {id(operation): place for operation, place in pairs} if sent.dead else {}
            for refused in sent.dead:
                source, position = places[id(refused.operation)]
                raw = self._store.decode(EVENTS, refused.operation)["raw"]
                kept = raw if isinstance(raw, bytes) else b""
                self._letter(source, position, kept, refused.reason, refused.operation.id)
        self._flying = flying


def _sha256(stored: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stored.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
