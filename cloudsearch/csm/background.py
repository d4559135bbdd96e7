"""What is received is written by other threads: no slow disk or store may make the kernel drop datagrams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import Protocol

from cloudsearch.csm.datagrams import Line

MOST_BYTES = 64 << 20
"""Bytes of lines that wait to be written; what comes when so many wait is lost, and counted."""

_EARLY = 8
"""Lines are written before their time when they fill this part of the room there is."""


class Writer(Protocol):
    """Where lines go. One thread calls it."""

    def write(self, lines: Sequence[Line]) -> None:
        """Keep all of the lines, of which there may be none; or raise ``OSError`` or a ``CloudsearchError``."""
        ...

    def overflow(self, lines: Sequence[Line]) -> int:
        """Take lines that could not be written for so long that there is no more room; says how many are lost."""
        ...


class Background:
    """Hands lines to a writer every so many seconds, and again when it fails; ``problem`` is what it said last.

    ``lost`` are lines that neither the writer took nor there was room for; ``tell`` is told when writing fails and
    when it works again.
    """

    def __init__(
        self, writer: Writer, seconds: float, tell: Callable[[str], None], *, most_bytes: int = MOST_BYTES
    ) -> None:
        self.problem: str | None = None
        self.lost = 0
        self._writer, self._seconds, self._tell = writer, seconds, tell
        self._most_bytes = most_bytes
        self._lines: list[Line] = []
        self._waiting = 0
        self._closing = False
        self._woken = Condition()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def add(self, lines: Sequence[Line]) -> None:
        """Take lines; returns at once."""
        size = sum(len(line.text) for line in lines)
        with self._woken:
            over = self._waiting + size > self._most_bytes
            if over:
                lines, self._lines = [*self._lines, *lines], []
                self._waiting = 0
            else:
                self._lines += lines
                self._waiting += size
                if self._waiting >= self._most_bytes // _EARLY and self.problem is None:
                    self._woken.notify()
        if over:
            self.lost += self._writer.overflow(lines)

    def close(self) -> None:
        """Write what is left, once; what even then cannot be written goes to ``overflow``."""
        with self._woken:
            self._closing = True
            self._woken.notify()
        self._thread.join()
        if self._lines:
            self.lost += self._writer.overflow(self._lines)
            self._lines = []

    def _run(self) -> None:
        while True:
            with self._woken:
                self._woken.wait_for(self._is_due, self._seconds)
                closing, lines = self._closing, self._lines
                self._lines = []
            self._write(lines)
            if closing:
                return

    def _is_due(self) -> bool:
        """Whether it is time before the time is over: at the end, and when much waits that may well be written."""
        return self._closing or (self.problem is None and self._waiting >= self._most_bytes // _EARLY)

    def _write(self, lines: list[Line]) -> None:
        from cloudsearch.errors import CloudsearchError

        try:
            self._writer.write(lines)
        except (OSError, CloudsearchError) as error:
            with self._woken:
                self._lines = lines + self._lines
            said = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if said != self.problem:
                self._tell(said)
            self.problem = said
            return
        with self._woken:
            self._waiting = sum(len(line.text) for line in self._lines)
        if self.problem:
            self._tell("it works again")
        self.problem = None
