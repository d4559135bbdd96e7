"""A terminal of our own: what a command prints on one that is so many columns wide."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import threading
from collections.abc import Sequence

import pytest

from cloudsearch.cli import main


def shown(arguments: Sequence[str], patch: pytest.MonkeyPatch, *, columns: int = 80) -> tuple[int, str]:
    """Exit code, and all that the terminal was sent on stdout; stderr goes where it went."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    parts: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, parts))
    reader.start()
    try:
        with os.fdopen(theirs, "w", encoding="utf-8") as stdout, patch.context() as context:
            context.setattr("sys.stdout", stdout)
            code = main(list(arguments))
    finally:
        reader.join()
        os.close(ours)
    return code, b"".join(parts).decode().replace("\r\n", "\n")


def _read(terminal: int, parts: list[bytes]) -> None:
    """Until nobody has its other side open, which Linux calls an error."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            return
        if not part:
            return
        parts.append(part)
