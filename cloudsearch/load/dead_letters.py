"""What could not be kept, kept all the same: whole, with its reason, and where it came from.

Secret values are hidden in a dead letter as in an event; what a record's identity would have been is kept beside it.
When the store takes nothing any more, letters are put aside in a file that only its user can read, where the user
works; the next load or redrive of the same store takes them in.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from io import FileIO
from pathlib import Path

import msgspec

from cloudsearch.derive import fingerprint, without_secrets
from cloudsearch.errors import SourceError, StoreRejected
from cloudsearch.event import TEXT_LIMIT, FieldType, Row, Value
from cloudsearch.load.ledger import now
from cloudsearch.load.sending import Sender
from cloudsearch.logs import Source, Unreadable
from cloudsearch.store import DEAD_LETTERS, Operation, Store

_BLOCK = 1 << 20
_TIMES = tuple(field.name for field in DEAD_LETTERS.fields if field.type is FieldType.TIME)


def of_record(  # noqa: PLR0913 (what a letter says)
    source: Source,
    position: int,
    raw: bytes,
    reason: str,
    *,
    identity: str | None = None,
    keep_secrets: bool = False,
    redact: frozenset[str] = frozenset(),
) -> Row:
    """A record that cannot be kept; with ``identity`` its secret values are hidden already."""
    kept = raw if identity or keep_secrets else without_secrets(raw, redact)
    return _letter(source.name, position, kept, reason) | {
        "size": len(raw),
        "raw": kept,
        "identity": identity or fingerprint(raw),
        "account": source.account,
        "region": source.region,
        "day": source.day,
    }


def of_file(source: Source | Unreadable, reason: str) -> Row:
    """A file that is broken: its path, size and reason."""
    place: dict[str, Value] = {}
    if isinstance(source, Source):
        place = {"account": source.account, "region": source.region, "day": source.day}
    return _letter(source.name, None, str(source.size).encode(), reason) | {"size": source.size} | place


def _letter(name: str, position: int | None, content: bytes, reason: str) -> dict[str, Value]:
    place = f"{name}\n{position}\n".encode("utf-8", "backslashreplace")
    return {
        "id": hashlib.sha256(place + content).hexdigest(),
        "time": now(),
        "name": name,
        "position": position,
        "reason": reason[:TEXT_LIMIT],
    }


def keep(letters: Sequence[Row], store: Store, sender: Sender, problem: Callable[[str, str], None]) -> None:
    """Write dead letters; of one the store will not have, all but the record's own bytes.

    Raises ``StoreRejected`` when not even that is kept.
    """
    refused = sender.send([store.encode(DEAD_LETTERS, letter) for letter in letters]).dead
    bare = [{**store.decode(DEAD_LETTERS, item.operation), "raw": None} for item in refused]
    for letter, item in zip(bare, refused, strict=True):
        problem(str(letter["name"]), f"its dead letter is kept without it: {item.reason}")
    if lost := sender.send([store.encode(DEAD_LETTERS, letter) for letter in bare]).dead:
        raise StoreRejected(f"A dead letter could not be kept: {lost[0].reason}. Nothing was marked loaded")


def aside(store: str, folder: Path) -> Path:
    """Where letters of a store are put aside; ``store`` tells it from other stores."""
    mark = hashlib.sha256(store.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return folder / f"cloudsearch-dead-letters-{mark}.jsonl"


def put_aside(letters: Sequence[Row], path: Path) -> None:
    """Add letters to the file; it is on the disk when this returns. Raises ``SourceError``, and adds none then."""
    try:
        with open(path, "a+b", buffering=0, opener=_private) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # another load may be adding to it
            size = _whole_lines(file)
            try:
                for letter in letters:
                    _write(file, _line(letter))
                os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    file.truncate(size)
                raise
    except OSError as error:
        raise SourceError(f"Dead letters could not be put into {path}: {error.strerror or error}") from error


def _write(file: FileIO, line: bytes) -> None:
    """All of a line: a disk with room for a part of it takes that part first."""
    left = memoryview(line)
    while left:
        left = left[file.write(left) :]


def _whole_lines(file: FileIO) -> int:
    """The size of the file, without what a crash left of its last line: the next one would go on with it."""
    size = end = os.fstat(file.fileno()).st_size
    while end:
        start = max(0, end - _BLOCK)
        block = os.pread(file.fileno(), end - start, start)
        if newline := block.rfind(b"\n") + 1:
            end = start + newline
            break
        end = start
    if end < size:
        file.truncate(end)
    return end


def put_back(path: Path, store: Store, sender: Sender) -> int:
    """Take what was put aside into the store, and remove the file once it is kept there; says how many letters."""
    if not path.is_file():
        return 0
    count = 0
    for batch in _batches(path, store, sender.sizing.size):
        if dead := sender.send(batch).dead:
            raise StoreRejected(f"A dead letter of {path} could not be kept: {dead[0].reason}")
        count += len(batch)
    store.commit()
    path.unlink(missing_ok=True)
    return count


def _batches(path: Path, store: Store, limit: int) -> Iterator[list[Operation]]:
    batch: list[Operation] = []
    size = 0
    for letter in _letters_in(path):
        batch.append(store.encode(DEAD_LETTERS, letter))
        size += batch[-1].size
        if size >= limit:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _letters_in(path: Path) -> Iterator[Row]:
    """Letters of a file; what a crash left of the last line is none, for its record was not marked loaded."""
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    yield _row(line)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} could not be read: {error}. Move it away to go on without it") from error


def _line(letter: Row) -> bytes:
    raw = letter.get("raw")
    return (
        msgspec.json.encode({**letter, "raw": base64.b64encode(raw).decode() if isinstance(raw, bytes) else None})
        + b"\n"
    )


def _row(line: bytes) -> Row:
    found = msgspec.json.decode(line, type=dict[str, str | int | None])
    row: dict[str, Value] = {name: found.get(name) for name in DEAD_LETTERS.by_name}
    raw = found.get("raw")
    row["raw"] = base64.b64decode(raw) if isinstance(raw, str) else None
    for name in _TIMES:
        row[name] = datetime.fromisoformat(str(row[name]))
    return row


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
