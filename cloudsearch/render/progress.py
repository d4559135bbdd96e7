"""How a command goes: problems and notes as lines on stderr, and on a terminal a line that is kept up to date."""

from __future__ import annotations

import time
from collections import deque
from typing import TextIO

from cloudsearch.load import Receipt
from cloudsearch.render.live import LiveLine

WINDOW_SECONDS = 15.0
"""How far back a rate looks."""


class Pace:
    """How fast something goes, and how long the rest will take."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def at(self, done: int, now: float) -> None:
        """So much is done at this moment."""
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()

    @property
    def rate(self) -> float:
        """So many a second, of late; 0 where nothing can be said."""
        if not self._seen:
            return 0.0
        (first, before), (last, after) = self._seen[0], self._seen[-1]
        return (after - before) / (last - first) if last - first > 1.0 else 0.0

    def seconds_for(self, left: int) -> float | None:
        """How long so many will take; None where nothing can be said."""
        return left / self.rate if self.rate > 0 else None


class Progress(LiveLine):
    """The ``Watch`` of a command that writes to a terminal or a file; ``quiet``, it only tells problems."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        super().__init__(stream, quiet=quiet)
        self._expected: int | None = None
        self._records, self._parts = Pace(), Pace()

    def expect(self, files: int) -> None:
        """There are so many files; from any thread."""
        self._expected = files

    def problem(self, name: str, reason: str) -> None:
        """A file or record that could not be kept."""
        self.tell(f"{name}: {reason}")

    def note(self, text: str) -> None:
        """Something worth knowing."""
        if not self._quiet:
            self.tell(text)

    def part(self, done: int, total: int, what: str) -> None:
        """So many of so many are done."""
        if self.is_shown:
            self._parts.at(done, time.monotonic())
            self.show(f"{done:,} of {total:,} {what}", f"{self._parts.rate:,.0f}/s", self._left(total - done))

    def progress(self, receipt: Receipt) -> None:
        """A file is done."""
        if not self.is_shown:
            return
        now = time.monotonic()
        self._records.at(receipt.read, now)
        found = receipt.listed + receipt.digests + receipt.not_log_files
        self._parts.at(found, now)
        files = f"{found:,}" if self._expected is None else f"{found:,} of {self._expected:,}"
        self.show(
            f"{files} files",
            f"{receipt.read:,} records read",
            f"{receipt.created:,} new",
            f"{self._records.rate:,.0f}/s" if self._records.rate else "",
            self._left(self._expected - found) if self._expected is not None else "",
        )

    def _left(self, count: int) -> str:
        seconds = self._parts.seconds_for(max(count, 0))
        return "" if seconds is None else f"{span(seconds)} left"


def span(seconds: float) -> str:
    """A span of time in its two largest units: ``1 h 05 min``, ``3 min 20 s``, ``8 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
