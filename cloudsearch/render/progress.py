"""How a load goes: problems and notes as lines on stderr, and on a terminal a line that is kept up to date."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cloudsearch.load import Receipt
from cloudsearch.render.text import clean


class Progress:
    """The ``Watch`` of a load that writes to a terminal or a file."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True, emoji=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=5)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def problem(self, name: str, reason: str) -> None:
        """A file or record that could not be kept."""
        self._console.print(clean(f"{name}: {reason}"))

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._console.print(clean(text))

    def part(self, done: int, total: int, what: str) -> None:
        """So many of so many are done."""
        if self._live.is_started:
            self._live.update(Text(f"{done:,} of {total:,} {what}", no_wrap=True))

    def progress(self, receipt: Receipt) -> None:
        """A file is done."""
        if self._live.is_started:
            self._live.update(
                Text(f"{receipt.listed:,} files, {receipt.read:,} records read, {receipt.created:,} new", no_wrap=True)
            )
