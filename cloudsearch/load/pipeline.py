"""The flow: find a file, look it up in the ledger, have it read and sent, mark it loaded.

A lane does the reading and sending, here or in the processes of a crew; commits go on beside it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from cloudsearch.errors import BadCredentials
from cloudsearch.event import Row
from cloudsearch.load import dead_letters
from cloudsearch.load.commits import Commits
from cloudsearch.load.crew import Crew
from cloudsearch.load.lane import Lane, Listener, Settled
from cloudsearch.load.ledger import Pending, look_up
from cloudsearch.load.receipt import Receipt
from cloudsearch.load.sending import MAX_WAIT_SECONDS, Sender, patiently
from cloudsearch.load.terms import SENDERS, Terms
from cloudsearch.logs import Digest, Found, Source, Unreadable
from cloudsearch.store import DEAD_LETTERS, LOG_FILES, LogFile, Store, StoreInfo
from cloudsearch.where import In

FIRST_BATCH, LARGEST_BATCH = 128 << 10, 2 << 20
"""Bytes of files, as stored, that a process is given at a time."""
FILES_IN_BATCH = 400


class Watch(Listener, Protocol):
    """Who is told how a load goes."""

    def progress(self, receipt: Receipt) -> None:
        """A file is done."""
        ...


class Load:
    """A load of log files into a prepared store; ``receipt`` is true at any moment, also after an interruption.

    With a ``crew`` its processes read and send; the store itself then only keeps the ledger and the dead letters.
    """

    def __init__(  # noqa: PLR0913 (what a load is told)
        self,
        store: Store,
        info: StoreInfo,
        watch: Watch,
        *,
        crew: Crew | None = None,
        max_wait: float = MAX_WAIT_SECONDS,
        keep_secrets: bool = False,
        redact: frozenset[str] = frozenset(),
        senders: int = SENDERS,
    ) -> None:
        terms = Terms(info.chunk, max_wait, keep_secrets, redact, senders)
        self._max_wait = max_wait
        self._store = store
        self._watch = watch
        self._crew = crew
        self._lane = Lane(store, terms, watch)
        self._total = Receipt()
        self._entries: list[LogFile] = []
        self._touched: list[LogFile] = []
        self._letters: list[Row] = []
        self._commits = Commits(store, watch.note, max_wait)
        self._marking = 0  # of the files of the commit under way, those that count as loaded
        self._keeping: list[Row] = []  # the dead letters in it
        if crew is not None:
            crew.begin(terms, watch)

    @property
    def receipt(self) -> Receipt:
        """What became of everything so far."""
        return self._total + self._lane.receipt

    @property
    def unkept(self) -> tuple[Row, ...]:
        """Dead letters that no commit has kept: there are some only after a load that failed."""
        return (*self._keeping, *self._letters, *self._lane.letters)

    def run(self, sources: Iterable[Found]) -> Receipt:
        """Load what is not loaded yet.

        Raises ``StoreError`` when the store stops taking anything; what was committed before stays. Raises
        ``BadCredentials`` when no more can be read with them; what was read is committed then.
        """
        started = time.monotonic()
        try:
            pending = self._not_loaded(look_up(self._readable(sources), self._entries_of))
            if self._crew is None:
                self._alone(pending)
            else:
                self._together(pending, self._crew)
            self._commit()
            self._landed(self._commits.landed())
        except BadCredentials:
            self._settled(self._lane.settle())
            self._commit()
            self._landed(self._commits.landed())
            raise
        except KeyboardInterrupt:
            self._total = self.receipt.answered()
            self._lane.receipt = Receipt()
            raise
        finally:
            self._landed(self._commits.close())
            if self._crew is not None:
                self._crew.close()  # nobody writes any more when the store is closed
            self._lane.close()
            self._total.seconds = time.monotonic() - started
        return self.receipt

    def _alone(self, pending: Iterable[Pending]) -> None:
        for _ in self._lane.take_all(pending):
            self._watch.progress(self.receipt)
            if self._commits.is_due(self.receipt.read):
                self._settled(self._lane.settle())
                self._commit()
        self._settled(self._lane.settle())

    def _together(self, pending: Iterable[Pending], crew: Crew) -> None:
        for batch in _batches(pending):
            for settled in crew.give(batch):
                self._settled(settled)
            if self._commits.is_due(self.receipt.read):
                self._commit()
        for settled in crew.rest():
            self._settled(settled)

    def _settled(self, settled: Settled) -> None:
        self._total += settled.receipt
        self._entries += settled.entries
        self._touched += settled.touched
        self._letters += settled.letters
        self._watch.progress(self.receipt)

    def _entries_of(self, ids: Sequence[str]) -> Sequence[Row]:
        """The ledger's entries of these ids."""
        asked = In(LOG_FILES.by_name["id"], tuple(ids))
        return patiently(lambda: list(self._store.rows(LOG_FILES, asked)), self._watch.note, self._max_wait)

    def _readable(self, sources: Iterable[Found]) -> Iterator[Source]:
        for source in sources:
            if isinstance(source, Source):
                yield source
            elif isinstance(source, Digest):
                self._total.digests += 1
            else:
                self._unreadable(source)

    def _unreadable(self, source: Unreadable) -> None:
        self._total.refused += 1
        self._letters.append(dead_letters.of_file(source, source.reason))
        self._watch.problem(source.name, f"refused: {source.reason}")

    def _not_loaded(self, pending: Iterable[Pending]) -> Iterator[Pending]:
        for one in pending:
            if one.is_loaded:
                self._total.already_loaded += 1
                self._watch.progress(self.receipt)
            else:
                yield one

    def _commit(self) -> None:
        """All records of the settled files are acknowledged; then, and only then, they are marked."""
        self._landed(self._commits.landed())
        self._keep_letters()
        self._keeping, self._marking = self._letters, len(self._entries)
        self._commits.begin([*self._entries, *self._touched], self.receipt.read)
        self._letters, self._entries, self._touched = [], [], []

    def _landed(self, is_kept: bool) -> None:  # noqa: FBT001 (what became of it)
        """What was in the commit under way is kept, if there was one and it ended well."""
        if is_kept:
            self._total.loaded += self._marking
            self._keeping, self._marking = [], 0

    def _keep_letters(self) -> None:
        sender = Sender(self._store, DEAD_LETTERS, self._lane.sizing, self._watch.note, self._max_wait)
        dead_letters.keep(self._letters, self._store, sender, self._watch.problem)


def _batches(pending: Iterable[Pending]) -> Iterator[Sequence[Pending]]:
    """Small ones first, so that there is soon something to commit."""
    batch: list[Pending] = []
    size, limit = 0, FIRST_BATCH
    for one in pending:
        batch.append(one)
        size += one.source.size
        if size >= limit or len(batch) == FILES_IN_BATCH:
            yield batch
            batch, size, limit = [], 0, min(2 * limit, LARGEST_BATCH)
    if batch:
        yield batch
