"""Which files are loaded already.

An object of a bucket is known by bucket, key and ETag: the same ETag means the same bytes, and a key that is written
over is another file. A local file is known by its resolved path and size; the entry holds its modification time
and hash. The same time means the same file. Another time with the same size is decided by the hash, so a copied or
touched file is not read into the store again, and a changed one is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from cloudsearch.event import Row
from cloudsearch.logs import Source
from cloudsearch.store import LogFile

BATCH = 500


@dataclass(frozen=True, slots=True)
class Pending:
    """A source to look at, and the ledger's entry of the same identity, if there is one."""

    source: Source
    entry: Row | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether the ledger says so without reading the file."""
        if self.entry is None:
            return False
        return self.source.etag is not None or self.entry["modified"] == self.source.modified

    def loaded_as(self, sha256: str) -> bool:
        """Whether the ledger holds these very bytes."""
        return self.entry is not None and self.entry["sha256"] == sha256

    def touched(self) -> LogFile:
        """The entry again, with the time the file has now."""
        known = {name: value for name, value in (self.entry or {}).items() if name not in ("modified", "time")}
        return LogFile(**known, modified=self.source.modified, time=now())  # type: ignore[arg-type]


def look_up(
    sources: Iterable[Source], entries_of: Callable[[Sequence[str]], Iterable[Row]], kind: str | None = None
) -> Iterator[Pending]:
    """Join sources with the ledger, a batch at a time; ``kind`` is what the ledger calls files that are no logs."""
    left = iter(sources)
    while batch := list(islice(left, BATCH)):
        ids = {source.name: entry_id(source, kind) for source in batch}
        entries = {row["id"]: row for row in entries_of(list(ids.values()))}
        for source in batch:
            yield Pending(source, entries.get(ids[source.name]))


def entry_id(source: Source, kind: str | None = None) -> str:
    """The identity of a file's entry; a file that is no log may also be loaded as one, which is another entry."""
    identity = f"{f'{kind} ' if kind else ''}{source.size if source.etag is None else source.etag} {source.name}"
    return hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()


def entry(source: Source, sha256: str, *, records: int = 0, dead_lettered: int = 0, kind: str | None = None) -> LogFile:
    """The ledger's entry for a file whose every record was acknowledged."""
    return LogFile(
        id=entry_id(source, kind),
        time=now(),
        name=source.name,
        size=source.size,
        modified=source.modified,
        sha256=sha256,
        account=source.account,
        region=source.region,
        day=source.day,
        records=records,
        dead_lettered=dead_lettered,
        kind=kind,
    )


def now() -> datetime:
    """The time in UTC, in whole milliseconds as every store keeps it."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
