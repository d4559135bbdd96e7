"""The pages of the Service Reference, kept between runs: one file, whole or not there.

It is a zip archive of the pages as AWS wrote them, ``pages/s3.json``, and of ``index.json``, which tells the format,
when they were fetched, and from where. A new one takes the old one's place in a single step, and a process that has
the old one open goes on reading it.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from cloudsearch.catalogue.reference import Page, page
from cloudsearch.errors import CloudsearchError

FORMAT = 1
MAX_PAGE = 32 << 20  # bytes; the largest pages are of a few million

_NAME = "service-reference.zip"
_PARTIAL = ".service-reference-"
_STALE_SECONDS = 3600
_DAMAGE = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
    msgspec.DecodeError,
)
"""All that reading an archive of arbitrary bytes may raise."""


class CacheError(CloudsearchError):
    """The cache, or a page in it, cannot be used; the message says why and what to do."""


class _Index(msgspec.Struct):
    format: int
    fetched_at: datetime
    source: str


def path() -> Path | None:
    """The file: in ``CLOUDSEARCH_CACHE``, else in ``cloudsearch`` under ``XDG_CACHE_HOME`` or ``~/.cache``.

    A relative ``XDG_CACHE_HOME`` counts as none, as the XDG Base Directory Specification has it. None for a user
    without a home folder, as some containers have.
    """
    if own := os.environ.get("CLOUDSEARCH_CACHE"):
        return Path(own) / _NAME
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "cloudsearch" / _NAME
    except RuntimeError:
        return None


class Cache:
    """A file that was kept, open for reading."""

    def __init__(self, file: Path) -> None:
        """Raises ``FileNotFoundError`` where there is none, and ``CacheError`` where it cannot be used."""
        self.file = file
        try:
            self._archive = zipfile.ZipFile(file)
            index = msgspec.json.decode(self._read("index.json"), type=_Index)
            self.fetched_at = index.fetched_at.astimezone(UTC)
        except FileNotFoundError:
            raise
        except _DAMAGE as error:
            raise CacheError(f"{file} is damaged or no cache of cloudsearch ({error}). {_RENEW}") from error
        if index.format != FORMAT:
            raise CacheError(
                f"{file} is of format {index.format}, and this cloudsearch reads format {FORMAT}. {_RENEW}"
            )
        self.source = index.source
        names = (name for name in self._archive.namelist() if name.startswith("pages/"))
        self.services = frozenset(name.removeprefix("pages/").removesuffix(".json") for name in names)

    def page(self, service: str) -> Page:
        """A service's page, which must be one of ``services``. Raises ``CacheError`` when it is damaged."""
        try:
            return page(self._read(f"pages/{service}.json"), service)
        except (*_DAMAGE, CloudsearchError) as error:
            raise CacheError(f"{self.file}: the page of {service} is damaged ({error}). {_RENEW}") from error

    def _read(self, name: str) -> bytes:
        info = self._archive.getinfo(name)
        if info.file_size > MAX_PAGE or info.compress_type != zipfile.ZIP_DEFLATED:
            raise ValueError(f"{name} is not as it was written")
        return self._archive.read(info)


_RENEW = "The bundled data are used instead; `cloudsearch actions --refresh` renews it"


def keep(file: Path, pages: Mapping[str, bytes], *, fetched_at: datetime, source: str) -> int:
    """Put the pages in the place of those kept before, in one step; returns the file's size in bytes.

    The folder is made for its owner alone. Raises ``CloudsearchError`` when it cannot be written, and then, as on
    any interruption, what was kept before is still there.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(file.parent)
        return _replace(file, pages, msgspec.json.encode(_Index(FORMAT, fetched_at, source)))
    except OSError as error:
        raise CloudsearchError(
            f"{file} could not be written: {error.strerror or error}. Name another folder with CLOUDSEARCH_CACHE"
        ) from error


def _replace(file: Path, pages: Mapping[str, bytes], index: bytes) -> int:
    handle, name = tempfile.mkstemp(prefix=_PARTIAL, dir=file.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("index.json", index)
                for service, raw in pages.items():
                    archive.writestr(f"pages/{service}.json", raw)
            stream.flush()
            os.fsync(stream.fileno())
        size = partial.stat().st_size
        partial.replace(file)
        return size
    finally:
        partial.unlink(missing_ok=True)


def _remove_stale(kept_in: Path) -> None:
    """What a killed process left half-written; a recent one may still be at it."""
    for left in kept_in.glob(f"{_PARTIAL}*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            left.unlink(missing_ok=True)
