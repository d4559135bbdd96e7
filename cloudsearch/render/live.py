"""A line on a terminal that is kept up to date. Only place that sets up rich."""

from __future__ import annotations

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cloudsearch.render.text import clean


class LiveLine:
    """Shows how something goes while it is entered: on a terminal, and unless ``quiet``. Lines told stay, above it."""

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True, emoji=False)
        self._live = Live(console=self._console, transient=True, refresh_per_second=5)
        self._quiet = quiet

    def __enter__(self) -> Self:
        if self.is_live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_shown:
            self._live.stop()

    @property
    def is_live(self) -> bool:
        """Whether somebody looks on: only then is it worth knowing how much there is to do."""
        return self._console.is_terminal and not self._quiet

    @property
    def is_shown(self) -> bool:
        """Whether the line is there to be changed."""
        return self._live.is_started

    def show(self, *pieces: str) -> None:
        """The line as it is now; pieces with nothing in them are left out."""
        self._live.update(Text(", ".join(filter(None, pieces)), no_wrap=True))

    def tell(self, text: str) -> None:
        """A line that stays, wherever the stream leads."""
        self._console.print(clean(text))
