"""Listening: datagrams in, lines out to whoever keeps them, until somebody says stop; then what lies in the buffers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cloudsearch.csm.datagrams import Kind, Line, Stamp, lines
from cloudsearch.csm.sockets import Sockets

AT_ONCE = 512
"""Datagrams of a socket that are taken before the other is looked at."""

LOOK_SECONDS = 0.2
"""How often the end is looked for while nothing arrives."""

LONGEST_DRAIN = 5.0
"""Seconds after the end in which what is still sent is taken."""


class Sink(Protocol):
    """Who keeps lines; ``add`` returns at once."""

    def add(self, lines: Sequence[Line]) -> None:
        """Take lines."""
        ...


@dataclass(slots=True)
class Counts:
    """Of a recording: received = datagrams; calls + attempts + rejected = lines, of which a datagram may hold several.

    ``dropped`` are datagrams the kernel had no room for; None where it does not say.
    """

    received: int = 0
    calls: int = 0
    attempts: int = 0
    rejected: int = 0
    dropped: int | None = None

    @property
    def lines(self) -> int:
        """All that was kept."""
        return self.calls + self.attempts + self.rejected


@dataclass(frozen=True, slots=True)
class Recorder:
    """Listens at sockets and hands lines to sinks."""

    sockets: Sockets
    sinks: Sequence[Sink]
    stamp: Stamp
    counts: Counts = field(default_factory=Counts)

    def run(self, is_over: Callable[[], bool], look: Callable[[Counts], None] = lambda _: None) -> Counts:
        """Until ``is_over`` says so; ``look`` is shown the counts a few times a second. Sockets are left open."""
        seen = 0.0
        while not is_over():
            if self.sockets.wait(LOOK_SECONDS):
                self._take(self.sockets.receive(AT_ONCE))
            if (now := time.monotonic()) - seen >= LOOK_SECONDS:
                self.counts.dropped, seen = self.sockets.dropped, now
                look(self.counts)
        self._drain()
        self.counts.dropped = self.sockets.dropped
        return self.counts

    def _drain(self) -> None:
        """Take what the kernel has taken for us."""
        end = time.monotonic() + LONGEST_DRAIN
        while time.monotonic() < end and (found := self.sockets.receive(AT_ONCE)):
            self._take(found)

    def _take(self, datagrams: Sequence[bytes]) -> None:
        received = time.time_ns() // 1_000_000
        kept = [line for datagram in datagrams for line in lines(datagram, self.stamp, received)]
        self.counts.received += len(datagrams)
        self._count(kept)
        for sink in self.sinks:
            sink.add(kept)

    def _count(self, kept: Sequence[Line]) -> None:
        counts = self.counts
        attempts = sum(line.kind is Kind.ATTEMPT for line in kept)
        rejected = sum(line.kind is Kind.REJECT for line in kept)
        counts.attempts += attempts
        counts.rejected += rejected
        counts.calls += len(kept) - attempts - rejected
