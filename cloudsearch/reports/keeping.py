"""Results that are kept in the store: written in chunks, and refused rows are an error, never a silent loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloudsearch.errors import StoreRejected, StoreUnavailable
from cloudsearch.event import Row
from cloudsearch.store import Operation, RefusalKind, Store, Table

CHUNK_BYTES = 2 << 20


def keep_rows(store: Store, table: Table, rows: Iterable[Row], what: str) -> None:
    """Write rows, each in the place of one with its id; the caller commits. ``what`` begins the error's message."""
    for chunk in _chunks(store.encode(table, row) for row in rows):
        for refused in store.write(table, chunk, replace=True).refused:
            kind = StoreUnavailable if refused.kind in {RefusalKind.RETRY, RefusalKind.WAIT} else StoreRejected
            raise kind(f"{what} could not be kept: {refused.reason}")


def _chunks(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    chunk: list[Operation] = []
    size = 0
    for operation in operations:
        if chunk and size + operation.size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(operation)
        size += operation.size
    if chunk:
        yield chunk
