"""How large the next chunk is: additive increase while answers are quick and the rate rises, halving when they are not.

The numbers held under every fault tried against real servers: proxies in front of Elasticsearch cut a request
at 60 s and refuse bodies past 10 MiB, and nothing above that is faster.
"""

from __future__ import annotations

from threading import Lock

from cloudsearch.store import ChunkSize

QUICK_SECONDS = 2.5
SLOW_SECONDS = 5.0
STEP = 512 << 10
CAUTIOUS_CHUNKS = 50
RISE = 1.02
"""A larger chunk must be taken at this many times the rate of the smaller one, or there is no use in growing."""
SAMPLES = 3
"""Chunks of one size whose mean rate is held against that of the size before."""


class Sizing:
    """The size of chunks in bytes of uncompressed operations, moved by what the store answered. Thread-safe."""

    def __init__(self, bounds: ChunkSize) -> None:
        self._bounds = bounds
        self._hard_ceiling = self._ceiling = bounds.ceiling
        self._cautious = 0
        self._size = bounds.start
        self._rates: list[float] = []
        self._best = 0.0
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Bytes the next chunk should have."""
        return self._size

    def answered(self, size: int, seconds: float) -> None:
        """A chunk was taken: grow after quick full ones, if the last growth was of use; halve after a slow one."""
        with self._lock:
            self._cautious -= self._cautious > 0
            if not self._cautious and self._ceiling < self._hard_ceiling:
                self._ceiling = self._hard_ceiling
            if seconds > SLOW_SECONDS:
                self._set(size // 2)
            elif seconds < QUICK_SECONDS and size >= self._size:
                self._taken(size / max(seconds, 1e-6))

    def too_large(self, size: int) -> None:
        """The store refuses requests of this size, and always will."""
        with self._lock:
            self._hard_ceiling = max(self._bounds.floor, min(self._hard_ceiling, int(size * 0.9)))
            self._ceiling = min(self._ceiling, self._hard_ceiling)
            self._set(size // 2)

    def unanswered(self, size: int) -> None:
        """No answer in time: half the size, and not near it again for a while."""
        with self._lock:
            self._ceiling = max(self._bounds.floor, min(self._hard_ceiling, int(size * 0.75)))
            self._cautious = CAUTIOUS_CHUNKS
            self._set(size // 2)

    def overloaded(self, size: int) -> None:
        """The store asked for less."""
        with self._lock:
            self._set(size // 2)

    def _taken(self, rate: float) -> None:
        """A full chunk at so many bytes a second."""
        self._rates.append(rate)
        if self._best and len(self._rates) < SAMPLES:
            return
        mean = sum(self._rates) / len(self._rates)
        self._rates.clear()
        if mean > RISE * self._best:
            self._best = mean
            self._size = self._bounded(self._size + STEP)

    def _set(self, size: int) -> None:
        """What was learned of rates is of no use at another size."""
        self._size = self._bounded(size)
        self._rates.clear()
        self._best = 0.0

    def _bounded(self, size: int) -> int:
        return max(self._bounds.floor, min(size, self._ceiling))
