"""What a load was told, for every process that works on it."""

from __future__ import annotations

from dataclasses import dataclass

from cloudsearch.load.sending import MAX_WAIT_SECONDS
from cloudsearch.store import ChunkSize

SENDERS = 2
"""Threads of a process that send: while a store works on one chunk it is given another."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The store's bounds for chunks, how long to wait for a store that takes nothing, and what secrets are.

    ``redact`` are further names, in lower case, under which texts are secret; ``senders`` are threads of each process.
    """

    chunk: ChunkSize
    max_wait: float = MAX_WAIT_SECONDS
    keep_secrets: bool = False
    redact: frozenset[str] = frozenset()
    senders: int = SENDERS
