"""How a command goes: problems and notes as lines on stderr, and on a terminal a line that is kept up to date."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cloudsearch.load import Receipt
from cloudsearch.render.text import clean

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


class Progress:
    """The ``Watch`` of a command that writes to a terminal or a file; ``quiet``, it only tells problems."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True, emoji=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=5)
        self._quiet = quiet
        self._expected: int | None = None
        self._records, self._parts = Pace(), Pace()

    def __enter__(self) -> Self:
        if self.is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        """Whether somebody looks on: only then is it worth knowing how much there is to do."""
        return self._console.is_terminal and not self._quiet

    def expect(self, files: int) -> None:
        """There are so many files; from any thread."""
        self._expected = files

    def problem(self, name: str, reason: str) -> None:
        """A file or record that could not be kept."""
        self._console.print(clean(f"{name}: {reason}"))

    def note(self, text: str) -> None:
        """Something worth knowing."""
        if not self._quiet:
            self._console.print(clean(text))

    def part(self, done: int, total: int, what: str) -> None:
        """So many of so many are done."""
        if self._live.is_started:
            self._parts.at(done, time.monotonic())
            self._show(f"{done:,} of {total:,} {what}", f"{self._parts.rate:,.0f}/s", self._left(total - done))

    def progress(self, receipt: Receipt) -> None:
        """A file is done."""
        if not self._live.is_started:
            return
        now = time.monotonic()
        self._records.at(receipt.read, now)
        found = receipt.listed + receipt.digests + receipt.not_log_files
        self._parts.at(found, now)
        files = f"{found:,}" if self._expected is None else f"{found:,} of {self._expected:,}"
        self._show(
            f"{files} files",
            f"{receipt.read:,} records read",
            f"{receipt.created:,} new",
            f"{self._records.rate:,.0f}/s" if self._records.rate else "",
            self._left(self._expected - found) if self._expected is not None else "",
        )

    def _left(self, count: int) -> str:
        seconds = self._parts.seconds_for(max(count, 0))
        return "" if seconds is None else f"{span(seconds)} left"

    def _show(self, *pieces: str) -> None:
        self._live.update(Text(", ".join(filter(None, pieces)), no_wrap=True))


def span(seconds: float) -> str:
    """A span of time in its two largest units: ``1 h 05 min``, ``3 min 20 s``, ``8 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s" if whole >= 60 else f"{whole} s"
