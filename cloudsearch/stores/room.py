"""What errors of a disk or of DuckDB say, and what a disk without room leaves of a file."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_HEADERS = 3 * 4096
"""Bytes that DuckDB writes first, before there is anything in a file (DuckDB documentation, "Storage Versions")."""
_MAGIC = slice(8, 12), b"DUCK"


def is_stump(path: Path) -> bool:
    """Whether a file is the beginning of a DuckDB file that never was one, for its maker was stopped or had no room."""
    try:
        if not path.is_file() or path.stat().st_size >= _HEADERS:
            return False
        head = path.read_bytes()
    except OSError:
        return False
    where, magic = _MAGIC
    return not head or head[where] == magic


def first_line(error: Exception) -> str:
    """The first line of what it says; of a file that cannot grow, what to do as well."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error).partition("\n")[0]
    if not any(os.strerror(code) in text for code in _NO_ROOM):
        return text
    return f"{text}. What was committed stays; make room, and run the same command again to go on"


def holder_of(error: Exception) -> str:
    """The process that DuckDB says holds a file."""
    found = re.search(r"held in (.*?\(PID \d+\))", str(error))
    return found[1] if found else "another process"
