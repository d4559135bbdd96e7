"""What a load was told, for every process that works on it."""

from __future__ import annotations

from dataclasses import dataclass

from cloudsearch.load.sending import MAX_WAIT_SECONDS
from cloudsearch.store import ChunkSize


@dataclass(frozen=True, slots=True)
class Terms:
    """The store's bounds for chunks, how long to wait for a store that takes nothing, and whether secrets stay."""

    chunk: ChunkSize
    max_wait: float = MAX_WAIT_SECONDS
    keep_secrets: bool = False
