"""Files that have to be fetched are fetched before their turn comes, while others are read.

Decided here: what is fetched waits in memory, so both the number of files and their bytes are bounded; a file too
large for that is fetched when its turn comes. The order stays. An error waits for its turn as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import BinaryIO

from cloudsearch.load.ledger import Pending
from cloudsearch.logs import WHOLE

FETCHERS = 64
"""Files being fetched at a time."""

FILES_AHEAD = 2 * FETCHERS
BYTES_AHEAD = 32 << 20


@dataclass(frozen=True, slots=True)
class _Turn:
    pending: Pending
    file: Future[BinaryIO] | None

    @property
    def size(self) -> int:
        """Bytes that wait in memory."""
        return self.pending.source.size if self.file else 0

    def due(self) -> Pending:
        """The file, opened from what was fetched."""
        if self.file is None:
            return self.pending
        return replace(self.pending, source=replace(self.pending.source, opener=self.file.result))


class Ahead:
    """Fetches ahead; has no thread until there is something to fetch."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def fetched(self, pending: Iterable[Pending]) -> Iterator[Pending]:
        """The same files in the same order; opening one waits until it is there."""
        turns: deque[_Turn] = deque()
        size = 0
        for one in pending:
            turns.append(self._turn(one))
            size += turns[-1].size
            while turns and (turns[0].file is None or size > BYTES_AHEAD or len(turns) > FILES_AHEAD):
                turn = turns.popleft()
                size -= turn.size
                yield turn.due()
        for turn in turns:
            yield turn.due()

    def close(self) -> None:
        """Fetch nothing more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _turn(self, pending: Pending) -> _Turn:
        source = pending.source
        if source.etag is None or source.size > WHOLE:
            return _Turn(pending, None)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(FETCHERS, thread_name_prefix="fetcher")
        return _Turn(pending, self._pool.submit(source.open))
