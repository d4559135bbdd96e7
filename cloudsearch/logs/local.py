"""Log files on this machine, and what a log file's path says of it.

Decided here: every regular file counts as one to look into, whatever it is called, for a log that was missed because
of its name would be missed in silence. Only the folders of version control are passed over.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cloudsearch.errors import SourceError

WHOLE = 8 << 20
"""Bytes up to which a file that has to be fetched is held in memory; a larger one goes to the disk meanwhile."""

_PASSED_OVER = frozenset({".git", ".hg", ".svn"})
_SORTS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_REGION = r"[a-z]{2,5}(?:[-_][a-z]+)+[-_]\d{1,2}"
_KIND = r"CloudTrail(?:-[A-Za-z]+)?"
_FOLDERS = re.compile(rf"(?:^|/)(\d{{12}})/{_KIND}/({_REGION})(?:/(\d{{4}})/(\d\d)/(\d\d))?(?=/)")
_FILE = re.compile(rf"(?:^|/)(\d{{12}})_{_KIND}_({_REGION})[_-](?:[^/]*_)?(\d{{4}})(\d\d)(\d\d)T\d{{4}}[^/]*$")


@dataclass(frozen=True, slots=True)
class Source:
    """A log file that can be read.

    ``name`` is its resolved path or URL, always valid UTF-8. ``account``, ``region`` and ``day`` (YYYY-MM-DD) are what
    its path says, which need not be what its records say. ``modified`` is in nanoseconds since 1970. An object of a
    bucket has an ``etag``, which together with its name says which bytes it holds. Sources can be pickled.
    """

    name: str
    size: int
    modified: int | None
    account: str | None
    region: str | None
    day: str | None
    opener: Callable[[], BinaryIO] = field(repr=False, compare=False)
    etag: str | None = None

    def open(self) -> BinaryIO:
        """The stored bytes as a seekable file, for the caller to close; raises ``SourceError``."""
        try:
            return self.opener()
        except OSError as error:
            raise SourceError(f"{self.name} could not be opened: {reason_of(error)}") from error

    def read(self) -> bytes:
        """The stored bytes; raises ``SourceError``."""
        try:
            with self.opener() as file:
                return file.read()
        except OSError as error:
            raise SourceError(f"{self.name} could not be read: {reason_of(error)}") from error


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A path that is no log file that could be read, and why; ``size`` where it is known.

    ``access`` says that it is a whole place which these credentials may not look into.
    """

    name: str
    size: int | None
    reason: str
    access: bool = False


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest file that its path makes known as one: it need not be read to be passed over."""

    name: str


def find(paths: Sequence[Path]) -> Iterator[Source | Unreadable]:
    """The files among and under the paths: paths in the order given, a folder's entries sorted by name.

    A file or folder that several names lead to, by links too, comes once, under its resolved name.
    Whatever cannot be read comes as ``Unreadable``; nothing is raised.
    """
    seen: set[str] = set()
    for path in paths:
        yield from _under(os.fspath(path), seen)


def _under(path: str, seen: set[str]) -> Iterator[Source | Unreadable]:
    waiting = [path]
    while waiting:
        resolved = os.path.realpath(waiting.pop())
        if resolved in seen:
            continue
        seen.add(resolved)
        try:
            status = Path(resolved).stat()
            if stat.S_ISDIR(status.st_mode):
                waiting.extend(reversed(_entries(resolved)))
                continue
        except OSError as error:
            yield Unreadable(safe_name(resolved), None, reason_of(error))
        else:
            yield _file(resolved, status)


def _entries(folder: str) -> list[str]:
    entries = sorted(Path(folder).iterdir(), key=os.fsencode)
    return [os.fspath(entry) for entry in entries if entry.name not in _PASSED_OVER]


def _file(path: str, status: os.stat_result) -> Source | Unreadable:
    name = safe_name(path)
    for is_one, sort in _SORTS:
        if is_one(status.st_mode):
            return Unreadable(name, None, f"{sort}, not a file")
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        return Unreadable(name, status.st_size, "permission denied")
    account, region, day = placed(name)
    return Source(name, status.st_size, status.st_mtime_ns, account, region, day, partial(_opened, path))


def _opened(path: str) -> BinaryIO:
    return Path(path).open("rb")


def placed(name: str) -> tuple[str | None, str | None, str | None]:
    """Account, region and day as a log file's path or key says: its folders first, then its own name.

    ``us_east_1`` for ``us-east-1`` is understood; a date that is none counts as not said.
    """
    folders = _last(_FOLDERS, name)
    own = _last(_FILE, name)
    account, region, *day = folders or own or (None, None)
    days = (_day(day), _day(own[2:] if own else []))
    return account, region.replace("_", "-") if region else None, days[0] or days[1]


def _last(pattern: re.Pattern[str], name: str) -> tuple[str | None, ...] | None:
    """The groups of the last match: what lies deepest speaks for the file."""
    matches = list(pattern.finditer(name))
    return matches[-1].groups() if matches else None


def _day(parts: Sequence[str | None]) -> str | None:
    try:
        return date.fromisoformat("-".join(part or "" for part in parts)).isoformat()
    except ValueError:
        return None


def safe_name(path: str) -> str:
    r"""A path as text any store takes: bytes that are not UTF-8 are written as ``\xff``."""
    return os.fsencode(path).decode(errors="backslashreplace")


def reason_of(error: OSError) -> str:
    """What the system says, without the path: the message around it has the name already."""
    return (error.strerror or str(error)).lower()
