"""When to commit, and the committing: beside the load, which reads and derives on meanwhile.

Commits come at growing distances, early ones so that a load stopped at once has not worked for nothing. One is under
way at a time; a failure is raised where the next begins, or where the load waits for the last.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from cloudsearch.load.sending import patiently
from cloudsearch.store import LogFile, Store

FIRST_COMMIT = 5_000
LONGEST_COMMIT = 100_000
"""Events between commits, at most: to commit so many takes DuckDB nearly two seconds, in which nobody can end it."""
COMMIT_SECONDS = 10.0

END_SECONDS = 5.0
"""How long a load that was stopped waits for the commit under way."""

_log = logging.getLogger(__name__)


class Commits:
    """The commits of one load: events are counted by how many were read."""

    def __init__(self, store: Store, notify: Callable[[str], None], max_wait: float) -> None:
        self._store, self._notify, self._max_wait = store, notify, max_wait
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._under_way: Future[None] | None = None
        self._next = FIRST_COMMIT
        self._ended = time.monotonic()

    def is_due(self, read: int) -> bool:
        """Whether it is time for another; not while one is under way."""
        if self._under_way is not None and not self._under_way.done():
            return False
        return read >= self._next or time.monotonic() - self._ended > COMMIT_SECONDS

    def begin(self, marked: Sequence[LogFile], read: int) -> None:
        """Commit what was written and mark these files, all records of which are acknowledged; ``landed`` before."""
        self._next = read + min(FIRST_COMMIT + read // 2, LONGEST_COMMIT)
        self._under_way = self._pool.submit(self._commit, tuple(marked))

    def landed(self) -> bool:
        """Wait for the one under way; whether there was one. Raises what stopped it."""
        if self._under_way is None:
            return False
        self._under_way.result()
        self._under_way = None
        return True

    def close(self) -> bool:
        """As ``landed`` for a load that ends: without much waiting, for what stopped it is known already."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._under_way is None or not wait([self._under_way], END_SECONDS).done:
            return False
        return self._under_way.exception() is None

    def _commit(self, marked: Sequence[LogFile]) -> None:
        patiently(lambda: self._store.commit(marked), self._notify, self._max_wait)
        _log.info("committed %d files", len(marked))
        self._ended = time.monotonic()
