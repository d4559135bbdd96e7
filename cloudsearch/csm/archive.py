"""Lines in files: gzip, one JSON object a line, cut by time and size, named by host and time.

The file that is being written has a name of its own (``.NAME.part``) and is locked. Each flush adds one whole gzip
member and is on the disk when it returns, so whatever ends the process, all flushed lines can be read: the next
recording finishes what it finds unlocked. A finished file appears under its name at once, whole, and never changes.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from secrets import token_hex

from isal import igzip

from cloudsearch.csm.datagrams import Line
from cloudsearch.errors import CloudsearchError

CUT_SECONDS = 600.0
CUT_BYTES = 256 << 20
ENDING = ".jsonl.gz"
_LEVEL = 1
_BLOCK = 1 << 20
_ODD = re.compile(r"[^A-Za-z0-9.-]+")


class Archive:
    """A folder of such files. ``files`` were finished since it was opened; from one thread at a time."""

    def __init__(
        self, folder: Path, host: str, *, cut_seconds: float = CUT_SECONDS, cut_bytes: int = CUT_BYTES
    ) -> None:
        """Open the folder, make it where there is none, and finish what a recording that was killed left in it.

        Raises ``CloudsearchError`` where it cannot be written to.
        """
        self.folder = folder
        self.files: list[Path] = []
        self._host = _ODD.sub("-", host).strip("-.")[:100] or "host"
        self._cut_seconds, self._cut_bytes = cut_seconds, cut_bytes
        self._part: _Part | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.recovered = list(_recovered(folder))
        except OSError as error:
            raise CloudsearchError(f"{folder} cannot be used for an archive: {error.strerror or error}") from error

    def write(self, lines: Sequence[Line]) -> None:
        """Add lines; they are on the disk when this returns. Raises ``OSError``, and has added none then."""
        if lines:
            if self._part is None:
                self._part = _Part(self.folder, self._host)
            self._part.add(lines)
        if self._part and (self._part.size >= self._cut_bytes or self._part.age >= self._cut_seconds):
            self.cut()

    def overflow(self, lines: Sequence[Line]) -> int:
        """There is nowhere else for lines that cannot be written: all of them are lost."""
        return len(lines)

    def cut(self) -> None:
        """Finish the file that is being written, if there is one."""
        if self._part is None:
            return
        part, self._part = self._part, None
        if done := part.finish():
            self.files.append(done)


class _Part:
    """The file that is being written; ``size`` is in bytes of lines."""

    def __init__(self, folder: Path, host: str) -> None:
        self._name = f"{host}_{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{token_hex(4)}{ENDING}"
        self._path = folder / f".{self._name}.part"
        self._file = open(self._path, "xb", buffering=0, opener=_private)  # noqa: SIM115 (open until it is cut)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._began = time.monotonic()
        self.size = 0

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._began

    def add(self, lines: Sequence[Line]) -> None:
        text = b"".join([part for line in lines for part in (line.text, b"\n")])
        start = self._file.tell()
        try:
            _write(self._file, igzip.compress(text, _LEVEL))
            os.fdatasync(self._file.fileno()) if hasattr(os, "fdatasync") else os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):  # half a member would hide what comes behind it
                self._file.truncate(start)
                self._file.seek(start)
            raise
        self.size += len(text)

    def finish(self) -> Path | None:
        """Give it its name; None, and no file, where nothing could be written to it."""
        done = _named(self._path) if self.size else None
        if done is None:
            self._path.unlink(missing_ok=True)
        self._file.close()
        return done


def finished(folder: Path) -> list[Path]:
    """The finished files of a folder, the oldest name first."""
    return sorted(path for path in folder.glob(f"*{ENDING}") if not path.name.startswith("."))


def _recovered(folder: Path) -> Iterator[Path]:
    """Finish files that nobody writes any more; what is not a whole member at their end was never flushed."""
    for path in sorted(folder.glob(f".*{ENDING}.part")):
        with suppress(FileNotFoundError), path.open("r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            whole = _whole_members(file)
            file.truncate(whole)
            os.fsync(file.fileno())
            if whole:
                yield _named(path)
            else:
                path.unlink()


def _whole_members(file: FileIO) -> int:
    """Where the last gzip member ends that is whole."""
    whole, at = 0, 0
    state = zlib.decompressobj(wbits=31)
    data = file.read(_BLOCK)
    while data:
        try:
            state.decompress(data)
        except zlib.error:
            return whole
        at += len(data) - len(state.unused_data)
        data = state.unused_data
        if state.eof:
            whole, state = at, zlib.decompressobj(wbits=31)
        data = data or file.read(_BLOCK)
    return whole


def _named(part: Path) -> Path:
    """Give a file that is whole the name it is known by."""
    done = part.with_name(part.name.removeprefix(".").removesuffix(".part"))
    part.rename(done)
    folder = os.open(part.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return done


def _write(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
