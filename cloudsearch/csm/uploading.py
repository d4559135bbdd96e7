"""Finished files of an archive into a bucket: kept here until the bucket has them, tried for as long as it takes."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from cloudsearch.csm.archive import finished
from cloudsearch.errors import CloudsearchError

LOOK_SECONDS = 1.0
LONGEST_PAUSE = 60.0
_DAY = re.compile(r"_(\d{4})(\d\d)(\d\d)T\d{6}Z_")


class Putting(Protocol):
    """Puts a file somewhere under a key, or raises a ``CloudsearchError``."""

    def put(self, path: Path, key: str) -> None:
        """It is there when this returns."""
        ...


class Uploader:
    """Uploads what is finished in a folder, what earlier recordings left there too, and then removes it.

    ``uploaded`` is how many; ``problem`` is why the last try failed, None when it did not.
    """

    def __init__(self, folder: Path, to: Putting, prefix: str, tell: Callable[[str], None]) -> None:
        self.uploaded = 0
        self.problem: str | None = None
        self._folder, self._to, self._tell = folder, to, tell
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._closing = Event()
        self._end = float("inf")
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Files that are finished and not uploaded yet."""
        return len(finished(self._folder))

    def close(self, seconds: float) -> None:
        """Upload what is left, for at most so long; what is left even then waits in the folder for the next time."""
        self._end = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds + LOOK_SECONDS)

    def key(self, path: Path) -> str:
        """Where a file goes: a folder a day, by when the file was begun."""
        day = _DAY.search(path.name)
        return f"{self._prefix}{'/'.join(day.groups()) + '/' if day else ''}{path.name}"

    def _run(self) -> None:
        pause = LOOK_SECONDS
        while True:
            closing = self._closing.is_set()  # what was finished before that is among what is looked for next
            done = self._upload()
            pause = LOOK_SECONDS if done else min(2 * pause, LONGEST_PAUSE)
            if closing:
                if done or time.monotonic() >= self._end:
                    return
                time.sleep(min(LOOK_SECONDS, max(0.0, self._end - time.monotonic())))
            else:
                self._closing.wait(pause * random.uniform(0.7, 1.0))  # noqa: S311 (jitter)

    def _upload(self) -> bool:
        """Whether nothing is left to do."""
        for path in finished(self._folder):
            try:
                self._to.put(path, self.key(path))
            except CloudsearchError as error:
                if str(error) != self.problem:
                    self._tell(f"{error}; it is kept in {self._folder} and tried again")
                self.problem = str(error)
                return False
            path.unlink(missing_ok=True)
            self.uploaded += 1
            self.problem = None
        return True
